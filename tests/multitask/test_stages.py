"""The recipe: as many steps as the schedule says, rounds that keep their numbers, a warning of
collapse.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from mtlkit import load
from mtlkit.errors import InputError
from mtlkit.evaluation import score
from mtlkit.multitask import (
    ClusteringResult,
    CollapseWarning,
    Recipe,
    Schedule,
    SmallCNN,
    find_classes,
    stages,
)
from mtlkit.preprocessing.class_sizes import CLASS_SIZES, DESCRIPTOR_WEIGHTS, SizeEvidence

TINY = Schedule(batch_size=16, features=(2, 1), groups=(3, 1), classes=(6, 1))
IMAGES = np.random.default_rng(0).random((40, 1, 8, 8)).astype(np.float32)


def weighed(weight: float = 1.0, asked: str = "auto") -> SizeEvidence:
    return SizeEvidence(asked, "free", 0.3, 0.1, weight)


def halves(
    network: np.ndarray, descriptors: np.ndarray, n_clusters: int, *_: Any
) -> tuple[np.ndarray, SizeEvidence]:
    """Label vectors without k-means: quick, and no class empty."""
    return np.eye(n_clusters, dtype=np.float32)[np.arange(len(network)) % n_clusters], weighed()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "sized_vectors", halves)
    monkeypatch.setattr(stages, "warn_of_collapse", lambda *_: None)


def find(
    images: np.ndarray = IMAGES,
    n_clusters: int = 2,
    *,
    seed: int = 0,
    on_step: Callable[[str], Any] | None = None,
    **settings: Any,
) -> ClusteringResult:
    recipe = Recipe(**{"schedule": TINY} | settings)
    return find_classes(torch.as_tensor(images), n_clusters, recipe, seed=seed, on_step=on_step)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("clustering", [False, True])
def test_as_many_steps_as_the_schedule_says(clustering: bool) -> None:
    calls: list[str] = []
    found = find(clustering=clustering, on_step=calls.append)
    assert len(calls) == TINY.steps(40, clustering) == 2 * (2 + 6 + 3 * clustering)
    expected = ["features", "groups", "classes"] if clustering else ["features", "classes"]
    assert [stage for stage, _ in itertools.groupby(calls)] == expected
    assert [
        stage for stage, _ in itertools.groupby(row["stage"] for row in found.history)
    ] == expected
    assert [row["epoch"] for row in found.history] == list(range(8 + 3 * clustering))
    assert set(found.seconds) == {*expected, "label vectors"}
    assert set(found.model.heads) == {"descriptors", "classes"} and not found.model.training
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(
        found.model.predict(torch.as_tensor(IMAGES), "classes"), found.probabilities, atol=1e-5
    )


@pytest.mark.usefixtures("quick")
def test_what_is_learnt_in_which_stage() -> None:
    found = find(clustering=True)
    learnt = {
        row["stage"]: {name for name in row if name.startswith("loss/")} for row in found.history
    }
    assert learnt == {
        "features": {"loss/views", "loss/descriptors"},
        "groups": {"loss/groups", "loss/descriptors"},
        "classes": {"loss/classes", "loss/descriptors"},
    }
    assert all(
        row["weight/descriptors"] == 1 for row in found.history if row["stage"] != "features"
    )
    assert any(
        row["weight/descriptors"] != 1 for row in found.history if row["stage"] == "features"
    )


@pytest.mark.usefixtures("quick")
def test_the_same_seed_finds_the_same() -> None:
    found = []
    for luck, seed in ((1, 5), (2, 5), (1, 6)):
        torch.manual_seed(luck)  # the caller's own random numbers do not count,
        before = torch.get_rng_state()
        found.append(find(seed=seed, clustering=True).probabilities)
        assert torch.equal(torch.get_rng_state(), before)  # and go on as if nothing had happened
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("epochs", [2, 6, 7, 11, 18, 20, 21])
def test_rounds_part_the_second_half_of_the_classes_stage(
    epochs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    made: list[int] = []

    def spy(*arguments: Any) -> tuple[np.ndarray, SizeEvidence]:
        made.append(steps.count("classes"))  # one step is one epoch here
        return halves(*arguments)

    monkeypatch.setattr(stages, "sized_vectors", spy)
    find(
        schedule=Schedule(batch_size=128, features=(1, 1), classes=(epochs, 1)),
        on_step=steps.append,
    )
    assert made[0] == 0 and len(made) <= 1 + 3
    rounds = [*made[1:], epochs]
    assert made[1] == (epochs + 1) // 2
    lengths = [b - a for a, b in itertools.pairwise(rounds)]
    assert len(set(lengths[:-1])) <= 1 and lengths[-1] <= lengths[0]
    if epochs in (6, 18):
        assert lengths == [epochs // 6] * 3


def test_label_vectors_made_anew_keep_their_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors that come back with their columns swapped each time must reach the task unswapped."""
    times = itertools.count()
    images = (
        np.repeat([0.0, 1.0], 20)[:, None, None, None] * np.eye(8, dtype=np.float32)
        + np.float32(0.1) * IMAGES
    )
    taught = []

    def swapping(*_: Any) -> tuple[np.ndarray, SizeEvidence]:
        which = (np.arange(40) >= 20).astype(int)
        return np.eye(2, dtype=np.float32)[which if next(times) % 2 == 0 else 1 - which], weighed()

    class Spy(stages.Classification):
        def set_targets(self, targets: Any) -> None:
            super().set_targets(targets)
            taught.append(np.asarray(targets).argmax(axis=1).tolist())

    monkeypatch.setattr(stages, "sized_vectors", swapping)
    monkeypatch.setattr(stages, "Classification", Spy)
    found = find(
        images.clip(0, 1).astype(np.float32),
        schedule=Schedule(batch_size=16, features=(2, 1), classes=(12, 1)),
    )
    assert len(taught) == 4
    assert all(targets == taught[0] for targets in taught)
    assert found.probabilities.argmax(axis=1).tolist() == taught[0]


