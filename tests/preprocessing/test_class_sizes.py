"""Class sizes: equal ones where the images do not speak against it, free ones where they do, and
the sentence that says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from mtlkit.preprocessing import class_sizes as module
from mtlkit.preprocessing.class_sizes import (
    CLASS_SIZES,
    DESCRIPTOR_WEIGHTS,
    MARGIN,
    THRESHOLD,
    sized_vectors,
)
from mtlkit.preprocessing.communities import Communities
from mtlkit.preprocessing.graphs import neighbour_graph, normalised_cut
from mtlkit.preprocessing.label_vectors import equal_size_vectors, smooth, spread


def sizes_of(vectors: np.ndarray) -> list[int]:
    return sorted(np.bincount(vectors.argmax(axis=1), minlength=vectors.shape[1]).tolist())


@pytest.mark.parametrize("seed", range(3))
def test_blobs_of_like_sizes_are_taken_for_equal(seed: int, blobs: Callable[..., Any]) -> None:
    features, which = blobs(30, 30, 30, seed=seed)
    vectors, found = sized_vectors(features, features, 3, seed)
    assert (found.asked, found.taken) == ("auto", "equal")
    assert adjusted_rand_score(which, vectors.argmax(axis=1)) == 1
    assert sizes_of(vectors) == [30, 30, 30]
    assert 0 <= found.equal_cut <= found.free_cut + THRESHOLD


@pytest.mark.parametrize("seed", range(3))
def test_blobs_of_unlike_sizes_are_left_free(seed: int, blobs: Callable[..., Any]) -> None:
    features, which = blobs(75, 15, seed=seed)
    vectors, found = sized_vectors(features, features, 2, seed)
    assert (found.asked, found.taken) == ("auto", "free")
    assert adjusted_rand_score(which, vectors.argmax(axis=1)) == 1
    assert found.equal_cut > found.free_cut + THRESHOLD


def test_what_is_asked_for_is_taken_whatever_the_images_say(blobs: Callable[..., Any]) -> None:
    unlike, alike = blobs(75, 15)[0], blobs(40, 40)[0]
    vectors, found = sized_vectors(unlike, unlike, 2, class_sizes="equal")
    assert found.taken == found.asked == "equal" and min(sizes_of(vectors)) > 30
    vectors, found = sized_vectors(alike, alike, 2, class_sizes="free")
    assert found.taken == found.asked == "free" and sizes_of(vectors) == [40, 40]
    cuts = [sized_vectors(unlike, unlike, 2, class_sizes=way)[1] for way in CLASS_SIZES]
    # The evidence is the same.
    assert len({(one.equal_cut, one.free_cut, one.weight) for one in cuts}) == 1


def test_what_only_the_descriptors_see_is_found_and_what_only_the_network_sees(
    cloud: Callable[..., Any], blobs: Callable[..., Any]
) -> None:
    clear, which = blobs(40, 40, 40)
    noise = cloud(120, 12, seed=9)
    for network, descriptors in ((noise, clear), (clear, noise)):
        vectors, found = sized_vectors(network, descriptors, 3)
        assert adjusted_rand_score(which, vectors.argmax(axis=1)) > 0.9
        # Where they help, they weigh more.
        assert (found.weight > DESCRIPTOR_WEIGHTS[0]) == (descriptors is clear)
    _, found = sized_vectors(noise, clear, 3, weights=DESCRIPTOR_WEIGHTS[:1])
    assert found.weight == DESCRIPTOR_WEIGHTS[0]  # there was no other to take


def test_a_larger_weight_must_be_clearly_more_stable(
    monkeypatch: pytest.MonkeyPatch, blobs: Callable[..., Any]
) -> None:
    features, _ = blobs(20, 20)
    weights = (0.5, 1.0, 2.0)
    classes = np.repeat([0, 1], 20)
    for stability, expected in (
        ((0.5, 0.5, 0.5), 0.5),
        ((0.5, 0.5 + 0.9 * MARGIN, 0.5 - MARGIN), 0.5),
        # 2.0 is not clearly above the one that was taken.
        ((0.5, 0.5 + 1.1 * MARGIN, 0.5 + 1.9 * MARGIN), 1.0),
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
    equal_cut: float, taken: str, monkeypatch: pytest.MonkeyPatch, blobs: Callable[..., Any]
) -> None:
    features, _ = blobs(30, 10)
    free = np.repeat([0, 1], [30, 10])
    monkeypatch.setattr(module, "find_communities", lambda *_, **__: Communities(free, 1.0))
    monkeypatch.setattr(
        module,
        "normalised_cut",
        lambda _, classes, n_clusters: 0.3 if np.array_equal(classes, free) else equal_cut,
    )
    found = sized_vectors(features, features, 2)[1]
    assert (found.equal_cut, found.free_cut, found.taken) == (equal_cut, 0.3, taken)


@pytest.mark.parametrize("class_sizes", ["equal", "free"])
def test_label_vectors_and_cuts_are_those_of_the_joined_features(
    class_sizes: str, monkeypatch: pytest.MonkeyPatch, cloud: Callable[..., Any]
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
    graph = neighbour_graph(features, 2)
    assert found.free_cut == pytest.approx(normalised_cut(graph, chosen, 2))
    if class_sizes == "free":
        np.testing.assert_array_equal(vectors, smooth(np.eye(2)[chosen], features))
    else:
        starts = [equal_size_vectors(features, 2, start=chosen)]
        # The best of several.
        assert found.equal_cut <= normalised_cut(graph, starts[0].argmax(axis=1), 2) + 1e-12
        assert min(sizes_of(vectors)) >= 15


@pytest.mark.parametrize("class_sizes", CLASS_SIZES)
def test_of_many_images_a_sample_is_looked_at_and_the_others_follow(
    class_sizes: str, monkeypatch: pytest.MonkeyPatch, blobs: Callable[..., Any]
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
    # As many need no sample.
    np.testing.assert_array_equal(sized_vectors(features, extra, 3, 5, class_sizes)[0], whole)


def test_the_same_seed_gives_the_same_vectors(
    monkeypatch: pytest.MonkeyPatch, cloud: Callable[..., Any]
) -> None:
    network, descriptors = cloud(60, 6, 1), cloud(60, 5, 2)
    for largest in (module.LARGEST, 40):
        monkeypatch.setattr(module, "LARGEST", largest)
        found = []
        for luck, seed in ((1, 3), (2, 3), (1, 5)):
            np.random.seed(luck)  # noqa: NPY002  (what the caller draws does not count)
            found.append(
                sized_vectors(network, descriptors, 4, seed, weights=DESCRIPTOR_WEIGHTS[:2])
            )
        np.testing.assert_array_equal(found[0][0], found[1][0])
        assert found[0][1] == found[1][1]
        assert not np.array_equal(found[0][0], found[2][0])


def test_descriptors_that_never_change_do_not_count(blobs: Callable[..., Any]) -> None:
    features, which = blobs(30, 30)
    for constant in (np.zeros((60, 4)), np.full((60, 4), 0.1, np.float32), np.ones((60, 1))):
        vectors, found = sized_vectors(features, constant, 2)
        assert found.weight == DESCRIPTOR_WEIGHTS[0]
        assert adjusted_rand_score(which, vectors.argmax(axis=1)) == 1


def test_a_partition_that_is_there_is_taken_where_it_cuts_less(
    monkeypatch: pytest.MonkeyPatch, blobs: Callable[..., Any]
) -> None:
    features, which = blobs(40, 8)
    mixed = np.arange(48) % 2
    for given, found in ((which, mixed), (mixed, which)):
        monkeypatch.setattr(
            module, "find_communities", lambda *_, found=found, **__: Communities(found, 1.0)
        )
        vectors, sizes = sized_vectors(
            features, features, 2, class_sizes="free", weights=(0.0,), classes=given
        )
        np.testing.assert_array_equal(vectors.argmax(axis=1), which)
        graph = neighbour_graph(features, 2)
        assert sizes.free_cut == pytest.approx(normalised_cut(graph, which, 2), abs=0.01)
        assert sizes.weight == 0


def test_small_classes_of_unlike_sizes_are_seen_though_a_wide_graph_reaches_beyond_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(0)
    # 29 images a class in the mean; the widest graph has 58.
    sizes = np.geomspace(8, 80, 20).round().astype(int)
    which = np.repeat(np.arange(20), sizes)
    features = random.normal(size=(20, 12))[which] + random.normal(0, 0.45, (len(which), 12))
    _, found = sized_vectors(features, features, 20, weights=(1.0,))
    assert found.taken == "free" and found.equal_cut - found.free_cut > 3 * THRESHOLD
    monkeypatch.setattr(module, "neighbour_graph", lambda rows, _: neighbour_graph(rows))
    _, blurred = sized_vectors(features, features, 20, weights=(1.0,))
    assert blurred.equal_cut - blurred.free_cut < found.equal_cut - found.free_cut
    assert blurred.free_cut > 5 * found.free_cut


def test_a_partition_with_an_empty_class_is_not_taken_as_it_is(blobs: Callable[..., Any]) -> None:
    features, which = blobs(40, 8)
    vectors, _ = sized_vectors(features, features, 2, class_sizes="free", classes=np.zeros(48, int))
    assert adjusted_rand_score(vectors.argmax(axis=1), which) == 1
