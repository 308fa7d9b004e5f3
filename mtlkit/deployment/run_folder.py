"""The run folder: what lies in it, and how it is written, read and checked, without torch."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtlkit.data import ImageSet
from mtlkit.errors import InputError, as_input_error, words_of
from mtlkit.evaluation import Scores, run_figures, write_report
from mtlkit.inputs import InputSpec
from mtlkit.tables import write_csv

if TYPE_CHECKING:
    from mtlkit.multitask import ClusteringResult

FORMAT = 3  # of model.json
MODEL_FILES = ("model.safetensors", "model.json")
RUN_FILES = (*MODEL_FILES, "report.json")
DAMAGED = "the model is damaged or was changed"
COPY_AGAIN = "copy the run again, or fit it again"


def write_run(
    folder: Path,
    images: ImageSet,
    result: "ClusteringResult",
    scores: Scores | None,
    report: dict[str, Any],
) -> dict[str, Any]:
    """Write all files of a run.

    Args:
        folder: an empty folder (`new_run` gives one).
        images: what the classes were found for. Labels are not touched: who has them gives
            `scores`.
        result: what training has found.
        scores: how well that agrees with labels, or None without any.
        report: title, source, assumptions, settings, warnings, ... as `evaluation.write_report`
            describes them.

    Returns:
        The whole content of report.json.
    """
    from mtlkit.deployment.models import save_model, shared_features  # here, as torch takes seconds

    n_classes = result.probabilities.shape[1]
    report = report | {
        "images": len(images),
        "shape": list(images.images.shape[1:]),
        "sizes": np.bincount(result.classes, minlength=n_classes).tolist(),
        "fit_nowhere": int((result.novelty > 1).sum()),
        "scores": scores.as_dict() if scores else None,
        "skipped": [{"path": item.path, "reason": item.reason} for item in images.skipped],
        "notes": list(images.notes),
        "class_sizes": [asdict(evidence) for evidence in result.sizes],
        "seconds": {stage: round(seconds, 2) for stage, seconds in result.seconds.items()},
        "versions": versions(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    save_model(folder, result.model, images.scale)
    write_csv(
        folder / "assignments.csv",
        assignments(images.paths, result.classes, result.confidence, result.novelty),
    )
    write_csv(folder / "history.csv", result.history)
    content = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    (folder / "report.json").write_text(content, encoding="utf-8", errors="replace")
    features = shared_features(result.model, images.images)
    judgement = result.classes, result.confidence, result.novelty
    figures = run_figures(images, *judgement, features, result.history, scores)
    write_report(folder / "report.html", report, figures)
    return report


def assignments(
    paths: Sequence[str], classes: np.ndarray, confidence: np.ndarray, novelty: np.ndarray
) -> list[dict[str, Any]]:
    """Return the rows of assignments.csv: what was found for each of N images.

    Novelty is empty where a model remembers nothing of its training images.

    >>> assignments(["a.png"], np.array([1]), np.array([0.75]), np.array([0.5]))
    [{'path': 'a.png', 'class': 1, 'confidence': '0.7500', 'novelty': '0.50'}]
    """
    return [
        {
            "path": path,
            "class": number,
            "confidence": f"{sure:.4f}",
            "novelty": "" if np.isnan(novel) else f"{novel:.2f}",
        }
        for path, number, sure, novel in zip(
            paths, classes.tolist(), confidence.tolist(), novelty.tolist(), strict=True
        )
    ]


def read_model_json(run: Path, kind: str = "classifier") -> dict[str, Any]:
    """Return what model.json says, after a look whether this is a run that this version reads.

    `kind` is the model that is asked for, a classifier or a detector.

    Raises:
        InputError: it is not.
    """
    for name in MODEL_FILES:
        if not (run / name).is_file():
            what = f"{run}: is no run folder (it has no {name})"
            raise InputError(f"{what}: give the folder that `mtlkit fit` has made.")
    with as_input_error(f"{run}: {DAMAGED}", COPY_AGAIN):
        content = dict(json.loads((run / "model.json").read_text(encoding="utf-8")))
        number = int(content["format"])
    if number != FORMAT:
        what = f"{run}/model.json: is of format {number}, and this mtlkit reads {FORMAT}"
        newer = number > FORMAT
        remedy = "update by `pip install --upgrade mtlkit`" if newer else "fit the images again"
        raise InputError(f"{what}: {remedy}.")
    found = content.get("kind", "classifier")
    if found != kind:
        other = "mtlkit detect predict" if found == "detector" else "mtlkit predict"
        raise InputError(f"{run}: holds a {found!s:.20}, and no {kind}: use `{other}`.")
    return content


def read_inputs(run: Path, kind: str = "classifier") -> InputSpec:
    """Return what pictures a run's model takes.

    Raises:
        InputError: as `read_model_json`, or the model takes plain features.
    """
    inputs = read_model_json(run, kind).get("inputs")
    if isinstance(inputs, dict) and "features" in inputs:
        what = f"the model takes rows of {inputs['features']} features, and no images"
        raise InputError(f"{what}: use load_model(RUN).predict(FEATURES, 'classes') in Python.")
    try:
        return InputSpec.from_dict(inputs)
    except (LookupError, TypeError, ValueError) as fault:
        what = f"{run}: {DAMAGED} ({words_of(fault)})"
        raise InputError(f"{what}: {COPY_AGAIN}.") from fault


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    names = ("mtlkit", "torch", "numpy", "scikit-learn", "scikit-image")
    return {"python": platform.python_version()} | {name: version(name) for name in names}
