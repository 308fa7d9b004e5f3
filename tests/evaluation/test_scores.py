"""Scores against naive oracles, against values worked out by hand, and against what may not change
them.
"""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtlkit.errors import InputError
from mtlkit.evaluation import match, score
from mtlkit.evaluation.scores import accuracy_interval

pairs = st.lists(st.tuples(st.integers(-1, 4), st.integers(-3, 1)), min_size=1, max_size=40)
CLOSE = {"rel": 1e-9, "abs": 1e-9}


def naive_accuracy(found: list[int], truth: list[int]) -> float:
    """The best share over every way to give each cluster a class of its own, or none."""
    clusters, classes = sorted(set(found)), sorted(set(truth))
    targets = classes + [None] * len(clusters)
    best = 0
    for chosen in set(itertools.permutations(targets, len(clusters))):
        names = dict(zip(clusters, chosen, strict=True))
        best = max(best, sum(names[a] == b for a, b in zip(found, truth, strict=True)))
    return best / len(found)


def naive_ari(found: list[int], truth: list[int]) -> float:
    """Hubert and Arabie's index from counting pairs one by one."""
    both = in_found = in_truth = total = 0
    for i, j in itertools.combinations(range(len(found)), 2):
        a, b = found[i] == found[j], truth[i] == truth[j]
        both, in_found, in_truth, total = both + (a and b), in_found + a, in_truth + b, total + 1
    if total == 0:
        return 1.0
    expected, top = in_found * in_truth / total, (in_found + in_truth) / 2
    return 1.0 if top == expected else (both - expected) / (top - expected)


def naive_nmi(found: list[int], truth: list[int]) -> float:
    """Mutual information over the mean of the entropies, from the definition."""
    n = len(found)
    share_a, share_b = Counter(found), Counter(truth)
    entropy = [
        -sum(c / n * math.log(c / n) for c in shares.values()) for shares in (share_a, share_b)
    ]
    if not any(entropy):
        return 1.0  # both put everything in one group
    joint = Counter(zip(found, truth, strict=True))
    information = sum(
        c / n * math.log(c * n / (share_a[a] * share_b[b])) for (a, b), c in joint.items()
    )
    return information / (sum(entropy) / 2)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=25))
def test_accuracy_is_the_best_of_all_matchings(rows):
    found, truth = (list(column) for column in zip(*rows, strict=True))
    assert score(found, truth).accuracy == pytest.approx(naive_accuracy(found, truth))


def test_accuracy_is_the_best_of_all_matchings_for_five_classes_and_more_clusters_or_fewer():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 5, 60).tolist()
    for clusters in (3, 5, 6):
        found = rng.integers(0, clusters, 60).tolist()
        assert score(found, truth).accuracy == pytest.approx(naive_accuracy(found, truth))


@settings(max_examples=100, deadline=None)
@given(pairs)
def test_nmi_and_ari_are_their_definitions(rows):
    found, truth = (list(column) for column in zip(*rows, strict=True))
    result = score(found, truth)
    assert result.ari == pytest.approx(naive_ari(found, truth), **CLOSE)
    assert result.nmi == pytest.approx(naive_nmi(found, truth), **CLOSE)


@settings(max_examples=100, deadline=None)
@given(pairs, st.permutations([-1, 0, 1, 2, 3, 4]), st.integers(-50, 50))
def test_the_numbers_of_clusters_change_no_score(rows, names, offset):
    found, truth = (np.array(column) for column in zip(*rows, strict=True))
    renamed = np.array(names)[found + 1] + offset
    before, after = score(found, truth), score(renamed, truth)
    for name in ("accuracy", "balanced_accuracy", "nmi", "ari"):
        assert getattr(before, name) == pytest.approx(getattr(after, name), **CLOSE), name


@settings(max_examples=100, deadline=None)
@given(pairs)
def test_the_parts_of_the_scores_agree_with_each_other(rows):
    found, truth = (np.array(column) for column in zip(*rows, strict=True))
    result = score(found, truth)
    k = len(np.unique(truth))
    names = match(found, truth)
    recalls = [
        np.mean([names.get(a) == label for a in found[truth == label]])
        for label in np.unique(truth)
    ]
    assert result.balanced_accuracy == pytest.approx(np.mean(recalls))
    assert result.recalls == pytest.approx(recalls)
    assert 1 / max(k, len(np.unique(found))) <= result.accuracy + 1e-12 <= 1 + 1e-9
    assert result.confusion.sum() == result.n == len(rows)
    assert np.trace(result.confusion[:, :k]) == pytest.approx(result.accuracy * result.n)
    assert len(set(names.values())) == len(names) == min(k, len(np.unique(found)))
    for column, cluster in enumerate(result.columns):
        expected = [np.sum((found == cluster) & (truth == label)) for label in result.classes]
        assert result.confusion[:, column].tolist() == ([0] * k if cluster is None else expected)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=30))
