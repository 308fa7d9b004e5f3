"""What every source of images becomes: one array, a name for each row, and the labels kept apart.

The course's first rule of honesty starts here: an `ImageSet` holds no labels, only a function that
fetches them. Training takes `images`; scoring has to call `open_labels()`, which can be seen.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self

import numpy as np

from mtlkit.data.scaling import Scale
from mtlkit.errors import InputError, as_input_error

MOST_BYTES = 8_000_000_000  # one set of images in memory, as float32


@dataclass(frozen=True)
class Skipped:
    """A file that looked like an image and could not be decoded, and why."""

    path: str
    reason: str


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet:
    """Images of one size, with what is known of them.

    images: N x C x H x W, float32 in [0, 1]; C is 1 (grey) or 3 (red, green, blue).
    name: what the set is called, for titles and run folders.
    paths: one name a row, `"cats/a.png"` (relative to the folder) or `"digits/0007"`.
    n_clusters: the number of classes where the catalogue gives it; None for a user's own images.
    class_names: what label 0, 1, ... is called; empty without labels.
    skipped: the files that could not be decoded.
    notes: sentences on what the loader decided, for the report.
    scale: which values became 0 and 1, where there were more than 8 bits; give it to `load` for
        later images.
    track: a pattern, see `tracks`, where the catalogue has one.
    labels: a function that returns the N labels. It is called by `open_labels()` and nowhere else.
    boxes: of photos with annotated boxes, a function that returns a `PhotoBoxes` a row. It is
        called by `open_boxes()` and nowhere else. None where photos were brought to another size.

    >>> images = np.zeros((2, 1, 8, 8), np.float32)
    >>> pair = ImageSet(images, "pair", ("pair/0", "pair/1"), labels=lambda: np.array([0, 1]))
    >>> pair, len(pair), pair.has_labels
    (ImageSet('pair', 2 x 1 x 8 x 8), 2, True)
    >>> pair.open_labels()
    array([0, 1])
    """

    images: np.ndarray
    name: str
    paths: tuple[str, ...]
    n_clusters: int | None = None
    class_names: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    scale: Scale | None = None
    track: str = ""
    labels: Callable[[], np.ndarray] | None = None
    boxes: Callable[[], Sequence[Any]] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        return f"ImageSet({self.name!r}, {shape_text(self.images.shape)})"

    @property
    def has_labels(self) -> bool:
        """Whether there are labels to open; does not open them."""
        return self.labels is not None

    def open_labels(self) -> np.ndarray | None:
        """Return the N labels (integers from 0), or None: the one way to them, for scoring only.

        Raises `InputError` when their number is not the number of images.
        """
        if self.labels is None:
            return None
        labels = np.asarray(self.labels())
        if labels.shape != (len(self),):
            raise InputError(
                f"{self.name}: labels of shape {labels.shape} for {len(self)} images: give "
                "one label an image."
            )
        return labels

    def tracks(self, pattern: str = "auto") -> list[str]:
        """Return the part of each path that a pattern matches: equal ones are of one track.

        `pattern` is a regular expression; `"auto"` is the set's own. Raises `InputError` when that
        has none, or a path lacks what it asks for.

        >>> images = np.zeros((2, 1, 8, 8), np.float32)
        >>> ImageSet(images, "pair", ("a/1_2.png", "a/1_3.png")).tracks(".*_")
        ['a/1_', 'a/1_']
        """
        pattern = self.track if pattern == "auto" else pattern
        remedy = "give a regular expression for the part of a path that names the track, as '.*_'"
        if not pattern:
            raise InputError(f"tracks 'auto': {self.name} has no tracks of its own: {remedy}.")
        with as_input_error(f"tracks {pattern!r} is no pattern", remedy, (re.error,)):
            found = [re.search(pattern, path) for path in self.paths]
        names = [match.group() for match in found if match]
        if len(names) < len(self):
            path = self.paths[found.index(None)]
            raise InputError(f"tracks {pattern!r} is not in the path {path}: {remedy}.")
        return names

    def open_boxes(self) -> Sequence[Any] | None:
        """Return the N `PhotoBoxes`, or None: they hold kinds, so they are for scoring only."""
        return self.boxes() if self.boxes else None

    def first(self, n: int) -> Self:
        """Return the set of the first n images, or the set itself where it has no more.

        Everything else is kept. Raises `InputError` when n is below 1.

        >>> images, paths = np.zeros((2, 1, 8, 8), np.float32), ("pair/0", "pair/1")
        >>> pair = ImageSet(images, "pair", paths, labels=lambda: np.array([5, 6]))
        >>> pair.first(1), pair.first(1).paths, pair.first(1).open_labels()
        (ImageSet('pair', 1 x 1 x 8 x 8), ('pair/0',), array([5]))
        """
        if n < 1:
            raise InputError(f"{self.name}: the first {n} images are none: ask for 1 or more.")
        if n >= len(self):
            return self
        labels = partial(_first, self.labels, n) if self.labels else None
        boxes = partial(_first, self.boxes, n) if self.boxes else None
        images, paths = self.images[:n], self.paths[:n]
        return replace(self, images=images, paths=paths, labels=labels, boxes=boxes)


def _first(values: Callable[[], Any], n: int) -> Any:
    return values()[:n]  # when they are opened, and not before


def check_memory(name: str, shape: tuple[int, ...], item_bytes: int = 4) -> None:
    """Refuse an array that would take more than `MOST_BYTES`, before a byte of it is read.

    >>> check_memory("photos", (1_000_000, 3, 64, 64))
    Traceback (most recent call last):
    mtlkit.errors.InputError: photos: 1000000 x 3 x 64 x 64 values take 49.2 GB \
and at most 8 GB are read: ask for a smaller --size, or take fewer images.
    """
    needed = item_bytes * math.prod(shape)
    if needed > MOST_BYTES:
        raise InputError(
            f"{name}: {shape_text(shape)} values take {needed / 1e9:.1f} GB and at most"
            f" {MOST_BYTES / 1e9:.0f} GB are read: ask for a smaller --size, or take fewer images."
        )


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a shape as it is read: `2 x 1 x 8 x 8`."""
    return " x ".join(map(str, shape))


def row_names(name: str, rows: np.ndarray | range) -> tuple[str, ...]:
    """Name the rows of a set that has no files.

    >>> row_names("digits", range(2))
    ('digits/0000', 'digits/0001')
    """
    return tuple(f"{name}/{row:04d}" for row in rows)
