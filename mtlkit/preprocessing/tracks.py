"""Tracks: images that show one thing, as the frames of a video in which it was followed."""

from typing import Any

import numpy as np
from numpy import ndarray

from mtlkit.errors import InputError


class Tracks:
    """Which of N images show one thing. What that is, nobody says: it is an assumption, no label.

    Args:
        keys: N numbers or texts; images of equal keys are of one track. Nothing else of a key
            counts: tracks are numbered in the order of their first images, so that a class in a
            name (a folder's) cannot reach training. None: nothing is known.
        n_images: N.

    Attributes:
        numbers: N, 0 to T - 1, or None.
        count: T, the number of tracks; of images, where nothing is known.

    Raises:
        InputError: not one key an image.

    >>> tracks = Tracks(["b/7", "a/1", "b/7"], 3)
    >>> tracks.numbers.tolist(), tracks.means(np.array([[1.0], [5.0], [3.0]])).tolist()
    ([0, 1, 0], [[2.0], [5.0]])
    """

    def __init__(self, keys: Any = None, n_images: int = 0) -> None:
        self.numbers: ndarray | None = None
        self.count = n_images
        if keys is None:
            return
        keys = np.asarray(keys)
        if keys.shape != (n_images,):
            raise InputError(
                f"tracks of shape {keys.shape} for {n_images} images: give one key an image, "
                "equal where two show one thing."
            )
        _, first, numbers = np.unique(keys, return_index=True, return_inverse=True)
        self.numbers = first.argsort().argsort()[numbers]
        self.count = len(first)

    def check(self, n_clusters: int) -> None:
        """Raise `InputError` unless there are more tracks than classes, or none are known.

        Otherwise they would be the classes: what says which images are of one class is a label.
        """
        if self.numbers is not None and self.count <= n_clusters:
            raise InputError(
                f"there are {self.count} tracks for {n_clusters} classes: a class has several "
                "things, each with a track, so give more tracks than classes."
            )

    def means(self, rows: ndarray) -> ndarray:
        """Return the mean of each track's rows, T x D of N x D; where none are known, the rows."""
        if self.numbers is None:
            return rows
        sums = np.zeros((self.count, rows.shape[1]))
        np.add.at(sums, self.numbers, rows)
        return (sums / np.bincount(self.numbers)[:, None]).astype(rows.dtype)

    def of_images(self, rows: ndarray) -> ndarray:
        """Give each image its track's row: N x D of T x D; where none are known, the rows."""
        return rows if self.numbers is None else rows[self.numbers]

    def assumptions(self) -> list[str]:
        """Say what was assumed, if anything was."""
        if self.numbers is None:
            return []
        what = f"{len(self.numbers):,} images, in {self.count:,} tracks by names that were given"
        return [f"Images of one track were assumed to show one thing: {what}."]


def in_pairs(groups: ndarray) -> ndarray:
    """Return the places 0 to N - 1, the first two of a group together, its next two, and so on.

    A pair stands where its first one stood, so that pairs of a random order are in random order.

    >>> in_pairs(np.array([7, 8, 7, 9, 7])).tolist()
    [0, 2, 1, 3, 4]
    """
    by_group = groups.argsort(kind="stable")
    owner = groups[by_group]
    places = np.arange(len(groups))
    since = places - np.searchsorted(owner, owner)  # of its group
    first = by_group[places - since % 2]
    return by_group[first.argsort(kind="stable")]
