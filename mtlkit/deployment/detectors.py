"""Detectors in and out of a run folder, and what they find as COCO's JSON."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors.torch import load as load_weights
from safetensors.torch import save as save_weights

from mtlkit.data import ImageSet
from mtlkit.deployment.run_folder import (
    COPY_AGAIN,
    DAMAGED,
    FORMAT,
    read_inputs,
    read_model_json,
    versions,
)
from mtlkit.detection.detector import SURE, DenseEncoder, Detections, new_detector
from mtlkit.detection.figures import detection_figures
from mtlkit.detection.rounds import MOST_GROUPS, DetectionResult
from mtlkit.detection.scores import DetectionScores, coco_box
from mtlkit.errors import as_input_error
from mtlkit.evaluation import write_report
from mtlkit.inputs import InputSpec
from mtlkit.multitask import MultiTaskModel
from mtlkit.tables import write_csv

Names = Sequence[str | None]


class Detector(NamedTuple):
    """A detector as a run folder holds it.

    model: for `detection.detect`.
    inputs: the pictures that it takes.
    names: what each group is called, or None for one that has no name.
    """

    model: MultiTaskModel
    inputs: InputSpec
    names: Names


def save_detector(folder: Path, detector: Detector) -> None:
    """Write the weights to model.safetensors, and what they are to model.json."""
    model, inputs, names = detector
    kept = {}
    for key, tensor in model.state_dict().items():
        kept[key] = tensor.cpu().contiguous()
    content = save_weights(kept)
    (folder / "model.safetensors").write_bytes(content)
    description = {
        "format": FORMAT,
        "kind": "detector",
        "groups": list(names),
        "inputs": inputs.as_dict(),
        "sha256": hashlib.sha256(content).hexdigest(),
        "versions": versions(),
    }
    text = json.dumps(description, indent=1) + "\n"
    (folder / "model.json").write_text(text, encoding="utf-8")


def load_detector(run: Path) -> Detector:
    """Return the detector of a run folder. Nothing is unpickled.

    Raises:
        InputError: not a run, one of a classifier, of another format, cut short or changed.
    """
    run = run.expanduser()
    description = read_model_json(run, "detector")
    inputs = read_inputs(run, "detector")
    with as_input_error(f"{run}: {DAMAGED}", COPY_AGAIN):
        content = (run / "model.safetensors").read_bytes()
        if hashlib.sha256(content).hexdigest() != description["sha256"]:
            raise ValueError("the weights are not those that were saved")
        names: list[str | None] = []
        for name in description["groups"]:
            names.append(None if name is None else str(name))
        if not 1 <= len(names) <= MOST_GROUPS or inputs.channels != 3:
            raise ValueError(f"it has {len(names)} groups and {inputs.channels} channels")
        model = new_detector(len(names), DenseEncoder())
        weights = load_weights(content)
        model.load_state_dict(weights)
        if not all(tensor.isfinite().all() for tensor in weights.values()):
            raise ValueError("the weights hold NaN or infinity")
    return Detector(model.eval(), inputs, names)


def as_coco(
    paths: Sequence[str],
    sizes: Sequence[tuple[int, int]],
    found: Sequence[Detections],
    names: Names,
) -> dict[str, Any]:
    """Return what was found in N pictures as COCO has it, each box with its score.

    Args:
        paths: of the pictures.
        sizes: of each, its width and height in px; boxes are in these.
        found: of each.
        names: of the groups, which become the categories.

    >>> nothing = Detections(np.empty((0, 4)), np.empty(0), np.empty((0, 1)))
    >>> as_coco(["a.png"], [(64, 48)], [nothing], ["car"])["annotations"]
    []
    """
    annotations: list[dict[str, Any]] = []
    for image, one in enumerate(found, 1):
        for row, box in enumerate(one.boxes):
            left, top, width, height = coco_box(box.round(2))
            group = one.groups[row].argmax()
            score = float(one.scores[row])
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": int(group) + 1,
                    "bbox": [left, top, round(width, 2), round(height, 2)],
                    "area": round(width * height, 2),
                    "iscrowd": 0,
                    "score": round(score, 4),
                }
            )
    return {
        "info": {"description": "Found by mtlkit; scores are not calibrated."},
        "images": [
            {"id": number, "file_name": path, "width": width, "height": height}
            for number, (path, (width, height)) in enumerate(zip(paths, sizes, strict=True), 1)
        ],
        "annotations": annotations,
        "categories": [
            {"id": number, "name": group_name(number - 1, name)}
            for number, name in enumerate(names, 1)
        ],
    }


def group_name(number: int, name: str | None) -> str:
    return f"group {number}" + (f" ({name})" if name else "")


def write_coco(file: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    file.write_text(text, encoding="utf-8", errors="replace")


def write_detection_run(
    folder: Path,
    images: ImageSet,
    detector: Detector,
    result: DetectionResult,
    found: Sequence[Detections],
    scores: DetectionScores | None,
    report: dict[str, Any],
) -> dict[str, Any]:
    """Write all files of a run of `mtlkit detect fit`; return the content of report.json.

    `images` are squares as the detector takes them, and `found` is what it finds in them.
    """
    of_boxes: list[int] = []
    for one in found:
        sure = one.scores >= SURE
        of_boxes += one.groups[sure].argmax(1).tolist()
    sizes = np.bincount(of_boxes, minlength=len(detector.names))
    report = report | {
        "images": len(images),
        "shape": list(images.images.shape[1:]),
        "boxes": len(of_boxes),
        "groups": len(detector.names),
        "group_sizes": sizes.tolist(),
        "scores": scores.as_dict() if scores else None,
        "skipped": [{"path": item.path, "reason": item.reason} for item in images.skipped],
        "notes": list(images.notes),
        "seconds": {stage: round(seconds, 2) for stage, seconds in result.seconds.items()},
        "versions": versions(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    save_detector(folder, detector)
    side = detector.inputs.side
    squares = [(side, side)] * len(images)
    content = as_coco(images.paths, squares, found, detector.names)
    write_coco(folder / "detections.json", content)
    write_csv(folder / "history.csv", result.history)
    text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    (folder / "report.json").write_text(text, encoding="utf-8", errors="replace")
    names = {n: group_name(n, name) for n, name in enumerate(detector.names)}
    figures = detection_figures(images.images, found, names, result.history)
    write_report(folder / "report.html", report, figures, "detection.html.j2")
    return report
