"""Weighting: each way is its formula, and aggregators are what a naive loop gives."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torchjd import aggregation, scalarization

from mtlkit.multitask import MultiTaskModel, SmallCNN, TrainingOptions, fit
from mtlkit.multitask.tasks import Classification, Contrast, Regression, Task
from mtlkit.multitask.weighting import Weigher, make_weigher, methods

LOSSES = torch.tensor([2.0, 4.0, 1.0])
TASKS = ["views", "descriptors", "classes"]
NAMED = [  # those of torchjd for which a name is enough
    *("alignedmtl", "config", "dualproj", "dwa", "excessmtl", "famo", "geometricmean", "graddrop"),
    *("gradvac", "imtlg", "imtll", "mean", "mgda", "pcd", "pcgrad", "random", "sum", "upgrad"),
    "uw",
]
OBJECTS = [
    aggregation.FairGrad(2.0),
    aggregation.Krum(0),
    aggregation.TrimmedMean(1),
    scalarization.STCH(0.1),
]


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
        for module, base in (
            (aggregation, aggregation.Aggregator),
            (scalarization, scalarization.Scalarizer),
        )
        for name in module.__all__
        if issubclass(getattr(module, name), base)
    }
    assert set(methods()) == every - {"aggregator", "scalarizer"}
    assert set(NAMED) < every


@pytest.mark.parametrize(
    "weighting", [*NAMED, *OBJECTS], ids=[*NAMED, *(type(own).__name__ for own in OBJECTS)]
)
def test_every_method_trains_and_is_repeatable(weighting: Any) -> None:
    found = []
    for luck in (1, 2):
        shared = model()
        torch.manual_seed(luck)  # the caller's random numbers do not count
        before = torch.get_rng_state()
        history = fit(
            shared, random(12, 1, 8, 8), epochs=3, batch_size=6, weighting=weighting, seed=5
        )
        assert torch.equal(torch.get_rng_state(), before)
        numbers = [value for row in history for value in row.values() if value != "training"]
        assert all(math.isfinite(number) for number in numbers)
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
        for found, own in zip(shared.heads[task].parameters(), alone, strict=True):
            torch.testing.assert_close(found.grad, own.grad)
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
    without, with_cosines = step("uncertainty")[0], step("uncertainty", cosines=True)
    assert torch.equal(encoder_gradient(without), encoder_gradient(with_cosines[0]))
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


@pytest.mark.parametrize("name", ["excess-mtl", "gradvac", "famo", "pcd"])
def test_a_state_brings_back_all_that_a_method_remembers(name: str, tmp_path: Path) -> None:
    before, after = step(name)[1], Weigher(name, TASKS)
    torch.save(before.state_dict(), tmp_path / "state")
    after.load_state_dict(torch.load(tmp_path / "state", weights_only=True))
    for old, new in zip(before.method.modules(), after.method.modules(), strict=True):
        assert vars(old).keys() == vars(new).keys()
        for key in ("_state_key", "_n_steps", "_phi_t", "_sq_norm_ema", "_sq_grad_sum"):
            assert str(getattr(new, key, None)) == str(getattr(old, key, None))


def test_a_weigher_can_be_copied_between_epochs() -> None:
    weigher = step("upgrad", cosines=True)[1]
    weigher.end_epoch()
    assert copy.deepcopy(weigher).tasks == TASKS
