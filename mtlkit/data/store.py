"""What of a set lies in the data root: whether it is whole, and how it gets there."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from mtlkit.data.download import Bar, fetch_file, md5_of, unpack
from mtlkit.data.folder import Progress
from mtlkit.data.root import DataRoot, data_root
from mtlkit.data.sets import FetchedSet
from mtlkit.errors import InputError

USABLE = ("complete", "subset", "another order")


@dataclass(frozen=True)
class State:
    """How a part of a set is found: `complete`, `subset`, `another order`, `damaged` or `missing`,
    and why.
    """

    name: str
    part: str
    state: str
    text: str


def check(
    known: FetchedSet, root: DataRoot = None, progress: Progress | None = None
) -> list[State]:
    """Look at every part of a set.

    `complete`: the official files by their MD5; for GTSRB, as many images as the official part, all
        readable.
    `subset`: fewer images, all readable. `another order`: other files, with as many images as the
        official
    ones, and as many of each class where that is known. `damaged`: anything else, as files cut
    short.
    """
    return [
        State(known.name, part, *_state(known, part, data_root(root), progress))
        for part in known.parts
    ]


def _state(known: FetchedSet, part: str, root: Path, progress: Progress | None) -> tuple[str, str]:
    official, files = known.parts[part], known.files(part)
    there = [path for path in files if (root / path).exists()]
    if absent := [path for path in files if path not in there]:
        return "damaged" if there else "missing", f"{root / absent[0]} is not there"
    right = [path for path, md5 in files.items() if md5 and md5_of(root / path) == md5]
    if len(right) == len(files):
        return "complete", f"{official.size:,} images, the official files"
    try:
        found = known.load(part, root, progress=progress)
        labels = found.open_labels()  # also a look at their number
    except InputError as fault:
        return "damaged", str(fault)
    if found.skipped:
        return "damaged", f"{len(found.skipped)} images cannot be read, as {found.skipped[0].path}"
    many = f"{len(found):,} of {official.size:,} images"
    if len(found) < official.size:
        return "subset", many
    if not any(files.values()) and len(found) == official.size:
        return "complete", many
    alike = not official.counts or np.bincount(
        labels if labels is not None else []
    ).tolist() == list(official.counts)
    if right or len(found) > official.size or not alike:
        return "damaged", f"{many}, but not the official ones"
    return (
        "another order",
        f"{many}, of the same classes, but not the official files: rows have other numbers",
    )


def fetch(known: FetchedSet, root: DataRoot = None, bar: Bar | None = None) -> list[State]:
    """Fetch what is missing or damaged of a set, and return its state.

    Two at once do not meet: the second one is told so. What was fetched before a stop is not
    fetched again.

    Raises `InputError` when a subset would be overwritten, the data root cannot be written, or
    another fetch of the set is under way; `DownloadFailed` as `fetch_file`.
    """
    place = data_root(root)
    try:
        place.mkdir(parents=True, exist_ok=True)
        with FileLock(place / f".{known.name.replace(':', '-')}.lock", timeout=0):
            states = {state.part: state.state for state in check(known, place)}
            wanted = [remote for remote in known.remotes() if states[remote.part] not in USABLE]
            if "subset" in states.values() and not wanted:
                folder = (place / known.first("train")).parent
                raise InputError(
                    f"{known.name}: a subset is in {folder}: use it as it is, or "
                    "move it away first."
                )
            archives = [
                fetch_file(remote, place, bar) for remote in wanted
            ]  # all of them, then quickly the rest
            for remote, archive in zip(wanted, archives, strict=True):
                if remote.leaves:
                    unpack(archive, remote.leaves)
            return check(known, place)
    except Timeout as fault:
        raise InputError(
            f"{known.name}: is being fetched into {place} already: wait until that has ended."
        ) from fault
    except OSError as fault:
        where = f"{fault.filename or place}: cannot be written ({fault.strerror or fault})"
        raise InputError(
            f"{where}: make room or mend its permissions, or give another --data-root."
        ) from fault
