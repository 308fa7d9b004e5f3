"""Mutual information: the groups of an image's two views tell as much of each other as they can."""

import math

import torch
from torch import Tensor, nn

from mtlkit.multitask.tasks.base import Task


class MutualInformation(Task):
    r"""Invariant information clustering (IIC): groups are learnt by no target but the other view.

    With the head's softmax $p$ and $p'$ on two views, $P = \frac{1}{2B} \sum_b (p_b p_b'^\top +
    p_b' p_b^\top)$ is how often a group meets another (K x K), $P_k$ the sum of its row k, and

    $$ L = \log K - \sum_{k, k'} P_{kk'} \log \frac{P_{kk'}}{P_k P_{k'}} $$

    The paper's loss is the sum alone, with a minus: it lies between $-\log K$ and 0. Here $\log K$
    is added, which changes no gradient, so that the loss is never negative and every way of
    weighting can bear it. It is 0 when both views are surely of one group, and all K groups are of
    one size: like sizes are what this loss strives for.

    Args:
        n_groups: K, about five for each class expected.

    Source: Ji, Henriques, Vedaldi 2019, "Invariant information clustering for unsupervised image
        classification".

    >>> sure = torch.tensor([[30.0, 0.0], [0.0, 30.0]])  # 2 images, each in a group of its own
    >>> f"{MutualInformation(2).loss(torch.stack([sure, sure]), torch.empty(2, 0)):.3f}"
    '0.000'
    """

    def __init__(self, n_groups: int) -> None:
        super().__init__()
        self.n_groups = n_groups

    def head(self, width: int) -> nn.Module:
        return nn.Linear(width, self.n_groups)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        first, second = outputs[:2].softmax(-1)  # B x K each
        met = first.T @ second / len(first)  # K x K
        met = (met + met.T) / 2
        met = met.clamp_min(torch.finfo(met.dtype).eps)  # the logarithm of zero has no gradient
        alone = met.sum(0)
        lift = met / torch.outer(alone, alone)
        information = (met * lift.log()).sum()
        loss = math.log(self.n_groups) - information
        return loss.clamp_min(0)  # rounding must not make it negative
