"""The run folder: whole or not there. Model (see `models.py`), assignments, history and report of one training."""

import json
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch.nn import functional

from mtlkit.data import ImageSet
from mtlkit.deployment.models import MODEL_FILES, encoder_settings, save_model
from mtlkit.deployment.models import versions as versions
from mtlkit.errors import InputError, explained
from mtlkit.evaluation import Scores, run_figures, write_csv, write_report
from mtlkit.multitask import Found

CHECKPOINT = "checkpoint"  # in a run that is not finished
RUN_FILES = (*MODEL_FILES, "report.json")


class RunFailed(RuntimeError):
    """The work of a run failed, and what it left is worth a look: `new_run` keeps `NAME.partial`."""


@contextmanager
def new_run(
    out: Path, overwrite: bool = False, resume: bool = False, *, files: tuple[str, ...] = RUN_FILES, anew: bool = False
) -> Iterator[Path]:
    """Give a folder to write a run into; it gets the name `out` when the work is whole.

    If the work fails, the folder stays where it has a checkpoint to go on from (in `CHECKPOINT`), or where the work raised
    `RunFailed`; else it is removed.

    Args:
        out: the run folder to be. The work goes to `NAME.partial` beside it.
        overwrite: replace a finished run of that name. A folder with anything else is never replaced.
        resume: go on in the `NAME.partial` of a run that was cut off, if there is one.
        files: what a finished run holds, so that it can be told from anything else.
        anew: replace the `NAME.partial` of a run that failed or was cut off, unless it has a checkpoint.

    Raises:
        InputError: `out` exists (and is not a run to overwrite), another run is at work there, one was cut off there, or
            it cannot be written.

    >>> import tempfile
    >>> with new_run(Path(tempfile.mkdtemp(), "first")) as folder:
    ...     _ = (folder / "report.json").write_text("{}")
    >>> folder.name, folder.with_name("first").is_dir(), folder.exists()
    ('first.partial', True, False)
    """
    out = out.expanduser().absolute()
    finished = all((out / name).is_file() for name in files)
    if out.exists() and not finished and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: holds something that is not a finished run: choose another --out.")
    if finished and not overwrite:
        raise InputError(f"{out}: holds a finished run: choose another --out, or replace it by --overwrite.")
    partial = out.with_name(out.name + ".partial")
    ours = (partial / "lock").exists()
    lock = FileLock(partial / "lock", timeout=0)  # the system lets go of it, however a process ends
    with explained(f"{out}: cannot be written", "choose another place with --out", (OSError,)):
        partial.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout as fault:
            taken = f"{partial}: another run is at work there"
            raise InputError(f"{taken}: wait for it, or choose another --out.") from fault
    try:
        left = [path for path in partial.iterdir() if path.name != "lock"]
        if left and not resume and not (anew and ours and not (partial / CHECKPOINT).exists()):
            raise InputError(f"{partial}: a run was cut off there: go on with it by --resume, or remove the folder.")
        for path in left if anew else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        try:
            yield partial
        except BaseException as fault:
            if any((partial / CHECKPOINT).glob("*.pt")):
                kept = f"What was learnt is kept: go on with --out {out} --resume"
                fault.add_note(f"{kept}, and the other options as they were.")
            elif not isinstance(fault, RunFailed):
                shutil.rmtree(partial, ignore_errors=True)
            raise
        shutil.rmtree(partial / CHECKPOINT, ignore_errors=True)
        if out.exists():
            shutil.rmtree(out)
        (partial / "lock").unlink(missing_ok=True)
        partial.rename(out)
    finally:
        lock.release()


def run_name(source: str, seed: int) -> str:
    """Return a folder name for a run, `SOURCE-SEED-TIME`, in letters that every file system takes.

    >>> run_name("digits:small", 0)[:15]
    'digits-small-0-'
    """
    moment = f"{datetime.now():%Y%m%d-%H%M%S-%f}{secrets.token_hex(2)}"  # many may start in one
    return _start(source, seed) + moment


def _start(source: str, seed: int) -> str:
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", source).strip("-.")[:60] or "images"
    return f"{plain}-{seed}-"


def cut_off_run(folder: Path, source: str, seed: int) -> Path:
    """Return the name of the newest run of a source and seed that was cut off, for a resume without a name.

    Raises:
        InputError: there is none.
    """
    found = sorted(folder.glob(f"{_start(source, seed)}*.partial"))
    if not found:
        raise InputError(f"{folder}: no run of {source} with seed {seed} was cut off there: name it by --out, or start "
                         "without --resume.")  # fmt: skip
    return found[-1].with_suffix("")


def write_run(
    folder: Path, images: ImageSet, found: Found, scores: Scores | None, report: dict[str, Any]
) -> dict[str, Any]:
    """Write all files of a run.

    Args:
        folder: an empty folder (`new_run` gives one).
        images: what the classes were found for. Labels are not touched: who has them gives `scores`.
        found: what training has found.
        scores: how well that agrees with labels, or None without any.
        report: title, source, assumptions, settings, warnings, ... as `evaluation.write_report` describes them.

    Returns:
        The whole content of report.json.
    """
    sizes = np.bincount(found.probabilities.argmax(axis=1), minlength=found.probabilities.shape[1]).tolist()
    report = report | {
        "images": len(images), "shape": list(images.images.shape[1:]), "sizes": sizes,
        "scores": scores.as_dict() if scores else None,
        "skipped": [{"path": item.path, "reason": item.reason} for item in images.skipped],
        "notes": list(images.notes),
        "class_sizes": [asdict(one) for one in found.sizes],
        "seconds": {stage: round(seconds, 2) for stage, seconds in found.seconds.items()}, "versions": versions(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
    save_model(folder, found.model, images.scale)
    write_csv(folder / "assignments.csv", assignments(images.paths, found.probabilities))
    write_csv(folder / "history.csv", found.history)
    content = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    (folder / "report.json").write_text(content, encoding="utf-8", errors="replace")
    figures = run_figures(images, found.probabilities, _features(images, found), found.history, scores)
    write_report(folder / "report.html", report, figures)
    return report


def assignments(paths: Sequence[str], probabilities: np.ndarray) -> list[dict[str, Any]]:
    """Return the rows of assignments.csv: path, class and confidence of each of N images (N x K probabilities).

    >>> assignments(["a.png"], np.array([[0.25, 0.75]]))
    [{'path': 'a.png', 'class': 1, 'confidence': '0.7500'}]
    """
    rows = zip(paths, probabilities.argmax(axis=1).tolist(), probabilities.max(axis=1), strict=True)
    return [{"path": path, "class": number, "confidence": f"{sure:.4f}"} for path, number, sure in rows]


def _features(images: ImageSet, found: Found) -> np.ndarray:
    """Return the shared features of the images, brought to the side that the network takes: N x width, of unit length."""
    side = encoder_settings(found.model)["side"]
    inputs = torch.as_tensor(images.images)
    if inputs.shape[2:] != (side, side):
        inputs = functional.interpolate(inputs, (side, side), mode="bilinear", antialias=True).clamp(0, 1)
    return functional.normalize(found.model.features(inputs)).numpy()
