"""Label vectors: properties, and naive loops that say the same in more words."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from mtlkit.errors import InputError
from mtlkit.preprocessing import label_vectors
from mtlkit.preprocessing.communities import community_vectors
from mtlkit.preprocessing.label_vectors import (
    align,
    equal_size_vectors,
    kmeans_vectors,
    sinkhorn,
    smooth,
    spread,
)

WAYS = (kmeans_vectors, equal_size_vectors, community_vectors)


@settings(max_examples=12)
@given(seed=st.integers(0, 99), n=st.integers(6, 40), k=st.integers(2, 6), width=st.integers(2, 6))
@pytest.mark.parametrize("way", WAYS)
def test_rows_sum_to_one(
    way: Callable[..., np.ndarray], seed: int, n: int, k: int, width: int, cloud: Callable[..., Any]
) -> None:
    vectors = way(cloud(n, width, seed), k, seed)
    assert vectors.shape == (n, k)
    assert (vectors >= 0).all()
    np.testing.assert_allclose(vectors.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("k", [1, 2, 9])
def test_the_least_and_the_most_classes(
    way: Callable[..., np.ndarray], k: int, cloud: Callable[..., Any]
) -> None:
    assert way(cloud(9), k).shape == (9, k)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("k", [-1, 0, 10, 2.5, "3"])
def test_the_number_of_classes_has_bounds(
    way: Callable[..., np.ndarray], k: int, cloud: Callable[..., Any]
) -> None:
    with pytest.raises(InputError, match=f"{k!r}: .* images, 9"):
        way(cloud(9), k)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", [np.int64, np.uint8])
def test_numpy_numbers_are_taken_as_numbers(
    way: Callable[..., np.ndarray], kind: Callable[[int], Any], cloud: Callable[..., Any]
) -> None:
    np.testing.assert_array_equal(way(cloud(20), kind(3)), way(cloud(20), 3))


@pytest.mark.parametrize("way", WAYS)
def test_the_same_seed_gives_the_same_vectors(
    way: Callable[..., np.ndarray], cloud: Callable[..., Any]
) -> None:
    features = cloud(80)
    np.testing.assert_array_equal(way(features, 5, 3), way(features, 5, 3))


@pytest.mark.parametrize("way", WAYS)
def test_the_seed_reaches_k_means(
    way: Callable[..., np.ndarray], monkeypatch: pytest.MonkeyPatch, cloud: Callable[..., Any]
) -> None:
    seen = []

    def spy(number: int, random_state: int, **settings: Any) -> KMeans:
        seen.append((number, random_state))
        return KMeans(number, random_state=random_state, **settings)

    monkeypatch.setattr(label_vectors, "KMeans", spy)
    way(cloud(30), 3, 11)
    # 3 K and 5 K groups, a seed a try.
    tries = [(number, seed) for number in (9, 15) for seed in range(11, 21)]
    assert seen == (tries if way is community_vectors else [(3, 11)])


def test_kmeans_vectors_are_soft_kmeans(cloud: Callable[..., Any]) -> None:
    features = cloud(50)
    model = KMeans(4, n_init=4, random_state=7).fit(features)
    squared = ((features[:, None] - model.cluster_centers_) ** 2).sum(axis=2)
    tau = np.mean([squared[i, model.labels_[i]] for i in range(50)])
    expected = np.exp(-squared / tau)
    expected /= expected.sum(axis=1, keepdims=True)
    found = kmeans_vectors(features, 4, seed=7)
    np.testing.assert_array_equal(found.argmax(axis=1), model.labels_)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    # Of any scale.
    np.testing.assert_allclose(kmeans_vectors(features * 1000, 4, seed=7), expected, atol=1e-4)


def test_sinkhorn_scales_rows_and_columns_in_turn(cloud: Callable[..., Any]) -> None:
    scores = cloud(12, 3)
    expected = np.exp(scores)
    for _ in range(50):
        for k in range(3):
            expected[:, k] *= 12 / 3 / sum(expected[n, k] for n in range(12))
        for n in range(12):
            expected[n] /= sum(expected[n, k] for k in range(3))
    np.testing.assert_allclose(sinkhorn(scores), expected, rtol=1e-9)
    np.testing.assert_allclose(expected.sum(axis=0), 4, rtol=1e-6)
    assert np.isfinite(sinkhorn(scores * 1e4)).all()


def test_equal_size_vectors_have_equal_sizes(blobs: Callable[..., Any]) -> None:
    features, _ = blobs(50, 10)
    assert sorted(np.bincount(kmeans_vectors(features, 2).argmax(axis=1))) == [10, 50]
    np.testing.assert_allclose(equal_size_vectors(features, 2).sum(axis=0), [30, 30], atol=0.5)


def test_equal_size_vectors_find_equal_blobs(blobs: Callable[..., Any]) -> None:
    features, which = blobs(20, 20, 20)
    # Far from the origin all directions look alike: they are centred first.
    found = equal_size_vectors(features, 3)
    assert adjusted_rand_score(which, found.argmax(axis=1)) == 1


def test_equal_size_vectors_do_not_see_where_the_features_lie(cloud: Callable[..., Any]) -> None:
    features = cloud(40)  # far from the origin all directions would look alike
    np.testing.assert_allclose(
        equal_size_vectors(features + 3, 4), equal_size_vectors(features, 4), atol=1e-6
    )


def test_smooth_mixes_in_the_nearest_neighbours_classes(cloud: Callable[..., Any]) -> None:
    features, soft = cloud(25, 2), np.random.default_rng(5).dirichlet([1, 1, 1], 25)
    expected = np.zeros((25, 3))
    for i in range(25):
        expected[i, soft[i].argmax()] += 0.5
        others = sorted(
            (j for j in range(25) if j != i),
            key=lambda j: np.linalg.norm(features[i] - features[j]),
        )
        for j in others[:4]:
            expected[i, soft[j].argmax()] += 0.5 / 4
    np.testing.assert_allclose(smooth(soft, features, neighbours=4), expected, atol=1e-6)
    assert smooth(np.eye(2), cloud(2)).shape == (2, 2)  # fewer images than neighbours


@pytest.mark.parametrize("neighbours", [1, 3])
def test_spread_is_the_mean_of_the_nearest_neighbours_classes_in_the_sample(
    neighbours: int, cloud: Callable[..., Any]
) -> None:
    sample, features, soft = (
        cloud(30, 3, 1),
        cloud(50, 3, 2),
        np.random.default_rng(5).dirichlet([1, 1, 1], 30),
    )
    expected = np.zeros((50, 3))
    for i in range(50):
        for j in sorted(range(30), key=lambda j: np.linalg.norm(features[i] - sample[j]))[
            :neighbours
        ]:
            expected[i, soft[j].argmax()] += 1 / neighbours
    found = spread(soft, sample, features, neighbours)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.dtype == np.float32


def test_equal_size_vectors_go_on_from_where_they_are_told_to_start(
    monkeypatch: pytest.MonkeyPatch, blobs: Callable[..., Any]
) -> None:
    features, which = blobs(20, 20, 20)
    monkeypatch.delattr(label_vectors, "KMeans")  # it is not needed
    # Three of each blob are in the next one's class.
    swapped = np.where(np.arange(60) % 20 < 3, (which + 1) % 3, which)
    np.testing.assert_array_equal(
        equal_size_vectors(features, 3, start=swapped).argmax(axis=1), which
    )
    centred = features - features.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    centres = np.stack([centred[swapped == k].mean(axis=0) for k in range(3)])
    squared = ((centred[:, None] - centres) ** 2).sum(axis=2)
    expected = sinkhorn(-squared / (0.05 * squared.mean()))
    np.testing.assert_allclose(
        equal_size_vectors(features, 3, start=swapped, rounds=1), expected, atol=1e-5
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("different", [1, 2, 3])
def test_copies_of_images_may_be_fewer_than_the_classes(
    way: Callable[..., np.ndarray], different: int, cloud: Callable[..., Any]
) -> None:
    features = np.repeat(cloud(different), 8, axis=0)
    vectors = way(features, 5)  # warnings are errors here
    np.testing.assert_allclose(vectors.sum(axis=1), 1, atol=1e-5)
    if way is not equal_size_vectors:  # which must part copies
        assert all(
            len(set(vectors[start : start + 8].argmax(axis=1))) == 1
            for start in range(0, len(features), 8)
        )


@given(seed=st.integers(0, 999), k=st.integers(2, 5))
def test_align_is_the_best_of_all_renumberings(seed: int, k: int) -> None:
    random = np.random.default_rng(seed)
    vectors, reference = random.dirichlet(np.ones(k), 20), random.dirichlet(np.ones(k), 20)
    aligned = align(vectors, reference)
    best = max(
        float((vectors[:, order] * reference).sum())
        for order in map(list, itertools.permutations(range(k)))
    )
    assert (aligned * reference).sum() == pytest.approx(best)
    assert any(
        np.array_equal(aligned, vectors[:, list(order)])
        for order in itertools.permutations(range(k))
    )
