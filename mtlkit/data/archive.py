"""An `.npz` of the user's own: nothing in it is unpickled, and sizes are checked before anything is
read.

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

from mtlkit.data.images import (
    ImageSet,
    Scale,
    Values,
    check_memory,
    choose_scale,
    row_names,
    to_unit,
)
from mtlkit.errors import InputError, as_input_error

CHANNELS = (1, 3, 4)
MOST_HEADER_BYTES = 64_000
REMEDY = (
    "save it with numpy.savez(path, images=..., labels=...), images as N x H x W, N x C "
    "x H x W or N x H x W x C"
)


class _Array(NamedTuple):
    shape: tuple[int, ...]
    dtype: np.dtype


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
    with as_input_error(
        f"{path}: cannot be read as .npz", REMEDY
    ):  # a damaged archive can raise anything
        arrays = headers(path)
        images_key = _images_key(path, arrays)
        labels_key = next(
            (key for key in ("labels", "y") if key in arrays and key != images_key), None
        )
        _check(path, arrays, images_key, labels_key)
        with np.load(path, allow_pickle=False) as archive:
            images = archive[f"{images_key}.npy"]  # the very entry whose header was judged
            classes, codes = _numbered(archive[f"{labels_key}.npy"]) if labels_key else ((), None)
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


def headers(path: Path) -> dict[str, _Array]:
    """Read shape and type of each array in the archive, and nothing else of it."""
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".npy"):
                with archive.open(name) as file:
                    shape, dtype = _header(file)
                arrays[name.removesuffix(".npy")] = _Array(shape, dtype)
    return arrays


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Read the header of an .npy, after a look at its length: numpy would read any, and then judge
    it.
    """
    old = npy.read_magic(file) == (1, 0)
    length = file.read(2 if old else 4)
    if int.from_bytes(length, "little") > MOST_HEADER_BYTES:
        raise ValueError(f"a header of more than {MOST_HEADER_BYTES // 1000} kB")
    header = io.BytesIO(length + file.read(int.from_bytes(length, "little")))
    shape, _, dtype = (npy.read_array_header_1_0 if old else npy.read_array_header_2_0)(header)
    return shape, dtype


def _images_key(path: Path, arrays: dict[str, _Array]) -> str:
    named = [key for key in ("images", "x") if key in arrays]
    shaped = [key for key, array in arrays.items() if len(array.shape) in (3, 4)]
    if named or len(shaped) == 1:
        return (named or shaped)[0]
    held = (
        ", ".join(f"{key} ({_shape(array)}, {array.dtype})" for key, array in arrays.items())
        or "no array"
    )
    raise InputError(f"{path}: which array holds the images is not clear, it has {held}: {REMEDY}.")


def _check(path: Path, arrays: dict[str, _Array], images_key: str, labels_key: str | None) -> None:
    """Refuse, from the headers alone, what cannot be a set of images."""
    for key in filter(None, (images_key, labels_key)):
        if arrays[key].dtype.hasobject:
            raise InputError(f"{path}: {key!r} is pickled, which is never opened: {REMEDY}.")
        check_memory(f"{path}: {key!r}", arrays[key].shape, max(arrays[key].dtype.itemsize, 4))
    images = arrays[images_key]
    shaped = len(images.shape) == 3 or (
        len(images.shape) == 4 and _channel_axis(images.shape) is not None
    )
    if not shaped or 0 in images.shape or images.dtype.kind not in "biuf":
        found = f"{_shape(images)} of {images.dtype}"
        raise InputError(f"{path}: {images_key!r} is {found}, which are no images: {REMEDY}.")
    labels = arrays[labels_key] if labels_key else None
    if labels and (math.prod(labels.shape) != images.shape[0] or labels.dtype.kind not in "biuUS"):
        raise InputError(
            f"{path}: {labels_key!r} is {_shape(labels)} of {labels.dtype} for "
            f"{images.shape[0]} images:"
            " give one integer or text an image, or leave the labels out."
        )


def _shape(array: _Array) -> str:
    return " x ".join(map(str, array.shape)) or "one value"


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
    """Bring N x C x H x W of any number type to float32 in [0, 1]; return the scale, and a note on
    it, too.
    """
    if images.dtype.kind in "ub" and images.dtype.itemsize == 1:
        return (
            np.divide(images, 255 if images.dtype.kind == "u" else 1, dtype=np.float32, order="C"),
            None,
            (),
        )
    bad = np.flatnonzero(~np.isfinite(images).all(axis=(1, 2, 3)))
    if len(bad):
        raise InputError(
            f"{path}: {len(bad)} of {len(images)} images hold NaN or infinity, the "
            f"first is row {bad[0]}:"
            " mend them or leave them out."
        )
    white = {"u2": 65535}.get(images.dtype.str[1:], 1 if images.dtype.kind == "f" else None)
    scale, notes = choose_scale(Values(float(images.min()), float(images.max()), white), scale)
    return to_unit(images, scale), scale, notes


def _numbered(labels: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Number labels from 0 in sorted order: (the classes' names, N integers)."""
    texts = np.char.decode(labels, "utf-8") if labels.dtype.kind == "S" else labels
    classes, codes = np.unique(texts.ravel(), return_inverse=True)
    return tuple(map(str, classes)), codes
