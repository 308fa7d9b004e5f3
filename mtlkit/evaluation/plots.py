"""Figures that can be read alone: a finding as title, named axes, and never colour alone.

Each function returns a `matplotlib.figure.Figure` made without pyplot, so that nothing global is opened or
left open; `to_png` turns it into bytes that are the same for the same data. `title` is the finding to put in
place of the default; "" leaves it out, for a page that says it beside the figure.
"""

from __future__ import annotations

import io
import itertools
import textwrap
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, PercentFormatter, StrMethodFormatter
from numpy.typing import ArrayLike, NDArray
from skimage.transform import resize
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from mtlkit.errors import InputError
from mtlkit.evaluation.scores import Scores

Names = Sequence[str] | Mapping[int, str] | None
Rows = Sequence[Mapping[str, Any]]
STYLE: list[Any] = ["default", {"font.size": 9, "figure.titlesize": 12, "figure.titleweight": "bold",
                                "axes.spines.top": False, "axes.spines.right": False}]  # fmt: skip
MARKERS = "osD^vP*X<>hp"
MAX_ROWS = 40  # classes in a contact sheet
MAX_NUMBERS = 20  # classes up to which a table's cells hold numbers
TILE, GAP = 48, 28  # pixels: an image's longer side in a contact sheet; between the sure and the doubtful


@style.context(STYLE)
def contact_sheet(images: NDArray[np.float32], assignments: ArrayLike, confidence: ArrayLike | None = None, *,
                  per_class: int = 16, names: Names = None, title: str | None = None) -> Figure:  # fmt: skip
    """Show each class as a row of its members: the surest at the left, and after a gap the most doubtful.

    Args:
        images: N x C x H x W in [0, 1], C 1 or 3.
        assignments: N class numbers; of more than 40 classes the first 40 are shown, and the figure says so.
        confidence: N numbers, larger is surer; without it a row holds its class's first members.
        per_class: images in a row.
        names: a name for each class number, in place of "class 3".

    >>> images = np.random.default_rng(0).random((20, 1, 8, 8), dtype=np.float32)
    >>> contact_sheet(images, np.arange(20) % 3).axes[0].get_ylabel()
    'class'
    """
    groups = np.asarray(assignments)
    classes = np.unique(groups)
    shown = classes[:MAX_ROWS]
    members = [np.flatnonzero(groups == k) for k in shown]
    order, sure = "in the order of the data", per_class  # images before the gap
    if confidence is not None:
        order, sure = "from the surest (left) to the most doubtful (right)", per_class - per_class * 3 // 8
        members = [rows[np.argsort(-np.asarray(confidence)[rows], kind="stable")] for rows in members]
    canvas = _sheet(images, members, per_class, sure)
    heads = [_name(k, names, "class ") for k in shown]
    left = 0.5 + 0.072 * max(10, *map(len, heads))  # inches
    tall = 7.8 * canvas.shape[0] / canvas.shape[1]
    # Placed by hand, so that the tiles keep their shape and no paper is wasted.
    size = (left + 7.95, tall + (0.6 if title == "" else 1.0))
    figure = _figure(size, title, f"{len(classes)} classes, found without labels", by_hand=True)
    box = (left / size[0], 0.45 / size[1], 7.8 / size[0], tall / size[1])
    note = f"; the first {len(shown)} of {len(classes)} classes" if len(shown) < len(classes) else ""
    axes = _axes(figure, f"members of each class, {order}{note}", "class", rect=box, xticks=[])
    axes.imshow(canvas, aspect="auto", extent=(0, canvas.shape[1], len(shown), 0))
    labels = [f"{head}\nn = {len(rows):,}" for head, rows in zip(heads, members, strict=True)]
    axes.set_yticks(np.arange(len(shown)) + 0.5, labels)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for row in [row for row, rows in enumerate(members) if len(rows) > per_class > sure]:
        middle = sure / per_class * (canvas.shape[1] - GAP) + GAP / 2
        axes.text(middle, row + 0.5, "⋯", ha="center", va="center", fontsize=12)
    return figure


