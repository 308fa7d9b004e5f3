"""Figures in which each image has its place: a sheet of the classes' members, and a map of all."""

from collections.abc import Sequence

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from skimage.transform import rescale
from skimage.util import montage
from sklearn import config_context
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from mtlkit.evaluation.plots import STYLE, Names, class_name, looks, new_figure, safe_text

MAX_ROWS = 40  # classes in a contact sheet
TILE = 48  # pixels: an image's longer side in a contact sheet
EMPTY = -1  # in place of an image's number
NAME_BOX = {"facecolor": "white", "edgecolor": "0.3", "alpha": 0.9, "pad": 1.5}


@style.context(STYLE)
def contact_sheet(
    images: np.ndarray,
    assignments: ArrayLike,
    confidence: ArrayLike | None = None,
    *,
    per_class: int = 16,
    names: Names = None,
    title: str | None = None,
) -> Figure:
    """Show each class as a row of its members: the surest, a gap, and the most doubtful.

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
    count = len(np.unique(assignments))
    figure = new_figure((9.6, 6), title, f"{count} classes, found without labels")
    axes = figure.add_subplot(ylabel="class")
    ratio = draw_rows(axes, images, assignments, confidence, names, per_class)
    figure.set_figheight(0.8 + 7.8 * ratio)
    return figure


def draw_rows(
    axes: Axes,
    images: np.ndarray,
    assignments: ArrayLike,
    confidence: ArrayLike | None,
    names: Names,
    per_class: int,
    word: str = "class ",
) -> float:
    """Draw what `contact_sheet` shows; return its height as a multiple of its width."""
    numbers = np.asarray(assignments)
    order = np.arange(len(numbers))
    wording = "in the order given"
    doubtful = 0
    if confidence is not None:
        order = np.argsort(-np.asarray(confidence), kind="stable")
        wording = "surest left, most doubtful right"
        doubtful = per_class * 3 // 8
    classes = np.unique(numbers)
    if len(classes) > MAX_ROWS:
        wording += f"; the first {MAX_ROWS} of {len(classes)}"
    gap = per_class - doubtful
    cells = list[np.ndarray]()
    labels = []
    for k in classes[:MAX_ROWS]:
        members = order[numbers[order] == k]
        if doubtful and len(members) > per_class:
            middle = len(cells) + 0.5
            axes.text(gap + 0.5, middle, "⋯", ha="center", va="center", fontsize=12)
        cells.append(_cells(members, per_class, doubtful))
        labels.append(f"{class_name(k, names, word)}\nn = {len(members):,}")
    sheet = _sheet(images, np.stack(cells))
    rows, columns = np.shape(cells)
    ratio = sheet.shape[0] / sheet.shape[1]
    axes.imshow(sheet, extent=(0, columns, rows, 0), aspect=ratio * columns / rows)
    axes.set(xlabel=f"members: {wording}", xticks=[])
    axes.set_yticks(np.arange(rows) + 0.5, labels)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return ratio


@style.context(STYLE)
def gallery(
    images: np.ndarray, captions: Sequence[str], *, columns: int = 8, title: str | None = None
) -> Figure:
    """Show images (N x C x H x W) in rows, each above its caption.

    >>> images = np.random.default_rng(0).random((3, 1, 8, 8), dtype=np.float32)
    >>> len(gallery(images, ["a", "b", "c"]).axes)
    8
    """
    rows = max(1, -(-len(images) // columns))  # rounded up
    tall = rows * 1.27 + 0.3  # with room for two lines
    figure = new_figure((columns * 1.05, tall), title, f"{len(images)} images")
    for place, axes in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        if place < len(images):
            axes.imshow(_tile(images[place]))
            axes.set_xlabel("\n".join(map(safe_text, captions[place].split("\n"))))
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
    """Show features (N x D) in two dimensions; a group has a colour, a marker and its name.

    The two dimensions are t-SNE's after PCA; of fewer than 30 points, or of 2 dimensions, they are
    PCA's. At most `limit` points, drawn by `seed`, are shown.

    Source: van der Maaten, Hinton 2008, "Visualizing data using t-SNE".

    >>> embedding([[0.0, 1.0], [1.0, 0.0], [1.0, 2.0]], [0, 1, 1]).axes[0].get_xlabel()
    'principal component 1'
    """
    points = np.asarray(features, dtype=np.float64)
    numbers = np.asarray(groups)
    count = f"{len(points):,}"
    if len(points) > limit:
        count = f"{limit:,} of {count}"
        random = np.random.default_rng(seed)
        chosen = np.sort(random.permutation(len(points))[:limit])
        points = points[chosen]
        numbers = numbers[chosen]
    with config_context(transform_output="default"):  # whatever the user set for all estimators
        places, axis = _two_dimensions(points, seed)
    figure = new_figure((7.2, 6.2), title, f"{count} images in the space of the shared features")
    axes = figure.add_subplot(xlabel=f"{axis} 1", ylabel=f"{axis} 2")
    kinds = np.unique(numbers)
    for k, look in zip(kinds, looks(len(kinds)), strict=True):
        x, y = places[numbers == k].T
        dots = axes.scatter(x, y, s=22, alpha=0.85, **look)
        dots.set(edgecolors="0.25", linewidths=0.3)
        middle = (np.median(x), np.median(y))
        text = axes.text(*middle, class_name(k, names), ha="center", va="center")
        text.set(weight="bold", bbox=NAME_BOX)
    if axis == "t-SNE":  # its units mean nothing
        axes.set(xticks=[], yticks=[])
    return figure


def _cells(members: np.ndarray, per_class: int, doubtful: int) -> np.ndarray:
    """Return which image stands in each cell of a row: the first, a gap, and the last; -1: none."""
    gap = per_class - doubtful
    kept = np.delete(members, slice(gap, len(members) - doubtful))
    row = np.pad(kept, (0, per_class - len(kept)), constant_values=EMPTY)
    return np.insert(row, gap, EMPTY) if doubtful else row


def _sheet(images: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Return one picture in which each image stands in its cell (rows x columns), on white."""
    empty = np.ones_like(_tile(images[0]))
    tiles = []
    for number in cells.flat:
        tiles.append(empty if number == EMPTY else _tile(images[number]))
    white = [1, 1, 1]
    return montage(tiles, white, grid_shape=cells.shape, padding_width=2, channel_axis=-1)


