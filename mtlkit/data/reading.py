"""One image file in, one array out, whatever the file holds.

Files come from anywhere, so bounds stand before work: only well-known raster formats are opened (by
content, not by suffix), a header that promises too many pixels is refused before decoding, large
pictures are decoded one at a time, and anything that Pillow raises becomes a reason in words. A
folder and a single file for prediction go through the same `decode`.
"""

import math
import os
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from threading import Condition, RLock
from typing import Any, NamedTuple, TypeVar

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError, features

from mtlkit.data.images import Scale, Values, choose_scale, to_unit
from mtlkit.errors import InputError, words_of
from mtlkit.inputs import fit_square

FORMATS = {  # Pillow's names, with the suffixes; never EPS, PSD, ...: too much foreign code
    "PNG": ".png .apng",
    "JPEG": ".jpg .jpeg .jpe .jfif",
    "BMP": ".bmp .dib",
    "GIF": ".gif",
    "TIFF": ".tif .tiff",
    "WEBP": ".webp",
    "PPM": ".ppm .pgm .pbm .pnm",
    "AVIF": ".avif .avifs",
    "JPEG2000": ".jp2 .j2k .j2c .jpc .jpf .jpx",
    "HEIF": ".heic .heif .hif",
    "TGA": ".tga",
}
FEATURES = {
    "WEBP": "webp",
    "AVIF": "avif",
    "JPEG2000": "jpg_2000",
}  # what Pillow can be built without
# By their content a TIFF, of which a thumbnail would be read.
RAW = ".3fr .arw .cr2 .cr3 .dng .nef .nrw .orf .pef .raf .raw .rw2 .srw"
OTHERS = (
    ".dcm .dds .eps .exr .fits .hdr .icns .ico .jxl .jxr .pcx .pfm .psb .psd .qoi .svg .wmf .xcf"
)
SUFFIXES = set(" ".join((OTHERS, *FORMATS.values())).split())
FIRST_BYTES = re.compile(
    rb"(?P<png>\x89PNG\r\n)|(?P<jpg>\xff\xd8\xff)|(?P<gif>GIF8[79]a)|(?P<bmp>BM.{4}\0{4})"
    rb"|(?P<tif>II[*+]\0|MM\0[*+])|(?P<webp>RIFF.{4}WEBP)|(?P<ppm>P[1-6]\s+[\d#])"
    rb"|(?P<avif>.{4}ftyp(?=.{0,40}avi[fs]))|(?P<heic>.{4}ftyp(?=.{0,40}(he[iv][cmsx]|mif1|msf1)))"
    rb"|(?P<jp2>\0{3}\x0cjP  |\xff\x4f\xff\x51)|(?P<jxl>\0{3}\x0cJXL |\xff\x0a)|(?P<psd>8BPS)"
    rb"|(?P<exr>v/1\x01)|(?P<fits>SIMPLE  =)|(?P<dcm>.{128}DICM)",
    re.DOTALL,
)
MOST_PIXELS = 50_000_000  # 200 MB of colour, decoded
MOST_FILE_BYTES = 1_000_000_000
AT_ONCE = (
    8_000_000  # pixels that are decoded at a time; a larger picture goes alone, and block by block
)
GREY_MODES = {"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"}


Result = TypeVar("Result")


class Undecodable(Exception):
    """Why a file gives no image, in a phrase."""


class Header(NamedTuple):
    """What a file holds, from its first bytes; of more than 8 bits a channel, the values, too."""

    longer_side: int
    grey: bool  # a palette counts as colour: whether it is grey is known after decoding
    values: Values | None = None
    several: bool = False  # frames or pages


