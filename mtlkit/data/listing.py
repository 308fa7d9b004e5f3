"""The images below a folder: which are read, which are passed over, and what is said of those."""

import os
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from mtlkit.data.formats import SUFFIXES, is_read, kind_of, left_out
from mtlkit.errors import InputError

MOST_NAMES = 3  # that a note gives of each kind
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


def list_images(folder: Path) -> tuple[list[str], int, list[str]]:
    """List the images to read: their relative paths, how many are left out, and notes.

    The order is the natural one (`2.png` before `10.png`). Passed over are folders of the system,
    hidden, linked (they may lead round in a circle) and unreadable ones, hidden images, and images'
    names behind which no file is; left out are images of a format that is not read here. Notes
    count them.

    Raises `InputError` for a folder that cannot be read, or without an image.
    """
    files, passed = _walk(folder)
    notes = []
    if passed:
        counts = ", ".join(_count(kind, _in_order(passed[kind], folder)) for kind in passed)
        notes.append(f"Passed over: {counts}.")
    kinds = {path: kind for path in files if (kind := kind_of(path))}
    others = Counter(kind for kind in kinds.values() if not is_read(kind))
    if others:
        notes.append(left_out(others))
    images = [path for path, kind in kinds.items() if is_read(kind)]
    if images:
        return _in_order(images, folder), others.total(), notes
    what = "no image" if files or notes else "it is empty"
    if files and not others:
        what = f"{len(files)} file{'s' * (len(files) > 1)}, none an image"
    words = " ".join([f"{what}.", *notes])
    raise InputError(f"{folder}: a folder of images is expected, but found: {words}")


def _walk(folder: Path) -> tuple[list[Path], dict[str, list[Path]]]:
    """Return the files below a folder that are looked at, and by their kind those that are not."""
    files: list[Path] = []
    passed: defaultdict[str, list[Path]] = defaultdict(list)
    faults: list[OSError] = []
    for top, folders, names in os.walk(folder, onerror=faults.append):
        for inner in [Path(top, name) for name in folders]:
            if kind := _folder_to_pass(inner):
                passed[kind].append(inner)
                folders.remove(inner.name)
        for path in [Path(top, name) for name in names]:
            is_file, hidden = os.path.isfile(path), path.name.startswith(".")
            if not is_file and path.suffix.lower() in SUFFIXES:  # a broken link, a pipe, ...
                passed["unreachable file"].append(path)
            elif is_file and hidden and kind_of(path):
                passed["hidden image"].append(path)
            elif is_file and not hidden:
                files.append(path)
    for fault in faults:
        unreadable = Path(fault.filename or folder)
        if unreadable == folder:
            raise InputError(
                f"{folder}: cannot be read ({fault.strerror}): check its permissions."
            ) from fault
        passed["unreadable folder"].append(unreadable)
    return files, passed


def _folder_to_pass(folder: Path) -> str | None:
    if folder.name.casefold() in SYSTEM_FOLDERS:
        return "system folder"
    if folder.name.startswith("."):
        return "hidden folder"
    return "linked folder" if folder.is_symlink() else None


def _in_order(paths: list[Path], folder: Path) -> list[str]:
    return sorted((path.relative_to(folder).as_posix() for path in paths), key=natural_order)


def _count(kind: str, paths: list[str]) -> str:
    shown = [printable(path) for path in paths[:MOST_NAMES]]
    if len(paths) > MOST_NAMES:
        shown.append("...")
    return f"{len(paths)} {kind}{'s' * (len(paths) > 1)} ({', '.join(shown)})"


def natural_order(path: str) -> tuple[list[Any], str]:
    """Return a key to sort paths by, with numbers in them as numbers.

    >>> sorted(["10.png", "2.png", "02.png"], key=natural_order)
    ['02.png', '2.png', '10.png']
    """
    parts: list[Any] = re.split(r"(\d+)", path)  # text, number, text, ...
    parts[1::2] = map(int, parts[1::2])
    return parts, path


def printable(name: str) -> str:
    """Return a file's name as UTF-8, which it need not be, and reports must be."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
