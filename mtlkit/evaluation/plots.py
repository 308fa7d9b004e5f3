"""Figures that can be read alone: a finding as title, named axes, and never colour alone.

Each function returns a `matplotlib.figure.Figure` made without pyplot, so that nothing global is
opened or left open; `to_png` turns it into bytes that are the same for the same data. `title` is
the finding to put in place of the default; "" leaves it out, for a page that says it beside the
figure.
"""

import itertools
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, PercentFormatter
from numpy.typing import ArrayLike
from pandas import DataFrame

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
HIGHLIGHT = "#de8f05"  # the second of seaborn's colours for colour-blind readers
MARKERS = "osD^vP*X<>hp"
MAX_NUMBERS = 20  # classes up to which a table's cells hold numbers


@contextmanager
def any_script() -> Iterator[None]:
    """Let a text in a script that the font lacks be drawn as boxes: that is no reason to fail."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


@any_script()  # seaborn draws
@style.context(STYLE)
def confusion(scores: Scores, class_names: Names = None, title: str | None = None) -> Figure:
    """Show how many images of each class (rows) lie in each cluster (columns).

    A class's own cluster lies on the diagonal. Shades are shares of the class, so that small
    classes are seen; numbers are counts (up to 20 classes).

    >>> from mtlkit.evaluation.scores import score
    >>> confusion(score([1, 1, 0], [0, 0, 1])).axes[0].get_xlabel()
    'cluster (in the order of the class that it is matched to)'
    """
    from seaborn import heatmap  # here: it takes a second to import

    counts = scores.confusion
    k, columns = counts.shape
    shares = DataFrame(
        counts / counts.sum(axis=1, keepdims=True),
        index=[class_name(label, class_names) for label in scores.classes],
        columns=["none" if cluster is None else str(cluster) for cluster in scores.columns],
    )
    numbers = max(k, columns) <= MAX_NUMBERS
    side = 0.5 if numbers else 0.09  # inches a cell
    width = max(6.0, 2.6 + side * columns)
    height = max(3.2, 1.8 + side * k)
    default = f"{scores.accuracy:.1%} of {scores.n:,} images lie in their class's cluster"
    figure = new_figure((width, height), title, default)
    axes = figure.add_subplot()
    heatmap(
        shares,
        vmin=0,
        vmax=1,
        cmap="Blues",
        annot=counts if numbers else None,
        fmt="d",
        mask=counts == 0,
        cbar_kws={"label": "share of the true class", "format": "{x:.0%}"},
        ax=axes,
    )
    order = "cluster (in the order of the class that it is matched to)"
    if columns > k:
        order += "\nright of the dotted line: matched to none"
        axes.axvline(k, color="black", linestyle=":", linewidth=1)
    axes.set(xlabel=order, ylabel="true class")
    axes.tick_params("y", rotation=0)
    axes.spines[:].set_visible(True)
    return figure


@style.context(STYLE)
def losses(history_rows: Rows, title: str | None = None) -> Figure:
    """Show each task's loss over the epochs, with a line between the stages of the training.

    `history_rows` holds a mapping an epoch: "stage", "epoch" (counted over all stages), "loss/NAME"
    a task.

    Raises:
        InputError: there are no rows.

    >>> rows = [{"stage": "views", "epoch": i, "loss/views": 1 / (i + 1)} for i in range(5)]
    >>> losses(rows).axes[0].get_ylabel()
    'loss'
    """
    if not history_rows:
        raise InputError("the history has no rows: give one row an epoch.")
    table = DataFrame(history_rows)
    epochs = table["epoch"]
    tasks = table.filter(regex="^loss/")
    figure = new_figure((8.4, 4.6), title, "The losses of the tasks, epoch by epoch")
    axes = figure.add_subplot(xlabel="epoch", ylabel="loss")
    for task, look in zip(tasks, looks(tasks.shape[1]), strict=True):
        label = safe_text(task.removeprefix("loss/"))
        axes.plot(epochs, tasks[task], label=label, markersize=4, **look)
    if axes.dataLim.ymin > 0:  # no loss is below zero
        axes.set_yscale("log")
        write_out(axes.yaxis)
    figure.legend(loc="outside right center", frameon=False)
    axes.set_xlim(epochs.min() - 0.5, epochs.max() + 0.5)
    axes.locator_params("x", integer=True, min_n_ticks=1)
    stages = table.groupby("stage", sort=False)["epoch"]
    letters = 90 / len(table)  # that fit above an epoch
    upright = any(len(safe_text(stage)) > letters * len(rows) for stage, rows in stages)
    for stage, rows in stages:
        start = rows.min()
        if start > epochs.min():
            axes.axvline(start - 0.5, color="0.4", linestyle=":", linewidth=1)
        middle = (start + rows.max()) / 2
        name = axes.text(middle, 1.01, safe_text(stage), ha="center", va="bottom")
        name.set_transform(axes.get_xaxis_transform())
        name.set_rotation(90 if upright else 0)
    return figure


@style.context(STYLE)
def scoreboard(rows: Rows, title: str | None = None) -> Figure:
    """Show methods beside each other: bars of the mean accuracy, and the range over the runs.

    `rows` holds mappings with "name", "mean", "min", "max" and, for a bar that stands out,
    "highlight": True.

    Raises:
        InputError: there are no rows.

    >>> scoreboard([{"name": "k-means", "mean": 0.8, "min": 0.7, "max": 0.8}]).axes[0].get_xlabel()
    'accuracy (ACC): the mean, and the range over the runs'
    """
    if not rows:
        raise InputError("the scoreboard has no rows: give one row a method.")
    best = max(rows, key=lambda row: row["mean"])
    default = f"{best['name']} is the most accurate: {best['mean']:.1%} of the images"
    figure = new_figure((8.0, 1.5 + 0.42 * len(rows)), title, default)
    axes = figure.add_subplot(
        xlim=(0, 1), xlabel="accuracy (ACC): the mean, and the range over the runs", ylabel="method"
    )
    for i, row in enumerate(rows):
        mean = row["mean"]
        low = row["min"]
        high = row["max"]
        bars = axes.barh(i, mean, 0.65, color="0.75", edgecolor="0.2", linewidth=0.5)
        axes.plot([low, high], [i, i], color="black", marker="|")
        text = axes.text(1.01, i, f"{mean:.3f} ({low:.3f} to {high:.3f})", va="center")
        text.set_transform(axes.get_yaxis_transform())
        if row.get("highlight"):
            bars[0].set(facecolor=HIGHLIGHT, hatch="//")
            text.set_fontweight("bold")
    names = [safe_text(row["name"], 40) for row in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.invert_yaxis()
    return figure


@style.context(STYLE)
def put_aside(
    confidence: ArrayLike, right: ArrayLike | None = None, title: str | None = None
) -> Figure:
    """Show what a person who looks at the least sure images saves: the mistakes left in the rest.

    Args:
        confidence: N numbers from 0 to 1; that of an image is taken for its chance to be right.
        right: N truth values, where labels tell which images are in the right class: a second line.

    Source: Geifman, El-Yaniv 2017, "Selective classification for deep neural networks" (the
        risk-coverage curve).

    >>> put_aside([0.9, 0.5, 1.0]).axes[0].get_xlabel()
    'share of the images put aside, the least sure first'
    """
    doubt = 1 - np.asarray(confidence, float)
    order = np.argsort(doubt, kind="stable")
    rest = np.arange(1, len(doubt) + 1)
    wrong = {"expected, by the confidence": doubt}
    if right is not None:
        wrong["found with the labels"] = 1 - np.asarray(right, float)
    half = doubt[order][: len(doubt) // 2 + 1].mean()
    default = f"Expected mistakes: {doubt.mean():.1%} of all images, {half:.1%} of the surer half"
    figure = new_figure((8.0, 3.6), title, default)
    axes = figure.add_subplot(
        xlabel="share of the images put aside, the least sure first", ylabel="mistakes in the rest"
    )
    for (name, mistakes), look in zip(wrong.items(), looks(2), strict=False):
        curve = np.cumsum(mistakes[order]) / rest
        axes.plot(1 - rest / len(doubt), curve, label=name, markevery=0.1, **look)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return figure


@any_script()
@style.context(STYLE)
def to_png(figure: Figure) -> bytes:
    """Return the figure as a PNG file, 110 dots an inch on white; same figure, same bytes.

    >>> to_png(scoreboard([{"name": "k-means", "mean": 0.8, "min": 0.7, "max": 0.8}]))[:4]
    b'\\x89PNG'
    """
    file = BytesIO()
    figure.savefig(file, dpi=110, facecolor="white", metadata={"Software": None})
    return file.getvalue()


def new_figure(size: tuple[float, float], title: str | None, default: str) -> Figure:
    """Return a figure (inches) with its title, wrapped, at the top left."""
    figure = Figure(figsize=size, layout="constrained")
    text = safe_text(default if title is None else title, 300)
    if text:
        lines = textwrap.fill(text, int(size[0] * 8.5))
        figure.suptitle(lines, x=0.01, ha="left", va="top")
    return figure


def looks(n: int) -> list[dict[str, Any]]:
    """Return a colour and a marker for each of n things that are drawn into the same axes."""
    from seaborn import color_palette

    # As far as ten go, colour-blind readers can tell the colours apart; markers tell the rest.
    pairs = zip(color_palette("colorblind", n), itertools.cycle(MARKERS), strict=False)
    return [{"color": colour, "marker": marker} for colour, marker in pairs]


def write_out(axis: Axis) -> None:
    """Write the numbers of a logarithmic axis as 0.1 and 1,000, not as powers in small print."""
    low, high = axis.get_view_interval()
    subs = (1,) if high > 100 * low else (1, 2, 5)
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter("{x:,.12g}")
    axis.set_minor_formatter("")


def class_name(k: int, names: Names, word: str = "") -> str:
    """Return the given name of class `k`, or its number."""
    by_number = names if isinstance(names, Mapping) else dict(enumerate(names or ()))
    return safe_text(str(by_number.get(int(k), f"{word}{k}")))


def safe_text(text: str, limit: int = 24) -> str:
    """Return a text from outside for a figure: one line, not too long, no formula between `$`."""
    line = " ".join(text.split())
    if len(line) > limit:
        line = line[: limit - 1] + "…"
    return line.replace("$", r"\$")
