"""A user's own folder of images, read as it is: any formats and sizes, some files broken.

Two passes: the headers, which are cheap, give the side and the number of channels; then each file
is decoded once.
"""

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from mtlkit.data.decoding import quiet_pillow
from mtlkit.data.images import ImageSet, Skipped, check_memory
from mtlkit.data.listing import MOST_NAMES, list_images, printable
from mtlkit.data.reading import (
    Header,
    Progress,
    ReadOptions,
    decode,
    first_of_several,
    read_each,
    read_header,
)
from mtlkit.data.scaling import Scale, Values, choose_scale
from mtlkit.errors import InputError

SIDE_RANGE = (16, 32)  # px, of the side that is chosen for a user; --size may go beyond
MOST_LABELS = 10  # that a note names


def load_folder(
    folder: Path,
    size: int | None = None,
    *,
    labels: str | None = None,
    scale: Scale | None = None,
    max_pixels: int | None = None,
    progress: Progress | None = None,
) -> ImageSet:
    """Read all images below a folder, in the natural order of their relative paths.

    Files that are no images are passed over, and so is, with a note, what `list_images` says.
    Images that fail to decode are skipped and reported. Without `size` the side is the median of
    the images' longer sides, rounded to a multiple of 8, from 16 to 32. C is 1 when every image is
    grey. With `labels="folders"` the names of the first subfolders are the labels, which a note
    says. `progress(done, total)` is called after each image. `scale` is for files of more than 8
    bits (None: see `choose_scale`), and `max_pixels` may be decoded of one file.

    Raises `InputError` for a folder without an image that can be decoded, one that cannot be read,
    a set that is too large, and where labels are asked for and an image lies in no subfolder, or
    all in one.

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as name:
    ...     for shade in (0, 128, 255):
    ...         Image.new("L", (24, 20), shade).save(f"{name}/{shade}.png")
    ...     grey = load_folder(Path(name))
    >>> grey.images.shape, grey.paths, grey.has_labels
    ((3, 1, 24, 24), ('0.png', '128.png', '255.png'), False)
    """
    names, _, passed_over = list_images(folder)
    failed: dict[str, str] = {}  # name -> reason
    kept: list[str] = []
    with quiet_pillow():
        look = partial(read_header, max_pixels=max_pixels)
        headers: dict[str, Header] = dict(read_each(look, folder, names, failed))
        _refuse_all(folder, failed, len(names))
        side, chosen = size, "as asked"
        if side is None:
            side, chosen = _side(headers.values())
        channels = 1 if all(header.grey for header in headers.values()) else 3
        shape = (len(headers), channels, side, side)
        check_memory(str(folder), shape)
        scale, scale_notes = _scale(headers.values(), scale)
        read = partial(decode, options=ReadOptions(side, None, scale, max_pixels))
        images = np.empty(shape, np.float32)
        channels = 1
        for name, pixels in read_each(read, folder, list(headers), failed, progress):
            images[len(kept)] = pixels  # one channel is repeated where the set has three
            channels = max(channels, len(pixels))
            kept.append(name)
    _refuse_all(folder, failed, len(names))
    notes = [f"Images were brought to {side} x {side} pixels ({chosen}), the aspect kept."]
    notes += scale_notes
    notes += first_of_several(sum(headers[name].several for name in kept), len(kept))
    if failed:
        notes.append(f"Of {len(names)} image files, {len(failed)} could not be decoded: left out.")
    notes += passed_over
    classes = _class_folders(folder, kept) if labels else []
    if classes:
        notes.append(f"The names of the subfolders, {_enumerated(classes)}, were taken for labels.")
    skipped = [Skipped(printable(name), failed[name]) for name in names if name in failed]
    return ImageSet(
        images=np.ascontiguousarray(images[: len(kept), :channels]),
        name=printable(folder.resolve().name) or "images",
        paths=tuple(map(printable, kept)),
        class_names=tuple(map(printable, classes)),
        skipped=tuple(skipped),
        notes=tuple(notes),
        scale=scale,
        labels=partial(_labels, kept, classes) if classes else None,
    )


def _refuse_all(folder: Path, failed: dict[str, str], total: int) -> None:
    if len(failed) == total:
        shown = list(failed.items())[:MOST_NAMES]
        some = "; ".join(f"{printable(name)}: {reason}" for name, reason in shown)
        raise InputError(
            f"{folder}: {total} of {total} image files cannot be decoded ({some}):"
            " at least one must be, so repair or replace them."
        )


def _side(headers: Collection[Header]) -> tuple[int, str]:
    median = float(np.median([max(header.size) for header in headers]))
    side = int(np.clip(8 * round(median / 8), *SIDE_RANGE))
    why = f"chosen for the folder's median longer side of {median:.0f}"
    return side, f"a multiple of 8 from 16 to 32, {why}"


def _scale(headers: Collection[Header], given: Scale | None) -> tuple[Scale | None, Sequence[str]]:
    """Choose one scale for all files of more than 8 bits, if there are any."""
    values = [header.values for header in headers if header.values]
    if not values:
        return None, ()
    lows, highs, whites = zip(*values, strict=True)
    white = whites[0] if len(set(whites)) == 1 else None  # floats and integers have none in common
    scale, notes = choose_scale(Values(min(lows), max(highs), white), given)
    colour = sum(not header.grey for header in headers if header.values)
    if colour:
        notes = (*notes, f"Of {colour} colour files with 16 bits a channel, the upper 8 were read.")
    return scale, notes


def _class_folders(folder: Path, paths: Sequence[str]) -> list[str]:
    """Return the first-level subfolders; `InputError` unless they sort all images into classes."""
    tops = [path.split("/")[0] for path in paths if "/" in path]
    classes = list(dict.fromkeys(tops))
    if len(tops) < len(paths) or len(classes) < 2:
        raise InputError(
            f"{folder}: its subfolders give no labels: every image must lie in one of two or more;"
            " sort them into a subfolder for each class, or give an .npz with `labels`."
        )
    return classes


def _labels(paths: Sequence[str], classes: list[str]) -> np.ndarray:
    return np.array([classes.index(path.split("/")[0]) for path in paths])


def _enumerated(names: Sequence[str]) -> str:
    """Return names as a part of a sentence, not too many.

    >>> _enumerated(["cat", "dog", "owl"])
    'cat, dog and owl'
    """
    shown = [printable(name) for name in names]
    if len(shown) > MOST_LABELS:
        shown = [*shown[:MOST_LABELS], f"others ({len(names)} in all)"]
    return f"{', '.join(shown[:-1])} and {shown[-1]}"
