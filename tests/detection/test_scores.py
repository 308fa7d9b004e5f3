"""Scores of detection: values worked by hand, names of groups, and what has nothing in it."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtlkit import InputError
from mtlkit.data.boxes import PhotoBoxes
from mtlkit.detection import Detections, DetectionScores, name_groups, score_detections
from mtlkit.detection.scores import NUMBERS

Boxes = Sequence[Sequence[float]]

# Places that are apart from each other.
A, B, C, D = ([x, 10, x + 20, 40] for x in (0, 30, 60, 90))


def told(
    boxes: Boxes, scores: Sequence[float], groups: Sequence[int] = (), k: int = 3
) -> Detections:
    """What was found in one picture; each box is surely of its group, 0 if none is given."""
    rows = np.eye(k, dtype=np.float32)[list(groups) or [0] * len(boxes)].reshape(-1, k)
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32), rows
    )


def photo(boxes: Boxes, kinds: Sequence[str] | None = None) -> PhotoBoxes:
    kinds = kinds or ["car"] * len(boxes)
    names = [f"a/{number:02}" for number in range(len(boxes))]
    return PhotoBoxes("a.png", 128, 64, np.array(boxes, np.float32).reshape(-1, 4), kinds, names)


NOTHING = told([], [])
# Precision is read at the recalls 0, .01, ... 1: up to one half that is 51 of 101 readings.
HALF = round(51 / 101, 4)
CASES = {
    "a hit, then a miss": (told([A, B], [0.9, 0.8]), [A], 1.0),
    "a miss, then a hit": (told([B, A], [0.9, 0.8]), [A], 0.5),
    "given from the worst on": (told([A, B], [0.8, 0.9]), [A], 0.5),
    "one of two": (told([A], [0.9]), [A, B], HALF),
    "twice the same": (told([A, A], [0.9, 0.8]), [A, B], HALF),
    "a double before the second": (told([A, A, B], [0.9, 0.8, 0.7]), [A, B], None),
    "two of two": (told([A, B], [0.9, 0.3]), [A, B], 1.0),
    "all wrong": (told([C, D], [0.9, 0.3]), [A, B], 0.0),
    "nothing": (NOTHING, [A, B], 0.0),
}


@pytest.mark.parametrize("case", CASES)
def test_average_precision_worked_by_hand(case: str) -> None:
    found, true, expected = CASES[case]
    if expected is None:  # a precision of 1 up to one half, then of 2 in 3
        expected = round((51 + 50 * 2 / 3) / 101, 4)
    scores = score_detections([found], [photo(true)])
    assert scores.ap50 == pytest.approx(expected, abs=1e-4)
    assert (scores.map50, scores.kinds) == (None, {})
    assert (scores.objects, scores.pictures) == (len(true), 1)


def naive_precision(hits: Sequence[bool], objects: int, slack: float) -> float:
    """Average precision of boxes, the surest first, some of which hit another object each."""
    precision = np.cumsum(hits) / (np.arange(len(hits)) + 1)
    recall = np.cumsum(hits) / objects
    readings = [
        max((p for p, r in zip(precision, recall, strict=True) if r >= step - slack), default=0.0)
        for step in np.linspace(0, 1, 101)
    ]
    return float(np.mean(readings))


@given(hits=st.lists(st.booleans(), min_size=1, max_size=12), missed=st.integers(0, 3))
def test_average_precision_by_a_naive_loop(hits: list[bool], missed: int) -> None:
    hits = [True, *hits]
    places = [[20 * n, 0, 20 * n + 15, 15] for n in range(len(hits) + missed)]
    true = [place for place, hit in zip(places, hits, strict=False) if hit] + places[len(hits) :]
    found = told(places[: len(hits)], np.linspace(0.9, 0.1, len(hits)).tolist())
    scores = score_detections([found], [photo(true)])
    # A recall of 7 in 10 may be read as a little less than .7.
    least, most = (naive_precision(hits, len(true), slack) for slack in (-1e-9, 1e-9))
    assert least - 1e-4 <= scores.ap50 <= most + 1e-4


@pytest.mark.parametrize(("right", "hit"), [(10, True), (9.9, False)])
def test_a_box_is_right_from_one_half_on(right: float, hit: bool) -> None:
    scores = score_detections([told([[0, 0, right, 10]], [0.9])], [photo([[0, 0, 20, 10]])])
    assert (scores.ap50, scores.corloc) == (float(hit), float(hit))
    assert name_groups([told([[0, 0, right, 10]], [0.9], k=1)], [photo([[0, 0, 20, 10]])]) == [
        "car" if hit else None
    ]


def test_boxes_of_all_pictures_are_ranked_together() -> None:
    # The miss is of the picture without objects, and surer than the hit in the other one.
    scores = score_detections([told([A], [0.5]), told([A], [0.6])], [photo([A]), photo([])])
    assert scores.ap50 == 0.5
    assert (scores.corloc, scores.objects, scores.pictures) == (1.0, 1, 2)


def test_recall_counts_so_many_boxes_a_picture() -> None:
    wrong = [[100, 50, 110, 60]] * 2
    first = told([A, *wrong, B, C], [0.9, 0.8, 0.7, 0.6, 0.5])
    second = told([*wrong, *wrong, D], [0.9, 0.8, 0.7, 0.6, 0.5])
    scores = score_detections([first, second], [photo([A, B, C]), photo([D, B])])
    assert scores.recall == {1: 0.2, 3: 0.2, 10: 0.8, 30: 0.8, 100: 0.8}
    assert tuple(scores.recall) == NUMBERS


def test_corloc_is_of_the_surest_box_in_pictures_with_objects() -> None:
    found = [told([A], [0.9]), told([B, A], [0.9, 0.8]), told([A], [0.9]), NOTHING]
    true = [photo([B, A]), photo([A]), photo([]), photo([A])]
    scores = score_detections(found, true)
    assert scores.corloc == round(1 / 3, 4)
    assert scores.pictures == 4


def test_kinds_are_scored_by_the_names_of_groups() -> None:
    # Two groups are one kind; the sign in C is said to be a car.
    found = told([A, B, C, D], [0.9, 0.8, 0.7, 0.6], [0, 1, 1, 2])
    true = photo([A, B, C, D], ["car", "car", "sign", "sign"])
    scores = score_detections([found], [true], ["car", "car", "sign"])
    assert scores.ap50 == 1.0
    assert scores.kinds == {"car": 1.0, "sign": HALF}
    assert scores.map50 == pytest.approx((1 + HALF) / 2, abs=1e-4)


def test_a_kind_that_no_group_is_named_by_has_nothing() -> None:
    true = photo([A, B], ["car", "sign"])
    scores = score_detections([told([A, B], [0.9, 0.8])], [true], ["car", "car", "car"])
    assert scores.kinds == {"car": 1.0, "sign": 0.0} and scores.map50 == 0.5


def test_a_name_that_nothing_is_annotated_by_counts_nowhere() -> None:
    found = told([A, B], [0.9, 0.8], [0, 1])
    scores = score_detections([found], [photo([A])], ["car", "tree", None])
    assert scores.kinds == {"car": 1.0}


def test_how_sure_a_kind_is_counts() -> None:
    # As an object B is the surer; as a car, A is: .6 x 1 against .9 x .5.
    shares = np.array([[1, 0], [0.5, 0.5]], np.float32)
    boxes, sure = np.array([A, B], np.float32), np.array([0.6, 0.9], np.float32)
    found = Detections(boxes, sure, shares)
    true = [photo([A, D], ["car", "sign"])]
    assert score_detections([found], true, ["car", "sign"]).kinds == {"car": 1.0, "sign": 0.0}
    assert score_detections([found], true).ap50 < HALF


def test_groups_are_named_by_what_their_surest_boxes_hold() -> None:
    found = [
        told([A, B, C, D], [0.9, 0.3, 0.4, 0.8], [0, 0, 0, 1]),
        told([A, D], [0.5, 0.9], [1, 2]),
    ]
    # Group 0: a car of .9 against two signs of .7; group 1: a tree of .8, a car of .5; 2: nothing.
    true = [photo([A, B, C, D], ["car", "sign", "sign", "tree"]), photo([A], ["car"])]
    assert name_groups(found, true) == ["car", "tree", None]
    assert name_groups([NOTHING, NOTHING], true) == [None, None, None]
    assert name_groups(found, [photo([]), photo([])]) == [None, None, None]


def test_nothing_found_at_all_scores_zero() -> None:
    scores = score_detections([NOTHING] * 2, [photo([A]), photo([])], ["car", None, None])
    none = dict.fromkeys(NUMBERS, 0.0)
    assert scores == DetectionScores(0.0, none, 0.0, 0.0, {"car": 0.0}, 1, 2)
    assert name_groups([NOTHING], [photo([A])]) == [None] * 3


def test_scores_go_into_a_json_file() -> None:
    scores = score_detections([told([A], [0.9])], [photo([A])], ["car", None, None])
    again = json.loads(json.dumps(scores.as_dict()))
    assert again["kinds"] == {"car": 1.0} and again["recall"]["100"] == 1.0


@pytest.mark.parametrize(("found", "true"), [(1, []), (2, [[A]]), (1, [[A], [B]]), (0, [])])
def test_without_a_box_or_with_other_pictures_there_is_no_score(
    found: int, true: list[list[list[int]]]
) -> None:
    with pytest.raises(InputError, match="give annotations of the same, with boxes"):
        score_detections([told([A], [0.9])] * found, [photo(boxes) for boxes in true])
    with pytest.raises(InputError, match="1 pictures were searched, and 1 with 0 boxes"):
        score_detections([told([A], [0.9])], [photo([])])


def test_thousands_of_boxes_in_one_picture() -> None:
    corners = np.random.default_rng(0).uniform(0, 50, (3000, 2))
    many = [*np.hstack([corners, corners + 9]).tolist(), C]
    # The hit is the surest of 3,001 boxes; then it is the least sure, and not in the first 100.
    for order, hit in ((np.linspace(0.1, 0.9, 3001), 1.0), (np.linspace(0.9, 0.1, 3001), 0.0)):
        scores = score_detections([told(many, order.tolist())], [photo([[60, 10, 80, 40]])])
        assert (scores.ap50, scores.recall[100]) == (hit, hit)
    # Of as many objects, the hundred surest boxes find a thirtieth.
    grid = [[20 * x, 20 * y, 20 * x + 15, 20 * y + 15] for x in range(60) for y in range(50)]
    scores = score_detections([told(grid, [0.5] * 3000)], [photo(grid)])
    assert scores.objects == 3000
    assert scores.recall[100] == round(100 / 3000, 4)


def test_unnamed_groups_count_for_no_kind() -> None:
    found = [told([A], [0.9])]
    assert score_detections(found, [photo([A])], [None, None, None]).kinds == {"car": 0.0}
