"""Chapter 00: answers that are right, and the mistakes that its text names."""

from typing import Any

import numpy as np

# 30 mistakes, in rows 3, 13, ...; one row in sixty, 5, may be looked at.
WRONG = np.arange(300) % 10 == 3
DOUBT = np.arange(300)  # the network's own doubt finds one of them in its first five rows


def order(*first: int) -> list[int]:
    return [*first, *(row for row in range(300) if row not in first)]


ANSWERS: dict[str, dict[str, Any]] = {
    "00-1": {
        "right": [19 / 30, 0.633, np.float32(0.6333)],
        "wrong": [
            (14 / 30, "as if numbers were names"),
            (21 / 30, "two digits the same group"),
            (0.5, "List the six pairings"),
            ("0.633", "must be a number from 0 to 1"),
            (19, "must be a number from 0 to 1"),
            ([0.1, 0.2], "must be a number from 0 to 1"),
            (float("nan"), "must be a number from 0 to 1"),
        ],
    },
    "00-2": {
        "given": {"measured": (0.93, 0.41)},
        "right": [(0.93, 0.41), [0.85, 0.5]],
        "wrong": [
            ((0.5, 0.5), "gains nothing over pixels"),
            ((0.95, 0.9), "pixels forgive a shift"),
            ((1.0, 0.4), "not all"),
            ((0.7, 0.4), "The right order"),
            ((93, 41), "Shares go from 0 to 1"),
            (0.9, "must be two shares"),
            ("ninety", "must be two shares"),
        ],
    },
    "00-3": {
        "given": {"wrong": WRONG, "doubt_first": DOUBT},
        # More than doubt finds, and as much by other rows.
        "right": [order(3, 13, 0, 1, 2), order(13, 0, 1, 2, 4)],
        "wrong": [
            (list(range(300)), "That is the network's own doubt"),
            (order(0, 1, 2, 4, 5), "the wrong way round"),
            (order(3, 13, 23, 33, 43), "sorts by the labels"),
            ([0] * 300, "no order of all 300 rows"),
            (5, "must be all row numbers of the open half"),
        ],
    },
    "00-4": {
        "right": [[0.4223, 0.4223, 0.1554], np.array([0.42, 0.42, 0.16])],
        "wrong": [
            ([0.607, 0.607, 0.223], "before the division"),
            ([0.468, 0.468, 0.063], "that is for τ = 1"),
            ([0.2, 0.2, 0.6], "the farthest centre has the largest share"),
            ([0.5, 0.5, 0], "keeps the winner only"),
            ([0.3, 0.3, 0.4], "divide each by the sum"),
            ([0.5, 0.5], "must be three numbers"),
        ],
    },
    "00-5": {
        "right": [
            lambda first, second: ((np.mean(first), min(first)), (np.mean(second), min(second)))
        ],
        "wrong": [
            (lambda first, second: (max(first), max(second)), "The best run is in it still"),
            (
                lambda first, second: ((max(first), min(first)), (max(second), min(second))),
                "The best run is in it",
            ),
            (
                lambda first, second: (
                    (np.mean(first), max(first)),
                    (np.mean(second), max(second)),
                ),
                "its worst",
            ),
            (lambda first, second: (np.mean(first), np.mean(second)), "add the minimum"),
            (lambda first, second: (min(first), min(second)), "the mean, then the minimum"),
            (lambda first: first, "stopped with TypeError"),
            (0.7, "must be a function"),
        ],
    },
}
