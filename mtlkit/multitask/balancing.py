"""Balancing: how the tasks' losses become one number to minimise. A thin face on torchjd's scalarizers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torchjd.scalarization import UW, Constant, Scalarizer

from mtlkit.errors import InputError, nearest

Balancing = str | Mapping[str, float]
NAMES = ("equal", "uncertainty")


def make_balancer(balancing: Balancing, tasks: Sequence[str]) -> Scalarizer:
    r"""Return the scalarizer that turns the losses $L_i$ (one a task, in the order of `tasks`) into one loss.

    Args:
        balancing: `"equal"`: $\sum_i L_i$; `{"views": 0.3, "shape": 1.0}`: $\sum_i w_i L_i$ with fixed weights;
            `"uncertainty"`: $\sum_i \tfrac12 e^{-s_i} L_i + \tfrac12 s_i$, where each $s_i$ is learnt with the network.
        tasks: the tasks' names.

    Raises:
        InputError: an unknown name, or weights that do not name each task once with a number above zero.

    Source: Kendall, Gal, Cipolla 2018, "Multi-task learning using uncertainty to weigh losses".

    >>> losses = torch.tensor([2.0, 4.0])
    >>> float(make_balancer({"views": 0.5, "shape": 1.0}, ["views", "shape"])(losses))
    5.0
    """
    if isinstance(balancing, str):
        if balancing == "uncertainty":
            return UW(len(tasks))
        if balancing == "equal":
            return Constant(torch.ones(len(tasks)))
        raise InputError(f"balancing {balancing!r} is not known: use one of {', '.join(NAMES)}, "
                         f"or a weight for each task.{nearest(balancing, NAMES)}")  # fmt: skip
    if set(balancing) != set(tasks) or not all(0 < w < float("inf") for w in balancing.values()):
        raise InputError(f"balancing {dict(balancing)} must give one weight above zero to each of {', '.join(tasks)}.")
    return Constant(torch.tensor([float(balancing[name]) for name in tasks]))


def loss_weights(balancer: Scalarizer, losses: Tensor) -> list[float]:
    """Return the weight that each loss has just now: the derivative of the one loss by each of them."""
    losses = losses.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(balancer(losses), losses)
    return gradient.tolist()


def check_losses(balancing: Balancing, tasks: Sequence[str], losses: Tensor) -> None:
    """Raise `InputError` for a loss below zero under uncertainty weighting: its weight would grow without end."""
    if balancing == "uncertainty" and (losses < 0).any():
        worst = int(losses.argmin())
        raise InputError(f"the loss of task {tasks[worst]!r} is negative ({losses[worst].item():.3f}), which uncertainty "
                         "weighting cannot bear: shift the loss above zero, or use balancing='equal'.")  # fmt: skip
