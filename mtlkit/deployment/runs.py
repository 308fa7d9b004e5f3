"""The run folder: whole or not there. Model, assignments, history and report of one training."""

from __future__ import annotations

import csv
import hashlib
import json
import platform
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError
from safetensors.torch import load as load_weights
from safetensors.torch import save as save_weights
from torch import nn

from mtlkit.data import ImageSet
from mtlkit.errors import InputError
from mtlkit.evaluation import (
    ReportFigure,
    Scores,
    class_sizes,
    confusion,
    contact_sheet,
    embedding,
    losses,
    safe_cell,
    to_png,
    write_report,
)  # fmt: skip
from mtlkit.multitask import Found, MultiTaskModel, make_encoder
from mtlkit.multitask.tasks import Classification

FORMAT = 1  # of model.json; a higher number is from a newer mtlkit
LIMITS = {"channels": (1, 3), "side": (8, 512), "width": (1, 4096), "classes": (2, 10_000)}  # of a file from elsewhere
CHECKPOINT = "checkpoint"  # in a run that is not finished
MODEL_FILES = ("model.safetensors", "model.json")
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
    if out.exists():
        if not (out.is_dir() and all((out / name).is_file() for name in files)):
            if not out.is_dir() or any(out.iterdir()):
                raise InputError(f"{out}: holds something that is not a finished run: choose another --out.")
        elif not overwrite:
            raise InputError(f"{out}: holds a finished run: choose another --out, or replace it by --overwrite.")
    partial = out.with_name(out.name + ".partial")
    ours = (partial / "lock").exists()
    lock = FileLock(partial / "lock", timeout=0)  # the system lets go of it, however a process ends
    try:
        partial.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as fault:
        raise InputError(f"{partial}: another run is at work there: wait for it, or choose another --out.") from fault
    except OSError as fault:
        raise InputError(f"{out}: cannot be written ({fault.strerror}): choose another place with --out.") from fault
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
                fault.add_note(
                    f"What was learnt is kept: go on with --out {out} --resume, and the other options as they were."
                )
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
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", source).strip("-.")[:60] or "images"
    return f"{plain}-{seed}-{datetime.now():%Y%m%d-%H%M%S-%f}{secrets.token_hex(2)}"  # many may start in one moment


def cut_off_run(folder: Path, source: str, seed: int) -> Path:
    """Return the name of the newest run of a source and seed that was cut off, for a resume without a name.

    Raises:
        InputError: there is none.
    """
    start = run_name(source, seed)[: -len("-20260101-000000-0000000000")]
    found = sorted(folder.glob(f"{start}-*.partial"), key=lambda path: path.name)
    if not found:
        raise InputError(f"{folder}: no run of {source} with seed {seed} was cut off there: name it by --out, or start "
                         "without --resume.")  # fmt: skip

    return found[-1].with_name(found[-1].name.removesuffix(".partial"))


