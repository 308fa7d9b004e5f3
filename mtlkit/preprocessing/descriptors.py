"""Descriptors: what an image is like, as a row of numbers. N x C x H x W -> N x D."""

import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from joblib import Parallel, delayed
from scipy import ndimage
from skimage.feature import hog as hog_of_one
from skimage.feature import local_binary_pattern

from mtlkit.errors import InputError, look_up
from mtlkit.preprocessing.edges import grey, sobel

CHUNK = 2048  # images a job: enough work to be worth a process, small enough to keep memory flat


def hog(images: np.ndarray, orientations: int = 8, cells: int | None = None) -> np.ndarray:
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
    if not 2 <= cells <= max(side, 16):
        raise InputError(
            f"hog needs 2 to {max(side, 16)} cells along a side of {side} px, not {cells}."
        )
    cell = -(-max(side, 16) // cells)  # px, rounded up
    if side != cell * cells:
        zoom = cell * cells / side
        images = ndimage.zoom(images, (1, 1, zoom, zoom), order=1, mode="nearest", grid_mode=True)
    settings = {
        "orientations": orientations,
        "pixels_per_cell": (cell, cell),
        "cells_per_block": (2, 2),
    }

    def describe(chunk: np.ndarray) -> np.ndarray:
        return np.stack([hog_of_one(image, channel_axis=0, **settings) for image in chunk])

    return _in_chunks(describe, images)


def lbp(images: np.ndarray) -> np.ndarray:
    """Local binary patterns: histogram of the 10 uniform patterns of 8 neighbours, turned so that
    rotation does not count.

    Returns N x 10, rows sum to one. It tells textures apart and is blind to where they are.

    Source: Ojala, Pietikäinen, Mäenpää 2002, "Multiresolution gray-scale and rotation invariant
        texture classification".

    >>> lbp(np.random.default_rng(0).random((2, 3, 16, 16))).sum(axis=1).round(6).tolist()
    [1.0, 1.0]
    """
    pictures = np.clip(np.round(grey(images) * 255), 0, 255).astype(
        np.uint8
    )  # comparing floats would find noise

    def describe(chunk: np.ndarray) -> np.ndarray:
        patterns = np.stack([local_binary_pattern(picture, 8, 1, "uniform") for picture in chunk])
        return np.stack([(patterns == p).mean(axis=(1, 2)) for p in range(10)], axis=1)

    return _in_chunks(describe, pictures)


def colour(images: np.ndarray, cells: int = 4) -> np.ndarray:
    """Mean of each channel in a grid of cells x cells; H and W need not be multiples: N x (C *
    cells^2).

    >>> colour(np.ones((2, 3, 8, 8))).shape
    (2, 48)
    """
    height, width = images.shape[2:]
    if not 1 <= cells <= min(height, width):
        raise InputError(f"{cells} cells do not fit along a side of {min(height, width)} px.")
    rows, columns = np.arange(cells) * height // cells, np.arange(cells) * width // cells
    sums = np.add.reduceat(np.add.reduceat(images, rows, axis=2), columns, axis=3)
    counts = np.outer(np.diff([*rows, height]), np.diff([*columns, width]))
    return (sums / counts).reshape(len(images), -1).astype(np.float32)


def chromaticity(images: np.ndarray, cells: int = 4) -> np.ndarray:
    r"""Colour without light: how far each channel is from grey, relative to the picture's mean
    brightness, cell by cell.

    $(c - \bar{c}) / \bar{I}$ with $c$ a pixel's channel, $\bar{c}$ the mean of its channels, and
    $\bar{I}$ the mean of the whole picture. Twice the light changes nothing; grey pixels are 0. N x
    (C * cells^2).

    Source: Gevers, Smeulders 1999, "Color-based object recognition" (colour that does not depend on
        the light's strength).

    >>> image = np.random.default_rng(0).random((1, 3, 8, 8))
    >>> bool(np.allclose(chromaticity(image), chromaticity(image / 2), atol=1e-6))
    True
    """
    light = np.maximum(images.mean(axis=(1, 2, 3), keepdims=True), 1e-3)
    return colour((images - images.mean(axis=1, keepdims=True)) / light, cells)


def edge_density(images: np.ndarray, cells: int = 4) -> np.ndarray:
    """Mean Sobel gradient in a grid of cells x cells: how busy each part of the image is. N x
    cells^2.

    >>> float(edge_density(np.ones((2, 1, 8, 8))).sum())
    0.0
    """
    return colour(sobel(images), cells)


DESCRIPTORS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "hog": hog,
    "lbp": lbp,
    "colour": colour,
    "chromaticity": chromaticity,
    "edge_density": edge_density,
}


def describe(
    images: np.ndarray, names: Sequence[str] | Mapping[str, float] = ("hog",)
) -> np.ndarray:
    """Return several descriptors, each standardised, scaled to weigh the same, and joined: N x D.

    A descriptor of 288 numbers would drown one of 10: each block is divided by the square root of
    its width.

    Args:
        images: N x C x H x W in [0, 1].
        names: any of `hog`, `lbp`, `colour`, `chromaticity`, `edge_density`; with a weight each,
            where they are not to weigh the same.

    Raises:
        InputError: an unknown name, or none.

    >>> describe(np.random.default_rng(0).random((5, 3, 16, 16)), {"hog": 1, "colour": 0.5}).shape
    (5, 336)
    """
    if not names:
        raise InputError(f"no descriptor was named: use at least one of {', '.join(DESCRIPTORS)}.")
    weights = names if isinstance(names, Mapping) else dict.fromkeys(names, 1)
    makers = {name: look_up("descriptor", name, DESCRIPTORS) for name in weights}
    blocks = {name: standardise(make(images)) for name, make in makers.items()}
    widest = max(block.shape[1] for block in blocks.values())
    scaled = [
        block * np.float32(weights[name] * np.sqrt(widest / block.shape[1]))
        for name, block in blocks.items()
    ]
    return np.concatenate(scaled, axis=1)


def standardise(features: np.ndarray) -> np.ndarray:
    """Bring each column to mean 0 and standard deviation 1; a column that never changes becomes 0.
    N x D -> N x D.

    >>> standardise(np.array([[1.0, 5.0], [3.0, 5.0]])).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    features = np.asarray(features, np.float32)
    spread = features.std(axis=0)
    still = spread <= 1e-6 * np.maximum(1, np.abs(features).max(axis=0))  # constant up to rounding
    return np.where(
        still, 0, (features - features.mean(axis=0)) / np.where(still, 1, spread)
    ).astype(np.float32)


def _in_chunks(function: Callable[[np.ndarray], np.ndarray], images: np.ndarray) -> np.ndarray:
    """Call a per-image library over chunks of images, in several processes where there are several
    chunks.
    """
    chunks = [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]
    jobs = min(len(chunks), os.cpu_count() or 1)
    return np.concatenate(
        Parallel(n_jobs=jobs)(delayed(function)(chunk) for chunk in chunks)
    ).astype(np.float32)
