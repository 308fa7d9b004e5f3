"""Weighting: each way is its formula, aggregators by a naive loop, and what cannot be weighted is
refused.
"""

from __future__ import annotations

import copy
import math
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchjd import aggregation, scalarization

from mtlkit.errors import InputError
from mtlkit.multitask import MultiTaskModel, SmallCNN, TrainingOptions, fit
from mtlkit.multitask.tasks import Classification, Contrast, MutualInformation, Regression, Task
from mtlkit.multitask.weighting import Weigher, check_losses, make_weigher, methods

LOSSES = torch.tensor([2.0, 4.0, 1.0])
TASKS = ["views", "descriptors", "classes"]
NUMBERS = {"cagrad": ":0.5", "fairgrad": ":2", "stch": ":0.1", "krum": ":0", "trimmedmean": ":1"}
ABSENT = {"cagrad", "nashmtl"}  # they need cvxpy, which is no dependency
FRAGILE = {"uw", "imtll", "geometricmean", "dwa", "famo"}  # they cannot bear a negative loss
THREE = {"krum", "trimmedmean"}  # they need three tasks


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def model() -> MultiTaskModel:
    torch.manual_seed(0)
    tasks: dict[str, Task] = {
        "views": Contrast(),
        "descriptors": Regression(random(12, 4)),
        "classes": Classification(random(12, 3, seed=1)),
    }
    return MultiTaskModel(SmallCNN(width=16), tasks).train()


def step(weighting: Any, cosines: bool = False) -> tuple[MultiTaskModel, Weigher]:
    """A model with the gradients of one step."""
    shared = model()
    weigher = Weigher(weighting, TASKS, cosines)
    found = weigher.backward(shared, shared.losses(random(2, 6, 1, 8, 8), torch.arange(6)))
    assert found.shape == (3,) and not found.requires_grad
    return shared, weigher


def single(name: str) -> MultiTaskModel:
    """The model with the gradients of one task's loss alone."""
    shared = model()
    shared.losses(random(2, 6, 1, 8, 8), torch.arange(6))[name].backward()
    return shared


def encoder_gradient(shared: MultiTaskModel) -> Tensor:
    return torch.cat([p.grad.flatten() for p in shared.encoder.parameters() if p.grad is not None])


def rows() -> Tensor:
    return torch.stack([encoder_gradient(single(name)) for name in TASKS])


def test_equal_is_the_sum() -> None:
    assert float(make_weigher("equal", TASKS)(LOSSES)) == 7
    assert step("equal")[1].end_epoch() == {
        "weight/views": 1,
        "weight/descriptors": 1,
        "weight/classes": 1,
    }


def test_fixed_weights_are_matched_by_name() -> None:
    weights = {"classes": 3.0, "views": 0.5, "descriptors": 0.25}
    weigher = make_weigher(weights, TASKS)
    assert float(weigher(LOSSES)) == 0.5 * 2 + 0.25 * 4 + 3 * 1
    assert step(weights)[1].end_epoch() == {
        f"weight/{name}": weight for name, weight in weights.items()
    }
    assert not list(weigher.parameters())


def test_uncertainty_is_kendalls_formula_and_learnt() -> None:
    weigher = make_weigher("uncertainty", TASKS)
    (s,) = weigher.parameters()
    assert s.tolist() == [0, 0, 0]
    with torch.no_grad():
        s.copy_(torch.tensor([0.3, -1.0, 2.0]))
    terms = zip(s.tolist(), LOSSES.tolist(), strict=True)
    assert weigher(LOSSES).item() == pytest.approx(
        sum(math.exp(-a) * loss / 2 + a / 2 for a, loss in terms)
    )
    found = step(weigher)[1].end_epoch()
    assert list(found.values()) == pytest.approx([math.exp(-a) / 2 for a in s.tolist()])


def test_uncertainty_weights_move_in_training() -> None:
    shared = MultiTaskModel(SmallCNN(), {"views": Contrast()})
    history = fit(shared, torch.rand(20, 1, 8, 8), epochs=3, batch_size=10, weighting="uncertainty")
    weights = [row["weight/views"] for row in history]
    assert weights[0] != 0.5 and len(set(weights)) == 3
    fixed = fit(shared, torch.rand(20, 1, 8, 8), epochs=2, batch_size=10, weighting={"views": 0.7})
    assert [row["weight/views"] for row in fixed] == pytest.approx([0.7, 0.7])


def test_every_method_of_torchjd_has_a_name() -> None:
    every = {
        name.lower()
        for room, base in (
            (aggregation, aggregation.Aggregator),
            (scalarization, scalarization.Scalarizer),
        )
        for name in room.__all__
        if issubclass(getattr(room, name), base)
    }
    bases = {"aggregator", "weightedaggregator", "gramianweightedaggregator", "scalarizer"}
    need_vectors = {"constant", "cosmos", "pbi"}  # weights by task, or an object
    assert set(methods()) == every - bases - need_vectors


