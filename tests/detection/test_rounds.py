"""Rounds: the same seed ends with the same detector, also when it was cut off in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mtlkit import InputError
from mtlkit.detection import DetectionRecipe, DetectionResult, detect, find_objects, rounds
from mtlkit.multitask.checkpoints import Checkpoint
from mtlkit.preprocessing import label_vectors

RECIPE = DetectionRecipe(n_groups=3, proposals=12, effort=0.006)  # 2 or 3 epochs a round
ROUNDS = ["round 1", "round 2", "round 3"]


class Cut(BaseException):
    """What a kill is to the training: nothing may catch it."""


def drawn(number: int = 6, height: int = 64, width: int = 80) -> np.ndarray:
    """Scenes with a red and a blue object each, somewhere on a noisy ground."""
    random = np.random.default_rng(0)
    images = 0.5 + 0.04 * random.standard_normal((number, 3, height, width))
    for image in images:
        for slot, colour in enumerate([[0.9, 0.1, 0.1], [0.1, 0.2, 0.9]]):
            left = width // 2 * slot + random.integers(2, 20)
            top = random.integers(2, height - 20)
            image[:, top : top + 16, left : left + 16] = np.reshape(colour, (3, 1, 1))
            image[:, top + 4 : top + 12, left + 4 : left + 12] = np.reshape(colour[::-1], (3, 1, 1))
    return images.clip(0, 1).astype(np.float32)


def same_weights(first: DetectionResult, second: DetectionResult) -> bool:
    one, other = first.model.state_dict(), second.model.state_dict()
    assert one.keys() == other.keys()
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def result() -> DetectionResult:
    return find_objects(drawn(), RECIPE, seed=1)


def test_what_was_learnt_can_be_looked_at(result: DetectionResult) -> None:
    assert list(result.seconds) == ["proposals", *ROUNDS]
    assert list(dict.fromkeys(row["stage"] for row in result.history)) == ROUNDS
    assert [row["epoch"] for row in result.history] == list(range(len(result.history)))
    assert set(result.model.tasks) == {"objects", "boxes", "groups"}
    assert len(result.chosen) == 3
    for share, rows in zip(RECIPE.shares, result.chosen, strict=True):
        assert 1 <= len(rows) <= share * len(result.regions.boxes) + 1
        assert len(set(rows)) == len(rows)
    found = detect(result.model, drawn(), least=0.0)
    assert len(found) == 6 and all(one.groups.shape == (len(one.boxes), 3) for one in found)


def test_the_same_seed_gives_the_same_weights_and_another_others(result: DetectionResult) -> None:
    torch.manual_seed(99)  # the state outside counts for nothing
    before = torch.random.get_rng_state()
    again = find_objects(drawn(), RECIPE, seed=1)
    assert torch.equal(before, torch.random.get_rng_state())
    assert same_weights(result, again)
    for one, other in zip(result.chosen, again.chosen, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not same_weights(result, find_objects(drawn(), RECIPE, seed=2))


@pytest.mark.parametrize(
    ("stage", "steps", "saved"),
    [("round 1", 7, True), ("round 2", 2, False), ("round 2", 6, True), ("round 3", 1, False)],
)
def test_cut_off_in_a_round_it_ends_as_if_it_had_not_been(
    result: DetectionResult, tmp_path: Path, stage: str, steps: int, saved: bool
) -> None:
    made = 0

    def cut(name: str, _: int) -> None:
        nonlocal made
        made += name == stage
        if made == steps:
            raise Cut

    def kept() -> Checkpoint:
        return Checkpoint(tmp_path / "kept", {"seed": 1}, every=0)

    with pytest.raises(Cut):
        find_objects(drawn(), RECIPE, seed=1, checkpoint=kept(), on_step=cut)
    assert (tmp_path / "kept" / f"{stage}.pt").exists() == saved
    left: list[str] = []
    again = find_objects(
        drawn(), RECIPE, seed=1, checkpoint=kept(), on_step=lambda name, _: left.append(name)
    )
    assert same_weights(result, again)
    assert not set(left) & set(ROUNDS[: ROUNDS.index(stage)])  # what was done is not done again
    for row, before in zip(again.history, result.history, strict=True):
        assert row["loss/boxes"] == before["loss/boxes"] and row["epoch"] == before["epoch"]
    # And of one that was finished, nothing is.
    left.clear()
    finished = find_objects(
        drawn(), RECIPE, seed=1, checkpoint=kept(), on_step=lambda name, _: left.append(name)
    )
    assert same_weights(result, finished) and set(left) == {"proposals"}


def test_steps_are_told_as_they_are_made() -> None:
    told: list[tuple[str, int]] = []
    find_objects(drawn(), RECIPE, on_step=lambda *step: told.append(step))
    stages = list(dict.fromkeys(stage for stage, _ in told))
    assert stages == ["proposals", *ROUNDS]
    for stage in stages:
        totals = [steps for name, steps in told if name == stage]
        assert totals == [len(totals)] * len(totals)


@pytest.mark.parametrize("effort", [0, -1, np.inf, np.nan])
def test_an_effort_that_cannot_be_is_refused(effort: float) -> None:
    with pytest.raises(InputError, match=f"effort is {effort}: give a number above 0"):
        DetectionRecipe(effort=effort)


@pytest.mark.parametrize("n_groups", [0, -3])
def test_no_groups_are_refused(n_groups: int) -> None:
    with pytest.raises(InputError, match=f"n_groups must be a whole number .*, not {n_groups}"):
        DetectionRecipe(n_groups=n_groups)


def test_pictures_that_show_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="nothing stands out in 3 of 3 images"):
        find_objects(np.full((3, 3, 64, 64), 0.5, np.float32), RECIPE)


def test_some_pictures_may_show_nothing() -> None:
    images = drawn(5)
    images[[0, 3]] = 0.5
    result = find_objects(images, RECIPE)
    assert set(result.regions.scenes) == {1, 2, 4}
    assert all(torch.isfinite(value).all() for value in result.model.state_dict().values())


def looked_at(n_groups: int) -> rounds.Rounds:
    recipe = DetectionRecipe(n_groups=n_groups, proposals=12, effort=0.003)
    work = rounds.Rounds(drawn(), recipe, 1, None, None)
    work.look()
    return work


@pytest.mark.parametrize("n_groups", [1, 3, 20])
def test_groups_keep_their_numbers_from_round_to_round(n_groups: int) -> None:
    work = looked_at(n_groups)
    everything = np.arange(len(work.regions.boxes))
    first = work._sorted(everything)
    assert first.max() < n_groups
    np.testing.assert_array_equal(first, work.groups)
    # As if the round before had numbered them otherwise.
    work.groups = (first + 1) % n_groups
    again = work._sorted(everything)
    np.testing.assert_array_equal(again, (first + 1) % n_groups)
    # Of fewer rows there may be other groups; most regions keep theirs.
    part = work._sorted(everything[::2])
    np.testing.assert_array_equal(part, work.groups[::2])
    if n_groups == 3:
        assert np.mean(work.groups == again) > 0.6
        vectors, before = np.eye(3)[work.groups], np.eye(3)[again]
        np.testing.assert_array_equal(label_vectors.align(vectors, before), vectors)


def test_fewer_regions_than_groups_are_a_group_each() -> None:
    work = looked_at(40)
    groups = work._sorted(np.arange(0, len(work.regions.boxes), 15))
    assert len(set(groups)) == len(groups) < 40


def test_what_the_detector_finds_counts_where_a_region_is(monkeypatch: pytest.MonkeyPatch) -> None:
    work = looked_at(3)
    boxes = work.regions.boxes
    first = np.flatnonzero(work.regions.scenes == 2)[0]
    empty = rounds.detect(work.model, work.images[:1], least=2)[0]
    shifted = boxes[first] + [0, 0, boxes[first][2] - boxes[first][0], 0]  # twice as wide
    sure = np.array([0.5, 0.8], np.float32)
    both = empty._replace(boxes=np.array([boxes[first], shifted], np.float32), scores=sure)
    monkeypatch.setattr(rounds, "detect", lambda *_, **__: [empty, empty, both, *[empty] * 3])
    told = work._objectness()
    assert told[first] == pytest.approx(0.5)  # .5 x 1 against .8 x .5
    assert not told[work.regions.scenes != 2].any()
    assert (told <= 0.8).all()


@pytest.mark.parametrize(
    "settings",
    [
        {"batch_size": 0},
        {"proposals": 0},
        {"n_groups": 2.5},
        {"shares": (0.2, 0.2)},
        {"shares": (0.2, 0.2, 2)},
    ],
)
def test_a_recipe_that_cannot_be_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        DetectionRecipe(**settings)


@pytest.mark.parametrize("shape", [(2, 1, 64, 64), (2, 3, 60, 64), (2, 3, 8, 16), (3, 64, 64)])
def test_pictures_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="multiples of 8 px"):
        find_objects(np.zeros(shape))


def test_pictures_with_nan_are_refused() -> None:
    with pytest.raises(InputError, match="without NaN"):
        find_objects(np.full((2, 3, 64, 64), np.nan))
