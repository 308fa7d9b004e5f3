"""Training: deterministic by seed, every image once an epoch, a teacher that is the average it
says.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mtlkit import load
from mtlkit.errors import InputError
from mtlkit.multitask import Augmentation, MultiTaskModel, SmallCNN, Teacher, TrainingOptions, fit
from mtlkit.multitask.compute import seeded, threads
from mtlkit.multitask.tasks import Contrast, Regression
from mtlkit.multitask.training import steps_an_epoch
from mtlkit.preprocessing import describe

STILL = Augmentation(rotation=0, scale=0, shift=0, shear=0, gain=0, noise=0)


def two_tasks(images: np.ndarray, seed: int = 0) -> MultiTaskModel:
    with seeded(seed):
        return MultiTaskModel(
            SmallCNN(), {"views": Contrast(), "descriptors": Regression(describe(images))}
        )


def weights(model: torch.nn.Module) -> Tensor:
    return torch.cat([value.flatten().double() for value in model.state_dict().values()])


def noise(n: int = 30) -> np.ndarray:
    return np.random.default_rng(0).random((n, 1, 8, 8)).astype(np.float32)


def test_the_same_seed_gives_the_same_weights() -> None:
    images, found = noise(), []
    for seed, luck in ((3, 1), (3, 2), (4, 1)):
        torch.manual_seed(luck)  # the caller's random numbers do not count
        model = two_tasks(images)
        history = fit(model, images, epochs=3, batch_size=8, seed=seed)
        found.append((weights(model), [row["loss/descriptors"] for row in history]))
    assert torch.equal(found[0][0], found[1][0]) and found[0][1] == found[1][1]
    assert not torch.equal(found[0][0], found[2][0])


def test_the_callers_random_numbers_are_left_alone() -> None:
    images = noise()
    model, before = two_tasks(images), torch.get_rng_state()
    fit(model, images, epochs=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_losses_fall_on_digits() -> None:
    images = load("digits:small").images[:300]
    history = fit(two_tasks(images), images, epochs=4, batch_size=50)
    for task in ("views", "descriptors"):
        assert history[-1][f"loss/{task}"] < 0.9 * history[0][f"loss/{task}"]


def test_the_history_has_a_row_an_epoch() -> None:
    images = noise()
    model = two_tasks(images)
    history = fit(
        model,
        images,
        epochs=2,
        batch_size=10,
        weighting={"views": 2, "descriptors": 0.5},
        options=TrainingOptions(stage="features"),
    )
    columns = [
        "stage",
        "epoch",
        "seconds",
        "loss/views",
        "loss/descriptors",
        "weight/views",
        "weight/descriptors",
    ]
    assert [list(row) for row in history] == [columns] * 2
    assert [(row["stage"], row["epoch"]) for row in history] == [("features", 0), ("features", 1)]
    assert all(
        row["seconds"] > 0 and row["weight/views"] == 2 and row["weight/descriptors"] == 0.5
        for row in history
    )
    assert not model.training


def test_a_loss_in_the_history_is_the_mean_of_its_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    images, seen = noise(), []
    model = two_tasks(images)
    losses = model.losses

    def spy(views: Tensor, rows: Tensor) -> dict[str, Tensor]:
        found = losses(views, rows)
        seen.append(found["descriptors"].item())
        return found

    monkeypatch.setattr(model, "losses", spy)
    history = fit(model, images, epochs=2, batch_size=7)
    assert [row["loss/descriptors"] for row in history] == pytest.approx(
        [np.mean(seen[:4]), np.mean(seen[4:])]
    )


def test_each_image_meets_its_own_targets_at_most_once_an_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images, seen = noise(), []
    model = two_tasks(images)
    losses = model.losses

    def spy(views: Tensor, rows: Tensor) -> dict[str, Tensor]:
        assert views.shape == (2, 8, 1, 8, 8)
        for view in views:
            torch.testing.assert_close(view, torch.as_tensor(images)[rows], atol=1e-5, rtol=0)
        seen.append(rows.tolist())
        return losses(views, rows)

    monkeypatch.setattr(model, "losses", spy)
    fit(model, images, epochs=4, batch_size=8, options=TrainingOptions(augmentation=STILL))
    epochs = np.array(seen).reshape(4, 24).tolist()
    assert len(seen) == 12 and all(len(set(epoch)) == 24 for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4  # shuffled anew
    assert set(np.ravel(epochs)) == set(range(30))  # who waited comes in a later pass


def test_the_two_views_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    model = two_tasks(noise())
    losses, apart = model.losses, []
    monkeypatch.setattr(
        model,
        "losses",
        lambda views, rows: (
            apart.append(float((views[0] - views[1]).abs().max())),
            losses(views, rows),
        )[1],
    )
    fit(model, noise(), epochs=1, batch_size=10)
    assert min(apart) > 0.1


@pytest.mark.parametrize(
    ("n", "batch_size", "epochs", "steps"),
    [(30, 8, 2, 6), (30, 256, 3, 3), (30, 30, 1, 1), (2, 1, 1, 2)],
)
def test_callbacks_come_after_each_step_and_each_epoch(
    n: int, batch_size: int, epochs: int, steps: int
) -> None:
    images, calls = noise(n), []
    fit(
        two_tasks(images),
        images,
        epochs=epochs,
        batch_size=batch_size,
        options=TrainingOptions(
            on_step=lambda: calls.append("step"), on_epoch=lambda epoch, _: calls.append(epoch)
        ),
    )
    each = steps // epochs
    assert calls == [call for epoch in range(epochs) for call in ["step"] * each + [epoch]]
    assert steps_an_epoch(n, batch_size)[0] == each


def test_every_weight_learns_in_one_step() -> None:
    images = noise()
    model = two_tasks(images)
    before = copy.deepcopy(model.state_dict())
    fit(model, images, epochs=1, batch_size=30)
    moved = {
        name for name, value in model.state_dict().items() if not torch.equal(value, before[name])
    }
    assert {name for name, _ in model.named_parameters()} <= moved


def test_the_learning_rate_is_the_highest_of_its_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    images, rates = noise(), []
    step = torch.optim.AdamW.step
    monkeypatch.setattr(
        torch.optim.AdamW,
        "step",
        lambda self, *rest: (rates.append(self.param_groups[0]["lr"]), step(self, *rest))[1],
    )
    fit(
        two_tasks(images),
        images,
        epochs=40,
        batch_size=30,
        options=TrainingOptions(learning_rate=0.01),
    )
    top = int(np.argmax(rates))
    assert max(rates) == pytest.approx(0.01) and rates[0] < 0.001 and rates[-1] < 0.0001
    assert rates == sorted(rates[: top + 1]) + sorted(rates[top + 1 :], reverse=True)


def test_a_teacher_is_the_average_it_says() -> None:
    model = two_tasks(noise())
    teacher = Teacher(model, decay=0.2)
    # Targets made again reach the teacher's copy.
    assert teacher.module.tasks["descriptors"] is model.tasks["descriptors"]
    expected = None
    for step in range(6):
        with torch.no_grad():
            for name, value in model.state_dict().items():
                value.add_(1) if name.endswith("tracked") else value.copy_(torch.rand(value.shape))
        teacher.update_parameters(model)
        current = {name: value.clone() for name, value in model.state_dict().items()}
        keep = 0 if step == 0 else min(0.2, (1 + step) / (10 + step))  # 2/11, then 0.2
        for name, value in current.items():
            if expected is not None and value.is_floating_point():
                current[name] = keep * expected[name] + (1 - keep) * value
        expected = current
        for name, value in teacher.module.state_dict().items():
            torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-6)
    assert (
        any("running_mean" in name for name in expected)
        and int(expected["encoder.layers.1.num_batches_tracked"]) == 6
    )


def test_fit_moves_the_teacher_along() -> None:
    images = noise()
    model = two_tasks(images)
    teacher = Teacher(model)
    fit(model, images, epochs=3, batch_size=10, options=TrainingOptions(teacher=teacher))
    assert int(teacher.n_averaged) == 9
    assert not torch.equal(weights(model), weights(teacher.module)) and not teacher.module.training


def without_tasks(model: MultiTaskModel) -> MultiTaskModel:
    for name in list(model.tasks):
        model.remove(name)
    return model


def test_nothing_to_train_is_refused() -> None:
    images = noise()
    with pytest.raises(InputError, match="0 tasks, 30 images, 1 epochs; give at least one task"):
        fit(without_tasks(two_tasks(images)), images, epochs=1)
    for few, epochs in ((images[:1], 1), (images, 0)):
        with pytest.raises(InputError, match=f"2 tasks, {len(few)} images, {epochs} epochs"):
            fit(two_tasks(images), few, epochs=epochs)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_images_must_be_finite(bad: float) -> None:
    images = noise()
    images[7, 0, 2, 3] = images[20, 0, 0, 0] = bad
    with pytest.raises(InputError, match="NaN or infinity, first in row 7"):
        fit(two_tasks(noise()), images, epochs=1)


def test_threads_are_restored() -> None:
    before = torch.get_num_threads()
    with threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
    with pytest.raises(KeyError), threads(before + 1):
        raise KeyError
    assert torch.get_num_threads() == before
    with pytest.raises(InputError, match="number of threads is 0"), threads(0):
        pass


def test_seeded_draws_are_repeated_and_do_not_reach_outside() -> None:
    before, draws = torch.get_rng_state(), []
    for seed in (1, 1, 2):
        with seeded(seed):
            draws.append(torch.rand(3).tolist())
    assert draws[0] == draws[1] != draws[2]
    assert torch.equal(torch.get_rng_state(), before)


def test_arrays_of_other_kinds_of_numbers_are_taken(any_kind: Any = np.float64) -> None:
    images = noise().astype(any_kind)
    assert fit(two_tasks(noise()), images, epochs=1)[0]["loss/descriptors"] > 0
