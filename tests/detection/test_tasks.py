"""The detector's tasks: each loss against a naive loop or a value that is worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mtlkit.detection.tasks import RARE, UNIT, BoxRegression, Grouping, Objectness, _iou, distances

SHAPE = (2, 3, 4)  # tiles x rows x columns
SURE = 40.0  # a logit of which the sigmoid is 1


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def some(share: float, seed: int = 1) -> Tensor:
    """Which cells hold an object: N x h x w x 1 of zeros and ones."""
    return (normal(*SHAPE, 1, seed=seed).sigmoid() < share).double()


def naive_iou(first: list[float], second: list[float]) -> float:
    """Of two boxes that are given by distances from one point to the left, top, right, bottom."""
    size = (first[0] + first[2]) * (first[1] + first[3])
    other = (second[0] + second[2]) * (second[1] + second[3])
    wide = min(first[0], second[0]) + min(first[2], second[2])
    high = min(first[1], second[1]) + min(first[3], second[3])
    return wide * high / (size + other - wide * high)


@pytest.mark.parametrize("views", [1, 3])
@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_objectness_is_the_focal_loss_by_a_naive_loop(views: int, share: float) -> None:
    outputs, targets = 3 * normal(views, *SHAPE, 1), some(share)
    total, objects = 0.0, 0.0
    for view in range(views):
        for cell in np.ndindex(*SHAPE):
            p = 1 / (1 + np.exp(-float(outputs[view][cell])))
            is_object = float(targets[cell]) == 1
            right = p if is_object else 1 - p
            total -= (1 - right) ** 2 * np.log(right)
            objects += is_object
    loss = Objectness(targets).loss(outputs, targets)
    assert float(loss) == pytest.approx(total / max(objects, 1))
    assert (objects > 0) == (share > 0)


def test_objectness_begins_with_few_objects() -> None:
    task = Objectness(torch.zeros(*SHAPE, 1))
    head = task.head(6)
    outputs = head(torch.zeros(1, *SHAPE, 6)).detach()
    assert outputs.shape == (1, *SHAPE, 1)
    assert float(outputs.sigmoid().mean()) == pytest.approx(1 / (1 + np.exp(-RARE)))
    assert 0.01 < float(outputs.sigmoid().mean()) < 0.03


@pytest.mark.parametrize("make", [Objectness, BoxRegression, Grouping])
def test_views_that_are_alike_count_as_one(make: type) -> None:
    depth = {Objectness: 1, BoxRegression: 5, Grouping: 3}[make]
    targets = {
        Objectness: some(0.4),
        BoxRegression: some(0.4) * torch.tensor([9.0, 14, 20, 30]),
        Grouping: some(0.4) * torch.eye(3)[1],
    }[make]
    first, second = normal(1, *SHAPE, depth), normal(1, *SHAPE, depth, seed=5)
    task = make(targets)
    one, other = task.loss(first, targets), task.loss(second, targets)
    both = task.loss(torch.cat([first, second]), targets)
    assert float(task.loss(first.repeat(3, 1, 1, 1, 1), targets)) == pytest.approx(float(one))
    assert float(both) == pytest.approx(float(one + other) / 2)
    assert float(one) != pytest.approx(float(other))


def box_loss(offsets: list[float], quality: float, sides: list[float]) -> float:
    """The loss of one cell whose four distances are `offsets` px longer than the true `sides`."""
    true = torch.tensor(sides, dtype=torch.float64)
    told = ((true + torch.tensor(offsets)) / UNIT).log()
    outputs = torch.cat([told, torch.tensor([quality])]).view(1, 1, 1, 1, 5).double()
    return float(BoxRegression(true.view(1, 1, 1, 4)).loss(outputs, true.view(1, 1, 1, 4)))


@pytest.mark.parametrize("sides", [[8.0, 8, 8, 8], [3, 20, 31, 5], [0.5, 0.5, 40, 2]])
def test_box_regression_is_nothing_at_the_truth_and_grows_from_there(sides: list[float]) -> None:
    assert box_loss([0, 0, 0, 0], SURE, sides) == pytest.approx(0, abs=1e-5)
    for direction in ([1.0, 0, 0, 0], [0, 0, 0, 1], [1, 1, 1, 1]):
        losses = [
            box_loss([step * d for d in direction], 0.0, sides) for step in (0.0, 0.5, 1, 2, 4, 8)
        ]
        assert losses == sorted(losses) and len(set(losses)) == 6
    # At the truth, doubt costs the cross-entropy of q and 1 alone.
    assert box_loss([0, 0, 0, 0], 0.0, sides) == pytest.approx(np.log(2), abs=1e-5)


def test_box_regression_worked_by_hand() -> None:
    # True 16 x 16, told 32 x 16 round it: IoU .5, no gap in the hull, so 2 (1 - GIoU) = 1.
    # Two sides of 16 px tell 8 px too much, half of the box: smooth L1 is .5 - .05 each.
    # q = 0 costs ln 2 whatever the overlap.
    sides, offsets = [8.0, 8, 8, 8], [8.0, 0, 8, 0]
    assert box_loss(offsets, 0.0, sides) == pytest.approx(1 + 0.9 + np.log(2), abs=1e-5)
    # A logit of 1 against the overlap of .5.
    p = 1 / (1 + np.exp(-1))
    fit = -(np.log(p) + np.log(1 - p)) / 2
    assert box_loss(offsets, 1.0, sides) == pytest.approx(1.9 + fit, abs=1e-5)


def test_box_regression_is_the_mean_over_cells_with_an_object() -> None:
    targets = some(0.4) * torch.tensor([9.0, 14, 20, 30])
    outputs = normal(1, *SHAPE, 5)
    task = BoxRegression(targets)
    alone = [
        float(task.loss(outputs[:, n, y, x].view(1, 1, 1, 1, 5), targets[n, y, x].view(1, 1, 1, 4)))
        for n, y, x in np.ndindex(*SHAPE)
        if targets[n, y, x].sum() > 0
    ]
    assert 2 < len(alone) < 24
    assert float(task.loss(outputs, targets)) == pytest.approx(np.mean(alone))


@pytest.mark.parametrize("make", [Objectness, BoxRegression, Grouping])
@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_without_an_object_the_loss_and_its_gradient_are_finite(make: type, scale: float) -> None:
    depth, told = {Objectness: (1, 1), BoxRegression: (4, 5), Grouping: (3, 3)}[make]
    targets = torch.zeros(*SHAPE, depth, dtype=torch.float64)
    outputs = (scale * normal(2, *SHAPE, told)).requires_grad_()
    loss = make(targets).loss(outputs, targets)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(outputs.grad).all()
    if make is not Objectness:
        assert not loss and not outputs.grad.any()


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_box_regression_has_a_finite_gradient_however_wrong(scale: float) -> None:
    targets = some(0.5) * torch.tensor([0.5, 14, 200, 0.5])
    outputs = (scale * normal(2, *SHAPE, 5)).requires_grad_()
    loss = BoxRegression(targets).loss(outputs, targets)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(outputs.grad).all()
    assert not outputs.grad[:, targets.sum(-1) == 0].any()  # the ground says nothing


def test_how_sure_a_box_is_does_not_move_it() -> None:
    targets, gradients = torch.tensor([9.0, 14, 20, 30]).view(1, 1, 1, 4), []
    for quality in (-3.0, 0, 3):
        outputs = torch.tensor([0.1, -0.3, 0.2, 0, quality]).view(1, 1, 1, 1, 5).requires_grad_()
        BoxRegression(targets).loss(outputs, targets).backward()
        gradients.append(outputs.grad[..., :4])
    assert gradients[0].all()
    assert torch.equal(gradients[0], gradients[1]) and torch.equal(gradients[0], gradients[2])


def test_distances_are_logarithms_within_bounds() -> None:
    told = torch.tensor([[0.0, np.log(2), -50, 50, 7]])
    found = distances(told)[0].tolist()
    assert found == pytest.approx([16, 32, 16 * np.exp(-6), 16 * np.exp(4)], rel=1e-5)
    assert distances(torch.zeros(2, 3, 4, 5)).shape == (2, 3, 4, 4)


SIDES = st.lists(st.floats(0.5, 300), min_size=4, max_size=4)


@given(pairs=st.lists(st.tuples(SIDES, SIDES), min_size=1, max_size=5))
def test_iou_is_a_naive_one(pairs: list[tuple[list[float], list[float]]]) -> None:
    first, second = (torch.tensor(sides).double() for sides in zip(*pairs, strict=True))
    expected = [naive_iou(*pair) for pair in pairs]
    assert _iou(first, second).tolist() == pytest.approx(expected)
    assert _iou(second, first).tolist() == pytest.approx(expected)
    assert _iou(first, first).tolist() == pytest.approx([1.0] * len(pairs))


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_grouping_is_cross_entropy_by_a_naive_loop(share: float) -> None:
    outputs = 2 * normal(2, *SHAPE, 3)
    groups = normal(*SHAPE, seed=4).mul(10).long() % 3
    targets = some(share) * torch.eye(3)[groups]
    total, objects = 0.0, 0
    for view in range(2):
        for cell in np.ndindex(*SHAPE):
            p = np.exp(outputs[view][cell].numpy())
            p /= p.sum()
            if targets[cell].sum():
                total -= np.log(p[groups[cell]])
                objects += 1
    task = Grouping(targets.shape[-1], targets)
    assert float(task.loss(outputs, targets)) == pytest.approx(total / max(objects, 1))
    assert task.head(6)(torch.zeros(1, *SHAPE, 6)).shape == (1, *SHAPE, 3)
    assert BoxRegression(targets).head(6)(torch.zeros(1, *SHAPE, 6)).shape == (1, *SHAPE, 5)
