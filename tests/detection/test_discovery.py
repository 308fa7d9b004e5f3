"""Discovery: what recurs over scenes scores more than what is there once, and each place is taken
once.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtlkit import InputError
from mtlkit.detection import Proposals, Regions, discover, propose
from mtlkit.detection.discovery import (
    INSIDE,
    NEIGHBOURS,
    OVERLAP,
    SIDE,
    _neighbours,
    apart,
    choose,
    cut,
)

NONE = Proposals(np.zeros((0, 4), int), np.zeros(0))
Box = tuple[int, int, int, int]


def ring(image: np.ndarray, left: int, top: int) -> Box:
    """Paint what recurs: a red square of 20 px with a yellow one in it and a blue bar."""
    image[:, top : top + 20, left : left + 20] = np.reshape([0.9, 0.1, 0.1], (3, 1, 1))
    image[:, top + 5 : top + 15, left + 5 : left + 15] = np.reshape([0.9, 0.9, 0.1], (3, 1, 1))
    image[:, top + 9 : top + 11, left : left + 20] = np.reshape([0.1, 0.1, 0.9], (3, 1, 1))
    return left, top, left + 20, top + 20


def blob(image: np.ndarray, left: int, top: int, random: np.random.Generator) -> Box:
    """Paint what is there once: an ellipse of some form, of colours by chance in coarse blocks."""
    height, width = random.integers(12, 24, 2)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    tilt = random.uniform(-0.8, 0.8)
    shape = (x + tilt * y) ** 2 + y**2 < 1
    block = random.integers(2, 9)
    colours = random.random((3, 12, 12)).repeat(block, 1).repeat(block, 2)[:, :height, :width]
    image[:, top : top + height, left : left + width][:, shape] = colours[:, shape]
    return left, top, left + int(width), top + int(height)


def scenes(number: int = 34, side: int = 88) -> tuple[np.ndarray, list[Box], list[Box]]:
    """Scenes with the pattern in one quarter and a blob in another one, and where they are."""
    random = np.random.default_rng(3)
    images = np.empty((number, 3, side, side), np.float32)
    patterns, blobs = [], []
    for image in images:
        image[:] = (0.5 + 0.02 * random.standard_normal(image.shape)).clip(0, 1)
        quarters = random.permutation(4)[:2]
        places = [
            (side // 2 * int(q) + int(random.integers(2, 17)) for q in divmod(n, 2))
            for n in quarters
        ]
        patterns.append(ring(image, *places[0]))
        blobs.append(blob(image, *places[1], random))
    return images, patterns, blobs


def naive_iou(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """The overlap of two boxes, and the shares of each that the other covers."""
    wide = max(0, min(first[2], second[2]) - max(first[0], second[0]))
    high = max(0, min(first[3], second[3]) - max(first[1], second[1]))
    sizes = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    common = wide * high
    return common / (sum(sizes) - common), common / sizes[0], common / sizes[1]


def naive_apart(boxes: np.ndarray) -> list[int]:
    kept: list[int] = []
    for row in range(len(boxes)):
        alike = [naive_iou(boxes[row], boxes[other]) for other in kept]
        if not any(iou > OVERLAP or max(shares) > INSIDE for iou, *shares in alike):
            kept.append(row)
    return kept


def regions_of(boxes: np.ndarray, in_scenes: np.ndarray) -> Regions:
    n = len(boxes)
    return Regions(boxes, in_scenes, np.zeros((n, 1)), np.zeros((n, 1), int), np.zeros(n))


@pytest.fixture(scope="module")
def found() -> Regions:
    images, _, _ = scenes()
    return discover(images, [propose(image, 20) for image in images])


def test_what_recurs_has_its_likes_elsewhere_and_what_is_there_once_has_not() -> None:
    images, patterns, blobs = scenes()
    both = [
        Proposals(np.array([pattern, once]), np.array([1.0, 1.0]))
        for pattern, once in zip(patterns, blobs, strict=True)
    ]
    regions = discover(images, both)
    assert (regions.neighbours[::2] % 2 == 0).all()  # the likes of a pattern are patterns
    alike = (regions.features[:, None] * regions.features[regions.neighbours]).sum(-1).mean(1)
    assert alike[::2].min() > alike[1::2].max()


def test_what_recurs_scores_more_than_what_is_there_once(found: Regions) -> None:
    _, patterns, blobs = scenes()
    patterns_win, both = 0, 0
    for scene, places in enumerate(zip(patterns, blobs, strict=True)):
        rows = np.flatnonzero(found.scenes == scene)
        near = [
            [row for row in rows if naive_iou(found.boxes[row], np.array(place))[0] > 0.6]
            for place in places
        ]
        if all(near):
            both += 1
            pattern, once = (found.score[own].max() for own in near)
            patterns_win += pattern > once
    assert both > 20
    assert patterns_win > 0.85 * both
    taken = choose(found, found.score, 0.1)
    hits = [
        naive_iou(found.boxes[row], np.array(patterns[found.scenes[row]]))[0] > 0.6 for row in taken
    ]
    assert np.mean(hits) > 0.7


def test_neighbours_are_of_other_scenes_and_the_most_alike(found: Regions) -> None:
    assert found.neighbours.shape == (len(found.boxes), NEIGHBOURS)
    assert (found.scenes[found.neighbours] != found.scenes[:, None]).all()
    np.testing.assert_allclose(np.linalg.norm(found.features, axis=1), 1, rtol=1e-4)
    alike = found.features @ found.features.T
    for row in range(0, len(found.boxes), 7):
        elsewhere = np.flatnonzero(found.scenes != found.scenes[row])
        best = np.sort(alike[row, elsewhere])[-NEIGHBOURS:]
        np.testing.assert_allclose(np.sort(alike[row, found.neighbours[row]]), best, atol=1e-6)
        assert len(set(found.neighbours[row])) == NEIGHBOURS


def test_neighbours_of_many_regions_are_found_in_parts() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(2300, 4)).astype(np.float32)
    own = np.sort(random.integers(0, 40, 2300))
    found = _neighbours(features, own)
    assert found.shape == (2300, NEIGHBOURS)
    for row in (0, 999, 1000, 2299):
        alike = features @ features[row]
        alike[own == own[row]] = -np.inf
        assert set(found[row]) == set(np.argsort(-alike)[:NEIGHBOURS])


def test_regions_are_all_proposals_in_order() -> None:
    images, _, _ = scenes(4)
    proposals = [propose(image, 12) for image in images]
    found = discover(images, proposals)
    np.testing.assert_array_equal(found.boxes, np.concatenate([p.boxes for p in proposals]))
    assert found.scenes.tolist() == [n for n, p in enumerate(proposals) for _ in p.boxes]
    assert len(found.score) == len(found.features) == len(found.boxes)
    assert np.isfinite(found.score).all()
    values = np.arange(len(found.boxes), dtype=float)
    expected = [np.mean([values[other] for other in row]) for row in found.neighbours]
    np.testing.assert_allclose(found.smoothed(values), expected)


@pytest.mark.parametrize("with_some", [0, 1])
def test_of_fewer_than_two_scenes_that_show_something_nothing_recurs(with_some: int) -> None:
    images, _, _ = scenes(3)
    proposals = [propose(images[0]) if n < with_some else NONE for n in range(3)]
    with pytest.raises(InputError, match=f"nothing stands out in {3 - with_some} of 3 images"):
        discover(images, proposals)


def test_scenes_that_show_nothing_are_passed_by() -> None:
    images, _, _ = scenes(7)
    full = [1, 3, 6]
    shown = [propose(images[n], 15) for n in full]
    proposals = [NONE if n not in full else shown[full.index(n)] for n in range(7)]
    found, without = discover(images, proposals), discover(images[full], shown)
    assert set(found.scenes) == set(full)
    np.testing.assert_array_equal(found.score, without.score)
    assert set(found.scenes[choose(found, found.score, 0.5)]) <= set(full)


BOXES = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(1, 12), st.integers(1, 12)),
    max_size=12,
)


@given(boxes=BOXES)
def test_apart_is_a_naive_double_loop(boxes: list[Box]) -> None:
    corners = np.array(boxes, int).reshape(-1, 4)
    corners[:, 2:] += corners[:, :2]
    assert apart(corners) == naive_apart(corners)


def test_choose_takes_the_share_and_each_place_once(found: Regions) -> None:
    for share in (0.1, 0.3, 1.0):
        rows = choose(found, found.score, share)
        least = np.sort(found.score)[-round(share * len(found.score))]
        assert found.score[rows].min() >= least - 0.01
        assert len(set(rows)) == len(rows) <= share * len(found.score) + 1
        for scene in set(found.scenes[rows]):
            own = found.boxes[rows[found.scenes[rows] == scene]]
            assert naive_apart(own) == list(range(len(own)))
            # The best of the scene is taken.
            mine = np.flatnonzero(found.scenes == scene)
            assert mine[found.score[mine].argmax()] in rows


@pytest.mark.parametrize(("share", "number"), [(0.1, 10), (0.25, 25), (1.0, 100)])
def test_of_places_that_are_apart_just_the_share_is_taken(share: float, number: int) -> None:
    left = 10 * np.arange(100)
    boxes = np.stack([left, left * 0, left + 8, left * 0 + 8], axis=1)
    score = np.random.default_rng(0).permutation(100) / 100
    rows = choose(regions_of(boxes, np.arange(100) // 10), score, share)
    assert sorted(rows) == sorted(np.argsort(-score)[:number])


def test_what_is_cut_is_the_box_and_its_margin() -> None:
    image = np.zeros((1, 3, 64, 64), np.float32)
    image[0, 0, 20:36, 30:46] = 1
    proposals = [Proposals(np.array([[30, 20, 46, 36]]), np.ones(1))]
    whole, wider = cut(image, proposals, 0.0), cut(image, proposals, 0.5)
    assert whole.shape == (1, 3, SIDE, SIDE)
    assert whole[0, 0, 2:-2, 2:-2].min() == 1 and not whole[0, 1:].any()
    # A border of a half to each side: the square fills the middle quarter.
    assert wider[0, 0].mean() == pytest.approx(0.25, abs=0.02)
    assert wider[0, 0, 12:20, 12:20].min() == 1 and not wider[0, 0, :5].any()


def test_what_is_cut_is_not_moved_by_half_a_pixel() -> None:
    image = np.zeros((1, 3, 48, 64), np.float32)
    image[0, 0] = np.arange(64) / 64
    image[0, 1] = np.arange(48)[:, None] / 48
    crop = cut(image, [Proposals(np.array([[20, 8, 36, 40]]), np.ones(1))], 0.0)[0]
    # A slope keeps its mean, and what lies left is less than what lies right.
    expected = image[0, :, 8:40, 20:36].mean(axis=(1, 2))
    np.testing.assert_allclose(crop.mean(axis=(1, 2)), expected, atol=1e-5)
    assert (np.diff(crop[0], axis=1) > 0).all() and (np.diff(crop[1], axis=0) > 0).all()


def test_regions_that_are_all_alike_do_no_harm() -> None:
    scenes = np.full((2, 3, 64, 64), 0.5, np.float32)
    scenes[:, 0, 10:26, 10:26] = 0.9
    regions = discover(scenes, [Proposals(np.array([[10, 10, 26, 26]]), np.ones(1))] * 2)
    assert np.isfinite(regions.score).all()
