"""One image file in, one array out, whatever the file holds.

Files come from anywhere, so bounds stand before work: only well-known raster formats are opened (by
content, not by suffix), a header that promises too many pixels is refused before decoding, and anything
that Pillow raises becomes a reason in words. A folder and a single file for prediction go through the same
`decode`.
"""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from mtlkit.errors import InputError, words_of

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")  # never EPS, PSD, ...: too much foreign code
SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm"}
FIRST_BYTES = re.compile(
    rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a|BM.{4}\0{4}|II[*+]\0|MM\0[*+]|RIFF.{4}WEBP|P[1-6]\s+[\d#]", re.DOTALL
)
MOST_PIXELS = 64_000_000
MOST_FILE_BYTES = 1_000_000_000
GREY_MODES = {"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"}


class Undecodable(Exception):
    """Why a file gives no image, in a phrase."""


class Header(NamedTuple):
    """What a file's first bytes promise, without decoding it."""

    longer_side: int
    grey: bool  # a palette counts as colour: whether it is grey is known after decoding


def read_image(path: str | Path, size: int, channels: int | None = None) -> np.ndarray:
    """Read one image file as C x size x size, float32 in [0, 1], as `load` reads a folder's.

    The image is turned as its EXIF says, its longer side is brought to `size` with the aspect kept, and the
    rest is filled as `fit_square` says. Transparent pixels are laid on white, as on a page. 16-bit grey
    keeps its 16 bits. Of an animation or a stack of pages the first is taken. `channels` is 1 or 3; None
    keeps the file's own, colour made grey by ITU-R 601.

    Raises `InputError`, with the path and the reason, for a file that is no image, cut short, or too large.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (60, 30), "red").save(f"{folder}/red.png")
    ...     read_image(f"{folder}/red.png", size=16, channels=3)[:, 0, 0].tolist()
    [1.0, 0.0, 0.0]
    """
    try:
        with quiet_pillow():
            return decode(Path(path), size, channels)
    except Undecodable as fault:
        raise InputError(f"{path}: {fault}: give an image that opens ({', '.join(FORMATS)}).") from fault


def looks_like_image(path: Path) -> bool:
    """Whether a file has an image's suffix or an image's first bytes."""
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            return FIRST_BYTES.match(file.read(64)) is not None
    except OSError:
        return False


def header(path: Path) -> Header:
    """Look at an image's header only. Raises `Undecodable`."""
    with _opened(path) as image:
        return Header(max(image.size), image.mode in GREY_MODES)


def decode(path: Path, size: int, channels: int | None = None) -> np.ndarray:
    """Read one file, as `read_image` says. Raises `Undecodable`; to be called within `quiet_pillow`."""
    with _opened(path) as image:
        shrink = 2 * size / max(image.size)  # a JPEG decodes faster at a quarter, say: twice the need is kept
        image.draft(None, (int(shrink * image.width) + 1, int(shrink * image.height) + 1))
        image.load()
        with suppress(Exception):  # damaged EXIF may raise anything, and then turns nothing
            ImageOps.exif_transpose(image, in_place=True)
        plain = _plain(image)
        if channels == 1 and plain.mode == "RGB":
            plain = plain.convert("L")
        pixels = fit_square(plain, size)
    return np.repeat(pixels, 3, axis=0) if channels == 3 and len(pixels) == 1 else pixels


def fit_square(image: Image.Image, side: int) -> np.ndarray:
    """Bring an image (mode L, RGB, or F in [0, 1]) to C x side x side, float32, aspect kept, in the middle.

    The rest is filled with the median colour of the image's border. On plain ground that continues the
    ground; black bars would draw edges that features see and sort by. An image that is a square of that
    side is not resampled. The filter is bilinear with antialiasing, which does not overshoot.

    >>> fit_square(Image.new("L", (20, 10), 255), 8).shape
    (1, 8, 8)
    """
    width, height = (max(1, round(side * length / max(image.size))) for length in image.size)
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
    raw = np.atleast_3d(np.asarray(image, np.float32)).transpose(2, 0, 1)  # C x height x width
    pixels: np.ndarray = np.clip(raw, 0, 1) if image.mode == "F" else raw / 255
    if width == height:
        return np.ascontiguousarray(pixels)
    border = np.concatenate([pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]], axis=1)
    square = np.empty((len(pixels), side, side), np.float32)
    square[:] = np.median(border, axis=1)[:, None, None]
    top, left = (side - height) // 2, (side - width) // 2
    square[:, top : top + height, left : left + width] = pixels
    return square


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


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Hold back Pillow's warnings on odd files: what matters is reported as a reason.

    Python's filters belong to the whole process, so this is entered once, around the threads and not in them.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\b")
        yield


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open a file if its header is within bounds; any fault, here or in the body, becomes `Undecodable`."""
    try:
        length = path.stat().st_size
        if length == 0:
            raise Undecodable("the file is empty (0 bytes)")
        if length > MOST_FILE_BYTES:
            raise Undecodable(f"the file has {length / 1e9:.1f} GB, more than {MOST_FILE_BYTES / 1e9:.0f}")
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                size = f"{image.width} x {image.height} pixels"
                raise Undecodable(f"{size}, more than {MOST_PIXELS // 10**6} million")
            yield image
    except Undecodable:
        raise
    except Exception as fault:  # a hostile file can make a decoder raise anything
        raise Undecodable(_reason(fault)) from fault


def _reason(fault: Exception) -> str:
    if isinstance(fault, UnidentifiedImageError):  # Pillow's own words repeat the path
        return "the content is not an image that can be decoded"
    if isinstance(fault, Image.DecompressionBombError):
        return f"more than {MOST_PIXELS // 10**6} million pixels"
    return words_of(fault)


def _plain(image: Image.Image) -> Image.Image:
    """Bring any mode to L (grey), RGB, or F (grey of more than 8 bits, in [0, 1])."""
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _deep_grey(np.asarray(image, np.float32) / 65535)
    if image.mode == "F":
        return _deep_grey(np.asarray(image))
    grey = image.mode in GREY_MODES or (image.mode in ("P", "PA") and _has_grey_palette(image))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L" if grey else "RGB")


def _deep_grey(pixels: np.ndarray) -> Image.Image:
    if not (pixels.min() >= 0 and pixels.max() <= 1):  # so written that NaN is refused too
        raise Undecodable("grey values beyond 16 bits, or floats beyond [0, 1]")
    return Image.fromarray(pixels)


def _has_grey_palette(image: Image.Image) -> bool:
    colours = np.reshape(image.getpalette("RGB") or [], (-1, 3))
    return bool((colours == colours[:, :1]).all())