@style.context(STYLE)
def confusion(scores: Scores, class_names: Names = None, title: str | None = None) -> Figure:
    """Show how many images of each class (rows) lie in each cluster (columns), matches on the diagonal.

    Shades are shares of the class, so that small classes are seen; numbers are counts (up to 20 classes).

    >>> from mtlkit.evaluation.scores import score
    >>> confusion(score([1, 1, 0], [0, 0, 1])).axes[0].get_xlabel()
    'cluster (in the order of the class that it is matched to)'
    """
    k, columns = scores.confusion.shape
    shares = scores.confusion / scores.confusion.sum(axis=1, keepdims=True)
    small = max(k, columns) <= MAX_NUMBERS
    side = 0.5 if small else 0.09  # inches a cell
    default = f"{scores.accuracy:.1%} of {scores.n:,} images lie in their class's cluster"
    figure = _figure((max(6.0, 2.6 + side * columns), max(3.2, 1.8 + side * k)), title, default)
    rest = "; right of the dotted line: matched to none" if columns > k else ""
    axes = _axes(figure, f"cluster (in the order of the class that it is matched to{rest})", "true class")
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for i, j in np.argwhere(scores.confusion > 0) if small else ():
        ink = "white" if shares[i, j] > 0.7 else "black"
        axes.text(j, i, str(scores.confusion[i, j]), ha="center", va="center", color=ink)
    if columns > k:
        axes.axvline(k - 0.5, color="black", linestyle=":", linewidth=1)
    every = -(-max(k, columns) // 25)  # label every how many-th row, so that labels do not touch
    clusters = ["none" if cluster is None else str(cluster) for cluster in scores.columns]
    axes.set_xticks(range(0, columns, every), clusters[::every])
    axes.set_yticks(range(0, k, every), [_name(label, class_names) for label in scores.classes[::every]])
    axes.spines[:].set_visible(True)
    bar = figure.colorbar(picture, ax=axes, format=PercentFormatter(1.0), aspect=30)
    bar.set_label("share of the true class")
    return figure


@style.context(STYLE)
def embedding(features: ArrayLike, groups: ArrayLike, *, names: Names = None, title: str | None = None,
              seed: int = 0, limit: int = 1500) -> Figure:  # fmt: skip
    """Show features (N x D) in two dimensions, by t-SNE after PCA; a group has a colour, a marker, its name.

    At most `limit` points, drawn by `seed`, are shown; fewer than 30 points, or 2 dimensions, by PCA alone.

    Source: van der Maaten, Hinton 2008, "Visualizing data using t-SNE".

    >>> embedding([[0.0, 1.0], [1.0, 0.0], [1.0, 2.0]], [0, 1, 1]).axes[0].get_xlabel()
    'principal component 1'
    """
    points, numbers = np.asarray(features, dtype=np.float64), np.asarray(groups)
    count = f"{len(points):,}"
    if len(points) > limit:
        count = f"{limit:,} of {count}"
        chosen = np.sort(np.random.default_rng(seed).choice(len(points), limit, replace=False))
        points, numbers = points[chosen], numbers[chosen]
    places, word = _two_dimensions(points, seed)
    figure = _figure((7.2, 6.2), title, f"{count} images in the space of the shared features")
    axes = _axes(figure, f"{word} 1", f"{word} 2")
    kinds = np.unique(numbers)
    for k, colour, marker in zip(kinds, _palette(len(kinds)), itertools.cycle(MARKERS), strict=False):
        x, y = places[numbers == k].T
        axes.scatter(x, y, s=22, color=colour, marker=marker, edgecolors="0.25", linewidths=0.3, alpha=0.85)
        box = {"facecolor": "white", "edgecolor": "0.3", "alpha": 0.9, "pad": 1.5}
        middle = float(np.median(x)), float(np.median(y))
        axes.text(*middle, _name(k, names), ha="center", va="center", weight="bold", bbox=box)
    if word == "t-SNE":  # its units mean nothing
        axes.set(xticks=[], yticks=[])
    return figure


@style.context(STYLE)
def losses(history_rows: Rows, title: str | None = None) -> Figure:
    """Show each task's loss over the epochs, with a line where one stage of the training follows another.

    `history_rows` holds a mapping an epoch: "stage", "epoch" (counted over all stages), "loss/NAME" a task.

    Raises:
        InputError: there are no rows.

    >>> rows = [{"stage": "views", "epoch": i, "loss/views": 1 / (i + 1)} for i in range(5)]
    >>> losses(rows).axes[0].get_ylabel()
    'loss'
    """
    if not history_rows:
        raise InputError("the history has no rows, so there are no losses to show: give one row an epoch.")
    tasks = list(dict.fromkeys(key for row in history_rows for key in row if key.startswith("loss/")))
    epochs = np.array([row["epoch"] for row in history_rows], dtype=float)
    table = np.array([[row.get(task, np.nan) for task in tasks] for row in history_rows], dtype=float)
    figure = _figure((8.4, 4.6), title, "The losses of the tasks, epoch by epoch")
    axes = _axes(figure, "epoch", "loss")
    if (table[~np.isnan(table)] > 0).all():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))  # 0.1, not a power in small print
        axes.yaxis.set_minor_formatter(NullFormatter())
    pairs = zip(_palette(len(tasks)), itertools.cycle(MARKERS), strict=False)
    looks: list[Any] = [{"color": colour, "marker": marker} for colour, marker in pairs]
    for values, look in zip(table.T, looks, strict=True):  # nan breaks the line where a task has no loss
        axes.plot(epochs, values, markersize=4, linewidth=1.5, **look)
    axes.set_xlim(epochs.min() - 0.5, epochs.max() + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_ylim(*axes.get_ylim())
    ends = [(0.0, values[~np.isnan(values)][-1]) for values in table.T]
    heights = _spread(axes.transAxes.inverted().transform(axes.transData.transform(ends))[:, 1], 0.06)
    for task, look, height in zip(tasks, looks, heights, strict=True):  # a name at a line's end, not a legend
        axes.plot([1.02], [height], markersize=6, transform=axes.transAxes, clip_on=False, **look)
        axes.text(1.04, height, _plain(task.removeprefix("loss/")), transform=axes.transAxes, va="center")
    _mark_stages(axes, [_plain(str(row["stage"])) for row in history_rows], epochs)
    return figure


@style.context(STYLE)
def class_sizes(assignments: ArrayLike, title: str | None = None) -> Figure:
    """Show how many images each class holds, with a dashed line where classes of one size would end.

    >>> class_sizes([0, 0, 1]).axes[0].get_ylabel()
    'images'
    """
    classes, counts = np.unique(np.asarray(assignments), return_counts=True)
    k, share = len(classes), counts.mean()
    figure = _figure((8.0, 3.6), title, f"{k} classes hold from {counts.min():,} to {counts.max():,} images")
    axes = _axes(figure, "class (a number, not a name)", "images", xlim=(-0.7, k - 0.3))
    axes.bar(range(k), counts, color=_palette(1)[0])
    axes.axhline(share, color="0.2", linestyle="--", linewidth=1)
    axes.text(1.01, share, f"equal share\n{share:,.1f}", va="center", transform=axes.get_yaxis_transform())
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    for i, count in enumerate(counts) if k <= MAX_ROWS else ():
        axes.annotate(f"{count:,}", (i, count), (0, 3), textcoords="offset points", ha="center", va="bottom",
                      rotation=90 * (k > 12), bbox=box)  # fmt: skip
    every = -(-k // 30)
    axes.set_xticks(range(0, k, every), [str(number) for number in classes[::every]])
    axes.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10], integer=True))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.margins(y=0.25)
    return figure


