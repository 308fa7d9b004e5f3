"""What of a set lies in the data root: whether it is whole, and how it gets there."""

from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from mtlkit.data.download import Bar, fetch_file, md5_of, unpack
from mtlkit.data.readers import FetchedSet
from mtlkit.data.reading import Progress
from mtlkit.data.root import DataRoot, data_root
from mtlkit.errors import InputError


@dataclass(frozen=True)
class PartState:
    """How a part of a set is found: `complete`, `subset`, `damaged` or `missing`, and why."""

    name: str
    part: str
    state: str
    text: str


def check(
    fetched: FetchedSet, root: DataRoot = None, progress: Progress | None = None
) -> list[PartState]:
    """Look at every part of a set.

    `complete`: the published files by their MD5; for GTSRB, as many images as were published, all
        readable.
    `subset`: fewer images, all readable.
    `damaged`: anything else: files cut short or altered, and other files of as many images.
    """
    folder = data_root(root)
    return [
        PartState(fetched.name, part, *_state(fetched, part, folder, progress))
        for part in fetched.parts
    ]


def _state(
    fetched: FetchedSet, part: str, root: Path, progress: Progress | None
) -> tuple[str, str]:
    size, files, _ = fetched.parts[part]
    if absent := fetched.absent(root, part):
        state = "missing" if len(absent) == len(fetched.needs(part)) else "damaged"
        return state, f"{absent[0]} is not there"
    official = ((root / path, md5) for path, md5 in files.items())
    if all(md5 and path.is_file() and md5_of(path) == md5 for path, md5 in official):
        return "complete", f"{size:,} images, the official files"
    try:
        images = fetched.load(part, root, progress=progress)
        images.open_labels()  # also a look at their number
    except InputError as fault:
        return "damaged", str(fault)
    if images.skipped:
        first = images.skipped[0].path
        return "damaged", f"{len(images.skipped)} images or boxes cannot be read, as {first}"
    many = f"{len(images):,} of {size:,} images"
    if len(images) < size:
        return "subset", many
    if len(images) == size and not any(files.values()):
        return "complete", many
    return "damaged", f"{many}, but not the official ones"


def fetch(fetched: FetchedSet, root: DataRoot = None, bar: Bar | None = None) -> list[PartState]:
    """Fetch what is missing or damaged of a set, and return the state of its parts.

    Of two at once the second is refused. What was fetched before a stop is not fetched again.

    Raises `InputError` when a subset would be overwritten, the data root cannot be written, or
    another fetch of the set is under way; `DownloadFailed` as `fetch_file`.
    """
    folder = data_root(root)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{fetched.name.replace(':', '-')}.lock", timeout=0):
            _fetch_what_lacks(fetched, folder, bar)
            return check(fetched, folder)
    except Timeout as fault:
        where = f"{fetched.name}: is being fetched into {folder} already"
        raise InputError(f"{where}: wait until that has ended.") from fault
    except OSError as fault:
        where = f"{fault.filename or folder}: cannot be written ({fault.strerror or fault})"
        raise InputError(
            f"{where}: make room or mend its permissions, or give another --data-root."
        ) from fault


def _fetch_what_lacks(fetched: FetchedSet, root: Path, bar: Bar | None) -> None:
    states = {state.part: state.state for state in check(fetched, root)}
    wanted = [remote for remote in fetched.remotes if states[remote.part] in ("missing", "damaged")]
    if "subset" in states.values() and not wanted:
        folder = fetched.path(root, "train", "images").parent
        raise InputError(
            f"{fetched.name}: a subset is in {folder}: use it as it is, or move it away first."
        )
    archives = [fetch_file(remote, root, bar) for remote in wanted]  # then quickly the rest
    for remote, archive in zip(wanted, archives, strict=True):
        if remote.leaves:
            unpack(archive, remote.leaves)
