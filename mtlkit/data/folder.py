"""A user's own folder of images, read as it is: nested or flat, mixed formats and sizes, some files broken.

Two passes: the headers, which are cheap, give the side and the number of channels; then each file is
decoded once, in threads (Pillow lets go of Python's lock while it decodes).
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from mtlkit.data.images import ImageSet, Scale, Skipped, Values, check_memory, choose_scale
from mtlkit.data.reading import (
    MOST_PIXELS,
    Header,
    Undecodable,
    decode,
    header,
    is_read,
    kind_of,
    left_out,
    quiet_pillow,
)
from mtlkit.errors import InputError

Progress = Callable[[int, int], None]
Read = Callable[[Path], Any]
SIDES = (16, 32)  # px; the side chosen for a user lies between these; --size may go beyond


def load_folder(
    folder: Path,
    size: int | None = None,
    progress: Progress | None = None,
    scale: Scale | None = None,
    most: int = MOST_PIXELS,
) -> ImageSet:
    """Read all images below a folder, in the natural order of their relative paths (`2.png` before `10.png`).

    Hidden files, files that are no images, and links to folders are passed over. Images of a format that is
    not read here are left out, and a note says which. Without `size` the side is
    the median of the images' longer sides, rounded to a multiple of 8, from 16 to 32. C is 1 when every
    image is grey. There are labels when every image lies in one of two or more subfolders. `progress(done,
    total)` is called after each image. `scale` is for files of more than 8 bits (None: see
    `choose_scale`), and `most` is the number of pixels that may be decoded of one file.

    Raises `InputError` for a folder without images, one that cannot be read, a set that is too large, and
    when more than 3 and more than 5 % of the images fail to decode; fewer are skipped and reported.

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as name:
    ...     for shade in (0, 128, 255):
    ...         Image.new("L", (24, 20), shade).save(f"{name}/{shade}.png")
    ...     grey = load_folder(Path(name))
    >>> grey.images.shape, grey.paths, grey.has_labels
    ((3, 1, 24, 24), ('0.png', '128.png', '255.png'), False)
    """
    names, others = _candidates(folder)
    failed: dict[str, str] = {}  # name -> reason
    kept: list[str] = []
    with quiet_pillow():
        headers: dict[str, Header] = dict(_each(partial(header, most=most), folder, names, failed))
        _refuse_many(folder, failed, len(names))
        side, chosen = (size, "as asked") if size else _side(headers.values())
        shape = (len(headers), 1 if all(found.grey for found in headers.values()) else 3, side, side)
        check_memory(str(folder), shape)
        images, channels = np.empty(shape, np.float32), 1
        scale, notes = _scale(headers.values(), scale)
        read = partial(decode, size=side, scale=scale, most=most)
        for name, pixels in _each(read, folder, list(headers), failed, progress):
            images[len(kept)] = pixels  # one channel is repeated where the set has three
            channels = max(channels, len(pixels))
            kept.append(name)
    _refuse_many(folder, failed, len(names))
    classes = _class_folders(kept)
    notes.insert(0, f"Images were brought to {side} x {side} pixels ({chosen}), the aspect kept.")
    if several := sum(headers[name].several for name in kept):
        notes.append(f"Of several frames or pages the first was read: in {several} of {len(kept)} files.")
    if others:
        notes.append(left_out(others))
    if failed:
        notes.append(f"{len(failed)} of {len(names)} image files could not be decoded and were skipped.")
    return ImageSet(
        images=np.ascontiguousarray(images[: len(kept), :channels]),
        name=_printable(folder.resolve().name) or "images",
        paths=tuple(map(_printable, kept)),
        class_names=tuple(map(_printable, classes)),
        skipped=tuple(Skipped(_printable(name), failed[name]) for name in names if name in failed),
        notes=tuple(notes),
        scale=scale,
        labels=partial(_labels, kept, classes) if classes else None,
    )


def _candidates(folder: Path) -> tuple[list[str], Counter[str]]:
    """List the relative paths of the images that are read here, in natural order, and count the others by kind."""
    files: list[Path] = []
    faults: list[OSError] = []
    for place, folders, names in os.walk(folder, onerror=faults.append):  # follows no links to folders
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [Path(place, name) for name in names if not name.startswith(".")]
    for fault in faults:
        raise InputError(f"{fault.filename}: cannot be read ({fault.strerror}): check its permissions.") from fault
    kinds = {path: kind for path in files if os.path.isfile(path) and (kind := kind_of(path))}  # no pipes
    found = [path for path, kind in kinds.items() if is_read(kind)]
    others = Counter(kind for kind in kinds.values() if not is_read(kind))
    if not found:
        what = f"{len(files)} file{'s' * (len(files) > 1)}, none an image" if files else "it is empty"
        what = left_out(others).rstrip(".") if others else what
        raise InputError(f"{folder}: a folder of images is expected, but found: {what}.")
    return sorted((path.relative_to(folder).as_posix() for path in found), key=_natural), others


def _natural(path: str) -> tuple[list[Any], str]:
    parts: list[Any] = re.split(r"(\d+)", path)  # text, number, text, ...
    parts[1::2] = map(int, parts[1::2])
    return parts, path


def _each(
    read: Read, folder: Path, names: list[str], failed: dict[str, str], progress: Progress | None = None
) -> Iterator[tuple[str, Any]]:
    """Read the files in threads; yield (name, result) in order, and put the others into `failed`."""
    jobs = (delayed(_tried)(read, folder / name) for name in names)
    results = Parallel(n_jobs=-1, prefer="threads", return_as="generator")(jobs)
    for done, (name, result) in enumerate(zip(names, results, strict=True), start=1):
        if isinstance(result, Undecodable):
            failed[name] = str(result)
        else:
            yield name, result
        if progress:
            progress(done, len(names))


def _tried(read: Read, path: Path) -> Any:
    try:
        return read(path)
    except Undecodable as fault:
        return fault


def _refuse_many(folder: Path, failed: dict[str, str], total: int) -> None:
    if len(failed) == total or (len(failed) > 3 and len(failed) > 0.05 * total):
        some = "; ".join(f"{_printable(name)}: {reason}" for name, reason in list(failed.items())[:3])
        raise InputError(f"{folder}: {len(failed)} of {total} image files cannot be decoded ({some}):"
                         " at most 3, or 5 %, are skipped, and never all, so repair or remove them.")  # fmt: skip


def _side(headers: Iterable[Header]) -> tuple[int, str]:
    median = float(np.median([found.longer_side for found in headers]))
    side = int(np.clip(8 * round(median / 8), *SIDES))
    return side, f"a multiple of 8 from 16 to 32, chosen for the folder's median longer side of {median:.0f}"


def _scale(headers: Iterable[Header], given: Scale | None) -> tuple[Scale | None, list[str]]:
    """Choose one scale for all files of more than 8 bits, if there are any."""
    deep = [found for found in headers if found.values]
    if not deep:
        return None, []
    lows, highs, whites = zip(*(found.values for found in deep if found.values), strict=True)
    white = whites[0] if len(set(whites)) == 1 else None  # floats beside integers have no common white
    scale, notes = choose_scale(Values(min(lows), max(highs), white), given)
    if colour := sum(not found.grey for found in deep):
        notes = (*notes, f"Of {colour} colour files with 16 bits a channel, the upper 8 were read.")
    return scale, list(notes)


def _class_folders(paths: list[str]) -> list[str]:
    """Return the first-level subfolders if every image lies in one and there are two or more; else none."""
    tops = [path.split("/")[0] for path in paths if "/" in path]
    classes = list(dict.fromkeys(tops))
    return classes if len(tops) == len(paths) and len(classes) > 1 else []


def _labels(paths: list[str], classes: list[str]) -> np.ndarray:
    return np.array([classes.index(path.split("/")[0]) for path in paths])


def _printable(name: str) -> str:
    """File names need not be UTF-8; what goes into reports must be."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
