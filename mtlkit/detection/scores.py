"""Scores of detection against annotated boxes: a thin face on faster-coco-eval, and CorLoc.

As `evaluation/scores.py` for classes, this is the only place where boxes and their kinds count.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from faster_coco_eval import COCO, COCOeval_faster
from numpy import ndarray
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
    known = sorted({kind for photo in truth for kind in photo.kinds})
    annotated = COCO(_annotated(truth, known))
    told = annotated.loadRes(_told(found))
    precision, recall = _curves(annotated, told, by_kind=False)
    kinds: dict[str, float] = {}
    if names:
        told = annotated.loadRes(_told(found, known, names))
        of_each, _ = _curves(annotated, told, by_kind=True)
        kinds = dict(zip(known, of_each, strict=True))
    return DetectionScores(
        ap50=precision[0],
        recall=dict(zip(NUMBERS, recall, strict=True)),
        corloc=_corloc(found, truth),
        map50=round(float(np.mean(of_each)), 4) if names else None,
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
        right = shares.max(1, initial=0) >= HIT
        for row in np.flatnonzero(right):
            group = one.groups[row].argmax()
            nearest = shares[row].argmax()
            kind = kinds.index(photo.kinds[nearest])
            votes[group, kind] += one.scores[row]
    names: list[str | None] = []
    for own in votes:
        names.append(kinds[own.argmax()] if own.any() else None)
    return names


def _annotated(truth: Sequence[PhotoBoxes], known: Sequence[str]) -> dict[str, Any]:
    """Return the annotated boxes of N pictures as COCO has them; a kind's number is its place."""
    annotations: list[dict[str, Any]] = []
    for picture, photo in enumerate(truth):
        for box, kind in zip(photo.boxes, photo.kinds, strict=True):
            left, top, width, height = coco_box(box)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": picture,
                    "category_id": known.index(kind),
                    "bbox": [left, top, width, height],
                    "area": width * height,
                    "iscrowd": 0,
                }
            )
    return {
        "images": [{"id": picture} for picture in range(len(truth))],
        "annotations": annotations,
        "categories": [{"id": kind} for kind in range(len(known))],
    }


def _told(
    found: Sequence[Detections], known: Sequence[str] = (), names: Sequence[str | None] = ()
) -> list[dict[str, Any]]:
    """Return what was found in N pictures as COCO has results: of one kind, or by groups' names.

    A box is of the kind that its groups most likely stand for, and its score is times how likely;
    one that stands for none is of a kind that nothing is of.
    """
    of_kind = np.zeros((len(names), len(known)))
    for group, name in enumerate(names):
        if name in known:
            of_kind[group, known.index(name)] = 1
    rows = []
    for picture, one in enumerate(found):
        kinds = np.zeros(len(one.boxes), int)
        scores = one.scores
        if names:
            likely = one.groups @ of_kind  # n x kinds
            best = likely.argmax(1)
            kinds = np.where(likely.any(1), best, len(known))
            scores = scores * likely.max(1)
        for row, box in enumerate(one.boxes):
            rows.append(
                {
                    "image_id": picture,
                    "category_id": int(kinds[row]),
                    "bbox": coco_box(box),
                    "score": float(scores[row]),
                }
            )
    return rows


def coco_box(box: ndarray) -> list[float]:
    """Return left, top, width and height of left, top, right and bottom.

    >>> coco_box(np.array([1, 2, 4, 8]))
    [1.0, 2.0, 3.0, 6.0]
    """
    left, top, right, bottom = map(float, box)
    return [left, top, right - left, bottom - top]


def _curves(annotated: COCO, told: COCO, by_kind: bool) -> tuple[list[float], list[float]]:
    """Return the average precision of each kind, or of all as one, and the recall by `NUMBERS`."""
    work = COCOeval_faster(annotated, told, "bbox")
    work.params.useCats = int(by_kind)
    work.params.iouThrs = np.array([HIT])
    work.params.maxDets = list(NUMBERS)
    work.params.areaRng = [[0, 1e10]]
    work.params.areaRngLbl = ["all"]
    work.evaluate()
    work.accumulate()
    precision = work.eval["precision"][0, :, :, 0, -1]  # 101 x kinds
    recall = work.eval["recall"][0, :, 0, :]  # kinds x numbers
    of_kinds = precision.clip(0).mean(0).round(4)
    by_number = recall.clip(0).mean(0).round(4)
    return of_kinds.tolist(), by_number.tolist()


def _corloc(found: Sequence[Detections], truth: Sequence[PhotoBoxes]) -> float:
    right = []
    for one, photo in zip(found, truth, strict=True):
        if len(photo.boxes):
            surest = _overlaps(one.boxes[:1], photo.boxes)
            right.append(surest.max(initial=0) >= HIT)
    return round(float(np.mean(right)), 4)


def _overlaps(boxes: ndarray, others: ndarray) -> ndarray:
    """Return the intersections over union of n boxes and m others: n x m."""
    first = torch.tensor(boxes, dtype=torch.float64)
    second = torch.tensor(others, dtype=torch.float64)
    return box_iou(first.view(-1, 4), second.view(-1, 4)).numpy()
