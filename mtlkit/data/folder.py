"""A user's own folder of images, read as it is: nested or flat, mixed formats and sizes, some files
broken.

Two passes: the headers, which are cheap, give the side and the number of channels; then each file
is decoded once, in threads (Pillow lets go of Python's lock while it decodes).
"""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed

from mtlkit.data.images import ImageSet, Scale, Skipped, Values, check_memory, choose_scale
from mtlkit.data.reading import (
    MOST_PIXELS,
    SUFFIXES,
    Header,
    Undecodable,
    decode,
    decode_alone,
    header,
    is_read,
    kind_of,
    left_out,
    looks_like_image,
    quiet_pillow,
)
from mtlkit.errors import InputError

Progress = Callable[[int, int], None]
Read = Callable[[Path], Any]
SIDES = (16, 32)  # px; the side chosen for a user lies between these; --size may go beyond
BATCH = 64  # files that are read before what they hold is handed on
MOST_NAMES = 3  # that a note gives of each kind
MOST_LABELS = 10  # that a note names
# Of Synology, QNAP, Windows, Linux and macOS: thumbnails, snapshots, and what was deleted.
SYSTEM_FOLDERS = {
    "@eadir",
    "#recycle",
    "#snapshot",
    "@recycle",
    "$recycle.bin",
    "system volume information",
    "lost+found",
    "__macosx",
}


