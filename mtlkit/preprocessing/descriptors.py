"""Descriptors: what an image is like, as a row of numbers. N x C x H x W -> N x D."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import numpy as np
from joblib import Parallel, cpu_count, delayed
from numpy import ndarray
from scipy import ndimage
from skimage.color import rgb2hed
from skimage.feature import hog as hog_of_image
from skimage.feature import local_binary_pattern

from mtlkit.errors import InputError, look_up
from mtlkit.preprocessing.edges import grey, sobel

CHUNK = 2048  # images a job: enough work to be worth a process, small enough to keep memory flat


def hog(images: ndarray, orientations: int = 8, cells: int | None = None) -> ndarray:
    """Histograms of oriented gradients: how much edge of which direction, cell by cell.

    Args:
        images: N x C x H x W with H = W. They are first enlarged to 16 px or more, and until the
            cells fit.
        orientations: directions between 0 and 180 degrees.
        cells: cells along a side; default 4 below 32 px and 8 from there on. Blocks of 2 x 2 cells
            are normalised together.

    Returns:
        N x ((cells - 1)^2 * 4 * orientations), float32.

    Source: Dalal, Triggs 2005, "Histograms of oriented gradients for human detection".

    >>> hog(np.random.default_rng(0).random((2, 1, 8, 8))).shape
    (2, 288)
    """
    side = images.shape[-1]
    cells = cells or (4 if side < 32 else 8)
    most = max(side, 16)
    if not 2 <= cells <= most:
        raise InputError(f"hog needs 2 to {most} cells along a side of {side} px, not {cells}.")
    cell = -(-most // cells)  # px, rounded up
    if side != cell * cells:
        zoom = cell * cells / side
        images = ndimage.zoom(images, (1, 1, zoom, zoom), order=1, mode="nearest", grid_mode=True)
    describe_image = partial(
        hog_of_image,
        orientations=orientations,
        pixels_per_cell=(cell, cell),
        cells_per_block=(2, 2),
        channel_axis=0,
    )
    return _for_each(describe_image, images)


def middle(images: ndarray) -> ndarray:
    """Histograms of oriented gradients of an image's middle alone, three quarters of its side.

    For things that stand in the middle of their image, as what was cut out with a margin does: what
    is round them tells where they stand, and not what they are. N x 800: 6 x 6 cells, see `hog`.

    >>> middle(np.random.default_rng(0).random((2, 1, 32, 32))).shape
    (2, 800)
    """
    side = images.shape[-1]
    inner = slice(side // 8, side - side // 8)
    return hog(images[..., inner, inner], cells=6)


def lbp(images: ndarray) -> ndarray:
    """Local binary patterns: a histogram of the 10 uniform ones, in which rotation does not count.

    Returns N x 10, rows sum to one. It tells textures apart and is blind to where they are.

    Source: Ojala, Pietikäinen, Mäenpää 2002, "Multiresolution gray-scale and rotation invariant
        texture classification".

    >>> lbp(np.random.default_rng(0).random((2, 3, 16, 16))).sum(axis=1).round(6).tolist()
    [1.0, 1.0]
    """
    levels = np.round(grey(images) * 255)  # comparing floats would find noise
    pictures = levels.clip(0, 255).astype(np.uint8)
    return _for_each(_pattern_shares, pictures)


def _pattern_shares(picture: ndarray) -> ndarray:
    patterns = local_binary_pattern(picture, 8, 1, "uniform").astype(int)
    return np.bincount(patterns.ravel(), minlength=10) / patterns.size


def colour(images: ndarray, cells: int = 4) -> ndarray:
    """Mean of each channel in a grid of cells x cells: N x (C * cells^2).

    H and W need not be multiples of `cells`; no pixel is in two cells.

    >>> colour(np.ones((2, 3, 8, 8))).shape
    (2, 48)
    """
    height, width = images.shape[2:]
    if not 1 <= cells <= min(height, width):
        raise InputError(f"{cells} cells do not fit along a side of {min(height, width)} px.")
    rows = np.arange(cells) * height // cells
    columns = np.arange(cells) * width // cells
    sums = np.add.reduceat(images, rows, axis=2)
    sums = np.add.reduceat(sums, columns, axis=3)
    heights = np.diff(rows, append=height)
    widths = np.diff(columns, append=width)
    means = sums / np.outer(heights, widths)
    means = means.reshape(len(images), -1)
    return means.astype(np.float32)


def chromaticity(images: ndarray, cells: int = 4) -> ndarray:
    r"""Colour without light: how far each channel is from grey, cell by cell. N x (C * cells^2).

    $(c - \bar{c}) / \bar{I}$ with $c$ a pixel's channel, $\bar{c}$ the mean of its channels, and
    $\bar{I}$ the mean of the whole picture. Twice the light changes nothing; grey pixels are 0.

    Source: Gevers, Smeulders 1999, "Color-based object recognition" (colour that does not depend on
        the light's strength).

    >>> image = np.random.default_rng(0).random((1, 3, 8, 8))
    >>> bool(np.allclose(chromaticity(image), chromaticity(image / 2), atol=1e-6))
    True
    """
    light = images.mean(axis=(1, 2, 3), keepdims=True)
    grey_level = images.mean(axis=1, keepdims=True)
    tint = images - grey_level
    return colour(tint / np.maximum(light, 1e-3), cells)


def edge_density(images: ndarray, cells: int = 4) -> ndarray:
    """How busy each part of an image is: mean Sobel gradient in cells x cells, N x cells^2.

    >>> float(edge_density(np.ones((2, 1, 8, 8))).sum())
    0.0
    """
    return colour(sobel(images), cells)


def stain(images: ndarray, rings: int = 4) -> ndarray:
    r"""How much of each stain there is, and how far from the middle: N x (3 * rings).

    Colour deconvolution tells the stains of a pixel apart: each absorbs light in proportion to its
    amount (Beer and Lambert), so that of the absorption $-\log I$ of red, green and blue, the
    amounts are $-\log(I)\, M^{-1}$, where a row of $M$ is the colour of a stain. Stains are
    haematoxylin (blue: nuclei, platelets), eosin (pink) and a brown one; the amounts are without
    unit, and none is below 0. Described is the mean of each stain in rings of equal width around
    the middle, out to the nearer edge: the same for an image that is turned or mirrored, and
    another one for a larger cell.

    Args:
        images: N x 3 x H x W in [0, 1].
        rings: rings, at most half as many as the shorter side has pixels.

    Returns:
        For each stain, the rings from inside out, float32.

    Raises:
        InputError: images without colour, or rings that do not fit.

    Source: Ruifrok, Johnston 2001, "Quantification of histochemical staining by color
        deconvolution"; its colours of stains, as in scikit-image.

    >>> pale = np.full((1, 3, 8, 8), 0.9)
    >>> pale[:, :, 3:5, 3:5] = np.array([0.3, 0.2, 0.5])[:, None, None]  # a blue spot
    >>> stain(pale)[0, :4].astype(float).round(3).tolist()
    [0.126, 0.009, 0.009, 0.009]
    """
    if images.shape[1] != 3:
        channels = f"{images.shape[1]} channel" + "s" * (images.shape[1] != 1)
        raise InputError(f"descriptors 'stain' needs colour images, and these have {channels}.")
    height, width = images.shape[2:]
    shorter = min(height, width)
    if not 1 <= rings <= shorter // 2:
        raise InputError(f"{rings} rings do not fit in a side of {shorter} px.")
    amounts = rgb2hed(images, channel_axis=1)  # N x 3 x H x W
    down = np.arange(height) - (height - 1) / 2
    across = np.arange(width) - (width - 1) / 2
    distance = np.hypot(down[:, None], across) / (shorter / 2)  # 1: at the nearer edge
    ring = (distance * rings).astype(int)
    inside = ring.reshape(-1, 1) == np.arange(rings)  # H W x rings
    shares = inside / inside.sum(axis=0)
    planes = amounts.reshape(len(images), 3, -1)
    means = planes @ shares
    return means.reshape(len(images), -1).astype(np.float32)


DESCRIPTORS: dict[str, Callable[[ndarray], ndarray]] = {
    "hog": hog,
    "middle": middle,
    "lbp": lbp,
    "colour": colour,
    "chromaticity": chromaticity,
    "edge_density": edge_density,
    "stain": stain,
}


def check_descriptors(names: Iterable[str]) -> None:
    """Raise `InputError` unless there are names and each is one of `DESCRIPTORS`."""
    names = list(names)
    if not names:
        raise InputError(f"no descriptor was named: use at least one of {', '.join(DESCRIPTORS)}.")
    for name in names:
        look_up("descriptors", name, DESCRIPTORS)


def describe(images: ndarray, names: Sequence[str] | Mapping[str, float] = ("hog",)) -> ndarray:
    """Return several descriptors, each standardised, scaled to weigh the same, and joined: N x D.

    A descriptor of 288 numbers would drown one of 10: each block is divided by the square root of
    its width.

    Args:
        images: N x C x H x W in [0, 1].
        names: any of `hog`, `middle`, `lbp`, `colour`, `chromaticity`, `edge_density`, `stain`;
            with a weight each, where they are not to weigh the same.

    Raises:
        InputError: an unknown name, or none.

    >>> describe(np.random.default_rng(0).random((5, 3, 16, 16)), {"hog": 1, "colour": 0.5}).shape
    (5, 336)
    """
    check_descriptors(names)
    weights = names if isinstance(names, Mapping) else dict.fromkeys(names, 1)
    blocks = [standardise(DESCRIPTORS[name](images)) for name in weights]
    widest = max(block.shape[1] for block in blocks)
    scaled = [
        block * np.float32(weight * np.sqrt(widest / block.shape[1]))
        for block, weight in zip(blocks, weights.values(), strict=True)
    ]
    return np.concatenate(scaled, axis=1)


def standardise(features: ndarray) -> ndarray:
    """Bring each column of N x D features to mean 0 and standard deviation 1.

    A column that only rounding moves becomes 0. (`StandardScaler` and scipy's `zscore` find fewer
    such columns: around 0 they blow rounding up to noise of size 1.)

    >>> standardise(np.array([[1.0, 5.0], [3.0, 5.0]])).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    features = np.asarray(features, np.float32)
    deviation = features.std(axis=0)
    largest = np.abs(features).max(axis=0)
    still = deviation <= 1e-6 * np.maximum(1, largest)
    deviation[still] = np.inf
    return (features - features.mean(axis=0)) / deviation


def _for_each(function: Callable[[ndarray], ndarray], images: ndarray) -> ndarray:
    """Describe each image by itself, in several processes where there are many: N x D, float32."""
    chunks = -(-len(images) // CHUNK)  # rounded up
    parallel = Parallel(n_jobs=min(chunks, cpu_count()), batch_size=CHUNK)
    rows = parallel(delayed(function)(image) for image in images)
    return np.stack(rows).astype(np.float32)