def read_image(
    path: str | Path,
    size: int,
    channels: int | None = None,
    *,
    scale: Scale | None = None,
    max_pixels: int | None = None,
) -> np.ndarray:
    """Read one image file as C x size x size, float32 in [0, 1], as `load` reads a folder's.

    The image is turned as its EXIF says, its longer side is brought to `size` with the aspect kept,
    and the rest is filled as `fit_square` says. Transparent pixels are laid on white, as on a page.
    Of an animation or a stack of pages the first is taken. `channels` is 1 or 3; None keeps the
    file's own, colour made grey by ITU-R 601. Of values of more than 8 bits, `scale` becomes 0 and
    1; None: as `choose_scale` has it for this file alone. `max_pixels` is what may be decoded, 50
    million by default.

    Raises `InputError`, with the path and the reason, for a file that is no image, cut short, or
    too large.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (60, 30), "red").save(f"{folder}/red.png")
    ...     read_image(f"{folder}/red.png", size=16, channels=3)[:, 0, 0].tolist()
    [1.0, 0.0, 0.0]
    """
    path, most = Path(path), max_pixels or MOST_PIXELS
    try:
        with quiet_pillow():
            return decode_alone(path, size, channels, scale, most)[0]
    except Undecodable as fault:
        raise InputError(
            f"{path}: {fault}: give an image that opens ({', '.join(formats())})."
        ) from fault


@cache
def formats() -> tuple[str, ...]:
    """Return the formats that are read here: AVIF, say, where Pillow was built with it, HEIF with
    pillow-heif.
    """
    lacking = {name for name, feature in FEATURES.items() if not features.check(feature)}
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        lacking.add("HEIF")
    else:
        register_heif_opener()
    return tuple(name for name in FORMATS if name not in lacking)


def kind_of(path: Path) -> str | None:
    """Return an image file's kind as a suffix (`.jpg`), by its first bytes or else its name; None
    for no image.
    """
    suffix = path.suffix.lower()
    if suffix in RAW.split():
        return suffix
    try:
        with path.open("rb") as file:
            found = FIRST_BYTES.match(file.read(132))
    except OSError:
        found = None
    if found:
        return f".{found.lastgroup}"
    return suffix if suffix in SUFFIXES else None


def looks_like_image(path: Path) -> bool:
    """Whether a file has an image's suffix or an image's first bytes."""
    return kind_of(path) is not None


def is_read(kind: str | None) -> bool:
    """Whether files of a kind (see `kind_of`) are read here."""
    return any(kind in FORMATS[name].split() for name in formats())


def left_out(kinds: Counter[str]) -> str:
    """Say which kinds of images are not read, and what to do about it.

    >>> left_out(Counter({".psd": 3, ".svg": 1}))
    '4 files were left out: 3 .psd, 1 .svg (save as PNG or JPEG what is to be read).'
    """
    count = kinds.total()
    listed = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
    files = "1 file was" if count == 1 else f"{count:,} files were"
    return f"{files} left out: {listed} ({_remedy(kinds)})."


def _remedy(kinds: Iterable[str]) -> str:
    remedies = ["save as PNG or JPEG what is to be read"] if set(kinds) - {".heic"} else []
    if ".heic" in kinds:
        remedies.insert(0, 'for .heic install the extra heic, pip install "mtlkit[heic]"')
    return "; ".join(remedies)


def header(path: Path, most: int = MOST_PIXELS) -> Header:
    """Look at an image's header, and only for more than 8 bits a channel at the pixels. Raises
    `Undecodable`.
    """
    with _opened(path) as image:
        found = Header(max(image.size), image.mode in GREY_MODES, None, _has_several(image))
        white = _deep_white(image)
        held = _to_hold(image, 1, most)
        return (
            found._replace(values=AT_WORK.run(held, partial(_values, image, white)))
            if white
            else found
        )


def decode(
    path: Path,
    size: int,
    channels: int | None = None,
    scale: Scale | None = None,
    most: int = MOST_PIXELS,
) -> np.ndarray:
    """Read one file, as `read_image` says. Raises `Undecodable`; to be called within
    `quiet_pillow`.

    `scale` is for values of more than 8 bits, and None takes the format at its word.
    """
    with _opened(path) as image:
        white = _deep_white(image)
        scale = scale or (0, white or 1)
        plain = AT_WORK.run(_to_hold(image, size, most), partial(_upright, image, scale))
        if channels == 1 and plain.mode == "RGB":
            plain = plain.convert("L")
        pixels = fit_square(plain, size)
    if not np.isfinite(pixels).all():
        raise Undecodable("it holds NaN or infinity")
    if white and plain.mode != "F" and scale != (0, white):  # colour, which has come as 8 bits
        pixels = to_unit(pixels * np.float32(white), scale)
    return np.repeat(pixels, 3, axis=0) if channels == 3 and len(pixels) == 1 else pixels