@pytest.mark.parametrize("name", sorted(set(methods()) - ABSENT))
def test_every_name_trains_and_is_repeatable(name: str) -> None:
    found = []
    for luck in (1, 2):
        shared = model()
        torch.manual_seed(luck)  # the caller's random numbers do not count
        before = torch.get_rng_state()
        history = fit(
            shared,
            random(12, 1, 8, 8),
            epochs=3,
            batch_size=6,
            weighting=name + NUMBERS.get(name, ""),
            seed=5,
        )
        assert torch.equal(torch.get_rng_state(), before)
        assert all(
            math.isfinite(value)
            for row in history
            for value in row.values()
            if isinstance(value, float)
        )
        found.append(torch.cat([p.detach().flatten() for p in shared.parameters()]))
    assert torch.isfinite(found[0]).all() and torch.equal(found[0], found[1])


@pytest.mark.parametrize("written", ["UPGrad", "upgrad", "UP-GRAD", "up_grad"])
def test_names_are_taken_in_any_spelling(written: str) -> None:
    assert isinstance(make_weigher(written, TASKS), aggregation.UPGrad)


def test_of_two_with_one_name_the_cheaper_is_taken() -> None:
    for name in ("mean", "sum", "random"):
        assert isinstance(make_weigher(name, TASKS), scalarization.Scalarizer)


@pytest.mark.parametrize("name", ["UPGrad", "MGDA", "IMTL-G", "ConFIG"])
def test_the_encoder_gets_the_aggregated_gradient_and_each_head_its_own(name: str) -> None:
    shared, weigher = step(name)
    expected = make_weigher(name, TASKS)(rows())
    torch.testing.assert_close(encoder_gradient(shared), expected, rtol=1e-4, atol=1e-6)
    for task in TASKS:
        alone = single(task).heads[task].parameters()
        for found, one in zip(shared.heads[task].parameters(), alone, strict=True):
            torch.testing.assert_close(found.grad, one.grad)
    weights = weigher.end_epoch()
    if name == "ConFIG":  # it does not weigh
        assert weights == {}
    else:
        mixed = torch.tensor([weights[f"weight/{task}"] for task in TASKS]) @ rows()
        torch.testing.assert_close(mixed, expected, rtol=1e-4, atol=1e-6)


def test_the_sum_of_gradients_trains_as_the_sum_of_losses() -> None:
    """Also that gradients lie in memory as the parameters do: the fused optimiser trusts in it."""
    found = []
    for weighting in ("equal", aggregation.Sum()):
        shared = model()
        fit(shared, random(12, 1, 8, 8), epochs=2, batch_size=6, weighting=weighting)
        found.append(torch.cat([p.detach().flatten() for p in shared.parameters()]))
        strides = [(p.stride(), p.grad.stride()) for p in shared.parameters() if p.grad is not None]
        assert all(own == gradient for own, gradient in strides)
    torch.testing.assert_close(found[0], found[1], rtol=1e-3, atol=1e-4)


def test_cosines_are_those_of_the_gradients_and_change_nothing() -> None:
    plain, with_cosines = step("uncertainty")[0], step("uncertainty", cosines=True)
    assert torch.equal(encoder_gradient(plain), encoder_gradient(with_cosines[0]))
    found, g = with_cosines[1].end_epoch(), rows()
    for i, j in ((0, 1), (0, 2), (1, 2)):
        cosine = float(g[i] @ g[j] / g[i].norm() / g[j].norm())
        assert found[f"cosine/{TASKS[i]}/{TASKS[j]}"] == pytest.approx(cosine, abs=1e-4)
    assert len(found) == 3 + 3


def test_cosines_in_the_history_are_the_mean_of_the_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    backward = Weigher.backward

    def spy(self: Weigher, *rest: Any) -> Tensor:
        losses = backward(self, *rest)
        seen.append(float(self._seen[-1][0, 2]))
        return losses

    monkeypatch.setattr(Weigher, "backward", spy)
    history = fit(
        model(),
        random(12, 1, 8, 8),
        epochs=2,
        batch_size=4,
        weighting="pcgrad",
        options=TrainingOptions(cosines=True),
    )
    cosines = [row["cosine/views/classes"] for row in history]
    assert cosines == pytest.approx([sum(seen[:3]) / 3, sum(seen[3:]) / 3])
    monkeypatch.undo()
    without = fit(model(), random(12, 1, 8, 8), epochs=1, weighting="pcgrad")
    assert not [name for name in without[0] if name.startswith("cosine")]


