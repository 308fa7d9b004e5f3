"""Figures of what a detector found: pictures with boxes, groups, and what was learnt."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from torchvision.ops import roi_align
from torchvision.utils import draw_bounding_boxes

from mtlkit.detection.detector import SURE, Detections
from mtlkit.evaluation.galleries import contact_sheet, gallery
from mtlkit.evaluation.plots import Rows, losses, to_png
from mtlkit.evaluation.report import ReportFigure

SHOWN = 12  # pictures
COLOUR = "#de8f05"  # the second of seaborn's colours for colour-blind readers


def drawn(image: np.ndarray, found: Detections, sure: float = SURE) -> np.ndarray:
    """Return a picture, 3 x H x W in [0, 1], with a frame round each box that is sure enough."""
    pixels = torch.tensor(255 * image).round().to(torch.uint8)
    boxes = torch.tensor(found.boxes[found.scores >= sure])
    if not len(boxes):
        return image
    width = max(1, round(max(image.shape) / 200))
    framed = draw_bounding_boxes(pixels, boxes, colors=COLOUR, width=width)
    return framed.numpy().astype(np.float32) / 255


def group_sheet(
    images: np.ndarray, found: Sequence[Detections], names: Mapping[int, str]
) -> Figure | None:
    """Show each group as a row of what is in its boxes, the surest first; None without a box."""
    pieces, groups, scores = [], [], []
    for image, one in zip(images, found, strict=True):
        sure = one.scores >= SURE
        boxes = torch.tensor(one.boxes[sure])
        pieces.append(roi_align(torch.tensor(image)[None], [boxes], 32, aligned=True).numpy())
        groups.append(one.groups[sure].argmax(1))
        scores.append(one.scores[sure])
    if not sum(map(len, groups)):
        return None
    every = np.concatenate(pieces).clip(0, 1)
    return contact_sheet(
        every, np.concatenate(groups), np.concatenate(scores), names=names, title=""
    )


def detection_figures(
    images: np.ndarray, found: Sequence[Detections], names: Mapping[int, str], history: Rows
) -> list[ReportFigure]:
    """Draw what the report of a detection run shows; each title says a finding."""
    rows = np.linspace(0, len(images) - 1, min(SHOWN, len(images))).astype(int)
    pictures = np.stack([drawn(images[row], found[row]) for row in rows])
    counts = [f"{(found[row].scores >= SURE).sum()} boxes" for row in rows]
    figures = [
        ReportFigure(
            "What was found in the pictures",
            f"{len(rows)} of the pictures that were trained on, with a frame round what was found "
            f"with a score of {SURE} or more.",
            to_png(gallery(pictures, counts, columns=3, side=2.8, title="")),
            "Look for what is missing as well as for what is wrong: a detector cannot find what "
            "never stood out.",
        )
    ]
    sheet = group_sheet(images, found, names)
    if sheet:
        figures.append(
            ReportFigure(
                "What each group looks like",
                "A sheet with a row for each group: what is in the surest boxes at the left, in "
                "the most doubtful ones at the right end.",
                to_png(sheet),
                "A kind of object may fill several rows, and a row may hold a part, or no object.",
            )
        )
    figures.append(
        ReportFigure(
            "What was learnt, round by round",
            "Curves of the losses of three tasks over the epochs of training, with a line where "
            "one round follows another.",
            to_png(losses(history, title="")),
            "Each round learns from boxes that the round before helped to choose: its losses are "
            "not to be compared with those before.",
        )
    )
    return figures