def test_the_labels_themselves_score_one(labels):
    result = score([7 - label for label in labels], labels)
    assert (result.accuracy, result.balanced_accuracy, result.ari) == (1, 1, 1)
    assert result.nmi == pytest.approx(1)


def test_values_worked_out_by_hand():
    found = [4, 4, 4, 4, 4, 9, 9, 9, 2, 2]
    truth = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]  # 4 of 0, 3 of 1, 3 of 2
    result = score(found, truth)
    assert match(found, truth) == {4: 0, 9: 1, 2: 2}
    assert result.columns == (4, 9, 2)
    assert result.confusion.tolist() == [[4, 0, 0], [1, 2, 0], [0, 1, 2]]
    assert result.accuracy == pytest.approx(0.8)
    assert result.recalls == pytest.approx((1, 2 / 3, 2 / 3))
    assert result.balanced_accuracy == pytest.approx(7 / 9)
    # pairs together in both: 6 + 1 + 1 = 8; in clusters 10 + 3 + 1 = 14; in classes 6 + 3 + 3 = 12;
    # 45 in all
    assert result.ari == pytest.approx((8 - 14 * 12 / 45) / (13 - 14 * 12 / 45))


def test_left_over_clusters_match_no_class_and_stand_last():
    result = score([5, 5, 6, 6, 7, 8], [1, 1, 0, 0, 0, 1])
    assert match([5, 5, 6, 6, 7, 8], [1, 1, 0, 0, 0, 1]) == {6: 0, 5: 1}
    assert result.columns == (6, 5, 7, 8)
    assert result.confusion.tolist() == [[2, 0, 1, 0], [0, 2, 0, 1]]


def test_a_class_without_a_cluster_has_an_empty_column_and_no_recall():
    result = score([0, 0, 0, 1, 1], [3, 3, 4, 5, 5])
    assert result.columns == (0, None, 1)
    assert result.recalls == (1, 0, 1)
    assert result.confusion.tolist() == [[2, 0, 0], [1, 0, 0], [0, 0, 2]]
    assert result.balanced_accuracy == pytest.approx(2 / 3)


def test_of_equally_good_matchings_the_one_kind_to_small_classes_is_taken():
    # 3 of class 0 lie in clusters as 2 + 1, 5 of class 1 as 3 + 2: 2 + 2 images match, or 1 + 3
    found, truth = np.array([0, 0, 1, 0, 0, 0, 1, 1]), [0, 0, 0, 1, 1, 1, 1, 1]
    for renamed in (found, 1 - found):
        result = score(renamed, truth)
        assert result.accuracy == pytest.approx(4 / 8)
        assert result.balanced_accuracy == pytest.approx((2 / 3 + 2 / 5) / 2)


def test_minus_one_is_a_cluster_like_any_other():
    assert match([-1, -1, 0], [1, 1, -1]) == {-1: 1, 0: -1}


def test_as_dict_is_json_rounded_to_four_decimals():
    values = score([0, 0, 1], [0, 1, 1]).as_dict()
    assert json.loads(json.dumps(values)) == values
    assert values["accuracy"] == 0.6667
    assert values["recalls"] == [1.0, 0.5]
    assert set(values) == {
        "n",
        "accuracy",
        "balanced_accuracy",
        "nmi",
        "ari",
        "confusion",
        "classes",
        "columns",
        "recalls",
    }


@pytest.mark.parametrize(("right", "n"), [(4, 6), (0, 5), (5, 5), (1617, 1797)])
def test_the_interval_of_an_accuracy_is_wilsons(right: int, n: int) -> None:
    share, z = right / n, 1.959964
    middle = share + z**2 / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    ends = [(middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)]
    assert accuracy_interval(share, n) == pytest.approx(ends, abs=1e-6)


def test_scores_cannot_be_changed():
    with pytest.raises(AttributeError):
        score([0], [0]).accuracy = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("found", "truth", "words"),
    [
        ([0, 1], [0], "2 assignments but 1 labels"),
        ([], [], r"assignments .* shape \(0,\)"),
        ([0], [], "labels must be"),
        ([[0], [1]], [0, 1], r"int64 of shape \(2, 1\)"),
        (3, 3, r"int64 of shape \(\)"),
        ([0.0, float("nan")], [0, 1], "assignments .* float64"),
        ([0, 1], [0.5, 1], "labels .* float64"),
        ([0, 1], ["cat", "dog"], "labels .* <U3"),
        ([0, 1], [None, 1], "labels .* object"),
    ],
)
def test_bad_input_is_named(found, truth, words):
    for function in (score, match):
        with pytest.raises(InputError, match=words):
            function(found, truth)
