"""Class sizes: equal ones where the images do not speak against it, free ones where they do, and
the sentence that says so.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import adjusted_rand_score

from mtlkit.errors import InputError
from mtlkit.preprocessing import class_sizes as module
from mtlkit.preprocessing.class_sizes import (
    CLASS_SIZES,
    MARGIN,
    THRESHOLD,
    WEIGHTS,
    SizeEvidence,
    check_class_sizes,
    sized_vectors,
)
from mtlkit.preprocessing.communities import (
    NEIGHBOURS,
    Communities,
    graph_widths,
    neighbour_graph,
    normalised_cut,
)
from mtlkit.preprocessing.label_vectors import equal_size_vectors, smooth, spread


def cloud(n: int, width: int = 4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, width))


def blobs(*sizes: int, seed: int = 0, noise: float = 0.08) -> tuple[np.ndarray, np.ndarray]:
    """One bundle of directions for each size, and which row is of which."""
    which = np.repeat(np.arange(len(sizes)), sizes)
    return np.eye(len(sizes), 12)[which] + np.random.default_rng(seed).normal(
        0, noise, (len(which), 12)
    ), which


def sizes_of(vectors: np.ndarray) -> list[int]:
    return sorted(np.bincount(vectors.argmax(axis=1), minlength=vectors.shape[1]).tolist())


@pytest.mark.parametrize("seed", range(3))
def test_blobs_of_like_sizes_are_taken_for_equal(seed: int) -> None:
    features, which = blobs(30, 30, 30, seed=seed)
    vectors, found = sized_vectors(features, features, 3, seed)
    assert (found.asked, found.taken) == ("auto", "equal")
    assert adjusted_rand_score(which, vectors.argmax(axis=1)) == 1
    assert sizes_of(vectors) == [30, 30, 30]
    assert 0 <= found.equal_cut <= found.free_cut + THRESHOLD


@pytest.mark.parametrize("seed", range(3))
def test_blobs_of_unlike_sizes_are_left_free(seed: int) -> None:
    features, which = blobs(75, 15, seed=seed)
    vectors, found = sized_vectors(features, features, 2, seed)
    assert (found.asked, found.taken) == ("auto", "free")
    assert adjusted_rand_score(which, vectors.argmax(axis=1)) == 1
    assert found.equal_cut > found.free_cut + THRESHOLD


def test_what_is_asked_for_is_taken_whatever_the_images_say() -> None:
    unlike, alike = blobs(75, 15)[0], blobs(40, 40)[0]
    vectors, found = sized_vectors(unlike, unlike, 2, class_sizes="equal")
    assert found.taken == found.asked == "equal" and min(sizes_of(vectors)) > 30
    vectors, found = sized_vectors(alike, alike, 2, class_sizes="free")
    assert found.taken == found.asked == "free" and sizes_of(vectors) == [40, 40]
    cuts = [sized_vectors(unlike, unlike, 2, class_sizes=way)[1] for way in CLASS_SIZES]
    assert (
        len({(one.equal_cut, one.free_cut, one.weight) for one in cuts}) == 1
    )  # the evidence is the same


def test_what_only_the_descriptors_see_is_found_and_what_only_the_network_sees() -> None:
    clear, which = blobs(40, 40, 40)
    noise = cloud(120, 12, seed=9)
    for network, descriptors in ((noise, clear), (clear, noise)):
        vectors, found = sized_vectors(network, descriptors, 3)
        assert adjusted_rand_score(which, vectors.argmax(axis=1)) > 0.9
        assert (found.weight > WEIGHTS[0]) == (
            descriptors is clear
        )  # where they help, they weigh more
    _, found = sized_vectors(noise, clear, 3, weights=WEIGHTS[:1])
    assert found.weight == WEIGHTS[0]  # there was no other to take


def test_a_larger_weight_must_be_clearly_more_stable(monkeypatch: pytest.MonkeyPatch) -> None:
    features, _ = blobs(20, 20)
    weights = (0.5, 1.0, 2.0)
    classes = np.repeat([0, 1], 20)
    for stability, expected in (
        ((0.5, 0.5, 0.5), 0.5),
        ((0.5, 0.5 + 0.9 * MARGIN, 0.5 - MARGIN), 0.5),
        (
            (0.5, 0.5 + 1.1 * MARGIN, 0.5 + 1.9 * MARGIN),
            1.0,
        ),  # 2.0 is not clearly above the one that was taken
        ((0.5, 0.5 + 0.9 * MARGIN, 0.5 + 1.8 * MARGIN), 2.0),  # but clearly above the usual one
        ((0.9, 0.5, 0.7), 0.5),
    ):
        found = iter([Communities(classes, value) for value in stability])
        monkeypatch.setattr(module, "find_communities", lambda *_, found=found, **__: next(found))
        assert sized_vectors(features, features, 2, weights=weights)[1].weight == expected


@pytest.mark.parametrize(
    ("equal_cut", "taken"),
    [
        (0.0, "equal"),
        (0.3, "equal"),
        (0.3 + 0.9 * THRESHOLD, "equal"),
        (0.3 + 1.1 * THRESHOLD, "free"),
        (1.0, "free"),
    ],
)
def test_equal_sizes_may_cost_no_more_than_the_threshold(
    equal_cut: float, taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    features, _ = blobs(30, 10)
    free = np.repeat([0, 1], [30, 10])
    monkeypatch.setattr(module, "find_communities", lambda *_, **__: Communities(free, 1.0))
    monkeypatch.setattr(
        module,
        "normalised_cut",
        lambda _, classes, __: 0.3 if np.array_equal(classes, free) else equal_cut,
    )
    found = sized_vectors(features, features, 2)[1]
    assert (found.equal_cut, found.free_cut, found.taken) == (equal_cut, 0.3, taken)


@pytest.mark.parametrize("class_sizes", ["equal", "free"])
def test_label_vectors_and_cuts_are_those_of_the_joined_features(
    class_sizes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unit length for either, the descriptors' principal parts times their weight, and unit length
    again.
    """
    network, descriptors = cloud(40, 5, 1) * 7, cloud(40, 3, 2) * [3, 2, 1]
    chosen = np.random.default_rng(3).permutation(np.arange(40) % 2)
    seen: list[np.ndarray] = []

    def spy(features: np.ndarray, *_: Any, **__: Any) -> Communities:
        seen.append(features)
        return Communities(chosen, 1.0)

    monkeypatch.setattr(module, "find_communities", spy)
    vectors, found = sized_vectors(network, descriptors, 2, class_sizes=class_sizes, weights=(0.7,))
    left = network / np.linalg.norm(network, axis=1, keepdims=True)
    right = descriptors - descriptors.mean(axis=0)
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    (features,) = seen
    # Principal parts of all columns are a rotation: products of rows tell whether it is the same.
    np.testing.assert_allclose(
        features @ features.T, (left @ left.T + 0.49 * right @ right.T) / 1.49, atol=1e-5
    )
    graph = neighbour_graph(features, graph_widths(len(features), 2))
    assert found.free_cut == pytest.approx(normalised_cut(graph, chosen, 2))
    if class_sizes == "free":
        np.testing.assert_array_equal(vectors, smooth(np.eye(2)[chosen], features))
    else:
        starts = [equal_size_vectors(features, 2, start=chosen)]
        assert (
            found.equal_cut <= normalised_cut(graph, starts[0].argmax(axis=1), 2) + 1e-12
        )  # the best of several
        assert min(sizes_of(vectors)) >= 15


