"""Balancing: each way is its formula, and what cannot be balanced is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mtlkit.errors import InputError
from mtlkit.multitask import MultiTaskModel, SmallCNN, fit
from mtlkit.multitask.balancing import check_losses, loss_weights, make_balancer
from mtlkit.multitask.tasks import Contrast, Task

LOSSES = torch.tensor([2.0, 4.0, 1.0])
TASKS = ["views", "shape", "classes"]


def test_equal_is_the_sum() -> None:
    assert float(make_balancer("equal", TASKS)(LOSSES)) == 7
    assert loss_weights(make_balancer("equal", TASKS), LOSSES) == [1, 1, 1]


def test_fixed_weights_are_matched_by_name() -> None:
    balancer = make_balancer({"classes": 3.0, "views": 0.5, "shape": 0.25}, TASKS)
    assert float(balancer(LOSSES)) == 0.5 * 2 + 0.25 * 4 + 3 * 1
    assert loss_weights(balancer, LOSSES) == [0.5, 0.25, 3]
    assert not list(balancer.parameters())


def test_uncertainty_is_kendalls_formula_and_learnt() -> None:
    balancer = make_balancer("uncertainty", TASKS)
    (s,) = balancer.parameters()
    assert s.tolist() == [0, 0, 0]
    with torch.no_grad():
        s.copy_(torch.tensor([0.3, -1.0, 2.0]))
    terms = zip(s.tolist(), LOSSES.tolist(), strict=True)
    assert balancer(LOSSES).item() == pytest.approx(sum(math.exp(-a) * loss / 2 + a / 2 for a, loss in terms))
    assert loss_weights(balancer, LOSSES) == pytest.approx([math.exp(-a) / 2 for a in s.tolist()])


def test_uncertainty_weights_move_in_training() -> None:
    model = MultiTaskModel(SmallCNN(), {"views": Contrast()})
    history = fit(model, torch.rand(20, 1, 8, 8), epochs=3, batch_size=10, balancing="uncertainty")
    weights = [row["weight/views"] for row in history]
    assert weights[0] != 0.5 and len(set(weights)) == 3
    fixed = fit(model, torch.rand(20, 1, 8, 8), epochs=2, batch_size=10, balancing={"views": 0.7})
    assert [row["weight/views"] for row in fixed] == pytest.approx([0.7, 0.7])


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(InputError, match=r"'uncertanty' is not known: .*Did you mean 'uncertainty'"):
        make_balancer("uncertanty", TASKS)


@pytest.mark.parametrize(
    "weights",
    [
        {},
        {"views": 1.0},
        {"views": 1.0, "shape": 1.0, "classes": 1.0, "more": 1.0},
        {"views": 1.0, "shape": 1.0, "class": 1.0},
        {"views": 1.0, "shape": 0.0, "classes": 1.0},
        {"views": 1.0, "shape": -2.0, "classes": 1.0},
        {"views": 1.0, "shape": float("nan"), "classes": 1.0},
        {"views": 1.0, "shape": float("inf"), "classes": 1.0},
    ],
)
def test_weights_name_each_task_once(weights: dict[str, float]) -> None:
    with pytest.raises(InputError, match="one weight above zero to each of views, shape, classes"):
        make_balancer(weights, TASKS)


class Negative(Task):
    def head(self, width: int) -> nn.Module:
        return nn.Linear(width, 1)

    def loss(self, outputs: Tensor, targets: Any) -> Tensor:
        return outputs.mean() * 0 - 1.5


def test_a_negative_loss_is_refused_under_uncertainty_with_the_name_of_its_task() -> None:
    model = MultiTaskModel(SmallCNN(), {"views": Contrast(), "likelihood": Negative()})
    with pytest.raises(InputError, match=r"'likelihood' is negative \(-1.500\).*balancing='equal'"):
        fit(model, torch.rand(8, 1, 8, 8), epochs=1)
    history = fit(model, torch.rand(8, 1, 8, 8), epochs=1, balancing="equal")
    assert history[0]["loss/likelihood"] == pytest.approx(-1.5)
    check_losses("uncertainty", ["one"], torch.tensor([0.0]))  # zero can be borne
