"""Contrast: two views of one image are alike, views of different images are not."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from mtlkit.multitask.tasks.base import Task


class Contrast(Task):
    r"""The normalised temperature-scaled cross-entropy (NT-Xent) between the views of a batch.

    With unit vectors $z_i$ of the 2B views, and $j$ the other view of the image of $i$:

    $$ L = -\frac{1}{2B} \sum_i \log \frac{\exp(z_i \cdot z_j / \tau)}{\sum_{m \ne i} \exp(z_i \cdot
    z_m / \tau)} $$

    Args:
        temperature: $\tau$; a small one looks only at the nearest strangers.
        size: the length of $z$. The contrast is taken behind a small head of its own, so that the
            shared features need not forget what the views differ in.

    Source: Chen, Kornblith, Norouzi, Hinton 2020, "A simple framework for contrastive learning"
        (SimCLR).

    >>> far_apart = torch.tensor([[[1.0, 0.0], [-1.0, 0.0]]] * 2)     # 2 views x 2 images x 2
    >>> f"{Contrast(temperature=0.1).loss(far_apart, torch.empty(2, 0)):.6f}"
    '0.000000'
    """

    def __init__(self, temperature: float = 0.3, size: int = 64) -> None:
        super().__init__()
        self.temperature = temperature
        self.size = size

    def head(self, width: int) -> nn.Module:
        hidden = nn.Linear(width, width)
        return nn.Sequential(hidden, nn.ReLU(), nn.Linear(width, self.size))

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        pairs = outputs[:2].flatten(0, 1)  # 2B x size: first views, then second views
        z = functional.normalize(pairs, dim=1)
        similarity = z @ z.T / self.temperature  # 2B x 2B
        similarity.fill_diagonal_(-torch.inf)  # a view is not compared with itself
        images = torch.arange(len(z), device=z.device)
        partners = images.roll(len(z) // 2)
        return functional.cross_entropy(similarity, partners)