@style.context(STYLE)
def scoreboard(rows: Rows, title: str | None = None) -> Figure:
    """Show methods beside each other: bars of the mean accuracy, and lines from the worst to the best run.

    `rows` holds mappings with "name", "mean", "min", "max" and, for a bar that stands out, "highlight": True.

    Raises:
        InputError: there are no rows.

    >>> scoreboard([{"name": "k-means", "mean": 0.8, "min": 0.7, "max": 0.8}]).axes[0].get_xlabel()
    'accuracy (ACC): the mean, and the range over the runs'
    """
    if not rows:
        raise InputError("the scoreboard has no rows, so there is nothing to show: give one row a method.")
    best = max(rows, key=lambda row: float(row["mean"]))
    default = f"{best['name']} is the most accurate: {best['mean']:.1%} of the images"
    figure = _figure((8.0, 1.5 + 0.42 * len(rows)), title, default)
    axes = _axes(figure, "accuracy (ACC): the mean, and the range over the runs", "method", xlim=(0, 1))
    looks: list[Any] = [{"color": "0.75"}, {"color": _palette(2)[1], "hatch": "//"}]
    for i, row in enumerate(rows):
        mean, low, high, stands_out = row["mean"], row["min"], row["max"], row.get("highlight", False)
        axes.barh(i, mean, height=0.65, edgecolor="0.2", linewidth=0.5, **looks[stands_out])
        axes.errorbar(
            mean, i, xerr=[[max(0, mean - low)], [max(0, high - mean)]], color="black", capsize=3, linewidth=1.2
        )
        text = axes.text(1.01, i, f"{mean:.3f} ({low:.3f} to {high:.3f})", va="center")
        text.set(transform=axes.get_yaxis_transform(), weight="bold" if stands_out else "normal")
    axes.set_yticks(range(len(rows)), [_plain(str(row["name"]), 40) for row in rows])
    axes.invert_yaxis()
    return figure


