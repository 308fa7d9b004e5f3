"""Regression: every view of an image must tell the descriptors of the clean image."""

from torch import Tensor
from torch.nn import functional

from mtlkit.multitask.tasks.base import Task


class Regression(Task):
    r"""Smooth L1 between a linear head and fixed descriptors (HOG, colours, an edge map, ...).

    The targets are those of the image *before* augmentation, so the task asks for an invariance,
    not for a copy. For an error $e$: $e^2/2$ where $|e| < 1$, else $|e| - 1/2$; the mean over
    views, images and targets.

    Args:
        targets: N x D. Standardise them first (`preprocessing.standardise`), or the largest rules.
        mask: N booleans, the images that have a target.

    Source: Girshick 2015, "Fast R-CNN" (the loss).

    >>> import torch
    >>> task = Regression([[0.0], [3.0]])
    >>> float(task.loss(torch.zeros(1, 2, 1), task.targets))          # (0 + (3 - 1/2)) / 2
    1.25
    """

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return functional.smooth_l1_loss(outputs, targets.expand_as(outputs))
