"""Communities: naive loops on the level of images say the same in more words."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from mtlkit.preprocessing import communities
from mtlkit.preprocessing.communities import (
    agreement,
    apart,
    community_vectors,
    held_together,
    likeness,
    merge,
    neighbour_graph,
)
from mtlkit.preprocessing.label_vectors import smooth


def cloud(n: int, width: int = 4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, width))


def blobs(*sizes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """One tight bundle of directions for each size, and which row is of which."""
    which = np.repeat(np.arange(len(sizes)), sizes)
    return np.eye(len(sizes), 12)[which] + np.random.default_rng(seed).normal(
        0, 0.08, (len(which), 12)
    ), which


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


def test_neighbour_graph_is_the_naive_one() -> None:
    points = cloud(60, 3)
    found = neighbour_graph(points, (2, 4, 6)).toarray()
    np.testing.assert_allclose(found, naive_graph(points, [2, 4, 6]), atol=1e-12)
    np.testing.assert_allclose(found, found.T)
    assert found.sum() == pytest.approx(3)


def test_neighbour_graph_of_few_images_is_narrow() -> None:
    points = cloud(60, 3)
    np.testing.assert_allclose(
        neighbour_graph(points).toarray(), naive_graph(points, [6]), atol=1e-12
    )
    assert neighbour_graph(points[:3]).shape == (3, 3)


def test_likeness_is_the_naive_one() -> None:
    points = cloud(23, 5).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    divisions = [
        np.random.default_rng(seed).integers(0, groups, 23) for seed, groups in enumerate((3, 5))
    ]
    found = likeness(
        points,
        [np.eye(divided.max() + 1)[divided] for divided in divisions],
        temperature=0.5,
        chunk=7,
    )
    for table, divided in zip(found, divisions, strict=True):
        expected = np.zeros_like(table)
        for i, j in itertools.permutations(range(23), 2):
            expected[divided[i], divided[j]] += np.exp((points[i] @ points[j] - 1) / 0.5)
        np.testing.assert_allclose(table, expected, rtol=1e-4)


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
    found = merge(between, sizes, n_clusters, link)
    expected, held, parted = naive_merge(weights, groups, n_clusters, link)
    assert found.tolist() == expected
    joined = np.eye(n_clusters)[found]
    assert held_together(joined.T @ between @ joined) == pytest.approx(held)
    assert apart(joined.T @ between @ joined, sizes @ joined) == pytest.approx(parted)


@pytest.mark.parametrize("link", ["cosine", "mean", "average"])
def test_groups_without_links_are_merged_too(link: str) -> None:
    nothing, sizes = np.zeros((3, 3)), np.full(3, 2.0)
    assert set(merge(nothing, sizes, 2, link)) == {0, 1}
    assert held_together(nothing) == apart(nothing, sizes) == 0


def test_a_class_of_one_image_is_not_apart() -> None:
    between = np.array([[2.0, 0.1], [0.1, 0.0]])
    assert (
        apart(between, np.array([2, 1])) < -1
    )  # with no pair of its own, it cannot be told from the other


@pytest.mark.parametrize("seed", range(3))
def test_communities_may_have_any_size(seed: int) -> None:
    features, which = blobs(100, 10, seed=seed)
    classes = community_vectors(features, 2, seed).argmax(axis=1)
    assert adjusted_rand_score(which, classes) == 1


def test_only_directions_count_for_communities() -> None:
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


def test_the_partition_with_the_best_ranks_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    features, kinds = cloud(12), set()
    alone = SimpleNamespace(fit_predict=lambda _: np.arange(12))  # a group an image
    monkeypatch.setattr(communities, "KMeans", lambda *_, **__: alone)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
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
        for name, results in (("merge", pool), ("held_together", held), ("apart", parted)):
            monkeypatch.setattr(communities, name, Mock(side_effect=list(results)))
        found = community_vectors(features, 3, n_groups=12, tries=2)  # with three links each: six
        np.testing.assert_array_equal(found, smooth(np.eye(3)[pool[best]], unit))
    assert {
        (True, False, False),
        (False, True, False),
        (False, False, True),
    } <= kinds  # no score alone decides
