"""The detector: the shared encoder slid over a whole picture, and three heads on each cell."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import nms

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

    boxes: np.ndarray
    scores: np.ndarray
    groups: np.ndarray


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
        self.scales = nn.ModuleList([layers[:3], layers[3:7], layers[7:11], layers[11:15]])
        self.scales.append(nn.Sequential(nn.MaxPool2d(2, ceil_mode=True), *_block(96, 96)))
        self.fine = nn.Conv2d(48, width, 2, stride=2)
        self.sides = nn.ModuleList([nn.Conv2d(96, width, 1) for _ in range(3)])
        self.last = nn.Sequential(nn.ReLU(), *_block(width, width))
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        maps = []
        x = images - 0.5
        for scale in self.scales:
            x = scale(x)
            maps.append(x)
        _, quarter, *coarser = maps
        eighth, sixteenth, coarsest = (side(m) for side, m in zip(self.sides, coarser, strict=True))
        sixteenth = sixteenth + _enlarged(coarsest, sixteenth)
        eighth = eighth + _enlarged(sixteenth, eighth) + self.fine(quarter)
        return self.last(eighth).permute(0, 2, 3, 1)


def _block(inputs: int, outputs: int) -> Iterator[nn.Module]:
    yield nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    yield nn.BatchNorm2d(outputs)
    yield nn.ReLU()


def _enlarged(coarse: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(coarse, size=like.shape[-2:], mode="nearest")


def new_detector(n_groups: int, encoder: nn.Module | None = None) -> MultiTaskModel:
    """Return a detector with fresh heads for its three tasks, on a fresh encoder if None is given."""
    one = np.zeros((1, 1, 1, n_groups))
    tasks = {
        "objects": Objectness(one[..., :1]),
        "boxes": BoxRegression(one[..., :1].repeat(4, -1)),
        "groups": Grouping(one),
    }
    return MultiTaskModel(encoder or DenseEncoder(), tasks)


@torch.no_grad()
def detect(
    model: MultiTaskModel, images: np.ndarray, least: float = LEAST, same: float = SAME
) -> list[Detections]:
    """Return what is found in each of N pictures, N x C x H x W in [0, 1].

    A box's score is the probability of an object times that of a good fit. Of two boxes that
    overlap by `same` (intersection over union) the surer stays.

    >>> found = detect(new_detector(n_groups=4), np.zeros((1, 3, 64, 64), np.float32))
    >>> found[0].groups.shape[1]
    4
    """
    model.eval()
    found = []
    for image in images:  # one by one: memory stays that of one picture
        picture = torch.as_tensor(image)[None, None].to(model.device)  # 1 view x 1 x C x H x W
        outputs = {name: output[0, 0].cpu() for name, output in model(picture).items()}
        found.append(_read(outputs, image.shape[-2:], least, same))
    return found


def _read(outputs: dict[str, Tensor], size: Any, least: float, same: float) -> Detections:
    """Read boxes off the heads' maps, h x w x K."""
    sides = distances(outputs["boxes"])
    scores = (outputs["objects"][..., 0].sigmoid() * outputs["boxes"][..., 4].sigmoid()).sqrt()
    middles = cell_middles(*scores.shape)
    boxes = torch.cat([middles - sides[..., :2], middles + sides[..., 2:]], dim=-1)
    boxes = boxes.clamp_min(0).minimum(torch.tensor([size[1], size[0]] * 2))
    good = scores >= least
    boxes, scores, groups = boxes[good], scores[good], outputs["groups"][good]
    kept = nms(boxes, scores, same)[:MOST]
    shares = groups[kept].softmax(-1)
    return Detections(boxes[kept].numpy(), scores[kept].numpy(), shares.numpy())


def cell_middles(height: int, width: int) -> Tensor:
    """Return the middles of a map's cells, height x width x 2: x and y in px."""
    rows, columns = torch.arange(height), torch.arange(width)
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return (torch.stack([x, y], -1) + 0.5) * CELL
