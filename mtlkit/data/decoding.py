"""One image file decoded by Pillow, within bounds: any file from anywhere may be tried.

Only well-known raster formats are opened (by content, not by suffix), a header that promises too
many pixels is refused before decoding, large pictures are decoded one at a time, and anything that
Pillow raises becomes a reason in words.
"""

import math
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Condition, RLock
from typing import Any, TypeVar

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from mtlkit.data.formats import formats, how_to_read, is_read, kind_of
from mtlkit.data.scaling import Scale, Values, to_unit
from mtlkit.errors import words_of

MOST_PIXELS = 50_000_000  # 200 MB of colour, decoded
MOST_FILE_BYTES = 1_000_000_000
AT_ONCE = 8_000_000  # pixels decoded at a time; a larger picture goes alone, and block by block

Result = TypeVar("Result")


class Undecodable(Exception):
    """Why a file gives no image, in a phrase."""


class _PixelBudget:
    """Lets threads decode side by side while they hold `AT_ONCE` pixels at most, or one picture."""

    large: ThreadPoolExecutor  # `quiet_pillow` opens and closes it

    def __init__(self) -> None:
        self.held = 0
        self.changed = Condition()

    def run(self, pixels: int, work: Callable[..., Result], *given: Any) -> Result:
        """Return what `work` returns, which must let go of the pixels; large ones share a thread.

        What a thread has freed often stays with it: with many threads that would be as many large
        pictures.
        """
        with self.changed:
            self.changed.wait_for(lambda: not self.held or self.held + pixels <= AT_ONCE)
            self.held += pixels
        try:
            if pixels <= AT_ONCE:
                return work(*given)
            return self.large.submit(work, *given).result()
        finally:
            with self.changed:
                self.held -= pixels
                self.changed.notify_all()


BUDGET = _PixelBudget()
_ALONE = RLock()


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Hold back Pillow's warnings on odd files and its own bound: ours is checked before.

    Both belong to the whole process, so this is entered once, around the threads and not in them,
    by one caller at a time.
    """
    with _ALONE, warnings.catch_warnings(), ThreadPoolExecutor(1) as BUDGET.large:
        warnings.filterwarnings("ignore", module=r"PIL\b")
        bound, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = bound


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Open a file of a format that is read; any fault here or in the body is `Undecodable`."""
    try:
        length = path.stat().st_size
        if length == 0:
            raise Undecodable("the file is empty (0 bytes)")
        if length > MOST_FILE_BYTES:
            raise Undecodable(
                f"the file has {length / 1e9:.1f} GB, more than {MOST_FILE_BYTES / 1e9:.0f}"
            )
        by_suffix = path.suffix.lower() == ".tga"  # nothing in such a file tells what it is
        tried = [name for name in formats() if by_suffix or name != "TGA"]
        with Image.open(path, formats=tried) as image:
            yield image
    except Undecodable:
        raise
    except UnidentifiedImageError as fault:  # Pillow's own words repeat the path
        reason, kind = "the content is not an image that can be decoded", kind_of(path)
        if kind and not is_read(kind):
            reason += f", it is {kind} ({how_to_read([kind])})"
        if kind == ".tif":
            reason += " (save a TIFF as grey of 8, 16 or 32 bits, or as colour of 8 or 16)"
        raise Undecodable(reason) from fault
    except Exception as fault:  # a hostile file can make a decoder raise anything
        raise Undecodable(words_of(fault)) from fault