def to_png(figure: Figure) -> bytes:
    """Return the figure as the bytes of a PNG file, 110 dots an inch on white; same figure, same bytes.

    >>> to_png(class_sizes([0, 0, 1]))[:4]
    b'\\x89PNG'
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings(), style.context(STYLE):
        # A name in a script that the font lacks shows as boxes: no reason to fail.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="png", dpi=110, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def _figure(size: tuple[float, float], title: str | None, default: str, by_hand: bool = False) -> Figure:
    """Return a figure (inches) with its title, wrapped, at the top left; axes are placed `by_hand` or not."""
    figure = Figure(figsize=size, layout=None if by_hand else "constrained")
    if lines := textwrap.fill(_plain(default if title is None else title, 300), int(size[0] * 8.5)):
        figure.suptitle(lines, x=0.01, y=1 - 0.1 / size[1] if by_hand else None, ha="left", va="top")
    return figure


def _axes(figure: Figure, x: str, y: str, **more: Any) -> Axes:
    axes: Axes = figure.add_axes(more.pop("rect")) if "rect" in more else figure.add_subplot()
    axes.set(xlabel=x, ylabel=y, **more)
    return axes


def _palette(n: int) -> list[tuple[float, float, float]]:
    """Return n colours that colour-blind readers can tell apart as far as ten go; markers tell the rest."""
    from seaborn import color_palette  # here: it takes a second to import, and brings pandas

    return list(color_palette("colorblind", n))


def _name(k: int, names: Names, word: str = "") -> str:
    """Return the given name of class `k`, or its number."""
    known = names if isinstance(names, Mapping) else dict(enumerate(names or ()))
    return _plain(str(known.get(int(k), f"{word}{k}")))


def _plain(text: str, limit: int = 24) -> str:
    """Return a text from outside for matplotlib: one line, not too long, and with `$` no formula."""
    line = " ".join(text.split())
    return (line if len(line) <= limit else line[: limit - 1] + "…").replace("$", r"\$")


def _sheet(images: NDArray[Any], members: list[NDArray[Any]], per_class: int, sure: int) -> NDArray[np.uint8]:
    """Return one picture with a row for each class: its first `sure` members, a gap, and its last ones."""
    height, width = _tiles(images[:1]).shape[1:3]
    gap = GAP if sure < per_class else 0
    canvas = np.full((len(members), height, per_class * width + gap, 3), 255, np.uint8)
    for row, rows in zip(canvas, members, strict=True):
        rest = rows[max(sure, len(rows) - (per_class - sure)) :]
        for column, tile in enumerate(_tiles(images[np.concatenate([rows[:sure], rest])])):
            start = column * width + gap * (column >= sure)
            row[:, start : start + width] = tile
    return canvas.reshape(len(members) * height, -1, 3)


def _tiles(images: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return n x C x H x W images as n x h x w x 3 bytes in a thin frame, `TILE` pixels the longer side."""
    scale = TILE / max(images.shape[2:])
    shape = [max(1, round(length * scale)) for length in images.shape[2:]]
    small = resize(images, (*images.shape[:2], *shape), order=int(scale < 1), anti_aliasing=scale < 1)
    pixels = (255 * np.clip(small, 0, 1)).round().astype(np.uint8).transpose(0, 2, 3, 1)
    for shade in (150, 255):  # a grey line, then white between the tiles
        pixels = np.pad(pixels, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=shade)
    return np.broadcast_to(pixels, (*pixels.shape[:3], 3))


