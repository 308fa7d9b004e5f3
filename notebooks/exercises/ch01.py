"""Chapter 01: scores by hand, who has a say, splitting by a coin, a leak, choosing blind."""

from __future__ import annotations

from typing import Any

import numpy as np

from mtlkit.course.checks import exercise, function, near, numbers, result_of


@exercise(
    "01-1",
    numbers(2),
    "two numbers, such as (0.5, 0.5)",
    "18 of 31 one to one, 20 of 31 with names twice.",
)
def by_hand(answer: np.ndarray) -> str | None:
    accuracy, purity = answer
    if near(answer, [20 / 31, 18 / 31]):
        return (
            "Right numbers, other way round: accuracy is one to one, so it is never above purity."
        )
    if near(accuracy, 15 / 31):
        return (
            "That takes the largest number first, and digit 1 is left with 1. Count what "
            "is given up: section 2."
        )
    if near(accuracy, 8 / 31):
        return "That takes group 1 for digit 1, as if numbers were names. Section 2 renames them."
    if near(accuracy, 20 / 31):
        return (
            "For accuracy that gives one group to two digits. A pairing is one to one: section 2."
        )
    if not near(accuracy, 18 / 31):
        return (
            "List the six pairings, add up three numbers for each, and divide the "
            "largest sum by 31: section 2."
        )
    if near(purity, 20 / 31):
        return None
    return "For purity take the largest number of each column (group): section 3."


@exercise(
    "01-2",
    numbers(6),
    "six numbers, 0 or 1",
    "Mix up the labels in your mind: what changes then has heard them.",
)
def who_has_a_say(answer: np.ndarray) -> str | None:
    if not set(answer.tolist()) <= {0.0, 1.0}:
        return "Write 1 where a person's label has a say in the result, and 0 where not."
    reasons = (
        "A score written down at the end changes no group. Section 6 says when a score does.",
        "The angle was made by a rule; nobody named a digit. That is self-supervised: section 1.",
        "No `fit` saw a label, but they picked the run. Picking by the score uses "
        "labels: section 6.",
        "Names from a person, given to `fit`: that is supervised learning (section 1).",
        "A label vector may be made by k-means. It is a label that no person gave: section 1.",
        "The number of groups is a setting, and here the labels set it: section 8.",
    )
    wrong = np.flatnonzero(answer != [0, 0, 1, 1, 0, 1])
    return f"Number {wrong[0] + 1}: {reasons[wrong[0]]}" if len(wrong) else None


@exercise(
    "01-3",
    numbers(4),
    "four numbers, -1 or 0",
    "A coin adds groups and no knowledge. Purity does not notice.",
)
def split_by_a_coin(answer: np.ndarray) -> str | None:
    if not set(answer.tolist()) <= {-1.0, 0.0}:
        return "Write -1 for a score that falls, and 0 for one that stays or rises."
    reasons = (
        "Purity falls, you say. Both halves of a group keep its most frequent digit, "
        "or find a better one: section 3.",
        "Accuracy stays, you say. But one of the two halves is matched to no digit: "
        "one to one, section 2.",
        "NMI stays, you say. The information does, but H(A) grows by one bit, and "
        "NMI divides by it: section 3.",
        "ARI stays, you say. It counts pairs, and the coin tears half of those "
        "together apart: section 3.",
    )
    wrong = np.flatnonzero(answer != [0, -1, -1, -1])
    return reasons[wrong[0]] if len(wrong) else None


@exercise(
    "01-4",
    function,
    "a function of x, y, train and test",
    "Change one label of the test half, and the accuracy moves by 1/20: nothing else looks at it.",
)
def no_leak(answer: Any) -> str | None:
    random, train = np.random.default_rng(0), np.arange(40) < 20
    x, y = random.normal(size=(40, 400)), random.permutation(np.arange(40) % 2)
    accuracy = float(result_of(answer, x, y, train, ~train))
    moved = []
    for i in range(20, 40):  # one label of the test half each
        changed = np.where(np.arange(40) == i, 1 - y, y)
        moved.append(abs(float(result_of(answer, x, changed, train, ~train)) - accuracy))
    if near(moved, np.zeros(20)):
        return (
            "Labels of the test half change nothing: it is scored on images that it was fitted to."
        )
    if not near(moved, np.full(20, 1 / 20)):
        return (
            "Labels of the test half change what is chosen or fitted. Split first, then "
            "choose: section 7."
        )
    x[:, 0] += 8 * y
    accuracy = float(result_of(answer, x, y, train, ~train))
    if accuracy < 0.85:
        return (
            f"Where one number tells the class, it is right in {accuracy:.0%} only. Fit and "
            "choose on `train`."
        )
    return None


@exercise(
    "01-5",
    function,
    "a function of x and runs",
    "It took no label. Now say what it is worth: measure it with other seeds.",
)
def choose_without_labels(
    answer: Any, x: np.ndarray, runs: np.ndarray, accuracies: np.ndarray
) -> str | None:
    worth = np.asarray(result_of(answer, x, runs), dtype=float)
    if worth.shape != (len(runs),):
        return (
            f"Return a number for each run, {len(runs)} here, and not {worth.shape}: the "
            "largest is chosen."
        )
    if near(worth, accuracies, 1e-6):
        return (
            "That is the accuracy: it picks by the labels, and who has none cannot use "
            "it. See section 6."
        )
    truth, random = np.repeat([0, 1, 2], 30), np.random.default_rng(0)
    points = random.normal(size=(90, 2)) + 20 * np.eye(3)[truth][:, :2]
    chance = random.integers(0, 3, 90)
    similar = np.where(np.arange(90) % 5, chance, 0)
    toy = np.array([chance, truth, (truth + 1) % 3, similar, (truth + 2) % 3])
    worth = np.asarray(result_of(answer, points, toy), dtype=float)
    if worth.argmax() in (1, 2, 4):
        return None
    if near(worth.argsort()[-2:] % 3, [0, 0], 0) and worth.min() < worth.max():
        by_name = (
            "Three clear heaps: your rule prefers random groups that bear the same "
            "numbers, and overlooks equal groups"
        )
        return (
            f"{by_name} under other numbers. Numbers are not names (section 2); or is "
            "its sign the wrong way round?"
        )
    return (
        "On three clear heaps it chose groups drawn at random. What do good runs have in "
        "common that these do not?"
    )
