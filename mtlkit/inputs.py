"""What a network takes, and how pictures are brought there, without torch: the only resize here."""

from dataclasses import asdict, dataclass
from numbers import Integral
from typing import Any, Self

import numpy as np
from PIL import Image

from mtlkit.errors import InputError

SIZES = (8, 512)  # px, of the square that a picture may be brought to
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R 601, as in Pillow


@dataclass(frozen=True)
class InputSpec:
    """The pictures that a network takes: squares of one size, all grey or all in colour.

    It stands in model.json, so that whatever predicts brings its pictures to the same.

    Args:
        channels: 1 (grey) or 3 (red, green, blue).
        side: height and width in pixels, 8 to 512.
        scale: the values that became 0 and 1, of images with more than 8 bits a channel; None: the
            least and the greatest of their format. Files are read by it (see `load`).

    Raises:
        InputError: another number of channels, a side or a scale out of range.

    >>> InputSpec(channels=1, side=8).bring(np.ones((2, 3, 20, 10))).shape
    (2, 1, 8, 8)
    """

    channels: int
    side: int
    scale: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        least, most = SIZES
        if self.channels not in (1, 3):
            raise InputError(f"channels is {self.channels}: give 1 (grey) or 3 (colour).")
        if self.side not in range(least, most + 1):
            bounds = f"{least} px or more, and to {most} at most"
            raise InputError(f"side is {self.side} px: bring them to {bounds}.")
        if self.scale is not None and not -np.inf < self.scale[0] <= self.scale[1] < np.inf:
            raise InputError(f"scale is {self.scale}: give two numbers, the smaller one first.")

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """Return the spec of what `as_dict` returned, as it comes back from a file."""
        scale = values["scale"]
        low_high = None if scale is None else (float(scale[0]), float(scale[1]))
        return cls(int(values["channels"]), int(values["side"]), low_high)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for a JSON file."""
        return asdict(self)

    def bring(self, images: np.ndarray) -> np.ndarray:
        """Bring N x C x H x W in [0, 1] to float32, N x channels x side x side.

        Of colour the brightness is taken where the network takes grey; grey is repeated where it
        takes colour.
        """
        squares = fit_squares(images, self.side)
        if squares.shape[1] == self.channels:
            return squares
        if self.channels == 3:
            return np.repeat(squares, 3, axis=1)
        return np.einsum("nchw,c->nhw", squares, np.array(LUMA, np.float32))[:, None]


def check_whole(name: str, value: Any, least: int, most: int) -> None:
    """Raise `InputError` unless a value is a whole number, as Python's or numpy's, within bounds.

    >>> check_whole("side", 6.5, 8, 512)
    Traceback (most recent call last):
    mtlkit.errors.InputError: side must be a whole number from 8 to 512, not 6.5: try 8.
    """
    if not isinstance(value, Integral) or not least <= int(value) <= most:
        what = f"a whole number from {least} to {most}, not {value!r}"
        raise InputError(f"{name} must be {what}: try {least}.")


def as_images(X: np.ndarray) -> np.ndarray:
    """Return N x H x W, N x C x H x W, or bytes, as float32, N x C x H x W in [0, 1].

    Raises:
        InputError: another number of dimensions or channels, NaN, or values outside [0, 1] that are
            not bytes.

    >>> as_images(np.full((2, 6, 8), 255, np.uint8)).max()
    np.float32(1.0)
    """
    shape = " x ".join(map(str, X.shape)) or "one value"
    has_channels = X.ndim == 4 and X.shape[1] in (1, 3)
    if not (X.ndim == 3 or has_channels) or X.size == 0 or X.dtype.kind not in "biuf":
        expected = "numbers, N x H x W, N x 1 x H x W, N x 3 x H x W or N x D"
        if X.ndim == 4 and X.shape[3] in (1, 3):
            expected += "; bring the channels to the second place, X.transpose(0, 3, 1, 2)"
        raise InputError(f"X is {shape} of {X.dtype}: expected {expected}.")
    images = (X / 255 if X.dtype == np.uint8 else X).astype(np.float32)
    if not (images.min() >= 0 and images.max() <= 1):  # also true of NaN
        values = f"values from {images.min():g} to {images.max():g}"
        bad = "NaN" if np.isnan(images).any() else values
        raise InputError(
            f"X holds {bad}: images must lie in [0, 1]; divide by the largest value of the format."
        )
    return images[:, None] if images.ndim == 3 else images


def fit_squares(images: np.ndarray, side: int) -> np.ndarray:
    """Bring N x C x H x W in [0, 1] to float32, N x C x side x side, each plane by `fit_square`.

    >>> fit_squares(np.ones((2, 3, 10, 20)), 8).shape
    (2, 3, 8, 8)
    """
    images = np.asarray(images, np.float32)
    if images.shape[2:] == (side, side):
        return images
    squares = np.empty((*images.shape[:2], side, side), np.float32)
    planes = images.reshape(-1, *images.shape[2:])
    for plane, square in zip(planes, squares.reshape(-1, side, side), strict=True):
        square[:] = fit_square(Image.fromarray(plane), side)[0]
    return squares


def fit_square(image: Image.Image, side: int) -> np.ndarray:
    """Bring an image (mode L, RGB, or F in [0, 1]) to C x side x side, float32, aspect kept.

    It stands in the middle, and the rest is filled with the median colour of its border. On plain
    ground that continues the ground; black bars would draw edges that features see and sort by. An
    image that is a square of that side is not resampled. The filter is bilinear with antialiasing,
    which does not overshoot.

    >>> fit_square(Image.new("L", (20, 10), 255), 8).shape
    (1, 8, 8)
    """
    left, top, width, height = place_in_square(*image.size, side)
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
    pixels = pixels_of(image)
    if width == height:
        return np.ascontiguousarray(pixels)
    sides = [pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]]
    ground = np.median(np.concatenate(sides, axis=1), axis=1)  # C
    square = np.empty((len(pixels), side, side), np.float32)
    square[:] = ground[:, None, None]
    square[:, top : top + height, left : left + width] = pixels
    return square


def place_in_square(width: int, height: int, side: int) -> tuple[int, int, int, int]:
    """Return where `fit_square` puts an image: left, top, width and height in the square.

    >>> place_in_square(640, 480, 64)
    (0, 8, 64, 48)
    """
    longer = max(width, height)
    width = max(1, round(side * width / longer))
    height = max(1, round(side * height / longer))
    return (side - width) // 2, (side - height) // 2, width, height


def pixels_of(image: Image.Image) -> np.ndarray:
    """Return an image (mode L, RGB, or F) as it is: C x H x W, float32 in [0, 1].

    >>> pixels_of(Image.new("RGB", (20, 10))).shape
    (3, 10, 20)
    """
    values = np.atleast_3d(np.asarray(image, np.float32)).transpose(2, 0, 1)
    return np.clip(values, 0, 1) if image.mode == "F" else values / 255