def _two_dimensions(points: NDArray[np.float64], seed: int) -> tuple[NDArray[np.float64], str]:
    """Return n x 2 places for n x D points, and the word for an axis."""
    n, dimensions = points.shape
    if np.ptp(points, axis=0).max() == 0:  # all in one place: a network that collapsed
        return np.zeros((n, 2)), "principal component"
    flat = PCA(min(30, n, dimensions), random_state=seed).fit_transform(points)
    if n < 30 or dimensions <= 2:
        return np.pad(flat, ((0, 0), (0, 1)))[:, :2], "principal component"
    tsne = TSNE(perplexity=min(30.0, (n - 1) / 3), max_iter=500, random_state=seed, n_jobs=1)
    return tsne.fit_transform(flat), "t-SNE"


def _spread(heights: NDArray[np.float64], gap: float) -> NDArray[np.float64]:
    """Move heights up, in their order, until each is at least `gap` above the one below it.

    >>> _spread(np.array([0.5, 0.1, 0.12]), 0.1).round(2).tolist()
    [0.5, 0.1, 0.2]
    """
    order, steps = np.argsort(heights, kind="stable"), gap * np.arange(len(heights))
    spread = np.empty(len(heights))
    spread[order] = np.maximum.accumulate(heights[order] - steps) + steps
    return spread


def _mark_stages(axes: Axes, stages: list[str], epochs: NDArray[np.float64]) -> None:
    """Write each stage's name above its epochs, upright if there is no room, and part stages by lines."""
    starts = [i for i, stage in enumerate(stages) if i == 0 or stage != stages[i - 1]]
    spans = list(zip(starts, [*starts[1:], len(stages)], strict=True))
    letters = 90 / len(stages)  # that fit above an epoch
    upright = any(len(stages[start]) > letters * (end - start) for start, end in spans)
    for start, end in spans:
        if start:
            axes.axvline(epochs[start] - 0.5, color="0.4", linestyle=":", linewidth=1)
        axes.text((epochs[start] + epochs[end - 1]) / 2, 1.01, stages[start], ha="center", va="bottom",
                  rotation=90 * upright, transform=axes.get_xaxis_transform())  # fmt: skip
