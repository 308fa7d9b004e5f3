"""What a chapter draws, a call each: a contact sheet, lines, bars, dots with ranges, a heat map.

Each is drawn for a phone: 12 points in it are 9 where it is shown 390 pixels wide. Each has one
finding as its title, names beside what they name, and a shape or a hatch beside each colour. Each
keeps the text for those who cannot see it, and `show` puts that beside the picture:

    show(dots({"ours": [0.91, 0.93], "Ward": [0.88]}, "accuracy", "Ours is ahead", "Two rows ..."))
"""

import textwrap
from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from pandas import DataFrame

from mtlkit.errors import InputError
from mtlkit.evaluation.galleries import TILE, draw_rows
from mtlkit.evaluation.plots import STYLE, Names, looks, write_out
from mtlkit.inputs import fit_squares

SIZE = 12  # points: 9 where the figure is shown 390 pixels wide
LOOK = [*STYLE, {"font.size": SIZE}]
WIDTH = 5.4  # inches, which are 594 pixels
MOST = {"title": 70, "row": 32, "curve": 16}  # characters that have room
LETTERS = 42  # in a line of a title, or below the axes
LINE = 0.09  # of the axes' height: a name below another at the curves' ends
PER_GROUP = 8  # images in a row of a contact sheet that a phone still shows
Pair = tuple[ArrayLike, ArrayLike]
Panel = tuple[Figure, Axes]


@style.context(LOOK)
def contact_sheet(
    images: np.ndarray,
    groups: ArrayLike,
    title: str,
    alt: str,
    confidence: ArrayLike | None = None,
    names: Names = None,
    hard_pixels: bool = False,
) -> Figure:
    """Show each group as a row of its members: the surest, a gap, and the most doubtful.

    Args:
        images: N x C x H x W in [0, 1], C 1 or 3; small ones are enlarged smoothly.
        groups: N group numbers.
        title: what is found, in 70 characters or fewer.
        alt: what the sheet shows, in 40 characters or more, for those who cannot see it.
        confidence: N numbers, larger is surer; without it a row has its group's first members.
        names: a name for each group number, in place of "group 3".
        hard_pixels: show the pixels of small images as they are, where pixels are the point.

    Raises:
        InputError: the title is too long.

    >>> images = np.random.default_rng(0).random((20, 1, 8, 8), dtype=np.float32)
    >>> sheet = contact_sheet(images, np.arange(20) % 3, "Noise", "Three rows of noise.")
    >>> [label.get_text() for label in sheet.axes[0].get_yticklabels()][0]
    'group 0\\nn = 7'
    """
    if not hard_pixels and max(images.shape[2:]) < TILE:
        images = fit_squares(images, TILE)
    figure, axes = _figure(title, alt)
    ratio = draw_rows(axes, images, groups, confidence, names, PER_GROUP, "group ")
    figure.set_figheight(1.1 + 4.3 * ratio)
    return figure


@style.context(LOOK)
def lines(
    curves: Mapping[str, Pair],
    xlabel: str,
    ylabel: str,
    title: str,
    alt: str,
    bands: Mapping[str, Pair] | None = None,
    log_x: bool = False,
) -> Figure:
    """Show curves, each with its name at its end.

    Args:
        curves: by name (16 characters or fewer), x and y, of n numbers each.
        xlabel, ylabel: what the axes measure, with units.
        title, alt: as in `contact_sheet`.
        bands: by a curve's name, n lower and n upper ends; `xlabel` or `ylabel` says what they are.
        log_x: a step to the right multiplies x.

    Raises:
        InputError: the title or a name is too long.

    >>> figure = lines({"ours": ([1, 10, 100], [0.5, 0.7, 0.8])}, "labels", "accuracy",
    ...     "A hundred labels are enough", "One line that climbs.", log_x=True)
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['ours']
    """
    figure, axes = _figure(title, alt)
    axes.set_xlabel(_fold(xlabel))
    axes.set_ylabel(ylabel, rotation=0, ha="left", va="bottom")  # above: nobody turns a page
    axes.yaxis.set_label_coords(0, 1.03)
    for name, look in zip(curves, looks(len(curves)), strict=True):
        x, y = curves[name]
        axes.plot(x, y, label=_fit(name, "curve"), **look)
        if bands and name in bands:
            low, high = bands[name]
            axes.fill_between(x, low, high, color=look["color"], alpha=0.2, linewidth=0)
    axes.locator_params(nbins=5)  # 0.975 is wide
    if log_x:
        axes.set_xscale("log")
        write_out(axes.xaxis)
    _name_ends(axes)
    return figure


@style.context(LOOK)
def bars(
    values: Mapping[str, float],
    xlabel: str,
    title: str,
    alt: str,
    rivals: Collection[str] = (),
    number: str = ".3f",
) -> Figure:
    """Show a bar for each name, from 0, with its number.

    Args:
        values: by name (32 characters or fewer), the bar's length.
        xlabel: what the bars measure, with its unit.
        title, alt: as in `contact_sheet`.
        rivals: the names of what the chapter competes with: another colour, and hatched.
        number: how a number is written, as in `format`.

    Raises:
        InputError: a rival is none of the bars, or the title or a name is too long.

    >>> figure = bars({"ours": 9, "Ward": 7}, "cells found", "Ours finds two more", "Two bars.",
    ...     rivals=["Ward"], number="d")
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['ours', '9', 'Ward', '7']
    """
    written = {name: format(value, number) for name, value in values.items()}
    figure, axes = _rows(written, rivals, title, alt)
    axes.set_xlabel(_fold(xlabel) + "\nhatched: rivals" * bool(rivals))
    for i, (name, value) in enumerate(values.items()):
        rival = name in rivals
        colour = looks(2)[rival]["color"]
        axes.barh(i, value, 0.4, color=colour, hatch="//" * rival, edgecolor="white")
    return figure


