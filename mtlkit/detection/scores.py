"""Scores of detection against annotated boxes: a thin face on faster-coco-eval, and CorLoc.

As `evaluation/scores.py` for classes, this is the only place where boxes and their kinds count.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from faster_coco_eval import COCO, COCOeval_faster
from torchvision.ops import box_iou

from mtlkit.data.boxes import PhotoBoxes
from mtlkit.detection.detector import Detections
from mtlkit.errors import InputError

HIT = 0.5  # intersection over union from which a box is right
NUMBERS = (1, 3, 10, 30, 100)  # boxes a picture, for recall


@dataclass(frozen=True)
class DetectionScores:
    """How well boxes were found, whatever is in them, and how well they were sorted.

    ap50: average precision with boxes that overlap by half, of all objects as one kind.
    recall: the share of objects that are found by so many boxes a picture.
    corloc: the share of pictures with objects whose surest box is right.
    map50: the mean of `kinds`; None where groups have no names.
    kinds: average precision of each kind, by name.
    objects, pictures: how many there are.
    """

    ap50: float
    recall: dict[int, float]
    corloc: float
    map50: float | None
    kinds: dict[str, float]
    objects: int
    pictures: int

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for a JSON file."""
        return asdict(self)


def score_detections(
    found: Sequence[Detections],
    truth: Sequence[PhotoBoxes],
    names: Sequence[str | None] | None = None,
) -> DetectionScores:
    """Score what was found in N pictures against their annotated boxes.

    Args:
        found: of each picture.
        truth: of each picture, in px of the picture that was searched.
        names: what each group is called, see `name_groups`; None: boxes alone are scored.

    Raises:
        InputError: no annotated box, or another number of pictures.

    Sources: Lin et al. 2014, "Microsoft COCO" (average precision over 101 steps of recall);
        Deselaers, Alexe, Ferrari 2010, "Localizing objects while learning their appearance"
        (CorLoc).

    >>> sure = Detections(np.float32([[0, 0, 8, 8]]), np.float32([0.9]), np.float32([[1]]))
    >>> truth = PhotoBoxes("a.png", 20, 20, np.float32([[0, 0, 8, 9]]), ["car"], ["a/00"])
    >>> score_detections([sure], [truth], ["car"]).kinds
    {'car': 1.0}
    """
    objects = sum(len(photo.boxes) for photo in truth)
    if len(found) != len(truth) or not objects:
        what = f"{len(found)} pictures were searched, and {len(truth)} with {objects} boxes"
        raise InputError(f"{what} are given: give annotations of the same, with boxes.")
    one = [np.zeros(len(photo.boxes), int) for photo in truth]
    precision, recall = _curves(_rows(found), truth, one, NUMBERS)
    kinds: dict[str, float] = {}
    if names is not None:
        known = sorted({kind for photo in truth for kind in photo.kinds})
        numbers = [np.array([known.index(kind) for kind in photo.kinds], int) for photo in truth]
        by_kind, _ = _curves(_rows(found, known, names), truth, numbers, NUMBERS[-1:])
        kinds = {kind: round(float(ap), 4) for kind, ap in zip(known, by_kind, strict=True)}
    return DetectionScores(
        ap50=round(float(precision[0]), 4),
        recall={n: round(float(share), 4) for n, share in zip(NUMBERS, recall, strict=True)},
        corloc=_corloc(found, truth),
        map50=round(float(np.mean(list(kinds.values()))), 4) if kinds else None,
        kinds=kinds,
        objects=objects,
        pictures=len(truth),
    )


def name_groups(found: Sequence[Detections], truth: Sequence[PhotoBoxes]) -> list[str | None]:
    """Return for each group the kind that most of its boxes hold, by their scores.

    A group whose boxes are never right has no name. Name groups on the pictures that were trained
    on, never on those that are scored.
    """
    n_groups = found[0].groups.shape[1]
    kinds = sorted({kind for photo in truth for kind in photo.kinds})
    votes = np.zeros((n_groups, len(kinds)))
    for one, photo in zip(found, truth, strict=True):
        shares = _overlaps(one.boxes, photo.boxes)
        for row in np.flatnonzero(shares.max(1, initial=0) >= HIT):
            kind = kinds.index(photo.kinds[shares[row].argmax()])
            votes[one.groups[row].argmax(), kind] += one.scores[row]
    return [kinds[row.argmax()] if row.any() else None for row in votes]


def _rows(
    found: Sequence[Detections], known: Sequence[str] = (), names: Sequence[str | None] = ()
) -> list[dict[str, Any]]:
    """Return all boxes as COCO has results: of one kind, or of that which its groups stand for."""
    belongs = np.array([[name == kind for kind in known] for name in names], float)
    rows = []
    for picture, (boxes, scores, groups) in enumerate(found):
        kinds = np.zeros(len(boxes), int)
        if known and len(boxes):
            shares = groups @ belongs  # n x kinds
            kinds = shares.argmax(1)
            scores = scores * shares.max(1)
        for box, score, kind in zip(boxes.tolist(), scores.tolist(), kinds.tolist(), strict=True):
            rows.append(
                {"image_id": picture, "category_id": kind, "bbox": coco_box(box), "score": score}
            )
    return rows


def coco_box(box: Sequence[float]) -> list[float]:
    """Return left, top, width and height of left, top, right and bottom."""
    left, top, right, bottom = box
    return [left, top, right - left, bottom - top]


def _curves(
    rows: list[dict[str, Any]],
    truth: Sequence[PhotoBoxes],
    kinds: Sequence[np.ndarray],
    numbers: Sequence[int],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the average precision of each kind, and the recall by the numbers of boxes."""
    annotations = []
    for picture, (photo, own) in enumerate(zip(truth, kinds, strict=True)):
        for box, kind in zip(photo.boxes.tolist(), own.tolist(), strict=True):
            left, top, width, height = coco_box(box)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": picture,
                    "category_id": kind,
                    "bbox": [left, top, width, height],
                    "area": width * height,
                    "iscrowd": 0,
                }
            )
    content = {
        "images": [{"id": picture} for picture in range(len(truth))],
        "annotations": annotations,
        "categories": [{"id": int(kind)} for kind in np.unique(np.concatenate(kinds))],
    }
    known = COCO(content)
    work = COCOeval_faster(known, known.loadRes(rows), "bbox")
    work.params.iouThrs = np.array([HIT])
    work.params.maxDets = list(numbers)
    work.params.areaRng, work.params.areaRngLbl = [[0, 1e10]], ["all"]
    work.evaluate()
    work.accumulate()
    precision = work.eval["precision"][0, :, :, 0, -1]  # 101 x kinds
    return precision.clip(0).mean(0), work.eval["recall"][0, :, 0, :].mean(0)


def _corloc(found: Sequence[Detections], truth: Sequence[PhotoBoxes]) -> float:
    right = [
        _overlaps(one.boxes[:1], photo.boxes).max(initial=0) >= HIT
        for one, photo in zip(found, truth, strict=True)
        if len(photo.boxes)
    ]
    return round(float(np.mean(right)), 4)


def _overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the intersections over union of n boxes and m others: n x m."""
    first, second = (torch.tensor(b, dtype=torch.float64).view(-1, 4) for b in (boxes, others))
    return box_iou(first, second).numpy()