def save_model(folder: Path, model: MultiTaskModel) -> None:
    """Write the encoder and the classification head: model.safetensors, and model.json that says what they are."""
    weights = {name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()
               if name.startswith(("encoder.", "heads.classes."))}  # fmt: skip
    content = save_weights(weights)
    (folder / "model.safetensors").write_bytes(content)
    about = {
        "format": FORMAT, "encoder": getattr(model.encoder, "name", type(model.encoder).__name__),
        "settings": encoder_settings(model), "classes": model.heads["classes"].out_features,
        "images": "N x channels x side x side in [0, 1]", "sha256": hashlib.sha256(content).hexdigest(),
        "versions": versions(),
    }  # fmt: skip
    (folder / "model.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def check_format(run: Path) -> dict[str, Any]:
    """Return what model.json says, after a look whether this is a run, and one that this version can read.

    Raises:
        InputError: it is not.
    """
    for name in MODEL_FILES:
        if not (run / name).is_file():
            raise InputError(f"{run}: is no run folder (it has no {name}): give the folder that `mtlkit fit` has made.")
    try:
        about = dict(json.loads((run / "model.json").read_text(encoding="utf-8")))
        if int(about["format"]) > FORMAT:
            raise InputError(f"{run}/model.json: is from a newer mtlkit (format {about['format']}, this one reads {FORMAT}): "
                             "update by `pip install --upgrade mtlkit`.")  # fmt: skip
    except InputError:
        raise
    except (ValueError, KeyError, TypeError) as fault:
        raise damaged(run, fault) from fault
    return about


def damaged(run: Path, fault: Exception) -> InputError:
    """Say that a run's model is not what was saved."""
    reason = " ".join(str(fault).split())[:120]
    return InputError(f"{run}: the model is damaged or was changed ({reason}): copy the run again, or make it anew.")


def load_model(run: Path) -> MultiTaskModel:
    """Return the model of a run folder, ready to predict with its head `classes`. Nothing is unpickled.

    Raises:
        InputError: not a run, from a newer mtlkit, or a file that was cut short or changed.
    """
    run = run.expanduser()
    about = check_format(run)
    try:
        settings = {name: int(value) for name, value in about["settings"].items()}
        for name, value in (settings | {"classes": int(about["classes"])}).items():
            if not LIMITS[name][0] <= value <= LIMITS[name][1]:
                raise ValueError(f"{name} is {value}")
        content = (run / "model.safetensors").read_bytes()
        if hashlib.sha256(content).hexdigest() != about["sha256"]:
            raise ValueError("the weights are not those that were saved")
        encoder = make_encoder(about["encoder"], **settings)
        model = MultiTaskModel(encoder, {"classes": Classification(np.eye(int(about["classes"])))})
        model.load_state_dict(load_weights(content))
    except InputError as fault:
        raise InputError(f"{run / 'model.json'}: {fault}") from fault
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as fault:
        raise damaged(run, fault) from fault
    return model.eval()


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
    classes, confidence = found.probabilities.argmax(axis=1), found.probabilities.max(axis=1)
    sizes = np.bincount(classes, minlength=found.probabilities.shape[1]).tolist()
    report = report | {
        "images": len(images), "shape": list(images.images.shape[1:]), "sizes": sizes,
        "scores": scores.as_dict() if scores else None,
        "skipped": [{"path": item.path, "reason": item.reason} for item in images.skipped],
        "notes": list(images.notes),
        "seconds": {stage: round(seconds, 2) for stage, seconds in found.seconds.items()}, "versions": versions(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
    save_model(folder, found.model)
    with (folder / "assignments.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "class", "confidence"])
        rows.writerows((safe_cell(p), c, f"{s:.4f}") for p, c, s in zip(images.paths, classes, confidence, strict=True))
    with (folder / "history.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(dict.fromkeys(key for row in found.history for key in row)))
        table.writeheader()
        table.writerows(found.history)
    (folder / "report.json").write_text(
        json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", errors="replace"
    )
    write_report(folder / "report.html", report, _figures(images, found, classes, confidence, scores))
    return report


def encoder_settings(model: MultiTaskModel) -> dict[str, int]:
    """Return what the encoder was made with: channels, side and width."""
    settings: Any = model.encoder.settings
    return dict(settings)


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    names = ("mtlkit", "torch", "numpy", "scikit-learn", "scikit-image")
    return {"python": platform.python_version()} | {name: version(name) for name in names}


def _figures(
    images: ImageSet, found: Found, classes: np.ndarray, confidence: np.ndarray, scores: Scores | None
) -> list[ReportFigure]:
    """Draw what the report shows; each title says a finding."""
    sizes = np.bincount(classes)[np.unique(classes)]
    k = len(sizes)
    side = encoder_settings(found.model)["side"]
    inputs = torch.as_tensor(images.images)
    if inputs.shape[-1] != side:
        inputs = nn.functional.interpolate(inputs, (side, side), mode="bilinear", antialias=True).clamp(0, 1)
    features = nn.functional.normalize(found.model.features(inputs)).numpy()
    figures = [
        ReportFigure("What each class looks like",
            f"A sheet with a row for each of {k} classes: the images that the network is surest of stand at the left, "
            "the most doubtful ones at the right end.",
            to_png(contact_sheet(images.images, classes, confidence, title="")),
            "A class is a number, not a name. Judge a row by its right end: that is where mistakes gather."),
        ReportFigure(f"The classes hold {sizes.min():,} to {sizes.max():,} images",
            f"Bars with the number of images in each of {k} classes; a dashed line marks where equal sizes would end.",
            to_png(class_sizes(classes, title="")),
            "A class that is almost empty, or holds almost everything, is a sign of trouble."),
        ReportFigure("How the network sees the images",
            f"A map of the images by their shared features, each of {k} classes with a colour, a marker and its number.",
            to_png(embedding(features, classes, title="")),
            "Near points are alike to the network. Distances between far islands, and the islands' areas, mean nothing."),
        ReportFigure("What was learnt, stage by stage",
            "Curves of each task's loss over the epochs of training, with a line where one stage follows another.",
            to_png(losses(found.history, title="")),
            "A loss that falls says that the task is learnt, not that the classes are right."),
    ]  # fmt: skip
    if scores:
        figures.append(
            ReportFigure(
                f"Against labels opened after training: {scores.accuracy:.1%} agree",
                "A table of true classes against found classes; matched pairs lie on the diagonal, mistakes beside it.",
                to_png(confusion(scores, images.class_names or None, title="")),
                "Found classes were matched to true ones so that most images agree (Hungarian matching).",
            )
        )
    return figures
