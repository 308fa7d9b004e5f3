"""Proposals: what stands out in a picture gets a box, plain ground none, and no place has many."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.ops import box_iou

from mtlkit.detection import propose
from mtlkit.detection.proposals import SIZES, above_border, areas, rarity_of


def noisy(height: int, width: int, squares: int, seed: int = 0) -> np.ndarray:
    """A noisy grey picture, 3 x height x width, with squares of colours by chance."""
    random = np.random.default_rng(seed)
    picture = 0.5 + 0.03 * random.standard_normal((3, height, width))
    for _ in range(squares):
        side = random.integers(8, 20)
        top, left = random.integers(0, height - side), random.integers(0, width - side)
        picture[:, top : top + side, left : left + side] = random.random((3, 1, 1))
    return picture.clip(0, 1)


def naive_above_border(plane: np.ndarray, box: list[int]) -> float:
    left, top, right, bottom = box
    border = max(2, min(right - left, bottom - top) // 4)
    inside, round_it = [], []
    for y in range(plane.shape[0]):
        for x in range(plane.shape[1]):
            if left <= x < right and top <= y < bottom:
                inside.append(plane[y, x])
            elif left - border <= x < right + border and top - border <= y < bottom + border:
                round_it.append(plane[y, x])
    return float(np.mean(inside) - (np.mean(round_it) if round_it else 0))


@pytest.mark.parametrize(
    ("shape", "box"),
    [
        ((64, 64), (10, 20, 30, 40)),
        ((64, 112), (70, 30, 88, 50)),  # broader than high
        ((104, 72), (3, 80, 19, 96)),
    ],
)
@pytest.mark.parametrize("colour", [(0.9, 0.1, 0.1), (0.1, 0.2, 0.7), (0.95, 0.95, 0.95)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_square_on_plain_ground_is_the_first_box(
    shape: tuple[int, int],
    box: tuple[int, int, int, int],
    colour: tuple[float, float, float],
    dtype: type,
) -> None:
    left, top, right, bottom = box
    picture = np.full((3, *shape), 0.5, dtype)
    picture[:, top:bottom, left:right] = np.reshape(colour, (3, 1, 1))
    found = propose(picture)
    assert np.abs(found.boxes[0] - box).max() <= 2
    assert len(found.boxes) == len(found.stand_out)
    assert (np.diff(found.stand_out) <= 0).all() and (found.stand_out > 0).all()


@pytest.mark.parametrize("shade", [0.0, 0.37, 1.0])
@pytest.mark.parametrize("shape", [(64, 64), (40, 96)])
def test_nothing_stands_out_of_one_colour(shade: float, shape: tuple[int, int]) -> None:
    found = propose(np.full((3, *shape), shade, np.float32))  # a warning would be an error
    assert found.boxes.shape == (0, 4)
    assert found.stand_out.shape == (0,)


@pytest.mark.parametrize("shape", [(64, 64), (64, 128), (120, 72)])
@pytest.mark.parametrize("seed", range(3))
def test_boxes_lie_in_the_picture_have_bounds_and_differ(shape: tuple[int, int], seed: int) -> None:
    height, width = shape
    found = propose(noisy(height, width, squares=6, seed=seed))
    assert len(found.boxes) > 5
    sides = found.boxes[:, 2:] - found.boxes[:, :2]
    assert sides.min() >= SIZES[0]
    assert sides.max() <= SIZES[1] * max(shape)
    assert (found.boxes[:, :2] >= 0).all() and (found.boxes[:, 2:] <= [width, height]).all()
    assert np.issubdtype(found.boxes.dtype, np.integer)
    boxes = torch.tensor(found.boxes).double()
    shares = box_iou(boxes, boxes).fill_diagonal_(0)
    assert 0.4 < shares.max() <= 0.7  # some overlap, so that the bound is met at all


def test_a_box_that_is_too_large_or_too_small_is_none() -> None:
    picture = np.full((3, 100, 100), 0.5)
    picture[:, 10:80, 10:80] = np.reshape([0.9, 0.1, 0.1], (3, 1, 1))  # more than .45 of 100 px
    picture[:, 90:92, 90:92] = np.reshape([0.1, 0.1, 0.9], (3, 1, 1))
    sides = [box[2:] - box[:2] for box in propose(picture).boxes]
    assert all(side.max() <= 45 and side.min() >= 6 for side in sides)


@pytest.mark.parametrize("most", [0, 1, 4, 1000])
def test_of_many_boxes_the_first_are_kept(most: int) -> None:
    picture = noisy(80, 80, squares=8)
    everything = propose(picture, most=10**6)
    found = propose(picture, most)
    assert len(found.boxes) == min(most, len(everything.boxes))
    np.testing.assert_array_equal(found.boxes, everything.boxes[:most])
    np.testing.assert_array_equal(found.stand_out, everything.stand_out[:most])


def test_a_square_that_shines_more_or_is_larger_stands_out_more() -> None:
    picture = np.full((3, 96, 96), 0.5)
    picture[:, 10:22, 10:22] = np.reshape([0.6, 0.45, 0.45], (3, 1, 1))  # dull
    picture[:, 60:90, 50:80] = np.reshape([0.9, 0.1, 0.1], (3, 1, 1))
    found = propose(picture)
    assert np.abs(found.boxes[0] - [50, 60, 80, 90]).max() <= 2
    assert (np.abs(found.boxes - [10, 10, 22, 22]).max(1) <= 3).any()


def test_a_rare_colour_has_more_nats_than_the_ground() -> None:
    lab = np.zeros((40, 40, 3))
    lab[:4, :5] = [60, 40, 40]
    rarity = rarity_of(lab)
    assert rarity.shape == (40, 40)
    few, ground = rarity[0, 0], rarity[-1, -1]
    assert (rarity[:4, :5] == few).all() and (rarity[4:] == ground).all()
    # 20 of 1,600 against 1,580: the histogram's blur is the same for both, save at its ends.
    assert few - ground == pytest.approx(np.log(1580 / 20), abs=0.05)


@given(
    height=st.integers(6, 24),
    width=st.integers(6, 24),
    seed=st.integers(0, 2**16),
    count=st.integers(0, 6),
)
def test_above_border_is_a_naive_loop(height: int, width: int, seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    plane = random.normal(size=(height, width))
    left, top = random.integers(0, width - 1, count), random.integers(0, height - 1, count)
    right = [random.integers(x + 1, width + 1) for x in left]
    bottom = [random.integers(y + 1, height + 1) for y in top]
    boxes = np.stack([left, top, right, bottom], axis=1).astype(int).reshape(-1, 4)
    found = above_border(plane, boxes)
    expected = [naive_above_border(plane, box) for box in boxes.tolist()]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert areas(boxes).tolist() == [(r - x) * (b - y) for x, y, r, b in boxes.tolist()]


def test_above_border_of_known_planes() -> None:
    plane = np.zeros((20, 20))
    plane[8:12, 8:12] = 3
    boxes = np.array([[8, 8, 12, 12], [0, 0, 20, 20], [8, 8, 12, 16]])
    # All of the first box; no border round the second; half of the third.
    expected = [3.0, 3 * 16 / 400, 1.5]
    np.testing.assert_allclose(above_border(plane, boxes), expected)
