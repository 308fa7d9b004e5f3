"""Figures in which each image has its place: sheets of the classes' members, and a map of all
images.

They are made as those of `plots.py`, by the same hand.
"""

import itertools
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from skimage.transform import resize
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from mtlkit.evaluation.plots import MARKERS, STYLE, Names, class_name, new_axes, new_figure, palette

MAX_ROWS = 40  # classes in a contact sheet
TILE, GAP = (
    48,
    28,
)  # pixels: an image's longer side in a contact sheet; between the sure and the doubtful


@style.context(STYLE)
def contact_sheet(
    images: NDArray[np.float32],
    assignments: ArrayLike,
    confidence: ArrayLike | None = None,
    *,
    per_class: int = 16,
    names: Names = None,
    title: str | None = None,
) -> Figure:
    """Show each class as a row of its members: the surest at the left, and after a gap the most
    doubtful.

    Args:
        images: N x C x H x W in [0, 1], C 1 or 3.
        assignments: N class numbers; of more than 40 classes the first 40 are shown, and the figure
            says so.
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
        order, sure = (
            "from the surest (left) to the most doubtful (right)",
            per_class - per_class * 3 // 8,
        )
        members = [
            rows[np.argsort(-np.asarray(confidence)[rows], kind="stable")] for rows in members
        ]
    canvas = _sheet(images, members, per_class, sure)
    heads = [class_name(k, names, "class ") for k in shown]
    left = 0.5 + 0.072 * max(10, *map(len, heads))  # inches
    tall = 7.8 * canvas.shape[0] / canvas.shape[1]
    size = (left + 7.95, tall + (0.5 if title == "" else 0.8))
    figure = new_figure(size, title, f"{len(classes)} classes, found without labels")
    note = (
        f"; the first {len(shown)} of {len(classes)} classes" if len(shown) < len(classes) else ""
    )
    axes = new_axes(figure, f"members of each class, {order}{note}", "class", xticks=[])
    axes.imshow(canvas)
    middles = (np.arange(len(shown)) + 0.5) * canvas.shape[0] / len(shown)
    labels = [f"{head}\nn = {len(rows):,}" for head, rows in zip(heads, members, strict=True)]
    axes.set_yticks(middles, labels)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    gap = sure / per_class * (canvas.shape[1] - GAP) + GAP / 2
    for middle, rows in zip(middles, members, strict=True):
        if len(rows) > per_class > sure:
            axes.text(gap, middle, "⋯", ha="center", va="center", fontsize=12)
    return figure


@style.context(STYLE)
def embedding(
    features: ArrayLike,
    groups: ArrayLike,
    *,
    names: Names = None,
    title: str | None = None,
    seed: int = 0,
    limit: int = 1500,
) -> Figure:
    """Show features (N x D) in two dimensions, by t-SNE after PCA; a group has a colour, a marker,
    its name.

    At most `limit` points, drawn by `seed`, are shown; fewer than 30 points, or 2 dimensions, by
    PCA alone.

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
    figure = new_figure((7.2, 6.2), title, f"{count} images in the space of the shared features")
    axes = new_axes(figure, f"{word} 1", f"{word} 2")
    kinds = np.unique(numbers)
    for k, colour, marker in zip(
        kinds, palette(len(kinds)), itertools.cycle(MARKERS), strict=False
    ):
        x, y = places[numbers == k].T
        axes.scatter(
            x, y, s=22, color=colour, marker=marker, edgecolors="0.25", linewidths=0.3, alpha=0.85
        )
        box = {"facecolor": "white", "edgecolor": "0.3", "alpha": 0.9, "pad": 1.5}
        middle = float(np.median(x)), float(np.median(y))
        axes.text(*middle, class_name(k, names), ha="center", va="center", weight="bold", bbox=box)
    if word == "t-SNE":  # its units mean nothing
        axes.set(xticks=[], yticks=[])
    return figure


def _sheet(
    images: NDArray[Any], members: list[NDArray[Any]], per_class: int, sure: int
) -> NDArray[np.uint8]:
    """Return one picture with a row for each class: its first `sure` members, a gap, and its last
    ones.
    """
    height, width = _tiles(images[:1]).shape[1:3]
    tiles = np.full((len(members), per_class, height, width, 3), 255, np.uint8)
    for row, rows in zip(tiles, members, strict=True):
        shown = np.concatenate([rows[:sure], rows[max(sure, len(rows) - (per_class - sure)) :]])
        row[: len(shown)] = _tiles(images[shown])
    canvas = tiles.swapaxes(1, 2).reshape(len(members) * height, per_class * width, 3)
    return np.insert(canvas, [sure * width] * GAP * (sure < per_class), 255, axis=1)


def _tiles(images: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return n x C x H x W images as n x h x w x 3 bytes in a thin frame, `TILE` pixels the longer
    side.
    """
    scale = TILE / max(images.shape[2:])
    shape = [max(1, round(length * scale)) for length in images.shape[2:]]
    small = resize(
        images, (*images.shape[:2], *shape), order=int(scale < 1), anti_aliasing=scale < 1
    )
    pixels = (255 * np.clip(small, 0, 1)).round().astype(np.uint8).transpose(0, 2, 3, 1)
    for shade in (150, 255):  # a grey line, then white between the tiles
        pixels = np.pad(pixels, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=shade)
    return np.broadcast_to(pixels, (*pixels.shape[:3], 3))


def _two_dimensions(points: NDArray[np.float64], seed: int) -> tuple[NDArray[np.float64], str]:
    """Return n x 2 places for n x D points, and the word for an axis."""
    n, dimensions = points.shape
    if np.ptp(points, axis=0).max() == 0:  # all in one place: a network that collapsed
        return np.zeros((n, 2)), "principal component"
    pca = PCA(min(30, n, dimensions), random_state=seed)
    flat = pca.set_output(transform="default").fit_transform(points)
    if n < 30 or dimensions <= 2:
        return np.pad(flat, ((0, 0), (0, 1)))[:, :2], "principal component"
    tsne = TSNE(perplexity=min(30.0, (n - 1) / 3), max_iter=500, random_state=seed, n_jobs=1)
    return tsne.set_output(transform="default").fit_transform(flat), "t-SNE"