@style.context(LOOK)
def dots(
    rows: Mapping[str, Sequence[float]],
    xlabel: str,
    title: str,
    alt: str,
    rivals: Collection[str] = (),
    number: str = ".3f",
) -> Figure:
    """Show a dot for each run, a line over their range and a bar at their mean, row by row.

    Args:
        rows: by name (32 characters or fewer), a number for each run: a seed, a draw, a split.
        xlabel: what the dots measure, with its unit.
        title, alt: as in `contact_sheet`.
        rivals: the names of what the chapter competes with: another colour, and hollow squares.
        number: how mean and range are written, as in `format`.

    Raises:
        InputError: a rival is none of the rows, or the title or a name is too long.

    >>> figure = dots({"ours": [0.9, 0.94], "Ward": [0.88]}, "accuracy", "Ours is ahead", "Two.")
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['ours', '0.920 (0.900 to 0.940)', 'Ward', '0.880']
    """
    written = {}
    for name, row in rows.items():
        written[name] = format(np.mean(row), number)
        if len(row) > 1:
            low = format(min(row), number)
            high = format(max(row), number)
            written[name] += f" ({low} to {high})"
    figure, axes = _rows(written, rivals, title, alt)
    note = "dots: single runs; bar: their mean" + "; squares: rivals" * bool(rivals)
    axes.set_xlabel(f"{_fold(xlabel)}\n{note}")
    for i, (name, row) in enumerate(rows.items()):
        axes.plot(np.mean(row), i, "k|", markersize=18, markeredgewidth=3)
        look = looks(2)[name in rivals]
        axes.plot(row, [i] * len(row), markerfacecolor="white", **look)
    return figure


@style.context(LOOK)
def heat_map(
    matrix: ArrayLike,
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    alt: str,
    label: str,
    number: str = ".2f",
) -> Figure:
    """Show a table as shades, with the number in each cell.

    Args:
        matrix: R x C numbers, of 10 columns or fewer.
        rows, columns: R and C names.
        title, alt: as in `contact_sheet`.
        label: what the numbers are, with their unit; it stands below.
        number: how they are written, as in `format`.

    Raises:
        InputError: the title is too long.
        ValueError: the matrix is of another shape than its names.

    >>> figure = heat_map([[1, 2]], ["HOG"], ["moved", "turned"], "Turning costs more",
    ...     "One row of two cells.", "distance, in pixels", "d")
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['1', '2']
    """
    from seaborn import heatmap  # here: it takes a second to import

    figure, axes = _figure(title, alt, 1.6 + 0.45 * len(rows))
    table = DataFrame(matrix, rows, columns)
    crowded = len(columns) * max(map(len, columns)) > LETTERS
    heatmap(table, cmap="Blues", annot=True, fmt=number, cbar=False, linewidths=1, ax=axes)
    for name in axes.get_xticklabels():
        name.set_rotation(0)
        if crowded:
            name.set(rotation=40, ha="right", rotation_mode="anchor")
    axes.tick_params("y", rotation=0)
    axes.tick_params(length=0)
    axes.set_xlabel(_fold(label))
    return figure


def _fit(text: str, what: str) -> str:
    """Return a text; `InputError` if it has more characters than have room."""
    if len(text) > MOST[what]:
        raise InputError(
            f"the {what} {text!r} has {len(text)} characters: say it in {MOST[what]} or fewer."
        )
    return text


def _fold(text: str) -> str:
    """Return a text in lines that have room."""
    return textwrap.fill(text, LETTERS)


def _figure(title: str, alt: str, height: float = 3.9) -> Panel:
    """Return a figure, `height` in inches, that keeps its text; and its axes."""
    figure = Figure(figsize=(WIDTH, height))
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
    text = _fold(_fit(title, "title"))
    figure.suptitle(text, x=0.01, ha="left", weight="bold", size=SIZE + 1)
    figure.set_label(alt)
    return figure, figure.add_subplot()


def _rows(written: Mapping[str, str], rivals: Collection[str], title: str, alt: str) -> Panel:
    """Return a figure, and its axes, with a name and its numbers above each row."""
    if unknown := set(rivals) - written.keys():
        raise InputError(f"no row is called {unknown.pop()!r}: rivals are some of the rows.")
    figure, axes = _figure(title, alt, 1.4 + 0.66 * len(written))
    across = axes.get_yaxis_transform()
    for i, (name, numbers) in enumerate(written.items()):
        axes.text(0, i - 0.35, _fit(name, "row"), transform=across)
        axes.text(1, i - 0.35, numbers, ha="right", transform=across)
    axes.set(ylim=(len(written) - 0.6, -0.9), yticks=[])
    axes.spines["left"].set_visible(False)
    return figure, axes


def _name_ends(axes: Axes) -> None:
    """Write the curves' names to the right of their ends, a line apart."""
    axes.get_ylim()  # settles the scales
    to_axes = axes.transData - axes.transAxes
    ends = []
    for line in axes.lines:
        end = np.asarray(line.get_xydata())[-1]
        ends.append((to_axes.transform(end)[1], line, end))
    ends.sort(key=itemgetter(0))
    lowest = 0.0
    highest = 1 - LINE * (len(ends) - 1)  # so that none is above the axes
    for height, line, end in ends:
        height = min(max(height, lowest), highest)
        leader = {"arrowstyle": "-", "color": line.get_color(), "relpos": (0, 0.5)}
        name = str(line.get_label())
        axes.annotate(name, end, (1.06, height), "data", "axes fraction", leader, va="center")
        lowest = height + LINE
        highest += LINE
