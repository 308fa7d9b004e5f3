"""Choosing without labels: each score against a naive one, and the sane order of a good, a spoilt
and a random run.
"""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score
from sklearn.preprocessing import normalize

from mtlkit import InputError
from mtlkit.multitask.selection import label_free_scores
from mtlkit.preprocessing.graphs import neighbour_graph


def runs(n: int = 120) -> tuple[np.ndarray, list[np.ndarray]]:
    """Three blobs in N x 6, and four runs: right, partly spoilt, right but renumbered, random."""
    random = np.random.default_rng(0)
    which = np.arange(n) % 3
    features = np.eye(3, 6)[which] + random.normal(0, 0.1, (n, 6))
    spoilt = np.where(np.arange(n) < n // 4, 0, which)
    classes = [which, spoilt, (which + 1) % 3, random.integers(0, 3, n)]
    return features, [np.eye(3)[which] * 0.8 + 0.2 / 3 for which in classes]


def test_scores_are_the_naive_ones() -> None:
    features, found = runs()
    scores = label_free_scores(features, found)
    classes = [run.argmax(axis=1) for run in found]
    graph = nx.from_scipy_sparse_array(neighbour_graph(normalize(features)))
    for number, mine in enumerate(classes):
        parts = [set(np.flatnonzero(mine == name).tolist()) for name in range(3)]
        assert scores["modularity"][number] == pytest.approx(nx.community.modularity(graph, parts))
        cut = sum(
            nx.cut_size(graph, part, weight="weight") / nx.volume(graph, part, weight="weight")
            for part in parts
        )
        assert scores["association"][number] == pytest.approx(3 - cut)
        assert scores["agreement"][number] == pytest.approx(
            np.mean([normalized_mutual_info_score(mine, other) for other in classes])
        )
        assert scores["confidence"][number] == pytest.approx(0.8 + 0.2 / 3)


def test_a_good_run_comes_before_a_spoilt_and_that_before_a_random_one() -> None:
    features, found = runs()
    for name, values in label_free_scores(features, found).items():
        if name != "confidence":
            assert values[0] > values[1] > values[3], name
            assert values[0] == pytest.approx(values[2]), name


def test_a_collapsed_run_is_last() -> None:
    features, found = runs()
    collapsed = np.tile([1.0, 0, 0], (len(features), 1))
    scores = label_free_scores(features, [*found[:3], collapsed])
    for name in ("agreement", "modularity", "association"):
        assert scores[name].argmin() == 3, name


def test_many_images_are_judged_by_a_sample() -> None:
    features, found = runs(600)
    scores = label_free_scores(features, found, most=100)
    assert scores["modularity"][0] > scores["modularity"][1] > scores["modularity"][3]
    assert not np.isclose(
        scores["modularity"][0], label_free_scores(features, found)["modularity"][0]
    )


@pytest.mark.parametrize("count", [0, 1])
def test_there_must_be_runs_to_choose_between(count: int) -> None:
    features, found = runs()
    with pytest.raises(InputError, match="give two or more runs"):
        label_free_scores(features, found[:count])
    with pytest.raises(InputError, match="give two or more runs"):
        label_free_scores(features[:-1], found)
