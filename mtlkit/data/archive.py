"""An `.npz` of the user's own: nothing in it is unpickled, and sizes are checked before reading.

The header of each array inside says its shape and type. What the headers promise is judged first;
then the images, and the labels where there are any, are read.
"""

import io
import math
import zipfile
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.lib import format as npy

from mtlkit.data.images import ImageSet, check_memory, row_names, shape_text
from mtlkit.data.scaling import Scale, Values, choose_scale, to_unit
from mtlkit.errors import InputError, as_input_error

CHANNELS = (1, 3, 4)
MOST_HEADER_BYTES = 64_000
REMEDY = (
    "save it with numpy.savez(path, images=..., labels=...), images as N x H x W, N x C "
    "x H x W or N x H x W x C"
)


class _Header(NamedTuple):
    shape: tuple[int, ...]
    dtype: np.dtype

    def text(self, between: str) -> str:
        return f"{shape_text(self.shape) or 'one value'}{between}{self.dtype}"


def load_npz(path: Path, scale: Scale | None = None) -> ImageSet:
    """Read images, and labels if there are any, from an `.npz`.

    Images stand under `images` or `x`, or are the only array of 3 or 4 dimensions: N x H x W, N x C
    x H x W or N x H x W x C with C 1, 3 or 4 (the first reading that fits; a fourth channel, alpha,
    is dropped). 8 bit unsigned integers are divided by 255, and booleans stay; of anything else
    `scale` becomes 0 and 1, and without one what `choose_scale` says, with a note. Labels (integers
    or texts) stand under `labels` or `y`; they are numbered from 0 in sorted order and kept for
    `open_labels()`, and only the names of the classes are shown.

    Raises `InputError` for a file that is damaged, pickled or too large, for other keys, shapes or
    types, for labels of another number, and for NaN or infinity.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     images = np.eye(8)[None] * [[[1]], [[0]]]
    ...     np.savez(f"{folder}/two.npz", images=images, labels=["line", "blank"])
    ...     two = load_npz(Path(folder, "two.npz"))
    >>> two, two.class_names, two.open_labels()
    (ImageSet('two', 2 x 1 x 8 x 8), ('blank', 'line'), array([1, 0]))
    """
    classes: tuple[str, ...] = ()
    codes = None
    with as_input_error(f"{path}: cannot be read as .npz", REMEDY):  # damage can raise anything
        headers = read_headers(path)
        images_key = _images_key(path, headers)
        _check_images(f"{path}: {images_key!r}", headers[images_key])
        labels_key = _labels_key(path, headers, images_key)
        with np.load(path, allow_pickle=False) as archive:
            images = archive[f"{images_key}.npy"]  # the very entry whose header was judged
            if labels_key:
                classes, codes = _numbered(archive[f"{labels_key}.npy"])
    pixels, scale, notes = _to_unit(path, channels_first(images), scale)
    return ImageSet(
        images=pixels,
        name=path.stem,
        paths=row_names(path.stem, range(len(pixels))),
        class_names=classes,
        notes=notes,
        scale=scale,
        labels=None if codes is None else partial(np.copy, codes),
    )


def read_headers(path: Path) -> dict[str, _Header]:
    """Read shape and type of each array in the archive, and nothing else of it."""
    headers = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".npy"):
                with archive.open(name) as file:
                    headers[name.removesuffix(".npy")] = _read_header(file)
    return headers


def _read_header(file: IO[bytes]) -> _Header:
    """Read the header of an .npy after a look at its length: numpy would read any length first."""
    old = npy.read_magic(file) == (1, 0)
    prefix = file.read(2 if old else 4)
    length = int.from_bytes(prefix, "little")
    if length > MOST_HEADER_BYTES:
        raise ValueError(f"a header of more than {MOST_HEADER_BYTES // 1000} kB")
    read = npy.read_array_header_1_0 if old else npy.read_array_header_2_0
    shape, _, dtype = read(io.BytesIO(prefix + file.read(length)))
    return _Header(shape, dtype)


def _images_key(path: Path, headers: dict[str, _Header]) -> str:
    named = [key for key in ("images", "x") if key in headers]
    shaped = [key for key, header in headers.items() if len(header.shape) in (3, 4)]
    if named or len(shaped) == 1:
        return (named or shaped)[0]
    held = ", ".join(f"{key} ({header.text(', ')})" for key, header in headers.items())
    raise InputError(
        f"{path}: which array holds the images is not clear, it has {held or 'no array'}: {REMEDY}."
    )


def _labels_key(path: Path, headers: dict[str, _Header], images_key: str) -> str | None:
    """Return the key of the labels, if there are any, after a look at their header."""
    for key in ("labels", "y"):
        if key in headers and key != images_key:
            what, labels = f"{path}: {key!r}", headers[key]
            count = headers[images_key].shape[0]
            _check_size(what, labels)
            if math.prod(labels.shape) != count or labels.dtype.kind not in "biuUS":
                raise InputError(
                    f"{what} is {labels.text(' of ')} for {count} images: give one integer or text "
                    "an image, or leave the labels out."
                )
            return key
    return None


def _check_images(what: str, header: _Header) -> None:
    _check_size(what, header)
    shape = header.shape
    shaped = len(shape) == 3
    if len(shape) == 4:
        shaped = _channel_axis(shape) is not None
    if not shaped or 0 in shape or header.dtype.kind not in "biuf":
        raise InputError(f"{what} is {header.text(' of ')}, which are no images: {REMEDY}.")


def _check_size(what: str, header: _Header) -> None:
    if header.dtype.hasobject:
        raise InputError(f"{what} is pickled, which is never opened: {REMEDY}.")
    check_memory(what, header.shape, max(header.dtype.itemsize, 4))


def _channel_axis(shape: tuple[int, ...]) -> int | None:
    return next((axis for axis in (1, 3) if shape[axis] in CHANNELS), None)


def channels_first(images: np.ndarray) -> np.ndarray:
    """Bring N x H x W, N x C x H x W or N x H x W x C to N x C x H x W, without alpha."""
    if images.ndim == 3:
        return images[:, None]
    images = np.moveaxis(images, _channel_axis(images.shape) or 1, 1)
    return images[:, :3] if images.shape[1] == 4 else images


def _to_unit(
    path: Path, images: np.ndarray, scale: Scale | None
) -> tuple[np.ndarray, Scale | None, tuple[str, ...]]:
    """Bring numbers of any type to float32 in [0, 1]; return the scale, and a note on it, too."""
    dtype = images.dtype
    if dtype in (np.uint8, np.bool_):
        most = 255 if dtype == np.uint8 else 1
        return np.divide(images, most, dtype=np.float32, order="C"), None, ()
    bad = np.flatnonzero(~np.isfinite(images).all(axis=(1, 2, 3)))
    if len(bad):
        raise InputError(
            f"{path}: {len(bad)} of {len(images)} images hold NaN or infinity, the first is row "
            f"{bad[0]}: mend them or leave them out."
        )
    white = 1 if dtype.kind == "f" else None
    if dtype.str.endswith("u2"):
        white = 65535
    values = Values(float(images.min()), float(images.max()), white)
    scale, notes = choose_scale(values, scale)
    return to_unit(images, scale), scale, notes


def _numbered(labels: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Number labels from 0 in sorted order: (the classes' names, N integers)."""
    texts = np.char.decode(labels, "utf-8") if labels.dtype.kind == "S" else labels
    classes, codes = np.unique(texts.ravel(), return_inverse=True)
    return tuple(map(str, classes)), codes