@settings(max_examples=25)
@given(seed=st.integers(0, 999), n=st.integers(2, 14), k=st.integers(1, 5))
def test_normalised_cut_is_the_naive_one(seed: int, n: int, k: int) -> None:
    random = np.random.default_rng(seed)
    weights = random.random((n, n)) * (random.random((n, n)) < 0.5)
    weights = weights + weights.T
    np.fill_diagonal(weights, 0)
    classes = random.integers(0, k, n)
    lost = []
    for name in range(k):
        links = [
            (weights[i, j], classes[j])
            for i, j in itertools.permutations(range(n), 2)
            if classes[i] == name
        ]
        total = sum(weight for weight, _ in links)
        lost.append(sum(weight for weight, other in links if other != name) / total if total else 1)
    found = normalised_cut(sparse.csr_array(weights), classes, k)
    assert found == pytest.approx(np.mean(lost))
    assert 0 <= found <= 1


def test_a_cut_of_nothing_is_not_below_zero() -> None:
    for seed in range(30):  # rounding may go either way
        weights = np.random.default_rng(seed).random((9, 9))
        parted = np.kron(np.eye(3), np.ones((3, 3))) * (weights + weights.T)
        found = normalised_cut(sparse.csr_array(parted), np.repeat([0, 1, 2], 3), 3)
        assert f"{found:.1%}" == "0.0%"


