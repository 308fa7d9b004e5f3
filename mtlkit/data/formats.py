"""Which files are images, of what kind, and which kinds are read here.

The first bytes of a file decide, and its suffix only where they say nothing.
"""

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from PIL import features

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
OPTIONAL = {"WEBP": "webp", "AVIF": "avif", "JPEG2000": "jpg_2000"}  # Pillow can be built without
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


@cache
def formats() -> tuple[str, ...]:
    """Return the formats that are read here; AVIF, say, only where Pillow was built with it."""
    lacking = {name for name, feature in OPTIONAL.items() if not features.check(feature)}
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        lacking.add("HEIF")
    else:
        register_heif_opener()
    return tuple(name for name in FORMATS if name not in lacking)


def kind_of(path: Path) -> str | None:
    """Return an image file's kind as a suffix (`.jpg`), by its first bytes or else by its name.

    None: the file is no image.
    """
    suffix = path.suffix.lower()
    if suffix in RAW.split():
        return suffix
    try:
        with path.open("rb") as file:
            match = FIRST_BYTES.match(file.read(132))
    except OSError:
        match = None
    if match:
        return f".{match.lastgroup}"
    return suffix if suffix in SUFFIXES else None


def is_read(kind: str) -> bool:
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
    return f"{files} left out: {listed} ({how_to_read(kinds)})."


def how_to_read(kinds: Iterable[str]) -> str:
    """Say what makes files readable that are of kinds which are not read here."""
    remedies = []
    if ".heic" in kinds:
        remedies.append('for .heic install the extra heic, pip install "mtlkit[heic]"')
    if set(kinds) - {".heic"}:
        remedies.append("save as PNG or JPEG what is to be read")
    return "; ".join(remedies)