@pytest.mark.usefixtures("quick")
def test_the_mean_of_all_rounds_is_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    made = [np.eye(2)[random.permutation(np.arange(40) % 2)] for _ in range(4)]
    taught: list[np.ndarray] = []

    class Spy(stages.Classification):
        def set_targets(self, targets: Any) -> None:
            super().set_targets(targets)
            taught.append(np.asarray(targets))

    rounds = iter(made)
    monkeypatch.setattr(stages, "sized_vectors", lambda *_: (next(rounds), weighed()))
    monkeypatch.setattr(stages, "Classification", Spy)
    find()
    total, expected = np.zeros((40, 2)), []
    for vectors in made:
        swapped = vectors[:, ::-1]
        # Two classes: two ways to number them.
        total = total + max(vectors, swapped, key=lambda one: (one * total).sum())
        expected.append(total / (len(expected) + 1))
    np.testing.assert_allclose(taught, expected, atol=1e-6)


@pytest.mark.usefixtures("quick")
def test_the_teacher_is_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    teachers = []

    class Spy(stages.Teacher):
        def __init__(self, model: stages.MultiTaskModel) -> None:
            super().__init__(model)
            teachers.append(self)

    monkeypatch.setattr(stages, "Teacher", Spy)
    found = find()
    assert found.model is teachers[0].module
    assert int(teachers[0].n_averaged) == 12  # the steps of the classes stage


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("images", "usual", "later_on"),
    [(IMAGES, DESCRIPTOR_WEIGHTS, (0.0,)), (IMAGES.repeat(3, axis=1), (2.0,), (2.0,))],
)
@pytest.mark.parametrize("class_sizes", CLASS_SIZES)
def test_later_rounds_ask_the_network_alone_of_strokes_and_the_descriptors_too_of_photographs(
    images: np.ndarray,
    usual: tuple[float, ...],
    later_on: tuple[float, ...],
    class_sizes: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Any] = []

    def spy(
        network: np.ndarray, descriptors: np.ndarray, *settings: Any
    ) -> tuple[np.ndarray, SizeEvidence]:
        seen.append((network, descriptors, *settings))
        return halves(network, descriptors, 2)[0], weighed(0.25 * len(seen), class_sizes)

    monkeypatch.setattr(stages, "sized_vectors", spy)
    found = find(images, class_sizes=class_sizes, seed=4)
    targets = Recipe().targets(torch.as_tensor(images))
    assert [settings[:4] for _, _, *settings in seen] == [[2, 4, class_sizes, usual]] + [
        [2, 4, class_sizes, later_on]
    ] * 3
    first, *later = (settings[4] for _, _, *settings in seen)
    assert first is None  # nobody has said anything yet
    assert all(classes.shape == (len(images),) and set(classes) <= {0, 1} for classes in later)
    assert all(np.array_equal(descriptors, targets) for _, descriptors, *_ in seen)
    # The features as they are by then.
    assert not any(np.array_equal(seen[0][0], network) for network, *_ in seen[1:])
    assert found.sizes == [weighed(0.25 * times, class_sizes) for times in (1, 2, 3, 4)]


def test_features_have_unit_length() -> None:
    found = stages.features_of(find_model(), torch.as_tensor(IMAGES))
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)


def find_model() -> Any:
    return stages.MultiTaskModel(SmallCNN(), {})


def test_collapse_is_warned_of_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    one = np.eye(3, dtype=np.float32)[np.zeros(40, int)]
    monkeypatch.setattr(stages, "sized_vectors", lambda *_: (one, weighed()))
    with pytest.warns(
        CollapseWarning,
        match=r"2 of 3 classes are empty.*fewer classes, train longer \(effort=2\), or",
    ):
        find(n_clusters=3, schedule=Schedule(batch_size=16, features=(1, 1), classes=(20, 1)))


@pytest.mark.parametrize("k", [0, 41])
def test_the_number_of_classes_has_bounds(k: int) -> None:
    with pytest.raises(InputError, match=f"number of classes is {k}"):
        find(n_clusters=k)


def test_unknown_class_sizes_get_the_nearest() -> None:
    with pytest.raises(
        InputError,
        match=(
            r"class_sizes 'equall' is not known: use one of auto, equal, free. Did you "
            r"mean 'equal'"
        ),
    ):
        find(class_sizes="equall")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("class_sizes", "clustering", "effort"), [("free", False, 0.3), ("equal", True, 0.15)]
)
def test_classes_of_digits_are_found(class_sizes: str, clustering: bool, effort: float) -> None:
    digits = load("digits:small")
    found = find(
        digits.images,
        3,
        class_sizes=class_sizes,
        clustering=clustering,
        schedule=Schedule(effort=effort),
    )
    scores = score(found.probabilities.argmax(axis=1), digits.open_labels())  # labels only to score
    assert scores.nmi > 0.8
