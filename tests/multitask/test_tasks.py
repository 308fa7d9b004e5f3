"""Tasks: each loss against a naive loop, masks, and a task as a reader of the README writes one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from mtlkit.errors import InputError
from mtlkit.multitask import MultiTaskModel, SmallCNN, TrainingOptions, fit
from mtlkit.multitask.tasks import (
    Classification,
    Clustering,
    Contrast,
    MutualInformation,
    Regression,
    Task,
)
from mtlkit.preprocessing.label_vectors import kmeans_vectors


class Reconstruction(Task):
    def __init__(self, images: np.ndarray) -> None:
        super().__init__(images.reshape(len(images), -1))

    def head(self, width: int) -> nn.Module:
        return nn.Linear(width, self.targets.shape[1])

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return functional.mse_loss(outputs, targets.expand_as(outputs))


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_contrast_is_nt_xent_by_a_naive_loop() -> None:
    views = normal(2, 5, 3)
    z = [v / v.norm() for v in views.reshape(10, 3)]
    total = 0.0
    for i in range(10):
        j = (i + 5) % 10  # the other view of the same image
        strangers = sum(torch.exp(z[i] @ z[m] / 0.2) for m in range(10) if m != i)
        total -= float(torch.log(torch.exp(z[i] @ z[j] / 0.2) / strangers))
    task = Contrast(temperature=0.2)
    assert float(task.loss(views, torch.empty(5, 0))) == pytest.approx(total / 10)
    third = torch.cat([views, normal(1, 5, 3, seed=1)])
    # Two views are compared.
    assert float(task.loss(third, torch.empty(5, 0))) == pytest.approx(total / 10)
    # Only directions count.
    assert float(task.loss(views * 9, torch.empty(5, 0))) == pytest.approx(total / 10)
    assert Contrast(size=7).head(20)(torch.zeros(2, 5, 20)).shape == (2, 5, 7)


def test_contrast_of_groups_by_a_naive_loop() -> None:
    views, groups, rows = normal(2, 5, 3), [7, 3, 7, 9, 3, 7], torch.tensor([5, 1, 3, 0, 4])
    z = [v / v.norm() for v in views.reshape(10, 3)]
    of = [groups[row] for row in [*rows, *rows]]
    losses = []
    for i in range(10):
        for j in range(10):
            if i != j and of[i] == of[j]:
                others = sum(torch.exp(z[i] @ z[m] / 0.2) for m in range(10) if m != i)
                losses.append(-float(torch.log(torch.exp(z[i] @ z[j] / 0.2) / others)))
    assert len(losses) == 2 * (1 + 6 + 6)
    task = Contrast(temperature=0.2, groups=groups)
    assert float(task.batch_loss(views, rows)) == pytest.approx(np.mean(losses))
    # Names do not count, and images that are each by itself are as without groups.
    same = Contrast(temperature=0.2, groups=[{7: 0, 3: 1, 9: 2}[group] for group in groups])
    assert task.batch_loss(views, rows) == same.batch_loss(views, rows)
    alone, without = Contrast(groups=range(6)), Contrast()
    assert alone.batch_loss(views, rows) == without.batch_loss(views, rows)
    assert task.head(20)(torch.zeros(2, 5, 20)).shape == (2, 5, 64)


def test_classification_is_cross_entropy_by_a_naive_loop() -> None:
    outputs, targets = normal(2, 4, 3), normal(4, 3, seed=1).softmax(-1)
    total = 0.0
    for view in range(2):
        for image in range(4):
            p = np.exp(outputs[view, image].numpy())
            p /= p.sum()
            total -= sum(float(targets[image, k]) * np.log(p[k]) for k in range(3))
    assert float(Classification(targets).loss(outputs, targets)) == pytest.approx(total / 8)
    assert Classification(targets).head(20)(torch.zeros(2, 4, 20)).shape == (2, 4, 3)


def test_regression_is_smooth_l1_by_a_naive_loop() -> None:
    outputs, targets = 2 * normal(2, 4, 3), normal(4, 3, seed=1)
    errors = [
        abs(float(outputs[v, n, k] - targets[n, k]))
        for v in range(2)
        for n in range(4)
        for k in range(3)
    ]
    assert min(errors) < 1 < max(errors)
    expected = np.mean([e * e / 2 if e < 1 else e - 0.5 for e in errors])
    assert float(Regression(targets).loss(outputs, targets)) == pytest.approx(expected)
    assert Regression(targets).head(20)(torch.zeros(2, 4, 20)).shape == (2, 4, 3)


def test_clustering_learns_many_small_groups_that_are_pure() -> None:
    which = np.repeat([0, 1, 2], [40, 20, 8])
    features = np.eye(3, 12)[which] + np.random.default_rng(0).normal(0, 0.05, (68, 12))
    task = Clustering(features, n_groups=9, seed=4)
    groups = kmeans_vectors(features, 9, 4, n_init=1).argmax(axis=1)
    np.testing.assert_array_equal(task.targets, np.eye(9)[groups])
    assert not np.array_equal(task.targets, Clustering(features, n_groups=9, seed=5).targets)
    assert [len(np.unique(which[groups == group])) for group in range(9)] == [1] * 9


def test_mutual_information_by_a_naive_loop() -> None:
    outputs = 2 * normal(2, 7, 4)
    p, q = outputs.softmax(-1).tolist()
    met = [
        [sum(p[b][k] * q[b][j] + q[b][k] * p[b][j] for b in range(7)) / 14 for j in range(4)]
        for k in range(4)
    ]
    information = 0.0
    for k in range(4):
        for j in range(4):
            alone = sum(met[k]) * sum(met[j])
            information += met[k][j] * np.log(met[k][j] / alone)
    task, none = MutualInformation(4), torch.empty(7, 0)
    assert 0 < information < np.log(4)
    assert float(task.loss(outputs, none)) == pytest.approx(np.log(4) - information)
    # The views are alike.
    assert float(task.loss(outputs.flip(0), none)) == pytest.approx(np.log(4) - information)
    third = torch.cat([outputs, normal(1, 7, 4, seed=1)])
    # Two views are compared.
    assert float(task.loss(third, none)) == pytest.approx(np.log(4) - information)
    assert task.head(20)(torch.zeros(2, 7, 20)).shape == (2, 7, 4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("sure", [1.0, 30.0, 1000.0])
def test_mutual_information_lies_between_zero_and_log_k(sure: float, dtype: torch.dtype) -> None:
    """Also where the softmax is exactly zero or one, whose logarithm must not become NaN."""
    own = sure * torch.eye(4, dtype=dtype).repeat(3, 1)  # 12 images in 4 groups of one size
    cases = {
        "agree": torch.stack([own, own]),
        "one group": torch.stack([own[:1].expand(12, 4)] * 2),
        "unrelated": torch.stack([own, own.roll(1, 1)]),
    }
    found = {}
    for name, case in cases.items():
        outputs = case.clone().requires_grad_()
        loss = MutualInformation(4).loss(outputs, torch.empty(12, 0))
        loss.backward()
        assert outputs.grad is not None and torch.isfinite(outputs.grad).all()
        found[name] = loss.item()
        assert 0 <= found[name] <= np.log(4) + 1e-4
    assert found["one group"] == pytest.approx(np.log(4), abs=1e-4)
    if sure > 1:
        assert found["agree"] == pytest.approx(0, abs=1e-4)


def test_mutual_information_finds_groups_that_both_views_show() -> None:
    generator = torch.Generator().manual_seed(0)
    which = torch.arange(60) % 3
    centres = torch.eye(3, 8)[which]
    torch.manual_seed(0)
    head = MutualInformation(3).head(8)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.1)
    for _ in range(80):
        views = centres + 0.2 * torch.randn(2, 60, 8, generator=generator)
        loss = MutualInformation(3).loss(head(views), torch.empty(60, 0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    groups = head(centres).argmax(-1)
    assert len({tuple(sorted(set(groups[which == k].tolist()))) for k in range(3)}) == 3


def test_targets_are_picked_by_row() -> None:
    outputs = normal(2, 3, 1)
    task = Regression(np.arange(10.0)[:, None])
    picked = torch.tensor([[7.0], [2.0], [5.0]])
    assert torch.equal(
        task.batch_loss(outputs, torch.tensor([7, 2, 5])), task.loss(outputs, picked)
    )


def test_masked_images_teach_nothing() -> None:
    outputs = normal(2, 4, 3).requires_grad_()
    task = Regression(np.zeros((6, 3)), mask=[True, False, True, True, False, True])
    rows = torch.tensor([5, 1, 0, 4])
    loss = task.batch_loss(outputs, rows)
    assert loss.item() == pytest.approx(task.loss(outputs[:, [0, 2]], torch.zeros(2, 3)).item())
    loss.backward()
    touched = outputs.grad.abs().sum(dim=(0, 2)) > 0
    assert touched.tolist() == [True, False, True, False]


def test_a_batch_without_any_target_has_a_loss_of_zero_and_a_gradient() -> None:
    outputs = normal(2, 2, 3).requires_grad_()
    loss = Regression(np.zeros((3, 3)), mask=[True, False, False]).batch_loss(
        outputs, torch.tensor([1, 2])
    )
    loss.backward()
    assert loss.item() == 0
    assert outputs.grad is not None and not outputs.grad.any()


def test_a_task_for_part_of_the_images_trains_beside_another() -> None:
    images, mask = (
        torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0)),
        np.arange(40) < 3,
    )
    targets = np.where(mask[:, None], 1.0, 77.0)  # 77 must not be learnt
    tasks = {"views": Contrast(), "some": Regression(targets, mask)}
    model = MultiTaskModel(SmallCNN(), tasks)
    fit(
        model,
        images,
        epochs=30,
        batch_size=8,
        weighting="equal",
        options=TrainingOptions(learning_rate=0.01),
    )
    assert model.heads["some"](model.features(images)).abs().max() < 10


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_targets_must_be_finite(bad: float) -> None:
    with pytest.raises(InputError, match="NaN or infinity: mask"):
        Regression([[1.0], [bad]])
    task = Regression([[1.0], [2.0]])
    with pytest.raises(InputError, match="targets hold NaN"):
        task.set_targets([[bad], [1.0]])


@pytest.mark.parametrize(("targets", "length"), [([[1.0], [2.0]], 3), (None, 2)])
def test_a_mask_has_an_entry_for_each_target(targets: Any, length: int) -> None:
    with pytest.raises(InputError, match=f"mask has {length} entries"):
        Task(targets, mask=[True] * length)


def test_the_base_leaves_head_and_loss_to_the_task() -> None:
    with pytest.raises(NotImplementedError):
        Task().head(8)
    with pytest.raises(NotImplementedError):
        Task().loss(torch.zeros(1, 1, 1), torch.zeros(1, 1))


def test_a_readers_reconstruction_trains_beside_the_others() -> None:
    random = np.random.default_rng(0)
    images = np.zeros((60, 1, 8, 8), np.float32)
    for image in images:
        image[0, random.integers(8)] = 1  # a stripe
    model = MultiTaskModel(SmallCNN(), {"views": Contrast(), "pixels": Reconstruction(images)})
    history = fit(model, images, epochs=20, batch_size=20)
    assert history[-1]["loss/pixels"] < 0.8 * history[0]["loss/pixels"]
