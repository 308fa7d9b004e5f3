"""What every source of images becomes: one array with a name for each row, and the labels kept
apart.

The course's first rule of honesty starts here: an `ImageSet` holds no labels, only a function that
fetches them. Whoever trains takes `images`; whoever scores says so by calling `open_labels()`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, Self

import numpy as np

from mtlkit.errors import InputError

MOST_BYTES = 8_000_000_000  # one set of images in memory, as float32
Scale = tuple[float, float]  # what becomes 0, and what becomes 1


class Values(NamedTuple):
    """The least and the greatest value, and what stands for white in their format, where one value
    does.
    """

    low: float
    high: float
    white: float | None


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
    labels: a function that returns the N labels. It is called by `open_labels()` and nowhere else.

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
    labels: Callable[[], np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        return f"ImageSet({self.name!r}, {' x '.join(map(str, self.images.shape))})"

    @property
    def has_labels(self) -> bool:
        """Whether there are labels to open; does not open them."""
        return self.labels is not None

    def open_labels(self) -> np.ndarray | None:
        """Return the N labels (integers from 0), or None without any: the one way to them, for
        scoring only.

        Raises `InputError` when their number is not the number of images.
        """
        if self.labels is None:
            return None
        labels = np.asarray(self.labels())
        if labels.shape != (len(self),):
            given = f"labels of shape {labels.shape} for {len(self)} images"
            raise InputError(f"{self.name}: {given}: give one label an image.")
        return labels

    def first(self, n: int) -> Self:
        """Return the set of the first n images, everything else kept; the set itself where it has
        no more.

        Raises `InputError` when n is below 1.

        >>> images, paths = np.zeros((2, 1, 8, 8), np.float32), ("pair/0", "pair/1")
        >>> pair = ImageSet(images, "pair", paths, labels=lambda: np.array([5, 6]))
        >>> pair.first(1), pair.first(1).paths, pair.first(1).open_labels()
        (ImageSet('pair', 1 x 1 x 8 x 8), ('pair/0',), array([5]))
        """
        if n < 1:
            raise InputError(f"{self.name}: the first {n} images are none: ask for 1 or more.")
        if n >= len(self):
            return self
        labels = partial(_first_labels, self.labels, n) if self.labels else None
        return replace(self, images=self.images[:n], paths=self.paths[:n], labels=labels)


def _first_labels(labels: Callable[[], np.ndarray], n: int) -> np.ndarray:
    return labels()[:n]  # when they are opened, and not before


def choose_scale(values: Values, given: Scale | None = None) -> tuple[Scale, tuple[str, ...]]:
    """Return which values become 0 and 1, and a note where that was not for the format to say.

    Cameras put 10 or 12 bits into 16: of integers that use less than half of their format, and of
    any that have none, the set's own range is taken. Floats in [0, 1] stay. `given` goes before.

    >>> scale, (note,) = choose_scale(Values(100, 700, 65535))
    >>> scale, note.partition(": ")[2]
    ((100, 700), 'they reach 1.1 % of 16 bits.')
    >>> choose_scale(Values(3, 60_000, 65535))
    ((0, 65535), ())
    """
    low, high, white = values
    fits = white is not None and low >= 0 and high <= white
    usual = (0, white) if white and fits and (white == 1 or 2 * (high - low) > white) else None
    if white and given in ((0, 1), (0, 65535)):
        given = (
            0,
            white,
        )  # in training white was what the format says, and so it is here, whatever the format
    scale = given or usual or (low, high)
    if scale == usual:
        return scale, ()
    if given:
        about = f"The values, {low:g} .. {high:g}, were scaled from {given[0]:g} .. {given[1]:g}"
        return scale, (f"{about}, the range in training, to 0 .. 1.",)
    reach = f": they reach {100 * high / white:.2g} % of 16 bits" if white and fits else ""
    return scale, (
        f"The values were scaled from {low:g} .. {high:g}, the set's own range, to 0 .. 1{reach}.",
    )


def to_unit(values: np.ndarray, scale: Scale) -> np.ndarray:
    """Return numbers as float32 in [0, 1]: `scale` becomes 0 and 1, and what lies beyond is cut
    off.

    >>> to_unit(np.array([0, 100, 400, 700], np.uint16), (100, 700)).tolist()
    [0.0, 0.0, 0.5, 1.0]
    """
    low, high = map(float, scale)
    power = math.frexp(max(abs(low), abs(high)))[1] - 1
    near = math.ldexp(1, power)  # a power of two rounds nothing, and then no difference overflows
    unit = np.divide(values, near, dtype=np.result_type(values, np.float32), order="C")
    unit -= low / near
    unit /= (high / near - low / near) or 1
    return np.clip(unit, 0, 1, out=unit).astype(np.float32, copy=False)


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
            f"{name}: {' x '.join(map(str, shape))} values take {needed / 1e9:.1f} GB and at most"
            f" {MOST_BYTES / 1e9:.0f} GB are read: ask for a smaller --size, or take fewer images."
        )


def row_names(name: str, rows: np.ndarray | range) -> tuple[str, ...]:
    """Name the rows of a set that has no files.

    >>> row_names("digits", range(2))
    ('digits/0000', 'digits/0001')
    """
    return tuple(f"{name}/{row:04d}" for row in rows)