def load_folder(
    folder: Path,
    size: int | None = None,
    progress: Progress | None = None,
    labels: str | None = None,
    scale: Scale | None = None,
    most: int = MOST_PIXELS,
) -> ImageSet:
    """Read all images below a folder, in the natural order of their relative paths (`2.png` before
    `10.png`).

    Files that are no images are passed over, and so is, with a note, what `list_images` says.
    Images that fail to decode are skipped and reported. Without `size` the side is the median of
    the images' longer sides, rounded to a multiple of 8, from 16 to 32. C is 1 when every image is
    grey. With `labels="folders"` the names of the first subfolders are the labels, which a note
    says. `progress(done, total)` is called after each image. `scale` is for files of more than 8
    bits (None: see `choose_scale`), and `most` is the number of pixels that may be decoded of one
    file.

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
        headers: dict[str, Header] = dict(_each(partial(header, most=most), folder, names, failed))
        _refuse_all(folder, failed, len(names))
        side, chosen = (size, "as asked") if size else _side(headers.values())
        shape = (
            len(headers),
            1 if all(found.grey for found in headers.values()) else 3,
            side,
            side,
        )
        check_memory(str(folder), shape)
        images, channels = np.empty(shape, np.float32), 1
        scale, notes = _scale(headers.values(), scale)
        read = partial(decode, size=side, scale=scale, most=most)
        for name, pixels in _each(read, folder, list(headers), failed, progress):
            images[len(kept)] = pixels  # one channel is repeated where the set has three
            channels = max(channels, len(pixels))
            kept.append(name)
    _refuse_all(folder, failed, len(names))
    classes = _class_folders(folder, kept) if labels else []
    notes.insert(0, f"Images were brought to {side} x {side} pixels ({chosen}), the aspect kept.")
    notes += first_of_several(sum(headers[name].several for name in kept), len(kept))
    if failed:
        notes.append(
            f"{len(failed)} of {len(names)} image files could not be decoded and were skipped."
        )
    notes += passed_over
    if classes:
        notes.append(f"The names of the subfolders, {_several(classes)}, were taken for labels.")
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


def list_images(folder: Path) -> tuple[list[str], int, list[str]]:
    """List the relative paths of the images that are read, in natural order, how many are left out,
    and notes.

    Passed over are folders of the system, hidden, linked (they may lead round in a circle) and
    unreadable ones, hidden images, and images' names behind which no file is; left out are images
    of a format that is not read here. Notes count them.

    Raises `InputError` for a folder that cannot be read, or without an image.
    """
    files: list[Path] = []
    passed: defaultdict[str, list[str]] = defaultdict(list)  # kind -> relative paths

    def pass_over(kind: str, path: Path) -> None:
        passed[kind].append(path.relative_to(folder).as_posix())

    def unreadable(fault: OSError) -> None:
        place = Path(fault.filename or folder)
        if place == folder:
            words = f"{folder}: cannot be read ({fault.strerror}): check its permissions."
            raise InputError(words) from fault
        pass_over("unreadable folder", place)

    for place, folders, names in os.walk(folder, onerror=unreadable):
        for inner in [Path(place, name) for name in folders]:
            if kind := _folder_to_pass(inner):
                pass_over(kind, inner)
                folders.remove(inner.name)
        for path in [Path(place, name) for name in names]:
            is_file, hidden = os.path.isfile(path), path.name.startswith(".")
            if not is_file and path.suffix.lower() in SUFFIXES:  # a broken link, a pipe, ...
                pass_over("unreachable file", path)
            elif is_file and hidden and looks_like_image(path):
                pass_over("hidden image", path)
            elif is_file and not hidden:
                files.append(path)
    counts = ", ".join(_counted(kind, paths) for kind, paths in passed.items())
    notes = [f"Passed over: {counts}."] if passed else []
    kinds = {path: kind for path in files if (kind := kind_of(path))}
    others = Counter(kind for kind in kinds.values() if not is_read(kind))
    if others:
        notes.append(left_out(others))
    found = [path for path, kind in kinds.items() if is_read(kind)]
    if not found:
        what = "it is empty" if not (files or notes) else "no image"
        if files and not others:
            what = f"{len(files)} file{'s' * (len(files) > 1)}, none an image"
        said = " ".join([f"{what}.", *notes])
        raise InputError(f"{folder}: a folder of images is expected, but found: {said}")
    paths = sorted((path.relative_to(folder).as_posix() for path in found), key=_natural)
    return paths, others.total(), notes


def first_of_several(number: int, total: int) -> list[str]:
    """Return the note on files of which only the first frame or page was read, if there are any.

    >>> first_of_several(1, 40)
    ['Of several frames or pages the first was read: in 1 of 40 files.']
    """
    return (
        [f"Of several frames or pages the first was read: in {number} of {total} files."]
        if number
        else []
    )


def _folder_to_pass(folder: Path) -> str | None:
    if folder.name.casefold() in SYSTEM_FOLDERS:
        return "system folder"
    if folder.name.startswith("."):
        return "hidden folder"
    return "linked folder" if folder.is_symlink() else None


def _counted(kind: str, paths: list[str]) -> str:
    shown = [_printable(path) for path in sorted(paths, key=_natural)[:MOST_NAMES]]
    more = ["..."] if len(paths) > MOST_NAMES else []
    return f"{len(paths)} {kind}{'s' * (len(paths) > 1)} ({', '.join(shown + more)})"


def _several(names: list[str]) -> str:
    """Return names as a part of a sentence, not too many.

    >>> _several(["cat", "dog", "owl"])
    'cat, dog and owl'
    """
    shown = [_printable(name) for name in names]
    if len(shown) > MOST_LABELS:
        shown = [*shown[:MOST_LABELS], f"others ({len(names)} in all)"]
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def _natural(path: str) -> tuple[list[Any], str]:
    parts: list[Any] = re.split(r"(\d+)", path)  # text, number, text, ...
    parts[1::2] = map(int, parts[1::2])
    return parts, path


def _each(
    read: Read,
    folder: Path,
    names: Sequence[str],
    failed: dict[str, str],
    progress: Progress | None = None,
) -> Iterator[tuple[str, Any]]:
    """Read files in threads; yield (name, result) in order, and put the others into `failed`."""
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


def _refuse_all(folder: Path, failed: dict[str, str], total: int) -> None:
    if len(failed) == total:
        shown = list(failed.items())[:MOST_NAMES]
        some = "; ".join(f"{_printable(name)}: {reason}" for name, reason in shown)
        raise InputError(
            f"{folder}: {total} of {total} image files cannot be decoded ({some}):"
            " at least one must be, so repair or replace them."
        )


def _side(headers: Iterable[Header]) -> tuple[int, str]:
    median = float(np.median([found.longer_side for found in headers]))
    side = int(np.clip(8 * round(median / 8), *SIDES))
    return (
        side,
        "a multiple of 8 from 16 to 32, chosen for the folder's median longer side "
        f"of {median:.0f}",
    )


def _scale(headers: Iterable[Header], given: Scale | None) -> tuple[Scale | None, list[str]]:
    """Choose one scale for all files of more than 8 bits, if there are any."""
    deep = [found for found in headers if found.values]
    if not deep:
        return None, []
    lows, highs, whites = zip(*(found.values for found in deep if found.values), strict=True)
    white = (
        whites[0] if len(set(whites)) == 1 else None
    )  # floats beside integers have no common white
    scale, notes = choose_scale(Values(min(lows), max(highs), white), given)
    if colour := sum(not found.grey for found in deep):
        notes = (*notes, f"Of {colour} colour files with 16 bits a channel, the upper 8 were read.")
    return scale, list(notes)


def _class_folders(folder: Path, paths: list[str]) -> list[str]:
    """Return the first-level subfolders; `InputError` unless they sort all images into classes."""
    tops = [path.split("/")[0] for path in paths if "/" in path]
    classes = list(dict.fromkeys(tops))
    if len(tops) < len(paths) or len(classes) < 2:
        raise InputError(
            f"{folder}: its subfolders give no labels: every image must lie in one of two or more;"
            " sort them into a subfolder for each class, or give an .npz with `labels`."
        )
    return classes


def _labels(paths: list[str], classes: list[str]) -> np.ndarray:
    return np.array([classes.index(path.split("/")[0]) for path in paths])


class Batch(NamedTuple):
    """What was read of a few files."""

    names: list[str]  # of those that could be read
    images: np.ndarray  # N x C x H x W
    failed: dict[str, str]  # name of another -> why it could not
    several: int  # how many have more than the first frame or page


def read_batches(
    folder: Path,
    names: Sequence[str],
    size: int,
    channels: int,
    start: str = "",
    *,
    scale: Scale | None = None,
    max_pixels: int | None = None,
    progress: Progress | None = None,
) -> Iterator[Batch]:
    """Read files a batch at a time, as `read_image` reads them, for answers that need not wait for
    the last one.

    `start` is put before each name. `progress(done, total)` is called after each batch.
    """
    for first in range(0, len(names), BATCH):
        failed: dict[str, str] = {}
        batch = names[first : first + BATCH]
        with quiet_pillow():
            read = partial(
                decode_alone,
                size=size,
                channels=channels,
                scale=scale,
                most=max_pixels or MOST_PIXELS,
            )
            results = list(_each(read, folder, batch, failed))
        yield Batch(
            names=[_printable(start + name) for name, _ in results],
            images=np.array([pixels for _, (pixels, _) in results], np.float32),
            failed={_printable(start + name): reason for name, reason in failed.items()},
            several=sum(found.several for _, (_, found) in results),
        )
        if progress:
            progress(first + len(batch), len(names))


def _printable(name: str) -> str:
    """File names need not be UTF-8; what goes into reports must be."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
