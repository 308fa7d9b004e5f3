"""The detector: the shared encoder slid over a whole picture, and three heads on each cell."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import torch
from numpy import ndarray
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import clip_boxes_to_image, nms

from mtlkit.detection.tasks import BoxRegression, Grouping, Objectness, distances
from mtlkit.multitask import MultiTaskModel, SmallCNN

CELL = 8  # px, of a picture that a cell of the map stands for
LEAST, SURE = 0.05, 0.3  # of a score: a box is told from the first on, and drawn from the second
SAME = 0.5  # intersection over union from which two boxes are of one object
MOST = 100  # boxes of one picture


class Detections(NamedTuple):
    """What was found in one picture, the surest first.

    boxes: n x 4, float32: left, top, right and bottom in px.
    scores: n, from 0 to 1.
    groups: n x K, how likely each is of each group; rows sum to one.
    """

    boxes: ndarray
    scores: ndarray
    groups: ndarray


class DenseEncoder(nn.Module):
    """`SmallCNN`'s convolutions over a whole picture, from B x C x H x W to B x H/8 x W/8 x width.

    What is coarse and knows its surroundings is added to what is fine and knows its place. H and W
    are multiples of 8 px.

    Source: Lin et al. 2017, "Feature pyramid networks for object detection".

    >>> DenseEncoder()(torch.zeros(2, 3, 64, 96)).shape
    torch.Size([2, 8, 12, 96])
    """

    def __init__(self, channels: int = 3, width: int = 96) -> None:
        super().__init__()
        self.width = width
        self.settings = {"channels": channels, "width": width}
        layers = SmallCNN(channels, side=32).layers
        # Maps of a half, a quarter, an eighth and a sixteenth of the picture's side.
        self.scales = nn.ModuleList()
        for start, end in pairwise((0, 3, 7, 11, 15)):
            self.scales.append(layers[start:end])
        halved = nn.MaxPool2d(2, ceil_mode=True)
        self.scales.append(nn.Sequential(halved, *_block(96, 96)))
        self.fine = nn.Conv2d(48, width, 2, stride=2)
        self.sides = nn.ModuleList()
        for _ in range(3):
            self.sides.append(nn.Conv2d(96, width, 1))
        self.last = nn.Sequential(nn.ReLU(), *_block(width, width))
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        maps = []
        x = images - 0.5
        for scale in self.scales:
            x = scale(x)
            maps.append(x)
        quarter = maps[1]
        eighth, sixteenth, coarsest = map(_call, self.sides, maps[2:])
        sixteenth = sixteenth + _enlarged(coarsest, sixteenth)
        eighth = eighth + _enlarged(sixteenth, eighth)
        last = self.last(eighth + self.fine(quarter))
        return last.permute(0, 2, 3, 1)


def _call(layer: nn.Module, values: Tensor) -> Tensor:
    return layer(values)


def _block(inputs: int, outputs: int) -> Iterator[nn.Module]:
    yield nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    yield nn.BatchNorm2d(outputs)
    yield nn.ReLU()


def _enlarged(coarse: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(coarse, size=like.shape[-2:], mode="nearest")


def new_detector(n_groups: int, encoder: nn.Module | None = None) -> MultiTaskModel:
    """Return a detector: fresh heads for its three tasks, on a fresh encoder if none is given."""
    tasks = {"objects": Objectness(), "boxes": BoxRegression(), "groups": Grouping(n_groups)}
    return MultiTaskModel(encoder or DenseEncoder(), tasks)


@torch.no_grad()
def detect(
    model: MultiTaskModel, images: ndarray, least: float = LEAST, same: float = SAME
) -> list[Detections]:
    """Return what is found in each of N pictures, N x C x H x W in [0, 1].

    A box's score is the probability of an object times that of a good fit. Of two boxes that
    overlap by `same` (intersection over union) the surer stays.

    >>> found = detect(new_detector(n_groups=4), torch.zeros(1, 3, 64, 64).numpy())
    >>> found[0].groups.shape[1]
    4
    """
    model.eval()
    found = []
    for image in images:  # one by one: memory stays that of one picture
        picture = torch.as_tensor(image)[None, None]  # 1 view x 1 x C x H x W
        outputs = model(picture.to(model.device))
        maps = {name: output[0, 0].cpu() for name, output in outputs.items()}
        found.append(_read(maps, image.shape[-2:], least, same))
    return found


def _read(maps: dict[str, Tensor], size: tuple[int, int], least: float, same: float) -> Detections:
    """Read boxes off the heads' maps, h x w x K, for a picture of that height and width."""
    boxes, scores = _boxes_and_scores(maps)
    good = scores >= least
    boxes = clip_boxes_to_image(boxes[good], size)
    scores = scores[good]
    groups = maps["groups"][good].softmax(-1)
    kept = nms(boxes, scores, same)[:MOST]
    parts = boxes[kept], scores[kept], groups[kept]
    return Detections(*map(Tensor.numpy, parts))


def _boxes_and_scores(maps: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the box and the score of each cell, h x w x 4 and h x w, of the heads' maps."""
    objects = maps["objects"][..., 0]
    before, behind = distances(maps["boxes"]).split(2, dim=-1)
    trust = maps["boxes"][..., 4]
    scores = objects.sigmoid() * trust.sigmoid()
    middles = cell_middles(*scores.shape)
    boxes = torch.cat([middles - before, middles + behind], dim=-1)
    return boxes, scores.sqrt()


def cell_middles(height: int, width: int) -> Tensor:
    """Return the middles of a map's cells, height x width x 2: x and y in px."""
    rows, columns = torch.arange(height), torch.arange(width)
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    cells = torch.stack([x, y], -1)
    return (cells + 0.5) * CELL