def decode_alone(
    path: Path,
    size: int,
    channels: int | None = None,
    scale: Scale | None = None,
    most: int = MOST_PIXELS,
) -> tuple[np.ndarray, Header]:
    """Read one file that is not of a set, as `decode`: without a `scale`, its own values are looked
    at.
    """
    found = header(path, most)
    if found.values:
        scale, _ = choose_scale(found.values, scale)
    return decode(path, size, channels, scale, most), found


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Hold back Pillow's warnings on odd files and its own bound: ours stands before, and a reason
    is reported.

    Both belong to the whole process, so this is entered once, around the threads and not in them,
    by one at a time.
    """
    with ALONE, warnings.catch_warnings(), ThreadPoolExecutor(1) as AT_WORK.large:
        warnings.filterwarnings("ignore", module=r"PIL\b")
        bound, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = bound


class _Share:
    """Lets threads decode side by side while they hold no more than `most` pixels; a larger picture
    goes alone.
    """

    large: ThreadPoolExecutor

    def __init__(self, most: int) -> None:
        self.most, self.held, self.changed = most, 0, Condition()

    def run(self, pixels: int, work: Callable[[], Result]) -> Result:
        """Return what `work` returns, which must let go of the pixels; large ones share a thread.

        What a thread has freed often stays with it: with many threads that would be as many large
        pictures.
        """
        with self.changed:
            self.changed.wait_for(lambda: not self.held or self.held + pixels <= self.most)
            self.held += pixels
        try:
            if pixels <= self.most:
                return work()
            return self.large.submit(work).result()
        finally:
            with self.changed:
                self.held -= pixels
                self.changed.notify_all()


ALONE, AT_WORK = RLock(), _Share(AT_ONCE)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open a file of a format that is read; any fault here or in the body is `Undecodable`."""
    try:
        length = path.stat().st_size
        if length == 0:
            raise Undecodable("the file is empty (0 bytes)")
        if length > MOST_FILE_BYTES:
            raise Undecodable(
                f"the file has {length / 1e9:.1f} GB, more than {MOST_FILE_BYTES / 1e9:.0f}"
            )
        tga = path.suffix.lower() == ".tga"  # nothing in such a file tells what it is
        with Image.open(
            path, formats=[name for name in formats() if tga or name != "TGA"]
        ) as image:
            yield image
    except Undecodable:
        raise
    except UnidentifiedImageError as fault:  # Pillow's own words repeat the path
        reason, kind = "the content is not an image that can be decoded", kind_of(path)
        if kind and not is_read(kind):
            reason += f", it is {kind} ({_remedy([kind])})"
        if kind == ".tif":
            reason += " (save a TIFF as grey of 8, 16 or 32 bits, or as colour of 8 or 16)"
        raise Undecodable(reason) from fault
    except Exception as fault:  # a hostile file can make a decoder raise anything
        raise Undecodable(words_of(fault)) from fault