@pytest.mark.parametrize(
    ("asked", "taken", "start"),
    [
        (
            "auto",
            "equal",
            "Classes of about equal size were assumed, since the images do not speak against it: ",
        ),
        (
            "auto",
            "free",
            "The classes' sizes were left free, since the images speak against equal ones: ",
        ),
        ("equal", "equal", "Classes of about equal size were assumed, as asked: "),
        ("free", "free", "Nothing was assumed of the classes' sizes, as asked: "),
    ],
)
def test_the_evidence_is_one_sentence(asked: str, taken: str, start: str) -> None:
    sentence = str(SizeEvidence(asked, taken, 0.125, 0.0504, 1.0))
    assert sentence.startswith(start)
    assert "equal sizes cut 12.5% of a class's links to its neighbours, free sizes 5.0%" in sentence
    assert sentence.endswith(".") and sentence.count(". ") == 0 and "\n" not in sentence


def test_the_evidence_is_made_of_plain_numbers_and_texts() -> None:
    """They go into JSON and into a checkpoint, from which nothing else is read."""
    features, _ = blobs(20, 10)
    kinds = {
        name: type(value) for name, value in asdict(sized_vectors(features, features, 2)[1]).items()
    }
    assert kinds == {
        "asked": str,
        "taken": str,
        "equal_cut": float,
        "free_cut": float,
        "weight": float,
    }


