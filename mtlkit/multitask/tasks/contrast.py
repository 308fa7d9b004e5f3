"""Contrast: two views of one image are alike, views of different images are not."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mtlkit.multitask.tasks.base import Task


class Contrast(Task):
    r"""The normalised temperature-scaled cross-entropy (NT-Xent) between the views of a batch.

    With unit vectors $z_i$ of the 2B views, and $j$ the other view of the image of $i$:

    $$ L = -\frac{1}{2B} \sum_i \log \frac{\exp(z_i \cdot z_j / \tau)}{\sum_{m \ne i} \exp(z_i \cdot
    z_m / \tau)} $$

    Where images are known to show one thing, as the frames of a track do, all their views are
    partners, and the mean is over all pairs of partners $(i, j)$.

    Args:
        temperature: $\tau$; a small one looks only at the nearest strangers.
        size: the length of $z$. The contrast is taken behind a small head of its own, so that the
            shared features need not forget what the views differ in.
        groups: N numbers; images of equal numbers show one thing. None: each is by itself.

    Source: Chen, Kornblith, Norouzi, Hinton 2020, "A simple framework for contrastive learning"
        (SimCLR); Khosla et al. 2020, "Supervised contrastive learning" (groups; there of
        labels, and with a mean for each $i$ first).

    >>> far_apart = torch.tensor([[[1.0, 0.0], [-1.0, 0.0]]] * 2)     # 2 views x 2 images x 2
    >>> f"{Contrast(temperature=0.1).loss(far_apart, torch.empty(2, 0)):.6f}"
    '0.000000'
    """

    def __init__(self, temperature: float = 0.3, size: int = 64, groups: Any = None) -> None:
        super().__init__(None if groups is None else np.reshape(groups, (-1, 1)))
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
        groups = torch.arange(outputs.shape[1]) if self.targets is None else targets[:, 0]
        groups = groups.to(z.device).repeat(2)
        alike = groups[:, None] == groups
        views, partners = alike.fill_diagonal_(False).nonzero(as_tuple=True)
        return functional.cross_entropy(similarity[views], partners)
