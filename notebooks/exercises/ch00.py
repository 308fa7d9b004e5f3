"""Chapter 00: matching, what an augmentation teaches, which images to check."""

from __future__ import annotations

from typing import Any

import numpy as np

from mtlkit.course.checks import exercise, function, near, number, numbers, result_of


@exercise(
    "00-1",
    number(0, 1),
    "a number from 0 to 1",
    "4 + 7 + 8 = 19 of 30: no other one-to-one pairing has more.",
)
def pairing(answer: float) -> str | None:
    if near(answer, 19 / 30):
        return None
    if near(answer, 14 / 30):
        return (
            "That takes group 0 for digit 0, as if numbers were names. Groups have no "
            "names: see section 6."
        )
    if near(answer, 21 / 30):
        return (
            "That gives each digit its favourite, and two digits the same group. A "
            "pairing is one to one: see section 6."
        )
    return "List the six pairings, and add up three numbers for each: no row and no column twice."


@exercise(
    "00-2",
    numbers(2),
    "two shares from 0 to 1, such as (0.5, 0.5)",
    "The network was taught that a shift does not matter, by views that were "
    "shifted. K-means never met one.",
)
def shares_kept(answer: np.ndarray, measured: tuple[float, float]) -> str | None:
    network, pixels = answer
    if not 0 <= answer.min() <= answer.max() <= 1:
        return "Shares go from 0 to 1, and these do not."
    if network <= pixels:
        return (
            "You expect that the network gains nothing over pixels. Which task of "
            "section 4 shows it shifted images?"
        )
    if pixels > measured[1] + 0.25:
        return (
            f"K-means kept {measured[1]:.0%}. You expect that pixels forgive a shift: "
            "section 2 says what changes."
        )
    if network > 0.99 and measured[0] < 0.98:
        return (
            f"The network kept {measured[0]:.0%}, not all. It was shown shifts, and it "
            "has learnt them nearly."
        )
    if near(network, measured[0], 0.15):
        return None
    return f"The right order; but the network kept {measured[0]:.0%}."


@exercise(
    "00-3",
    numbers(-1),
    "all row numbers of the open half, the image to check first at the front",
    "Your rule is a second opinion worth having. Which of the two finds more is luck "
    "of the run: try other seeds.",
)
def rows_to_check(answer: np.ndarray, wrong: np.ndarray, doubt_first: np.ndarray) -> str | None:
    rows, first = answer.astype(int), max(1, len(wrong) // 60)
    if sorted(rows.tolist()) != list(range(len(wrong))):
        return (
            f"That is no order of all {len(wrong)} rows of the open half: each number "
            "from 0 stands in it once."
        )
    ours, theirs = wrong[rows[:first]].sum(), wrong[doubt_first[:first]].sum()
    if wrong.sum() >= 3 and wrong[rows[: min(first, wrong.sum())]].all():
        return (
            "That puts every mistake at the front: it sorts by the labels. Anyone who has "
            "the labels need not check."
        )
    if set(rows[:first]) == set(doubt_first[:first]):
        return (
            "That is the network's own doubt. Its mistakes in good faith stay hidden: "
            "ask someone else."
        )
    if ours < theirs / 2:
        return (
            f"That finds {ours} mistakes, the network's own doubt {theirs}. Is your "
            "order the wrong way round?"
        )
    return None


@exercise(
    "00-4",
    numbers(3),
    "three numbers, such as [0.2, 0.3, 0.5]",
    "0.61, 0.61 and 0.22 over their sum of 1.44: two centres are equally near, and "
    "the vector says so.",
)
def label_vector(answer: np.ndarray) -> str | None:
    weights, sharper = np.exp([-0.5, -0.5, -1.5]), np.exp([-1.0, -1, -3])
    if near(answer, weights / weights.sum()):
        return None
    if near(answer, weights):
        return "These are right before the division: a label vector sums to one."
    if near(answer, sharper / sharper.sum()):
        return (
            "That is for τ = 1. A larger τ makes the vector softer: divide each squared "
            "distance by 2 first."
        )
    if near(answer, [0.2, 0.2, 0.6]):
        return (
            "There the farthest centre has the largest share: the distance stands with a "
            "minus in the exponent."
        )
    if near(answer, [1, 0, 0]) or near(answer, [0.5, 0.5, 0]):
        return (
            "That keeps the winner only. A soft vector keeps how near every centre is: section 3."
        )
    return "Take exp(-d² / τ) for each of the three, and divide each by the sum of all three."


@exercise(
    "00-5",
    function,
    "a function of two lists",
    "Mean and worst case do not grow with the number of tries; the best run does.",
)
def fair_report(answer: Any) -> str | None:
    first, second = [0.9, 0.5, 0.7], [0.8, 0.78, 0.76, 0.74]
    pairs = np.asarray(result_of(answer, first, second), dtype=float)
    if near(pairs, [[0.7, 0.5], [0.77, 0.74]]):
        return None
    if near(pairs.ravel(), [0.9, 0.8]) or near(pairs.ravel(), [0.9, 0.5, 0.8, 0.74]):
        return (
            "The best run is in it still. It grows with every further try: section 8 "
            "quotes mean and minimum."
        )
    if near(pairs, [[0.7, 0.9], [0.77, 0.8]]):
        return (
            "The mean is right; but beside it stands the best run. What a method can do "
            "to you is its worst."
        )
    if near(pairs.ravel(), [0.7, 0.77]):
        return (
            "The means are right. Two methods of one mean may differ in how bad they "
            "get: add the minimum."
        )
    return "For [0.9, 0.5, 0.7] the first pair is (0.7, 0.5): the mean, then the minimum."
