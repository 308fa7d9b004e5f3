"""What is far from the training images is novel, and what is like them is not."""

from __future__ import annotations

import numpy as np
import pytest

from mtlkit.preprocessing.novelty import ASKED, NEIGHBOURS, Reference, spaces_of

NONE = np.zeros(500, int)  # classes, where they do not matter
ROWS = np.random.default_rng(0).random((60, 4)).astype(np.float32)


def naive(query: np.ndarray, rows: np.ndarray) -> float:
    """The mean distance to the nearest rows, one by one."""
    return float(np.mean(sorted(np.linalg.norm(query - row) for row in rows)[:NEIGHBOURS]))


def test_novelty_is_the_mean_distance_in_units_of_each_space() -> None:
    spaces = [ROWS, 10 * ROWS[:, :2]]
    reference = Reference.of(spaces, NONE[:60])
    query = [np.array([[2.0, 0, 0, 1]]), np.array([[3.0, 30]])]
    kept = [space.astype(np.float16).astype(np.float64) for space in spaces]
    ratios = [
        naive(of[0], rows) / unit
        for of, rows, unit in zip(query, kept, reference.units, strict=True)
    ]
    assert reference.novelty(query)[0] == pytest.approx(np.mean(ratios), rel=1e-3)


def test_an_image_is_not_its_own_neighbour() -> None:
    reference = Reference.of([ROWS], NONE[:60])
    own = reference.novelty([ROWS], np.arange(60))
    kept = ROWS.astype(np.float16).astype(np.float64)
    others = naive(kept[7], np.delete(kept, 7, axis=0))
    assert own[7] * reference.units[0] == pytest.approx(others, rel=1e-2)
    assert own[7] > reference.novelty([ROWS])[7]


def test_three_in_a_hundred_of_the_reference_are_above_one() -> None:
    rows = np.random.default_rng(1).normal(size=(400, 3))
    found = Reference.of([rows], NONE[:400]).novelty([rows], np.arange(400))
    assert 0.025 <= np.mean(found > 1) <= 0.035


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_few_or_equal_rows_give_finite_numbers(n: int) -> None:
    equal = np.ones((n, 4))
    reference = Reference.of([equal, equal, equal], NONE[:n])
    assert np.isfinite(reference.units).all() and min(reference.units) > 0
    queries = [np.vstack([equal[:1], 5 * equal[:1]])] * 3
    alike, other = reference.novelty(queries)
    assert alike == 0 and other > 1


@pytest.mark.parametrize("channels", [1, 3])
def test_blank_and_noisy_images_fit_nowhere(channels: int) -> None:
    random = np.random.default_rng(2)
    waves = np.sin(np.linspace(0, 6, 16) + random.uniform(0, 6, (200, channels, 1, 1)))
    images = (0.5 + 0.4 * waves.repeat(16, axis=2)).astype(np.float32)
    features = random.normal(size=(200, 8))
    reference = Reference.of(spaces_of(features, images), NONE[:200])
    odd = np.stack([np.ones_like(images[0]), random.random(images[0].shape, np.float32)])
    blank, noise = reference.novelty(spaces_of(features[:2], odd))
    assert blank > 2 and noise > 2


def test_plain_features_have_two_spaces() -> None:
    spaces = spaces_of(np.array([[3.0, 4.0]]), np.array([[1.0, 2.0, 3.0]]))
    assert [space.tolist() for space in spaces] == [[[0.6, 0.8]], [[1, 2, 3]]]


def test_large_numbers_and_many_rows_do_not_overflow() -> None:
    rows = 2000 + 100 * np.random.default_rng(3).normal(size=(500, 50))
    reference = Reference.of([rows, rows, rows], NONE)
    assert np.isfinite(reference.units).all()


def test_agreement_is_the_share_of_neighbours_of_the_same_class() -> None:
    classes = np.random.default_rng(4).integers(0, 3, 60)
    reference = Reference.of([ROWS, ROWS], classes)
    kept = ROWS.astype(np.float16).astype(np.float64)
    own = reference.agreement([ROWS, kept], classes, np.arange(60))
    asked = np.argsort(np.linalg.norm(kept - kept[11], axis=1))[1 : ASKED + 1]
    assert own[11] == pytest.approx((classes[asked] == classes[11]).mean())
    new = reference.agreement([ROWS, kept], 1 - classes[:1].repeat(60))
    assert ((new >= 0) & (new <= 1)).all() and new[11] != own[11]


@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_images_agree_with_the_others(n: int) -> None:
    reference = Reference.of([ROWS[:n], ROWS[:n]], np.zeros(n, int))
    own = reference.agreement([ROWS[:n]] * 2, np.zeros(n, int), np.arange(n))
    assert own.tolist() == [1] * n
    assert reference.agreement([ROWS[:n]] * 2, np.zeros(n, int)).tolist() == [1] * n
