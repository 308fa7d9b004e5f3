"""Weighting: what cannot be weighted, or made from a name, is refused with a remedy."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchjd import aggregation, scalarization

from mtlkit.errors import InputError
from mtlkit.multitask import MultiTaskModel, SmallCNN, fit
from mtlkit.multitask.tasks import Classification, Contrast, MutualInformation, Regression, Task
from mtlkit.multitask.weighting import check_losses, make_weigher

TASKS = ["views", "descriptors", "classes"]


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def model() -> MultiTaskModel:
    tasks: dict[str, Task] = {
        "views": Contrast(),
        "descriptors": Regression(random(12, 4)),
        "classes": Classification(random(12, 3, seed=1)),
    }
    return MultiTaskModel(SmallCNN(width=16), tasks)


@pytest.mark.parametrize(
    ("weighting", "message"),
    [
        ("uncertanty", "'uncertanty' .*'uncertainty'"),
        ("upgrd", "'upgrd' .* equal, .*pcgrad.*'upgrad'"),
        ("Weighting", "'weighting' is not known"),
        ("upgrad:2", "'upgrad:2' is not known"),
        ("FairGrad", r"'FairGrad' needs alpha: .*torchjd\.aggregation\.FairGrad\(alpha="),
        ("cagrad", r"'cagrad' needs c: .*torchjd\.aggregation\.CAGrad\(c="),
        ("krum", r"'krum' needs n_byzantine: .*Krum"),
        ("trimmed-mean", r"needs trim_number: .*TrimmedMean"),
        ("constant", r"needs weights: .*torchjd\.scalarization\.Constant"),
        ("cosmos", r"needs lambda_ and weights: .*COSMOS\(lambda_=\.\.\., weights="),
        ("pbi", "needs theta and weights: .*PBI"),
        ("stch", "needs mu: .*STCH"),
        (3, "weighting is a int: give a name"),
        (aggregation.UPGradWeighting(), "is a UPGradWeighting: give a name"),
        (aggregation.UPGrad, "weighting is a .*: give a name"),
    ],
)
def test_what_cannot_be_made_is_refused_with_a_remedy(weighting: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as fault:
        make_weigher(weighting, TASKS)
    assert "\n" not in str(fault.value)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torchjd._mixins.find_spec", lambda name: None if name == "cvxpy" else sys)
    with pytest.raises(InputError, match=r"'nash-mtl' .*cvxpy.*pip install") as fault:
        make_weigher("nash-mtl", TASKS)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    "weighting", [scalarization.UW(2), scalarization.Constant(torch.ones(4)), aggregation.Krum(2)]
)
def test_a_method_for_another_number_of_tasks_is_refused(weighting: Any) -> None:
    with pytest.raises(InputError, match=r"3 tasks .*: choose another"):
        fit(model(), random(12, 1, 8, 8), epochs=1, weighting=weighting)


def test_an_encoder_that_learns_nothing_cannot_be_weighted_by_gradients() -> None:
    frozen = model()
    frozen.encoder.requires_grad_(False)
    with pytest.raises(InputError, match=r"encoder .*weighting='equal'"):
        fit(frozen, random(12, 1, 8, 8), epochs=1, weighting="upgrad")
    assert fit(frozen, random(12, 1, 8, 8), epochs=1, weighting="equal")


@pytest.mark.parametrize(
    "weights",
    [
        {},
        {"views": 1.0},
        {"views": 1.0, "descriptors": 1.0, "classes": 1.0, "more": 1.0},
        {"views": 1.0, "descriptors": 1.0, "class": 1.0},
        {"views": 1.0, "descriptors": 0.0, "classes": 1.0},
        {"views": 1.0, "descriptors": -2.0, "classes": 1.0},
        {"views": 1.0, "descriptors": float("nan"), "classes": 1.0},
        {"views": 1.0, "descriptors": float("inf"), "classes": 1.0},
    ],
)
def test_weights_name_each_task_once(weights: dict[str, float]) -> None:
    with pytest.raises(InputError, match="views, descriptors, classes"):
        make_weigher(weights, TASKS)


class Negative(Task):
    def head(self, width: int) -> nn.Module:
        return nn.Linear(width, 1)

    def loss(self, outputs: Tensor, targets: Any) -> Tensor:
        return outputs.mean() * 0 - 1.5


def negative() -> MultiTaskModel:
    return MultiTaskModel(SmallCNN(), {"views": Contrast(), "likelihood": Negative()})


@pytest.mark.parametrize("name", ["uncertainty", "UW", "imtl-l", "geometric-mean", "dwa", "famo"])
def test_a_negative_loss_is_refused_where_it_cannot_be_borne_with_the_name_of_its_task(
    name: str,
) -> None:
    with pytest.raises(InputError, match=r"'likelihood' is negative \(-1.500\).*weighting='equal'"):
        fit(negative(), random(8, 1, 8, 8), epochs=1, weighting=name)


@pytest.mark.parametrize(
    "weighting",
    [
        *("alignedmtl", "config", "dualproj", "excessmtl", "graddrop", "gradvac", "imtlg", "mean"),
        *("mgda", "pcd", "pcgrad", "random", "sum", "upgrad"),
        aggregation.FairGrad(2.0),
        scalarization.STCH(0.1),
    ],
)
def test_every_other_method_bears_a_negative_loss(weighting: Any) -> None:
    shared = negative()
    history = fit(shared, random(8, 1, 8, 8), epochs=2, batch_size=4, weighting=weighting)
    assert history[0]["loss/likelihood"] == pytest.approx(-1.5)
    assert all(torch.isfinite(p).all() for p in shared.parameters())


@pytest.mark.parametrize(
    "name", ["uncertainty", "imtl-l", "geometric-mean", "dwa", "famo", "upgrad"]
)
def test_mutual_information_is_borne_by_all(name: str) -> None:
    shared = MultiTaskModel(SmallCNN(), {"views": Contrast(), "groups": MutualInformation(4)})
    history = fit(shared, random(12, 1, 8, 8), epochs=3, batch_size=6, weighting=name)
    assert history[-1]["loss/groups"] >= 0


def test_bounds_of_the_losses() -> None:
    zero, below = torch.tensor([0.0, 1.0]), torch.tensor([1.0, -0.5])
    check_losses(make_weigher("uncertainty", ["a", "b"]), ["a", "b"], zero)  # zero can be borne
    with pytest.raises(InputError, match=r"'a' is too low .*GeometricMean"):
        check_losses(make_weigher("geometric-mean", ["a", "b"]), ["a", "b"], zero)
    shifted = scalarization.FAMO(2, min_losses=torch.tensor([0.0, -1.0]))
    check_losses(shifted, ["a", "b"], below)
    with pytest.raises(InputError, match=r"'b' is negative .*FAMO"):
        check_losses(shifted, ["a", "b"], below - 1)
    check_losses(make_weigher("equal", ["a", "b"]), ["a", "b"], below)
