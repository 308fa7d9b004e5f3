"""Communities: naive loops on the level of images say the same in more words."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from mtlkit.preprocessing import communities, graphs
from mtlkit.preprocessing.communities import (
    agreement,
    community_vectors,
    find_communities,
    likeness,
    merge,
    separation,
)
from mtlkit.preprocessing.graphs import (
    graph_widths,
    neighbour_graph,
    normalised_association,
    volume,
)
from mtlkit.preprocessing.label_vectors import smooth


def naive_graph(points: np.ndarray, widths: list[int]) -> np.ndarray:
    total = np.zeros((len(points), len(points)))
    for width in widths:
        distance = [[np.linalg.norm(a - b) for b in points] for a in points]
        sets = [set(np.argsort(row)[: width + 1].tolist()) for row in distance]
        graph = np.zeros_like(total)
        for i, j in itertools.permutations(range(len(points)), 2):
            if j in sets[i] or i in sets[j]:
                graph[i, j] = len(sets[i] & sets[j]) / len(sets[i] | sets[j])
        total += graph / graph.sum()
    return total


def test_neighbour_graph_is_the_naive_one(
    monkeypatch: pytest.MonkeyPatch, cloud: Callable[..., Any]
) -> None:
    points = cloud(60, 3)
    monkeypatch.setattr(graphs, "graph_widths", lambda *_: [2, 4, 6])
    found = neighbour_graph(points).toarray()
    np.testing.assert_allclose(found, naive_graph(points, [2, 4, 6]), atol=1e-12)
    np.testing.assert_allclose(found, found.T)
    assert found.sum() == pytest.approx(3)


def test_neighbour_graph_of_few_images_is_narrow(cloud: Callable[..., Any]) -> None:
    points = cloud(60, 3)
    np.testing.assert_allclose(
        neighbour_graph(points).toarray(), naive_graph(points, [6]), atol=1e-12
    )
    assert neighbour_graph(points[:3]).shape == (3, 3)


def test_neighbour_graph_is_narrow_where_classes_are_small(cloud: Callable[..., Any]) -> None:
    points = cloud(240, 3)
    assert graph_widths(240, 12) == [2, 3, 6, 11]  # 20 images a class of 180
    assert graph_widths(240) == graph_widths(240, 1) == [10, 24]  # a tenth of the images
    np.testing.assert_allclose(
        neighbour_graph(points, 12).toarray(), naive_graph(points, [2, 3, 6, 11]), atol=1e-12
    )


def test_likeness_is_the_naive_one(cloud: Callable[..., Any]) -> None:
    points = cloud(23, 5).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    groups = np.random.default_rng(0).integers(0, 5, 23)
    expected = np.zeros((5, 5))
    for i, j in itertools.permutations(range(23), 2):
        expected[groups[i], groups[j]] += np.exp((points[i] @ points[j] - 1) / 0.2)
    found = likeness(points, np.eye(5)[groups], chunk=7)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def naive_merge(
    weights: np.ndarray, groups: np.ndarray, n_clusters: int, link: str
) -> tuple[list[int], float, float]:
    """Merge, hold and part on the level of images: `weights` is N x N."""
    parts = [list(np.flatnonzero(groups == name)) for name in range(groups.max() + 1)]
    everyone = list(range(len(weights)))

    def weight(a: list[int], b: list[int]) -> float:
        return sum(weights[i, j] for i in a for j in b)

    def strength(a: list[int], b: list[int]) -> float:
        first, second = weight(a, everyone), weight(b, everyone)
        return {
            "cosine": weight(a, b) / np.sqrt(first * second),
            "mean": weight(a, b) * (1 / first + 1 / second),
            "average": weight(a, b) / (len(a) * len(b)),
        }[link]

    def likeness_within(a: list[int]) -> float:
        return np.mean([weights[i, j] for i, j in itertools.permutations(a, 2)])

    while len(parts) > n_clusters:
        links = {
            (a, b): strength(parts[a], parts[b])
            for a, b in itertools.combinations(range(len(parts)), 2)
        }
        a, b = max(links, key=lambda pair: links[pair])
        parts[a] = parts[a] + parts.pop(b)
    owner = [
        next(n for n, part in enumerate(parts) if group in set(groups[part]))
        for group in range(groups.max() + 1)
    ]
    held = sum(weight(part, part) / weight(part, everyone) for part in parts)
    alike = [
        weight(a, b) / (len(a) * len(b)) / np.sqrt(likeness_within(a) * likeness_within(b))
        for a, b in itertools.combinations(parts, 2)
    ]
    return owner, held, -max(alike)


@pytest.mark.parametrize("n_clusters", [2, 3, 6])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("link", ["cosine", "mean", "average"])
def test_merge_and_its_scores_are_the_naive_ones(n_clusters: int, seed: int, link: str) -> None:
    random = np.random.default_rng(seed)
    weights = random.random((30, 30)) * (random.random((30, 30)) < 0.8)
    weights = weights + weights.T
    np.fill_diagonal(weights, 0)
    groups = random.permutation(np.repeat(np.arange(10), [2, 2, 2, 3, 3, 3, 3, 4, 4, 4]))
    member = np.eye(10)[groups]
    between, sizes = member.T @ weights @ member, member.sum(axis=0)
    mass = sizes if link == "average" else volume(between)
    found = merge(between, mass, n_clusters, link)
    expected, held, parted = naive_merge(weights, groups, n_clusters, link)
    assert found.tolist() == expected
    joined = np.eye(n_clusters)[found]
    assert normalised_association(joined.T @ between @ joined) == pytest.approx(held)
    assert separation(joined.T @ between @ joined, sizes @ joined) == pytest.approx(parted)


@pytest.mark.parametrize("link", ["cosine", "mean", "average"])
def test_groups_without_links_are_merged_too(link: str) -> None:
    nothing, sizes = np.zeros((3, 3)), np.full(3, 2.0)
    assert set(merge(nothing, volume(nothing), 2, link)) == {0, 1}
    assert normalised_association(nothing) == separation(nothing, sizes) == 0


def test_a_class_of_one_image_is_not_separate() -> None:
    between = np.array([[2.0, 0.1], [0.1, 0.0]])
    # With no pair of its own, it cannot be told from the other.
    assert separation(between, np.array([2, 1])) < -1


@pytest.mark.parametrize("seed", range(3))
def test_communities_may_have_any_size(seed: int, blobs: Callable[..., Any]) -> None:
    features, which = blobs(100, 10, seed=seed)
    classes = community_vectors(features, 2, seed).argmax(axis=1)
    assert adjusted_rand_score(which, classes) == 1


def test_community_vectors_are_softened_by_their_neighbours(blobs: Callable[..., Any]) -> None:
    features, _ = blobs(40, 20, noise=0.4)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    found = find_communities(unit, neighbour_graph(unit, 2), 2)
    expected = smooth(np.eye(2)[found.classes], unit)
    np.testing.assert_array_equal(community_vectors(features, 2), expected)


def test_only_directions_count_for_communities(blobs: Callable[..., Any]) -> None:
    features, which = blobs(40, 20, 8)
    lengths = np.random.default_rng(1).uniform(0.01, 100, (len(features), 1))
    assert adjusted_rand_score(which, community_vectors(features * lengths, 3).argmax(axis=1)) == 1


def test_agreement_is_the_mean_nmi() -> None:
    random = np.random.default_rng(0)
    partitions = [random.integers(0, 3, 30) for _ in range(4)] + [
        np.zeros(30, int),
        np.zeros(30, int),
    ]
    expected = [[normalized_mutual_info_score(a, b) for b in partitions] for a in partitions]
    np.testing.assert_allclose(agreement(partitions, 3), np.mean(expected, axis=1), atol=1e-9)


def test_the_partition_with_the_best_ranks_is_kept(
    monkeypatch: pytest.MonkeyPatch, cloud: Callable[..., Any]
) -> None:
    features = cloud(12)
    kinds = set()
    alone = SimpleNamespace(labels_=np.arange(12))  # a group an image
    monkeypatch.setattr(communities, "fit_kmeans", lambda *_: alone)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    graph = neighbour_graph(unit)
    for seed in range(40):
        random = np.random.default_rng(seed)
        pool = [random.permutation(np.arange(12) % 3) for _ in range(6)]
        held, parted = random.random(6), random.random(6)
        agreements = [np.mean([normalized_mutual_info_score(a, b) for b in pool]) for a in pool]
        ranks = np.sum(
            [
                [sum(a <= mine + 1e-12 for a in scores) for mine in scores]
                for scores in (held, parted, agreements)
            ],
            0,
        )
        if sorted(ranks)[-1] == sorted(ranks)[-2]:
            continue
        best = int(np.argmax(ranks))
        kinds.add(
            (best == np.argmax(held), best == np.argmax(parted), best == np.argmax(agreements))
        )
        for name, results in (
            ("merge", pool),
            ("normalised_association", held),
            ("separation", parted),
        ):
            monkeypatch.setattr(communities, name, Mock(side_effect=list(results)))
        # Two tries with three links each are six.
        found = find_communities(unit, graph, 3, tries=2, groups_a_class=(4,))
        np.testing.assert_array_equal(found.classes, pool[best])
        assert found.stability == pytest.approx(np.mean(agreements))
    assert {
        (True, False, False),
        (False, True, False),
        (False, False, True),
    } <= kinds  # no score alone decides