def pixels_to_hold(image: Any, size: int, max_pixels: int | None) -> int:
    """Prepare for decoding to `size`; return how many pixels that will hold.

    A JPEG decodes faster, and in less memory, at an eighth, say: twice the need is kept. Where its
    picture is spread over several scans, all of it is held at once. Raises `Undecodable` above
    `max_pixels` (default 50 million).
    """
    width, height = image.size
    held = width * height
    most = max_pixels or MOST_PIXELS
    several_scans = image.format == "MPO" or "progressive" in image.info
    if image.format == "JPEG" and not several_scans:
        # Pillow stands behind the header of the first scan: does that have all colours?
        length = 6 + 2 * image.layers
        image.fp.seek(-length - 2, os.SEEK_CUR)
        several_scans = image.fp.read(5) != bytes([0xFF, 0xDA, 0, length, image.layers])
    shrink = 2 * size / max(image.size)
    image.draft(None, (int(shrink * width) + 1, int(shrink * height) + 1))
    if not several_scans:
        held = max(image.width * image.height, held // 16)
    if held > most:
        raise Undecodable(
            f"{width} x {height} pixels are more than {most / 1e6:g} million, which --max-pixels "
            "raises"
        )
    return held


def is_grey(image: Image.Image) -> bool:
    """Whether its mode is grey; a palette counts as colour, whatever its colours are."""
    return Image.getmodebase(image.mode) == "L"


def has_several(image: Image.Image) -> bool:
    """Whether there are more frames or pages (a phone's second picture in a JPEG is none)."""
    return image.format != "MPO" and bool(getattr(image, "is_animated", False))


def deep_white(image: Any) -> float | None:
    """Return what stands for white in a file of more than 8 bits a channel; None for any other."""
    if image.mode == "F":
        return 1
    if image.mode.startswith("RGB"):
        deep = image.format in ("PNG", "TIFF") and ";16" in str(image.tile[:1])
        return 65535 if deep else None
    return 65535 if image.mode.startswith("I") else None


def values_of(image: Image.Image, white: float) -> Values:
    """Decode a picture, look for its least and greatest value, and let go of it."""
    image.load()
    arrays = (np.atleast_3d(np.asarray(block)) for _, block in _blocks(image, 1024))
    blocks = (array[..., :3] for array in arrays)  # without alpha
    ends = np.array([(block.min(), block.max()) for block in blocks], float)
    if image.mode.startswith("RGB"):
        ends *= 257  # Pillow keeps the upper 8 of 16 bits
    image.close()
    low, high = float(ends.min()), float(ends.max())
    if not np.isfinite(high - low):
        raise Undecodable("it holds NaN or infinity")
    return Values(low, high, white)


def upright(image: Image.Image, scale: Scale) -> Image.Image:
    """Decode a picture to mode L, RGB or F, turn it as its EXIF says, and let go of the file."""
    image.load()
    convert = _reduced if image.width * image.height > AT_ONCE else _converted
    picture = convert(image, scale)
    with suppress(Exception):  # damaged EXIF may raise anything, and then turns nothing
        picture.getexif()[ExifTags.Base.Orientation] = image.getexif()[ExifTags.Base.Orientation]
        ImageOps.exif_transpose(picture, in_place=True)
    image.close()
    return picture


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Return the width and height of a picture, turned as its EXIF says; nothing is decoded."""
    width, height = image.size
    if image.format == "PNG" and "exif" not in image.info:
        return width, height  # to look further, Pillow would decode all of it
    with suppress(Exception):  # as in `upright`
        if image.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8):  # on its side
            return height, width
    return width, height


def _blocks(image: Image.Image, step: int) -> Iterator[tuple[tuple[int, int], Image.Image]]:
    """Cut a picture into squares (the last ones smaller): yield left and top, and the square."""
    for top in range(0, image.height, step):
        for left in range(0, image.width, step):
            right = min(left + step, image.width)
            bottom = min(top + step, image.height)
            yield (left, top), image.crop((left, top, right, bottom))


def _reduced(image: Image.Image, scale: Scale) -> Image.Image:
    """Convert a picture and make it a few times smaller, to `AT_ONCE` pixels or less.

    That is done block by block: no second picture of its size is made.
    """
    times = math.ceil(math.sqrt(image.width * image.height / AT_ONCE))
    size = (-(-image.width // times), -(-image.height // times))
    corner = _converted(image.crop((0, 0, 1, 1)), scale)
    small = Image.new(corner.mode, size)
    for (left, top), block in _blocks(image, 256 * times):
        reduced = _converted(block, scale).reduce(times)
        small.paste(reduced, (left // times, top // times))
    return small


def _converted(image: Image.Image, scale: Scale) -> Image.Image:
    """Bring any mode to L (grey), RGB, or F (grey of more than 8 bits, in [0, 1])."""
    if image.mode == "F" or image.mode.startswith("I"):
        return Image.fromarray(to_unit(np.asarray(image), scale))
    grey = is_grey(image) or (image.mode in ("P", "PA") and _has_grey_palette(image))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L" if grey else "RGB")


def _has_grey_palette(image: Image.Image) -> bool:
    colours = np.reshape(image.getpalette("RGB") or [], (-1, 3))
    return bool((colours == colours[:, :1]).all())
