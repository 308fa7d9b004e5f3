"""Chapter 05: answers that are right, and the mistakes that its text names."""

from typing import Any

import numpy as np
from sklearn.metrics import normalized_mutual_info_score


def entropy(p: np.ndarray) -> np.ndarray:
    return -(p * np.log(np.maximum(p, 1e-12))).sum(axis=-1)


def in_use(p: np.ndarray) -> float:
    return float(np.exp(entropy(p.mean(axis=0))))


def choose(runs: list[np.ndarray], sign: int = 1) -> int:
    return int(
        np.argmax(
            [sign * np.mean([normalized_mutual_info_score(a, b) for b in runs]) for a in runs]
        )
    )


ANSWERS: dict[str, dict[str, Any]] = {
    "05-1": {
        "right": [1.1826, 1.18, np.float64(1.183)],
        "wrong": [
            (4, "Four groups hold images"),
            (0.1677, "the entropy H itself"),
            (0.2419, "the entropy in bits"),
            (2, "minus the sum of p ln p"),
            ("1.18", "must be a number"),
            ([1.18, 1], "must be a number"),
        ],
    },
    "05-2": {
        "given": {"measured": (0.96, 0.0)},
        "right": [(0.96, 0.0), [0.9, 0.1]],
        "wrong": [
            ((0.1, 0.0), "repeats every mistake"),
            ((0.9, 0.9), "as if only the number of mistakes counted"),
            ((0.4, 0.95), "The wrong way round"),
            ((0.6, 0.3), "The right order"),
            ((96, 0), "Shares go from 0 to 1"),
            (0.9, "must be two shares"),
        ],
    },
    "05-3": {
        "right": [choose],
        "wrong": [
            (
                lambda runs: int(
                    np.argmax([np.mean([np.mean(a == b) for b in runs]) for a in runs])
                ),
                "group numbers",
            ),
            (lambda runs: choose(runs, -1), "agrees least"),
            (lambda runs: 3, "the third agrees most"),
            (lambda runs: runs[2], "the index of a run"),
            (lambda runs: runs[9], "stopped with IndexError"),
            (2, "must be a function"),
        ],
    },
    "05-4": {
        "right": [lambda p: in_use(p) < 1.5 or entropy(p).mean() > 0.9],
        "wrong": [
            (
                lambda p: len(np.unique(p.argmax(1))) < p.shape[1],
                "A group of one image is not empty",
            ),
            (lambda p: in_use(p) < 1.5, "misses the undecided"),
            (lambda p: in_use(p) < 2.5 or entropy(p).mean() > 0.9, "takes unequal for collapsed"),
            (lambda p: True, "cries wolf"),
            (lambda p: False, "keeps silent"),
            (True, "must be a function"),
        ],
    },
    "05-5": {
        "right": [5, 5.0],
        "wrong": [
            (1, "Several seeds"),
            (2, "sees no label"),
            (3, "the open half"),
            (4, "The first look"),
            (6, "By then it has happened"),
            (4.5, "a whole number"),
            ("five", "must be a number from 1 to 6"),
        ],
    },
}
