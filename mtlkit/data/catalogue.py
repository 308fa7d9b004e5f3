"""Every set of images by its name, and the one function that loads any source.

An embedded or generated set is one entry here: a name and a function that returns an `ImageSet`.
The sets that are fetched stand in `sets.py`; `PASTED` is made of a generated and a fetched one.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from numbers import Integral
from pathlib import Path

import numpy as np

from mtlkit.data.archive import load_npz
from mtlkit.data.decoding import MOST_PIXELS
from mtlkit.data.folder import load_folder
from mtlkit.data.formats import kind_of
from mtlkit.data.images import ImageSet, check_memory
from mtlkit.data.readers import load_digits, load_slide
from mtlkit.data.reading import Progress
from mtlkit.data.road_signs import load_pasted
from mtlkit.data.roads import SCENES, load_roads
from mtlkit.data.root import DataRoot
from mtlkit.data.scaling import Scale
from mtlkit.data.sets import SETS, find
from mtlkit.data.smears import TEST, TRAIN, load_smear_crops, load_smears
from mtlkit.errors import InputError, nearest
from mtlkit.inputs import SIZES, check_whole, fit_squares

CATALOGUE: dict[str, Callable[[], ImageSet]] = {
    "digits": load_digits,
    "digits:small": partial(load_digits, 3),
    "slide": load_slide,
    "smears": load_smears,
    "smears:crops": partial(load_smear_crops, "smears:crops", TRAIN),
    "smears:crops:test": partial(load_smear_crops, "smears:crops:test", TEST),
    **{name: partial(load_roads, name, *which) for name, which in SCENES.items()},
}
PASTED = {"roads:gtsrb": ("roads", 0), "roads:gtsrb:test": ("roads:test", 1)}


def catalogue_names() -> tuple[str, ...]:
    """Return the names that `load` takes, also of sets that were not fetched yet.

    Those of medmnist have a prefix, see `find`.

    >>> catalogue_names()[:4]
    ('digits', 'digits:small', 'slide', 'smears')
    """
    fetched = [
        f"{name}{view}:{part}"
        for name, fetched in SETS.items()
        for view in ("", *(f":{view}" for view in fetched.views))
        for part in fetched.parts
    ]
    return (*CATALOGUE, *PASTED, *fetched)


def load(
    source: str | Path,
    *,
    size: int | None = None,
    labels: str | None = None,
    data_root: DataRoot = None,
    progress: Progress | None = None,
    scale: Scale | None = None,
    max_pixels: int | None = None,
) -> ImageSet:
    """Load images: a catalogue name, a folder (see `load_folder`) or an `.npz` (see `load_npz`).

    A catalogue name comes first: write `./digits` for a folder of that name; a `Path` is always a
    path. `size` (8 to 512) brings every image to size x size, its aspect kept. `labels="folders"`
    takes the names of a folder's subfolders for labels; sets by name and `.npz` files have their
    own. `data_root` is where fetched sets lie (see `data_root`); the embedded ones need none. A
    fetched set's name alone is its train part. `progress(done, total)` is called after each file of
    a folder. `scale` says which values of more than 8 bits become 0 and 1 (None: see
    `choose_scale`): a set keeps its own, for images that come later. A file of more pixels than
    `max_pixels` (default 50 million) is skipped; a JPEG is decoded in fewer than it has.

    Raises `InputError` for an unknown name, a set that was not fetched yet or is damaged, and a
    path that is not there or holds no images.

    >>> digits = load("digits:small")
    >>> digits, digits.n_clusters, digits.class_names
    (ImageSet('digits:small', 537 x 1 x 8 x 8), 3, ('0', '1', '2'))
    >>> load("digit")
    Traceback (most recent call last):
    mtlkit.errors.InputError: 'digit' is not a known set. Did you mean 'digits'? Known are digits, \
