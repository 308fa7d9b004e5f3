"""The detector's three tasks: is here an object, where does it end, and what is it like?

Each answers for each cell of a map, as the tasks of `mtlkit.multitask.tasks` do for each image.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import generalized_box_iou_loss, sigmoid_focal_loss

from mtlkit.multitask.tasks import Task

RARE = -4.0  # the first logit of an object: about one cell in fifty
UNIT = 16  # px, in which distances are learnt


class Objectness(Task):
    r"""Whether a cell is in the middle of an object, by the focal loss.

    For a cell with the probability $p$ of what is true of it: $-(1 - p)^2 \ln p$, summed over all
    cells and divided by the number of those with an object. Cells that are easy count little.

    Args:
        targets: N x h x w x 1, one where an object is and zero elsewhere.

    Source: Lin, Goyal, Girshick, He, Dollár 2017, "Focal loss for dense object detection".

    >>> task = Objectness(torch.ones(1, 1, 1, 1))
    >>> round(float(task.loss(torch.zeros(1, 1, 1, 1, 1), task.targets)), 4)    # ln 2 / 4
    0.1733
    """

    def head(self, width: int) -> nn.Module:
        head = nn.Linear(width, 1)
        nn.init.constant_(head.bias, RARE)
        return head

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        targets = targets.expand_as(outputs)
        total = sigmoid_focal_loss(outputs, targets, alpha=-1, gamma=2, reduction="sum")
        return total / targets.sum().clamp_min(1)


class BoxRegression(Task):
    r"""Where the object of a cell ends, and how far that can be trusted.

    The head tells the logarithms of four distances from the middle of the cell, and one logit $q$
    of how well the box they make fits. The loss is $2 (1 - \mathrm{GIoU})$, and the smooth L1 of
    the four sides in shares of the box's size, and the cross-entropy of $q$ and the intersection
    over union that was reached; the mean over the cells with an object.

    Args:
        targets: N x h x w x 4, the distances in px to the left, upper, right and lower side; zeros
            where no object is.

    Sources: Rezatofighi et al. 2019, "Generalized intersection over union"; Tian, Shen, Chen, He
        2019, "FCOS" (distances); Jiang et al. 2018, "Acquisition of localization confidence" ($q$).

    >>> task = BoxRegression(torch.full((1, 1, 1, 4), 16.0))
    >>> right = torch.tensor([0.0, 0, 0, 0, 30]).view(1, 1, 1, 1, 5)
    >>> round(float(task.loss(right, task.targets)), 4)
    0.0
    """

    def head(self, width: int) -> nn.Module:
        return nn.Linear(width, 5)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        targets = targets.expand(len(outputs), *targets.shape)
        has_object = targets.sum(-1) > 0
        true, told = targets[has_object], outputs[has_object]  # n x 4 and n x 5
        if not len(true):
            return outputs.sum() * 0.0
        found = distances(told)
        overlap = generalized_box_iou_loss(_box(found), _box(true), reduction="sum")
        sizes = _size(true).repeat(1, 2)
        sides = functional.smooth_l1_loss(found / sizes, true / sizes, beta=0.1, reduction="sum")
        reached = _iou(found.detach(), true)
        trust = told[:, 4]
        fit = functional.binary_cross_entropy_with_logits(trust, reached, reduction="sum")
        return (2 * overlap + sides + fit) / len(true)


class Grouping(Task):
    r"""Which group the object of a cell is of: $-\sum_k q_k \ln p_k$, the mean over such cells.

    Args:
        n_groups: K.
        targets: N x h x w x K, one for the group of the object and zeros where no object is.
    """

    def __init__(self, n_groups: int, targets: Any = None) -> None:
        super().__init__(targets)
        self.n_groups = n_groups

    def head(self, width: int) -> nn.Module:
        return nn.Linear(width, self.n_groups)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        targets = targets.expand_as(outputs)
        logarithms = outputs.log_softmax(-1)
        total = -(targets * logarithms).sum()
        return total / targets.sum().clamp_min(1)


def distances(outputs: Tensor) -> Tensor:
    """Return the four distances in px that the head tells as logarithms: ... x 4 of ... x 5."""
    logarithms = outputs[..., :4].clamp(-6, 4)
    return logarithms.exp() * UNIT


def _box(sides: Tensor) -> Tensor:
    """Return n boxes round the origin, n x 4, of distances to their sides."""
    before, behind = sides.split(2, dim=1)
    return torch.cat([-before, behind], dim=1)


def _size(sides: Tensor) -> Tensor:
    """Return the width and height of n boxes, n x 2, of distances to their sides."""
    before, behind = sides.split(2, dim=1)
    return before + behind


def _iou(first: Tensor, second: Tensor) -> Tensor:
    """Return the intersection over union of n boxes with n others about the same point."""
    common = torch.minimum(first, second)
    shared = _size(common).prod(1)
    one = _size(first).prod(1)
    other = _size(second).prod(1)
    return shared / (one + other - shared)
