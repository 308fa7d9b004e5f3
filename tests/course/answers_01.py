"""Chapter 01: answers that are right, and the mistakes that its text names."""

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from mtlkit.evaluation import score

RANDOM = np.random.default_rng(0)
TRUTH = np.repeat([0, 1, 2], 20)
POINTS = RANDOM.normal(size=(60, 2)) + 20 * np.eye(3)[TRUTH][:, :2]  # three clear heaps
RUNS = np.array([TRUTH, (TRUTH + 1) % 3, RANDOM.integers(0, 3, 60), RANDOM.integers(0, 3, 60)])
ACCURACIES = np.array([0.9, 0.88, 0.4, 0.35])


def ten_best(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    distance = np.abs(x[y == 1].mean(axis=0) - x[y == 0].mean(axis=0)) / (x.std(axis=0) + 1e-9)
    return np.argsort(-distance)[:10]


def split_first(x: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
    best = ten_best(x[train], y[train])
    return LogisticRegression().fit(x[train][:, best], y[train]).score(x[test][:, best], y[test])


def choose_first(x: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
    best = ten_best(x, y)
    return LogisticRegression().fit(x[train][:, best], y[train]).score(x[test][:, best], y[test])


def choose_on_test(x: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
    best = ten_best(x[test], y[test])
    return LogisticRegression().fit(x[train][:, best], y[train]).score(x[test][:, best], y[test])


def score_on_train(x: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
    return split_first(x, y, train, train)


def agreement(x: np.ndarray, runs: np.ndarray) -> np.ndarray:
    return np.mean([[score(one, other).nmi for other in runs] for one in runs], axis=1)


def agreement_by_number(x: np.ndarray, runs: np.ndarray) -> np.ndarray:
    return np.mean([[(one == other).mean() for other in runs] for one in runs], axis=1)


def low_inertia(x: np.ndarray, runs: np.ndarray) -> list[float]:
    return [
        -sum(((x[run == g] - x[run == g].mean(axis=0)) ** 2).sum() for g in np.unique(run))
        for run in runs
    ]


ANSWERS: dict[str, dict[str, Any]] = {
    "01-1": {
        "right": [(18 / 31, 20 / 31), [0.581, 0.645]],
        "wrong": [
            ((20 / 31, 18 / 31), "other way round"),
            ((15 / 31, 20 / 31), "largest number first"),
            ((8 / 31, 20 / 31), "as if numbers were names"),
            ((20 / 31, 20 / 31), "one group to two digits"),
            ((0.5, 20 / 31), "List the six pairings"),
            ((18 / 31, 18 / 31), "largest number of each column"),
            (18 / 31, "must be two numbers"),
            ("18/31", "must be two numbers"),
        ],
    },
    "01-2": {
        "right": [[0, 0, 1, 1, 0, 1], (False, False, True, True, False, True)],
        "wrong": [
            ([1, 0, 1, 1, 0, 1], "written down at the end"),
            ([0, 1, 1, 1, 0, 1], "made by a rule"),
            ([0, 0, 0, 1, 0, 1], "Picking by the score uses labels"),
            ([0, 0, 1, 0, 0, 1], "that is supervised"),
            ([0, 0, 1, 1, 1, 1], "that no person gave"),
            ([0, 0, 1, 1, 0, 0], "the labels set it"),
            ([2, 0, 1, 1, 0, 1], "Write 1"),
            ([0, 1], "must be six numbers"),
        ],
    },
    "01-3": {
        "right": [[0, -1, -1, -1]],
        "wrong": [
            ([-1, -1, -1, -1], "Purity falls, you say"),
            ([0, 0, -1, -1], "matched to no digit"),
            ([0, -1, 0, -1], "H(A) grows by"),
            ([0, -1, -1, 0], "counts pairs"),
            ([1, -1, -1, -1], "Write -1"),
            ([0, -1], "must be four numbers"),
        ],
    },
    "01-4": {
        "right": [split_first],
        "wrong": [
            (choose_first, "change what is chosen or fitted"),
            (choose_on_test, "change what is chosen or fitted"),
            (score_on_train, "scored on images that it was fitted to"),
            (
                lambda x, y, train, test: split_first(x[:, 10:], y, train, test),
                "Where one number tells the class",
            ),
            (lambda x, y, train, test: 0.5, "change nothing"),
            (lambda x, y: 0.5, "stopped with TypeError"),
            (0.5, "must be a function of x, y, train and test"),
        ],
    },
    "01-5": {
        "given": {"x": POINTS, "runs": RUNS, "accuracies": ACCURACIES},
        "right": [agreement, low_inertia],
        "wrong": [
            (lambda x, runs: ACCURACIES, "picks by the labels"),
            (agreement_by_number, "Numbers are not names"),
            (lambda x, runs: -agreement(x, runs), "the wrong way round"),
            (lambda x, runs: np.zeros(len(runs)), "What do good runs have in common"),
            (lambda x, runs: 2, "a number for each run"),
            (3, "must be a function of x and runs"),
        ],
    },
}