def _tile(image: np.ndarray) -> np.ndarray:
    """Return a C x H x W image as h x w x 3, `TILE` pixels the longer side, in a thin frame."""
    scale = TILE / max(image.shape[1:])
    order = 1 if scale < 1 else 0  # what is enlarged keeps its pixels
    small = rescale(image, scale, order, channel_axis=0)
    _, height, width = small.shape
    framed = np.full((height + 2, width + 2, 3), 0.6)
    framed[1:-1, 1:-1] = small.transpose(1, 2, 0)  # grey becomes colour
    return framed


def _two_dimensions(points: np.ndarray, seed: int) -> tuple[np.ndarray, str]:
    """Return n x 2 places for n x D points, and the word for an axis."""
    n, dimensions = points.shape
    if np.ptp(points, axis=0).max() == 0:  # a network that collapsed
        return np.zeros((n, 2)), "principal component"
    pca = PCA(min(30, n, dimensions), random_state=seed)
    flat = pca.fit_transform(points)
    if n < 30 or dimensions <= 2:
        padded = np.pad(flat, ((0, 0), (0, 1)))  # of one dimension, the second is 0
        return padded[:, :2], "principal component"
    perplexity = min(30.0, (n - 1) / 3)
    tsne = TSNE(perplexity=perplexity, max_iter=500, random_state=seed, n_jobs=1)
    return tsne.fit_transform(flat), "t-SNE"