digits:small, slide, smears, smears:crops, smears:crops:test, roads, roads:test, roads:night, \
roads:rain, roads:gtsrb, roads:gtsrb:test, mnist, fashion-mnist, cifar10, gtsrb, bccd \
(also with :test), medmnist:NAME; a folder or an .npz is given by its path.
    """
    _check_options(source, size, labels, max_pixels)
    if isinstance(source, str) and source in CATALOGUE:
        images = CATALOGUE[source]()
    elif isinstance(source, str) and source in PASTED:
        images = load_pasted(source, *PASTED[source], data_root)
    elif isinstance(source, str) and (found := find(source)):
        fetched, part = found
        images = fetched.load(part, data_root, size, progress)
    else:
        path = _existing(os.fspath(source))
        if path.is_dir():
            images = load_folder(
                path, size, labels=labels, scale=scale, max_pixels=max_pixels, progress=progress
            )
        else:
            images = load_npz(path, scale)
    if size is not None and images.images.shape[2:] != (size, size):
        images = _resized(images, size)
    return images


def _check_options(
    source: object, size: int | None, labels: str | None, max_pixels: int | None
) -> None:
    if not isinstance(source, str | os.PathLike):
        what = f"a catalogue name or a path, not {type(source).__name__}"
        raise InputError(f"source must be {what}: try load('digits').")
    if size is not None:
        check_whole("size", size, *SIZES)
    if max_pixels is not None and not (isinstance(max_pixels, Integral) and max_pixels >= 1):
        what = f"a whole number above 0, not {max_pixels!r}"
        raise InputError(f"max_pixels must be {what}: try {MOST_PIXELS}.")
    if labels not in (None, "folders"):
        what = "'folders' (a folder's subfolders are the classes), or be left out"
        raise InputError(f"labels must be {what}, not {labels!r}.")


def is_name(source: str) -> bool:
    """Whether a source is a name of the catalogue, which goes before a path.

    Raises `InputError` as `find`.

    >>> is_name("digits"), is_name("./digits")
    (True, False)
    """
    return source in CATALOGUE or source in PASTED or find(source) is not None


def check_trainable(source: str | Path, images: ImageSet) -> None:
    """Raise `InputError` where nothing can be learnt, or too many files failed to decode.

    Two images or more must differ, and no more than 3, or 5 %, of the files may fail.
    """
    failed = len(images.skipped)
    total = failed + len(images)
    if failed > 3 and failed > 0.05 * total:
        some = "; ".join(f"{item.path}: {item.reason}" for item in images.skipped[:3])
        raise InputError(
            f"{source}: {failed} of {total} image files cannot be decoded ({some}):"
            " at most 3, or 5 %, are skipped, so repair or remove them."
        )
    if len(images) == 1:
        skipped = f" ({failed} more could not be decoded)" if failed else ""
        raise InputError(
            f"{source}: only one image{skipped}, and at least 2 are needed: add images."
        )
    if all(np.array_equal(images.images[0], other) for other in images.images[1:]):
        what = f"all {len(images)} images are equal, nothing to tell apart"
        raise InputError(f"{source}: {what}: add others.")


def _existing(source: str) -> Path:
    """Return the path of a folder or an .npz that is there, and refuse any other source."""
    path = Path(os.path.expanduser(source))
    if not source.strip() or not os.path.exists(path):
        raise InputError(_not_there(source))
    is_file = path.is_file()
    if path.is_dir() or (is_file and path.suffix.lower() == ".npz"):
        return path
    what = "one image" if is_file and kind_of(path) else "neither a folder nor an .npz"
    raise InputError(
        f"{source}: this is {what}: a set is a folder of images or an .npz, so give one."
    )


def _not_there(source: str) -> str:
    names = (*CATALOGUE, *PASTED, *SETS)
    hint = nearest(source, (*names, *catalogue_names()))
    if source.startswith((".", "~")) or os.sep in source or "/" in source or Path(source).suffix:
        remedy = "Give a folder of images or an .npz that is there."
        return f"{source}: there is no such path.{hint} {remedy}"
    listed = f"Known are {', '.join(names)} (also with :test), medmnist:NAME"
    remedy = "a folder or an .npz is given by its path."
    return f"{source!r} is not a known set.{hint} {listed}; {remedy}"


def _resized(images: ImageSet, size: int) -> ImageSet:
    """Bring N x C x H x W to N x C x size x size, as a folder's images are."""
    count, channels, height, width = images.images.shape
    check_memory(images.name, (count, channels, size, size))
    sizes = f"from {height} x {width} to {size} x {size} pixels"
    notes = (*images.notes, f"Images were brought {sizes}, the aspect kept.")
    squares = fit_squares(images.images, size)
    return replace(images, images=squares, notes=notes, boxes=None)  # those were of the old pixels