def test_dwa_rolls_its_averages_each_epoch() -> None:
    history = fit(model(), random(12, 1, 8, 8), epochs=4, batch_size=6, weighting="dwa")
    for epoch in range(4):
        rates = [1.0] * 3
        if epoch >= 2:
            rates = [
                history[epoch - 1][f"loss/{name}"] / history[epoch - 2][f"loss/{name}"]
                for name in TASKS
            ]
        total = sum(math.exp(rate / 2) for rate in rates)
        expected = [3 * math.exp(rate / 2) / total for rate in rates]
        assert [history[epoch][f"weight/{name}"] for name in TASKS] == pytest.approx(
            expected, rel=1e-5
        )


def test_famo_sees_the_losses_after_each_step() -> None:
    famo = scalarization.FAMO(2)
    weigher = Weigher(famo, ["a", "b"])
    shared = MultiTaskModel(SmallCNN(width=8), {"a": Contrast(), "b": Contrast()})
    before = shared.losses(random(2, 6, 1, 8, 8), torch.arange(6))
    weigher.backward(shared, before)
    after = {"a": torch.tensor(0.1), "b": torch.tensor(5.0)}
    weigher.after_step(lambda: after)
    assert weigher.method._w[0] < weigher.method._w[1]  # b fell less: it gets more weight
    assert not famo._w.any()  # the user's object is left alone


def test_an_object_is_used_as_it_is_made_and_left_alone() -> None:
    mine = aggregation.UPGrad(pref_vector=torch.tensor([1.0, 2.0, 3.0]))
    torch.testing.assert_close(encoder_gradient(step(mine)[0]), mine(rows()), rtol=1e-4, atol=1e-6)
    learnt = scalarization.UW(3)
    fit(model(), random(12, 1, 8, 8), epochs=1, weighting=learnt)
    assert not learnt.log_var.any()


@pytest.mark.parametrize(
    ("weighting", "message"),
    [
        ("uncertanty", r"'uncertanty' is not known: .*Did you mean 'uncertainty'"),
        ("upgrd", r"'upgrd' is not known: give .* one of equal, .*PCGrad.*Did you mean 'upgrad'"),
        ("constant", "'constant' is not known: give a weight for each task"),
        ("Weighting", "is not known"),
        ("fairgrad", "'fairgrad' must give alpha: write 'FairGrad:1'"),
        ("upgrad:2", "'upgrad:2' must give no number: write 'UPGrad'"),
        ("trimmedmean:-1", "cannot be made .*non-negative.*: give another number"),
        ("trimmedmean:x", "cannot be made .*'x'.*: give another number"),
        (3, "weighting is a int: give a name, a weight for each task, or an object"),
        (aggregation.UPGradWeighting(), "weighting is a UPGradWeighting: give a name"),
        (aggregation.UPGrad, "weighting is a .*: give a name"),
    ],
)
def test_what_cannot_be_made_is_refused_with_a_remedy(weighting: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as fault:
        make_weigher(weighting, TASKS)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize("name", ["CAGrad", "cagrad:0.4", "nash-mtl"])
def test_a_missing_package_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torchjd._mixins.find_spec", lambda name: None if name == "cvxpy" else sys)
    with pytest.raises(
        InputError, match=f"'{name}' needs a package that is not here: pip install cvxpy"
    ) as fault:
        make_weigher(name, TASKS)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    "weighting", [scalarization.UW(2), scalarization.Constant(torch.ones(4)), "krum:2"]
)
def test_a_method_for_another_number_of_tasks_is_refused(weighting: Any) -> None:
    with pytest.raises(InputError, match=r"does not work for 3 tasks .*: choose another"):
        step(weighting)


def test_an_encoder_that_learns_nothing_cannot_be_weighted_by_gradients() -> None:
    frozen = model()
    frozen.encoder.requires_grad_(False)
    with pytest.raises(InputError, match=r"encoder has nothing to learn: .*weighting='equal'"):
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
    with pytest.raises(InputError, match="one weight above zero to each of views, shape, classes"):
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


@pytest.mark.parametrize("name", sorted(set(methods()) - ABSENT - FRAGILE - THREE))
def test_every_other_method_bears_a_negative_loss(name: str) -> None:
    shared = negative()
    history = fit(
        shared, random(8, 1, 8, 8), epochs=2, batch_size=4, weighting=name + NUMBERS.get(name, "")
    )
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


def test_a_weigher_can_be_copied_between_epochs() -> None:
    weigher = step("upgrad", cosines=True)[1]
    weigher.end_epoch()
    assert copy.deepcopy(weigher).tasks == TASKS
