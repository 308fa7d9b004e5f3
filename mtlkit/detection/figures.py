"""Figures of what a detector found: pictures with boxes, groups, and what was learnt."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy import ndarray
from torchvision.ops import roi_align
from torchvision.utils import draw_bounding_boxes

from mtlkit.detection.detector import SURE, Detections
from mtlkit.evaluation.galleries import contact_sheet
from mtlkit.evaluation.plots import Rows, losses, new_figure, to_png
from mtlkit.evaluation.report import ReportFigure

SHOWN = 12  # pictures
COLOUR = "#de8f05"  # the second of seaborn's colours for colour-blind readers


def drawn(image: ndarray, found: Detections, sure: float = SURE) -> ndarray:
    """Return a picture, 3 x H x W in [0, 1], with a frame round each box that is sure enough."""
    values = torch.tensor(255 * image)
    pixels = values.round().to(torch.uint8)
    boxes = torch.tensor(found.boxes[found.scores >= sure])
    if not len(boxes):
        return image
    width = max(1, round(max(image.shape) / 200))
    framed = draw_bounding_boxes(pixels, boxes, colors=COLOUR, width=width)
    return framed.numpy().astype(np.float32) / 255


def picture_sheet(images: ndarray, found: Sequence[Detections]) -> Figure:
    """Show pictures with a frame round each box that is sure enough, three in a row."""
    lines = -(-len(images) // 3)  # rounded up
    figure = new_figure((9.0, 3.2 * lines), "", "")
    for place, axes in enumerate(figure.subplots(lines, 3, squeeze=False).flat):
        axes.set_axis_off()
        if place < len(images):
            framed = drawn(images[place], found[place])
            axes.imshow(framed.transpose(1, 2, 0))
            count = (found[place].scores >= SURE).sum()
            axes.set_title(f"{count} {'box' if count == 1 else 'boxes'}")
    return figure


def group_sheet(
    images: ndarray, found: Sequence[Detections], names: Mapping[int, str]
) -> Figure | None:
    """Show each group as a row of what is in its boxes, the surest first; None without a box."""
    pieces, groups, scores = [], [], []
    for image, one in zip(images, found, strict=True):
        sure = one.scores >= SURE
        boxes = torch.tensor(one.boxes[sure])
        picture = torch.tensor(image)[None]
        found_there = roi_align(picture, [boxes], 32, aligned=True)
        pieces.append(found_there.numpy())
        groups.append(one.groups[sure].argmax(1))
        scores.append(one.scores[sure])
    if not sum(map(len, groups)):
        return None
    every = np.concatenate(pieces).clip(0, 1)
    of_all = np.concatenate(groups)
    surest = np.concatenate(scores)
    return contact_sheet(every, of_all, surest, names=names, title="")


def detection_figures(
    images: ndarray, found: Sequence[Detections], names: Mapping[int, str], history: Rows
) -> list[ReportFigure]:
    """Draw what the report of a detection run shows; each title says a finding."""
    shown = min(SHOWN, len(images))
    rows = np.linspace(0, len(images) - 1, shown).astype(int)
    some = [found[row] for row in rows]
    figures = [
        ReportFigure(
            "What was found in the pictures",
            f"{len(rows)} of the pictures that were trained on, with a frame round what was found "
            f"with a score of {SURE} or more.",
            to_png(picture_sheet(images[rows], some)),
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
