"""Figures that can be read alone: a finding as title, named axes, and never colour alone.

Each function returns a `matplotlib.figure.Figure` made without pyplot, so that nothing global is
opened or left open; `to_png` turns it into bytes that are the same for the same data. `title` is
the finding to put in place of the default; "" leaves it out, for a page that says it beside the
figure.
"""

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
from matplotlib.ticker import (
    LogLocator,
    MaxNLocator,
    NullFormatter,
    PercentFormatter,
    StrMethodFormatter,
)
from numpy.typing import NDArray

from mtlkit.errors import InputError
from mtlkit.evaluation.scores import Scores

Names = Sequence[str] | Mapping[int, str] | None
Rows = Sequence[Mapping[str, Any]]
STYLE: list[Any] = [
    "default",
    {
        "font.size": 9,
        "figure.titlesize": 12,
        "figure.titleweight": "bold",
        "axes.spines.top": False,
        "axes.spines.right": False,
    },
]
MARKERS = "osD^vP*X<>hp"
MAX_NUMBERS = 20  # classes up to which a table's cells hold numbers


@style.context(STYLE)
def confusion(scores: Scores, class_names: Names = None, title: str | None = None) -> Figure:
    """Show how many images of each class (rows) lie in each cluster (columns), matches on the
    diagonal.

    Shades are shares of the class, so that small classes are seen; numbers are counts (up to 20
    classes).

    >>> from mtlkit.evaluation.scores import score
    >>> confusion(score([1, 1, 0], [0, 0, 1])).axes[0].get_xlabel()
    'cluster (in the order of the class that it is matched to)'
    """
    k, columns = scores.confusion.shape
    shares = scores.confusion / scores.confusion.sum(axis=1, keepdims=True)
    small = max(k, columns) <= MAX_NUMBERS
    side = 0.5 if small else 0.09  # inches a cell
    default = f"{scores.accuracy:.1%} of {scores.n:,} images lie in their class's cluster"
    figure = new_figure((max(6.0, 2.6 + side * columns), max(3.2, 1.8 + side * k)), title, default)
    rest = "; right of the dotted line: matched to none" if columns > k else ""
    axes = new_axes(
        figure, f"cluster (in the order of the class that it is matched to{rest})", "true class"
    )
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for i, j in np.argwhere(scores.confusion > 0) if small else ():
        ink = "white" if shares[i, j] > 0.7 else "black"
        axes.text(j, i, str(scores.confusion[i, j]), ha="center", va="center", color=ink)
    if columns > k:
        axes.axvline(k - 0.5, color="black", linestyle=":", linewidth=1)
    every = -(-max(k, columns) // 25)  # label every how many-th row, so that labels do not touch
    clusters = ["none" if cluster is None else str(cluster) for cluster in scores.columns]
    axes.set_xticks(range(0, columns, every), clusters[::every])
    axes.set_yticks(
        range(0, k, every), [class_name(label, class_names) for label in scores.classes[::every]]
    )
    axes.spines[:].set_visible(True)
    bar = figure.colorbar(picture, ax=axes, format=PercentFormatter(1.0), aspect=30)
    bar.set_label("share of the true class")
    return figure


@style.context(STYLE)
def losses(history_rows: Rows, title: str | None = None) -> Figure:
    """Show each task's loss over the epochs, with a line where one stage of the training follows
    another.

    `history_rows` holds a mapping an epoch: "stage", "epoch" (counted over all stages), "loss/NAME"
    a task.

    Raises:
        InputError: there are no rows.

    >>> rows = [{"stage": "views", "epoch": i, "loss/views": 1 / (i + 1)} for i in range(5)]
    >>> losses(rows).axes[0].get_ylabel()
    'loss'
    """
    if not history_rows:
        raise InputError(
            "the history has no rows, so there are no losses to show: give one row an epoch."
        )
    tasks = list(
        dict.fromkeys(key for row in history_rows for key in row if key.startswith("loss/"))
    )
    epochs = np.array([row["epoch"] for row in history_rows], dtype=float)
    table = np.array(
        [[row.get(task, np.nan) for task in tasks] for row in history_rows], dtype=float
    )
    figure = new_figure((8.4, 4.6), title, "The losses of the tasks, epoch by epoch")
    axes = new_axes(figure, "epoch", "loss")
    if (table[~np.isnan(table)] > 0).all():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(
            StrMethodFormatter("{x:g}")
        )  # 0.1, not a power in small print
        axes.yaxis.set_minor_formatter(NullFormatter())
    looks = zip(palette(len(tasks)), itertools.cycle(MARKERS), strict=False)
    for task, values, (colour, marker) in zip(tasks, table.T, looks, strict=True):
        label = plain_text(task.removeprefix("loss/"))
        axes.plot(
            epochs, values, label=label, color=colour, marker=marker, markersize=4
        )  # nan breaks the line
    figure.legend(loc="outside right center", frameon=False)
    axes.set_xlim(epochs.min() - 0.5, epochs.max() + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    _mark_stages(axes, [plain_text(str(row["stage"])) for row in history_rows], epochs)
    return figure


@style.context(STYLE)
def scoreboard(rows: Rows, title: str | None = None) -> Figure:
    """Show methods beside each other: bars of the mean accuracy, and lines from the worst to the
    best run.

    `rows` holds mappings with "name", "mean", "min", "max" and, for a bar that stands out,
    "highlight": True.

    Raises:
        InputError: there are no rows.

    >>> scoreboard([{"name": "k-means", "mean": 0.8, "min": 0.7, "max": 0.8}]).axes[0].get_xlabel()
    'accuracy (ACC): the mean, and the range over the runs'
    """
    if not rows:
        raise InputError(
            "the scoreboard has no rows, so there is nothing to show: give one row a method."
        )
    best = max(rows, key=lambda row: float(row["mean"]))
    default = f"{best['name']} is the most accurate: {best['mean']:.1%} of the images"
    figure = new_figure((8.0, 1.5 + 0.42 * len(rows)), title, default)
    axes = new_axes(
        figure, "accuracy (ACC): the mean, and the range over the runs", "method", xlim=(0, 1)
    )
    looks: list[Any] = [{"color": "0.75"}, {"color": palette(2)[1], "hatch": "//"}]
    for i, row in enumerate(rows):
        mean, low, high, stands_out = (
            row["mean"],
            row["min"],
            row["max"],
            row.get("highlight", False),
        )
        reach = [[max(0, mean - low)], [max(0, high - mean)]]
        axes.barh(
            i,
            mean,
            height=0.65,
            edgecolor="0.2",
            linewidth=0.5,
            xerr=reach,
            capsize=3,
            **looks[stands_out],
        )
        text = axes.text(1.01, i, f"{mean:.3f} ({low:.3f} to {high:.3f})", va="center")
        text.set(transform=axes.get_yaxis_transform(), weight="bold" if stands_out else "normal")
    axes.set_yticks(range(len(rows)), [plain_text(str(row["name"]), 40) for row in rows])
    axes.invert_yaxis()
    return figure


def to_png(figure: Figure) -> bytes:
    """Return the figure as the bytes of a PNG file, 110 dots an inch on white; same figure, same
    bytes.

    >>> to_png(scoreboard([{"name": "k-means", "mean": 0.8, "min": 0.7, "max": 0.8}]))[:4]
    b'\\x89PNG'
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings(), style.context(STYLE):
        # A name in a script that the font lacks shows as boxes: no reason to fail.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(
            buffer, format="png", dpi=110, facecolor="white", metadata={"Software": None}
        )
    return buffer.getvalue()


def new_figure(size: tuple[float, float], title: str | None, default: str) -> Figure:
    """Return a figure (inches) with its title, wrapped, at the top left."""
    figure = Figure(figsize=size, layout="constrained")
    if lines := textwrap.fill(
        plain_text(default if title is None else title, 300), int(size[0] * 8.5)
    ):
        figure.suptitle(lines, x=0.01, ha="left", va="top")
    return figure


def new_axes(figure: Figure, x: str, y: str, **more: Any) -> Axes:
    """Return axes with their two names."""
    axes = figure.add_subplot()
    axes.set(xlabel=x, ylabel=y, **more)
    return axes


def palette(n: int) -> list[tuple[float, float, float]]:
    """Return n colours that colour-blind readers can tell apart as far as ten go; markers tell the
    rest.
    """
    from seaborn import color_palette  # here: it takes a second to import, and brings pandas

    return list(color_palette("colorblind", n))


def class_name(k: int, names: Names, word: str = "") -> str:
    """Return the given name of class `k`, or its number."""
    known = names if isinstance(names, Mapping) else dict(enumerate(names or ()))
    return plain_text(str(known.get(int(k), f"{word}{k}")))


def plain_text(text: str, limit: int = 24) -> str:
    """Return a text from outside for matplotlib: one line, not too long, no formula between `$`."""
    line = " ".join(text.split())
    return (line if len(line) <= limit else line[: limit - 1] + "…").replace("$", r"\$")


def _mark_stages(axes: Axes, stages: list[str], epochs: NDArray[np.float64]) -> None:
    """Write each stage's name above its epochs, upright if there is no room, and part stages by
    lines.
    """
    starts = [i for i, stage in enumerate(stages) if i == 0 or stage != stages[i - 1]]
    spans = list(zip(starts, [*starts[1:], len(stages)], strict=True))
    letters = 90 / len(stages)  # that fit above an epoch
    upright = any(len(stages[start]) > letters * (end - start) for start, end in spans)
    for start, end in spans:
        if start:
            axes.axvline(epochs[start] - 0.5, color="0.4", linestyle=":", linewidth=1)
        axes.text(
            (epochs[start] + epochs[end - 1]) / 2,
            1.01,
            stages[start],
            ha="center",
            va="bottom",
            rotation=90 * upright,
            transform=axes.get_xaxis_transform(),
        )
