"""Every set of images by its name, and the one function that loads any source.

An embedded or generated set is one entry: a name and a function of the data root that returns an
`ImageSet`. The sets that are fetched stand in `sets.py`.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from numbers import Integral
from pathlib import Path

import numpy as np

from mtlkit.data.archive import load_npz
from mtlkit.data.folder import Progress, load_folder
from mtlkit.data.images import ImageSet, Scale, check_memory, row_names
from mtlkit.data.reading import MOST_PIXELS, looks_like_image
from mtlkit.data.root import DataRoot
from mtlkit.data.sets import SETS, find
from mtlkit.errors import InputError, nearest
from mtlkit.inputs import SIZES, fit_squares


def _digits(data_root: DataRoot, *, classes: int = 10) -> ImageSet:
    """Handwritten digits, embedded in scikit-learn (Alpaydin and Kaynak, UCI 1998); need no data
    root.
    """
    from sklearn.datasets import load_digits  # here: it takes a second

    digits = load_digits()
    rows = np.flatnonzero(
        digits.target < classes
    )  # which digits a set has defines it; no label is kept
    images = (digits.images[rows] / 16).astype(np.float32)[
        :, None
    ]  # N x 1 x 8 x 8, ink from 0 to 16
    return ImageSet(
        images=images,
        name="digits" if classes == 10 else "digits:small",
        paths=row_names("digits", rows),
        n_clusters=classes,
        class_names=tuple(map(str, range(classes))),
        labels=partial(_digit_labels, rows),
    )


def _digit_labels(rows: np.ndarray) -> np.ndarray:
    from sklearn.datasets import load_digits

    return load_digits().target[rows]


CATALOGUE: dict[str, Callable[[DataRoot], ImageSet]] = {
    "digits": _digits,
    "digits:small": partial(_digits, classes=3),
}


def catalogue_names() -> tuple[str, ...]:
    """Return the names that `load` knows, those of sets that are not there yet, too; medmnist's
    have a prefix, see `find`.

    >>> catalogue_names()[:4]
    ('digits', 'digits:small', 'mnist:train', 'mnist:test')
    """
    return (*CATALOGUE, *(f"{name}:{part}" for name, known in SETS.items() for part in known.parts))


def load(
    source: str | Path,
    *,
    size: int | None = None,
    labels: str | None = None,
    training: bool = True,
    data_root: DataRoot = None,
    progress: Progress | None = None,
    scale: Scale | None = None,
    max_pixels: int | None = None,
) -> ImageSet:
    """Load images: a catalogue name, a folder (see `load_folder`) or an `.npz` (see `load_npz`).

    A catalogue name comes first: write `./digits` for a folder of that name; a `Path` is always a
    path. `size` (8 to 512) brings every image to size x size, its aspect kept. `labels="folders"`
    takes the names of a folder's subfolders for labels; sets by name and `.npz` files have their
    own. `training=False` leaves out what only training needs: two images or more that differ, and
    no more than 3, or 5 %, of the files that fail to decode. `data_root` is where fetched sets lie
    (see `data_root`); the embedded ones need none. A fetched set's name alone is its train part.
    `progress(done, total)` is called after each file of a folder. `scale` says which
    values of more than 8 bits become 0 and 1 (None: see `choose_scale`): a set keeps its own, for
    images that come later. A file of more pixels than `max_pixels` (default 50 million) is skipped;
    a JPEG is decoded in fewer than it has.

    Raises `InputError` for an unknown name, a set that was not fetched yet or is damaged, a path
    that is not there or holds no images, and for training what nothing can be learnt from.

    >>> digits = load("digits:small")
    >>> digits, digits.n_clusters, digits.class_names
    (ImageSet('digits:small', 537 x 1 x 8 x 8), 3, ('0', '1', '2'))
    >>> load("digit")
    Traceback (most recent call last):
    mtlkit.errors.InputError: 'digit' is not a known set. Did you mean 'digits'? Known are digits, \
