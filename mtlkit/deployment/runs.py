"""Runs: a folder under a name of its own, whole or not there."""

import itertools
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from mtlkit.deployment.run_folder import RUN_FILES
from mtlkit.errors import InputError, as_input_error

CHECKPOINT, MARK = "checkpoint", "unfinished"  # in a run that is not finished; the mark tells it
ELSEWHERE = "choose another --out"


class RunFailed(RuntimeError):
    """The work of a run failed and left something worth a look: `new_run` keeps `NAME.partial`."""


@contextmanager
def new_run(
    out: Path,
    overwrite: bool = False,
    resume: bool = False,
    *,
    files: tuple[str, ...] = RUN_FILES,
    anew: bool = False,
) -> Iterator[Path]:
    """Give a folder to write a run into; it gets the name `out` when the work is whole.

    If the work fails, the folder stays where it has a checkpoint to go on from (in `CHECKPOINT`),
    or where the work raised `RunFailed`; else it is removed. A note on the error says which. If
    `out` was changed meanwhile, it stays as it is, and the run is kept beside it.

    Args:
        out: the run folder to be. The work goes to `NAME.partial`, locked by `NAME.partial.lock`.
        overwrite: replace a finished run of that name. A folder with anything else is never
            replaced.
        resume: go on in the `NAME.partial` of a run that was cut off, if there is one.
        files: what a finished run holds, so that it can be told from anything else.
        anew: replace the `NAME.partial` of a run that failed or was cut off, unless it has a
            checkpoint.

    Raises:
        InputError: `out` exists (and is not a run to overwrite), another run is at work there, one
            was cut off there, it cannot be written, or something else changed it during the work.

    >>> import tempfile
    >>> with new_run(Path(tempfile.mkdtemp(), "first")) as folder:
    ...     _ = (folder / "report.json").write_text("{}")
    >>> folder.name, folder.with_name("first").is_dir(), folder.exists()
    ('first.partial', True, False)
    """
    out = out.expanduser().absolute()
    partial = out.with_name(out.name + ".partial")
    beside = partial.with_name(partial.name + ".lock")  # Windows renames no folder with one in it
    lock = FileLock(beside, timeout=0)  # the system lets go of it, however a process ends
    with as_input_error(f"{out}: cannot be written", "choose another place with --out", (OSError,)):
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout as fault:
            taken = f"{partial}: another run is at work there"
            raise InputError(f"{taken}: wait for it, or {ELSEWHERE}.") from fault
    try:
        _check_free(out, files, overwrite)
        before = _state(out)
        _prepare(partial, out, resume, anew)
        try:
            yield partial
        except BaseException as fault:
            if any((partial / CHECKPOINT).glob("*.pt")):
                again = f"go on with --out {out} --resume, and the other options as they were"
                fault.add_note(f"what was learnt is kept; {again}")
            elif not isinstance(fault, RunFailed):
                shutil.rmtree(partial, ignore_errors=True)
                fault.add_note("nothing was left half-written")
            raise
        _finish(partial, out, before)
    finally:
        lock.release()
        with suppress(OSError):
            beside.unlink()  # after the release: Windows removes no file that is held


def _check_free(out: Path, files: tuple[str, ...], overwrite: bool) -> None:
    """Raise `InputError` unless there is nothing, an empty folder, or a run to overwrite."""
    if all((out / name).is_file() for name in files):
        if not overwrite:
            remedy = f"{ELSEWHERE}, or replace it by --overwrite"
            raise InputError(f"{out}: holds a finished run: {remedy}.")
    elif out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(f"{out}: holds something that is not a finished run: {ELSEWHERE}.")


def _prepare(partial: Path, out: Path, resume: bool, anew: bool) -> None:
    """Make `NAME.partial`, or take what is there if it is a run's and was asked for."""
    left = [path for path in partial.glob("*") if path.name != MARK]
    if left and not (partial / MARK).exists():
        raise InputError(f"{partial}: holds something that is not a cut off run: {ELSEWHERE}.")
    if left and not resume and not (anew and not (partial / CHECKPOINT).exists()):
        remedy = "go on with it by --resume, or remove the folder"
        raise InputError(f"{partial}: a run was cut off there: {remedy}.")
    with as_input_error(f"{out}: cannot be written", "choose another place with --out", (OSError,)):
        for path in left if anew else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        partial.mkdir(exist_ok=True)
        (partial / MARK).touch()


def _state(place: Path) -> tuple[int, int] | None:
    """Return what tells a folder from another, and from itself after a change."""
    if not place.exists():
        return None
    found = place.stat()
    return found.st_ino, found.st_mtime_ns


def _finish(partial: Path, out: Path, before: tuple[int, int] | None) -> None:
    """Give a whole run its name. What it replaces is removed last, if it is as it was before."""
    ours = _state(out) == before
    place = out if ours else _another_name(out)
    old = _another_name(out) if ours and before else None
    wrong = f"{place}: the run is whole, and cannot be given its name"
    with as_input_error(wrong, f"let go of what holds it, and rename {partial}", (OSError,)):
        if old:
            out.rename(old)
        try:
            partial.rename(place)
        except OSError:
            if old:
                old.rename(out)
            raise
    (place / MARK).unlink(missing_ok=True)
    shutil.rmtree(place / CHECKPOINT, ignore_errors=True)
    if old:
        wrong = f"{old}: was replaced, and cannot be removed"
        with as_input_error(wrong, "remove it by hand", (OSError,)):
            shutil.rmtree(old)
    if not ours:
        changed = "was changed by something else during the work, and left alone"
        raise InputError(f"{out}: {changed}: the run is in {place}.")


def _another_name(out: Path) -> Path:
    """Return `NAME-2`, or with the next number that is free."""
    numbered = (out.with_name(f"{out.name}-{number}") for number in itertools.count(2))
    return next(place for place in numbered if not place.exists())


def run_name(source: str, seed: int) -> str:
    """Return a folder name for a run, `SOURCE-SEED-TIME`, in letters that every file system takes.

    >>> run_name("digits:small", 0)[:15]
    'digits-small-0-'
    """
    moment = f"{datetime.now():%Y%m%d-%H%M%S-%f}{secrets.token_hex(2)}"  # many may start in one
    return _start(source, seed) + moment


MOMENT = r"\d{8}-\d{6}-\d{6}[0-9a-f]{4}"


def _start(source: str, seed: int) -> str:
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", source).strip("-.")[:60] or "images"
    return f"{plain}-{seed}-"


def cut_off_run(folder: Path, source: str, seed: int) -> Path:
    """Return the name of the newest run of a source and seed that was cut off.

    Raises:
        InputError: there is none.
    """
    name = re.compile(re.escape(_start(source, seed)) + MOMENT + r"\.partial")
    found = sorted(path for path in folder.glob("*.partial") if name.fullmatch(path.name))
    if not found:
        raise InputError(
            f"{folder}: no run of {source} with seed {seed} was cut off there: name "
            "it by --out, or start "
            "without --resume."
        )
    return found[-1].with_suffix("")