def _to_hold(image: Any, size: int, most: int) -> int:
    """Prepare for decoding to `size`; return how many pixels that will hold. Raises `Undecodable`
    above `most`.

    A JPEG decodes faster, and in less memory, at an eighth, say: twice the need is kept. Where its
    picture is spread over several scans, all of it is held at once.
    """
    full, (width, height) = _pixels(image), image.size
    scans = image.format == "MPO" or bool(image.info.get("progressive"))
    if image.format == "JPEG" and not scans:
        length = (
            6 + 2 * image.layers
        )  # of the header of a scan with all colours, behind which Pillow stands
        image.fp.seek(-length - 2, os.SEEK_CUR)
        scans = image.fp.read(5) != bytes([0xFF, 0xDA, 0, length, image.layers])
    shrink = 2 * size / max(image.size)
    image.draft(None, (int(shrink * width) + 1, int(shrink * height) + 1))
    held = full if scans else max(_pixels(image), full // 16)
    if held > most:
        bound = f"more than {most / 1e6:g} million, which --max-pixels raises"
        raise Undecodable(f"{width} x {height} pixels are {bound}")
    return held


def _pixels(image: Image.Image) -> int:
    return image.width * image.height


def _has_several(image: Image.Image) -> bool:
    """Whether there are more frames or pages (a phone's second picture in a JPEG is none)."""
    return image.format != "MPO" and bool(getattr(image, "is_animated", False))


def _deep_white(image: Image.Image) -> float | None:
    """Return what stands for white in a file of more than 8 bits a channel; None for any other."""
    if image.mode == "F":
        return 1
    if image.mode.startswith("RGB"):
        return (
            65535
            if image.format in ("PNG", "TIFF") and ";16" in str(getattr(image, "tile", ())[:1])
            else None
        )
    return 65535 if image.mode.startswith("I") else None


def _upright(image: Image.Image, scale: Scale) -> Image.Image:
    """Decode a picture, make it plain, turn it as its EXIF says, and let go of what was decoded."""
    image.load()
    plain = _shrunk(image, scale) if _pixels(image) > AT_ONCE else _plain(image, scale)
    with suppress(Exception):  # damaged EXIF may raise anything, and then turns nothing
        plain.getexif()[ExifTags.Base.Orientation] = image.getexif()[ExifTags.Base.Orientation]
        ImageOps.exif_transpose(plain, in_place=True)
    image.close()
    return plain


def _values(image: Image.Image, white: float) -> Values:
    """Decode a picture, look for its least and greatest value, and let go of it."""
    image.load()
    blocks = (
        np.atleast_3d(np.asarray(block))[..., :3] for _, block in _blocks(image, 1024)
    )  # without alpha
    ends = np.array([(block.min(), block.max()) for block in blocks], float)
    if image.mode.startswith("RGB"):
        ends *= 257  # Pillow keeps the upper 8 of 16 bits
    image.close()
    low, high = float(ends.min()), float(ends.max())
    if not np.isfinite(high - low):
        raise Undecodable("it holds NaN or infinity")
    return Values(low, high, white)


def _blocks(image: Image.Image, step: int) -> Iterator[tuple[tuple[int, int], Image.Image]]:
    """Cut a picture into squares of `step` pixels (the last ones smaller): yield left and top, and
    the square.
    """
    for top in range(0, image.height, step):
        for left in range(0, image.width, step):
            box = (left, top, min(left + step, image.width), min(top + step, image.height))
            yield (left, top), image.crop(box)


def _shrunk(image: Image.Image, scale: Scale) -> Image.Image:
    """Make a picture plain and a few times smaller, to `AT_ONCE` pixels or less, with no second one
    of its size.
    """
    times = math.ceil(math.sqrt(_pixels(image) / AT_ONCE))
    size = (-(-image.width // times), -(-image.height // times))
    small = Image.new(_plain(image.crop((0, 0, 1, 1)), scale).mode, size)
    for (left, top), block in _blocks(image, 256 * times):
        small.paste(_plain(block, scale).reduce(times), (left // times, top // times))
    return small


def _plain(image: Image.Image, scale: Scale) -> Image.Image:
    """Bring any mode to L (grey), RGB, or F (grey of more than 8 bits, in [0, 1])."""
    if image.mode == "F" or image.mode.startswith("I"):
        return Image.fromarray(to_unit(np.asarray(image), scale))
    grey = image.mode in GREY_MODES or (image.mode in ("P", "PA") and _has_grey_palette(image))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L" if grey else "RGB")


def _has_grey_palette(image: Image.Image) -> bool:
    colours = np.reshape(image.getpalette("RGB") or [], (-1, 3))
    return bool((colours == colours[:, :1]).all())
