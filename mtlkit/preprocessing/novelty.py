"""How unlike an image is to those that a model has learnt from, without labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy import ndarray
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from mtlkit.preprocessing.descriptors import colour

NEIGHBOURS = 5
CELLS = 8  # along a side of the coarse picture
ASKED = 30  # nearest training images, for their classes
ORDINARY = 0.97  # the share of the training images whose novelty is at most 1


def spaces_of(features: ndarray, images: ndarray) -> list[ndarray]:
    """Return N images in the spaces in which novel ones are looked for.

    Args:
        features: N x D, the shared features.
        images: N x C x H x W in [0, 1], or N x F standardised plain features.

    Returns:
        Features of unit length, a coarse picture of 8 x 8 cells, and (N x 2) the logarithms of
        contrast and detail; of plain features, the first and the features.
    """
    shared = normalize(features)
    if images.ndim == 2:
        return [shared, images]
    contrast = images.std(axis=(1, 2, 3))
    steps = np.abs(np.diff(images, axis=3))
    detail = steps.mean(axis=(1, 2, 3))
    measures = np.stack([contrast, detail], axis=1)
    return [shared, colour(images, CELLS), np.log(measures + 1e-3)]


@dataclass(frozen=True)
class Reference:
    """What some of a model's training images were like, so that novel ones can be told.

    A novel image is far from its nearest training images. Each space of `spaces_of` has its own
    unit, and the mean of the distances is the novelty.

    Args:
        spaces: an array of n rows for each space, float16.
        units: the distance in each space that is a novelty of 1.
        classes: n, the class that each was given.

    Source: Sun, Ming, Zhu, Li 2022, "Out-of-distribution detection with deep nearest neighbors"
        (there, in the features alone).

    >>> rows = np.random.default_rng(0).random((100, 3))
    >>> reference = Reference.of([rows], np.zeros(100, int))
    >>> reference.novelty([np.array([[0.5, 0.5, 0.5], [9.0, 9.0, 9.0]])]) > 1
    array([False,  True])
    """

    spaces: tuple[ndarray, ...]
    units: tuple[float, ...]
    classes: ndarray

    @classmethod
    def of(cls, spaces: Sequence[ndarray], classes: ndarray) -> Self:
        """Return the reference of n training images and their classes."""
        kept = tuple(np.asarray(space, np.float16) for space in spaces)
        rows = np.arange(len(kept[0]))
        distances = [_distances(space, space, rows) for space in kept]
        units = [float(np.median(distance)) for distance in distances]
        spreads = [float(space.std(dtype=np.float32)) or 1.0 for space in kept]
        # Distances in contrast and detail are tiny but for what is blank or noise.
        units[2:] = spreads[2:]
        units = [unit or spread for unit, spread in zip(units, spreads, strict=True)]
        limit = float(np.quantile(_mean_ratio(distances, units), ORDINARY)) or 1.0
        return cls(kept, tuple(unit * limit for unit in units), classes)

    def novelty(self, spaces: Sequence[ndarray], rows: ndarray | None = None) -> ndarray:
        """Return how novel N images are: N numbers; above 1 an image fits nowhere.

        Args:
            spaces: what `spaces_of` says of them.
            rows: N; where an image is in the reference itself its row there, else -1. None: none
                is.
        """
        rows = np.full(len(spaces[0]), -1) if rows is None else rows
        pairs = zip(spaces, self.spaces, strict=True)
        return _mean_ratio([_distances(*pair, rows) for pair in pairs], self.units)

    def agreement(
        self, spaces: Sequence[ndarray], classes: ndarray, rows: ndarray | None = None
    ) -> ndarray:
        """Return the share of an image's neighbours that have its class: N numbers from 0 to 1.

        Neighbours are the nearest of the reference in the coarse picture, which the network had no
        part in. `rows` is as in `novelty`, `classes` are those of the N images.
        """
        rows = np.full(len(classes), -1) if rows is None else rows
        _, found = _neighbours(spaces[1], self.spaces[1], rows, ASKED)
        return (self.classes[found] == classes[:, None]).mean(axis=1)


def _mean_ratio(distances: Sequence[ndarray], units: Sequence[float]) -> ndarray:
    ratios = []
    for distance, unit in zip(distances, units, strict=True):
        ratios.append(distance / unit)
    return np.mean(ratios, axis=0)


def _distances(queries: ndarray, space: ndarray, rows: ndarray) -> ndarray:
    """Return the mean distance of each query to its nearest rows of `space`."""
    distances, _ = _neighbours(queries, space, rows, NEIGHBOURS)
    return distances.mean(axis=1)


def _neighbours(queries: ndarray, space: ndarray, rows: ndarray, k: int) -> tuple[ndarray, ndarray]:
    """Return the distances and rows of the k nearest in `space` of each query, itself left out."""
    nearest = NearestNeighbors(n_neighbors=min(k + 1, len(space)))
    nearest.fit(space.astype(np.float32))
    distances, found = nearest.kneighbors(queries.astype(np.float32))  # N x (k + 1), by distance
    if len(space) == 1:
        return distances, found
    left_out = found == rows[:, None]
    left_out[~left_out.any(axis=1), -1] = True  # who is not there loses the farthest
    shape = (len(queries), -1)
    return distances[~left_out].reshape(shape), found[~left_out].reshape(shape)