digits:small, mnist, fashion-mnist, cifar10, gtsrb (also with :test), medmnist:NAME; a folder or \
an .npz is given by its path.
    """
    if not isinstance(source, str | os.PathLike):
        raise InputError(
            "source must be a catalogue name or a path, not "
            f"{type(source).__name__}: try load('digits')."
        )
    if size is not None and not (isinstance(size, Integral) and SIZES[0] <= size <= SIZES[1]):
        raise InputError(
            f"size must be a whole number from {SIZES[0]} to {SIZES[1]}, not {size!r}: try 32."
        )
    if max_pixels is not None and not (isinstance(max_pixels, Integral) and max_pixels >= 1):
        raise InputError(
            f"max_pixels must be a whole number above 0, not {max_pixels!r}: try {MOST_PIXELS}."
        )
    if labels not in (None, "folders"):
        wanted = "'folders' (a folder's subfolders are the classes), or be left out"
        raise InputError(f"labels must be {wanted}, not {labels!r}.")
    if isinstance(source, str) and source in CATALOGUE:
        images = CATALOGUE[source](data_root)
    elif isinstance(source, str) and (found := find(source)):
        images = found[0].load(found[1], data_root, size, progress)
    else:
        images = _load_path(
            os.fspath(source), size, progress, labels, scale, max_pixels or MOST_PIXELS
        )
    if size is not None and images.images.shape[2:] != (size, size):
        images = _resized(images, size)
    if training:
        _refuse_untrainable(source, images)
    return images


def is_name(source: str) -> bool:
    """Whether a source is a name of the catalogue, which goes before a path.

    Raises `InputError` as `find`.

    >>> is_name("digits"), is_name("./digits")
    (True, False)
    """
    return source in CATALOGUE or find(source) is not None


def _refuse_untrainable(source: str | Path, images: ImageSet) -> None:
    """Refuse what nothing can be learnt from, and a set of which too much is missing."""
    failed, total = len(images.skipped), len(images.skipped) + len(images)
    if failed > 3 and failed > 0.05 * total:
        some = "; ".join(f"{item.path}: {item.reason}" for item in images.skipped[:3])
        raise InputError(
            f"{source}: {failed} of {total} image files cannot be decoded ({some}):"
            " at most 3, or 5 %, are skipped, so repair or remove them."
        )
    first, *others = images.images
    if not others:
        skipped = f" ({failed} more could not be decoded)" if failed else ""
        raise InputError(
            f"{source}: only one image{skipped}, and at least 2 are needed: add images."
        )
    if all(np.array_equal(first, other) for other in others):
        raise InputError(
            f"{source}: all {len(images)} images are equal, nothing to tell apart: add others."
        )


def _load_path(
    source: str,
    size: int | None,
    progress: Progress | None,
    labels: str | None,
    scale: Scale | None,
    most: int,
) -> ImageSet:
    path = Path(os.path.expanduser(source))
    if not source.strip() or not os.path.exists(path):
        raise InputError(_not_there(source))
    if path.is_dir():
        return load_folder(path, size, progress, labels, scale, most)
    if path.suffix.lower() == ".npz" and path.is_file():
        return load_npz(path, scale)
    what = (
        "one image" if path.is_file() and looks_like_image(path) else "neither a folder nor an .npz"
    )
    raise InputError(
        f"{source}: this is {what}: a set is a folder of images or an .npz, so give one."
    )


def _not_there(source: str) -> str:
    hint = nearest(source, (*CATALOGUE, *SETS, *catalogue_names()))
    if source.startswith((".", "~")) or os.sep in source or "/" in source or Path(source).suffix:
        return (
            f"{source}: there is no such path.{hint} Give a folder of images or an .npz "
            "that is there."
        )
    known = f"{', '.join((*CATALOGUE, *SETS))} (also with :test), medmnist:NAME"
    return (
        f"{source!r} is not a known set.{hint} Known are {known}; a folder or an .npz is "
        "given by its path."
    )


def _resized(images: ImageSet, size: int) -> ImageSet:
    """Bring N x C x H x W to N x C x size x size, as a folder's images are."""
    count, channels, height, width = images.images.shape
    check_memory(images.name, (count, channels, size, size))
    note = (
        f"Images were brought from {height} x {width} to {size} x {size} pixels, the aspect kept."
    )
    return replace(images, images=fit_squares(images.images, size), notes=(*images.notes, note))