@pytest.mark.parametrize("class_sizes", CLASS_SIZES)
def test_of_many_images_a_sample_is_looked_at_and_the_others_follow(
    class_sizes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    features, which = blobs(90, 60, 30)
    extra = blobs(90, 60, 30, seed=4, noise=0.4)[0]  # with other neighbours
    rows = np.random.default_rng(5).choice(180, 60, replace=False)
    expected, alone = sized_vectors(features[rows], extra[rows], 3, 5, class_sizes)
    monkeypatch.setattr(module, "LARGEST", 60)
    vectors, found = sized_vectors(features, extra, 3, 5, class_sizes)
    assert found == alone
    assert vectors.shape == (180, 3)
    np.testing.assert_array_equal(vectors, spread(expected, features[rows], features))
    if class_sizes == "free":
        assert adjusted_rand_score(which, vectors.argmax(axis=1)) > 0.95
    monkeypatch.setattr(module, "LARGEST", 180)
    whole = sized_vectors(features, extra, 3, 5, class_sizes)[0]
    monkeypatch.undo()
    np.testing.assert_array_equal(
        sized_vectors(features, extra, 3, 5, class_sizes)[0], whole
    )  # as many need no sample


def test_the_same_seed_gives_the_same_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    network, descriptors = cloud(60, 6, 1), cloud(60, 5, 2)
    for largest in (module.LARGEST, 40):
        monkeypatch.setattr(module, "LARGEST", largest)
        found = []
        for luck, seed in ((1, 3), (2, 3), (1, 5)):
            np.random.seed(luck)  # noqa: NPY002  (what the caller draws does not count)
            found.append(sized_vectors(network, descriptors, 4, seed, weights=WEIGHTS[:2]))
        np.testing.assert_array_equal(found[0][0], found[1][0])
        assert found[0][1] == found[1][1]
        assert not np.array_equal(found[0][0], found[2][0])


def test_descriptors_that_never_change_do_not_count() -> None:
    features, which = blobs(30, 30)
    for constant in (np.zeros((60, 4)), np.full((60, 4), 0.1, np.float32), np.ones((60, 1))):
        vectors, found = sized_vectors(features, constant, 2)
        assert found.weight == WEIGHTS[0]
        assert adjusted_rand_score(which, vectors.argmax(axis=1)) == 1


def sound(vectors: np.ndarray, found: SizeEvidence, n: int, k: int) -> None:
    assert vectors.shape == (n, k) and (vectors >= 0).all()
    np.testing.assert_allclose(vectors.sum(axis=1), 1, atol=1e-5)
    assert 0 <= found.equal_cut <= 1 and 0 <= found.free_cut <= 1
    assert found.taken in ("equal", "free") and str(found)


@pytest.mark.parametrize("class_sizes", CLASS_SIZES)
@pytest.mark.parametrize(
    ("n", "k"), [(2, 1), (2, 2), (3, 2), (4, 2), (12, 1), (12, 2), (12, 6), (12, 12), (30, 15)]
)
def test_the_least_and_the_most_classes(n: int, k: int, class_sizes: str) -> None:
    vectors, found = sized_vectors(cloud(n, 5, 1), cloud(n, 3, 2), k, class_sizes=class_sizes)
    sound(vectors, found, n, k)


@pytest.mark.parametrize("class_sizes", CLASS_SIZES)
@pytest.mark.parametrize("different", [1, 2, 3, 6])
def test_copies_of_images_may_be_fewer_than_the_classes(different: int, class_sizes: str) -> None:
    network, descriptors = (np.repeat(cloud(different, 5, seed), 6, axis=0) for seed in (1, 2))
    vectors, found = sized_vectors(
        network, descriptors, 4, class_sizes=class_sizes
    )  # warnings are errors here
    sound(vectors, found, 6 * different, 4)


@pytest.mark.parametrize("n_clusters", [-1, 0, 10, 2.5, "3"])
def test_the_number_of_classes_has_bounds(n_clusters: Any) -> None:
    with pytest.raises(
        InputError, match=f"classes is {n_clusters!r}: .* between 1 and the number of images, 9"
    ):
        sized_vectors(cloud(9), cloud(9), n_clusters)


@pytest.mark.parametrize("name", ["equall", "", "Equal", "even", None])
def test_other_class_sizes_are_refused(name: Any) -> None:
    for ask in (
        check_class_sizes,
        lambda name: sized_vectors(cloud(9), cloud(9), 2, class_sizes=name),
    ):
        with pytest.raises(
            InputError, match=f"class_sizes {name!r} is not known: use one of auto, equal, free"
        ):
            ask(name)
    for known in CLASS_SIZES:
        check_class_sizes(known)


def test_a_partition_that_is_there_is_taken_where_it_cuts_less(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    features, which = blobs(40, 8)
    mixed = np.arange(48) % 2
    for there, anew in ((which, mixed), (mixed, which)):
        monkeypatch.setattr(
            module, "find_communities", lambda *_, anew=anew, **__: Communities(anew, 1.0)
        )
        vectors, sizes = sized_vectors(
            features, features, 2, class_sizes="free", weights=(0.0,), classes=there
        )
        np.testing.assert_array_equal(vectors.argmax(axis=1), which)
        graph = neighbour_graph(features, graph_widths(len(features), 2))
        assert sizes.free_cut == pytest.approx(normalised_cut(graph, which, 2), abs=0.01)
        assert sizes.weight == 0


def test_small_classes_of_unlike_sizes_are_seen_though_a_wide_graph_reaches_beyond_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(0)
    sizes = (
        np.geomspace(8, 80, 20).round().astype(int)
    )  # 29 images a class in the mean; the widest graph has 58
    which = np.repeat(np.arange(20), sizes)
    features = random.normal(size=(20, 12))[which] + random.normal(0, 0.45, (len(which), 12))
    _, found = sized_vectors(features, features, 20, weights=(1.0,))
    assert found.taken == "free" and found.equal_cut - found.free_cut > 3 * THRESHOLD
    monkeypatch.setattr(module, "graph_widths", lambda *_: NEIGHBOURS)
    _, blurred = sized_vectors(features, features, 20, weights=(1.0,))
    assert blurred.equal_cut - blurred.free_cut < found.equal_cut - found.free_cut
    assert blurred.free_cut > 5 * found.free_cut


def test_a_partition_with_an_empty_class_is_not_taken_as_it_is() -> None:
    features, which = blobs(40, 8)
    vectors, _ = sized_vectors(features, features, 2, class_sizes="free", classes=np.zeros(48, int))
    assert adjusted_rand_score(vectors.argmax(axis=1), which) == 1
