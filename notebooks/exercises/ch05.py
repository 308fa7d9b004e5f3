"""Chapter 05: groups in use, what a pupil mends, agreement, a collapse alarm, a sealed half."""

from __future__ import annotations

from typing import Any

import numpy as np

from mtlkit.course.checks import exercise, function, near, number, numbers, result_of


@exercise(
    "05-1",
    number(),
    "a number",
    "H = 0.168, and e to the power of it 1.18: no group is empty, one is in use.",
)
def groups_in_use(answer: float) -> str | None:
    if near(answer, 1.1826):
        return None
    if near(answer, 4):
        return (
            "Four groups hold images, but that is the rule that a collapse slips past. "
            "Weigh them by size: section 4."
        )
    if near(answer, 0.1677):
        return (
            "That is the entropy H itself, in nats. The number of groups is e to the "
            "power of it: section 4."
        )
    if near(answer, 0.2419):
        return (
            "That is the entropy in bits. With the natural logarithm H is 0.168; and "
            "then e to the power of it is asked."
        )
    return (
        "H is minus the sum of p ln p over the shares 0.97, 0.01, 0.01 and 0.01; then e "
        "to the power of H."
    )


@exercise(
    "05-2",
    numbers(2),
    "two shares from 0 to 1, such as (0.5, 0.5)",
    "Scattered mistakes are outvoted by their neighbours; a clump has none that contradict it.",
)
def shares_mended(answer: np.ndarray, measured: tuple[float, float]) -> str | None:
    scattered, clump = answer
    if not 0 <= answer.min() <= answer.max() <= 1:
        return "Shares go from 0 to 1, and these do not."
    if near(answer, measured, 0.15):
        return None
    if scattered < 0.3 and clump < 0.3:
        return (
            "You expect that a pupil repeats every mistake of its textbook. The pupil of "
            "section 2 was better than its book."
        )
    if near(scattered, clump, 0.15):
        return (
            "You expect the same of both, as if only the number of mistakes counted. "
            "Where they lie counts: section 2."
        )
    if clump > scattered:
        return (
            "The wrong way round: a clump has no neighbours that contradict it. Section "
            "3 shows what becomes of one."
        )
    return f"The right order; but measured were {measured[0]:.2f} and {measured[1]:.2f}."


@exercise(
    "05-3",
    function,
    "a function of a list of runs",
    "NMI does not care how groups are numbered, and numbers are chance.",
)
def choice(answer: Any) -> str | None:
    true = np.repeat([0, 1, 2], 10)
    first, second = true.copy(), true.copy()
    third = true.copy()
    first[0], second[15], third[25] = 1, 2, 0
    # Other numbers: two runs of equal numbers, and one that agrees more with all.
    renumbered, again = np.array([1, 2, 0]), np.array([2, 0, 1])
    runs = [3 + np.arange(30) % 3, renumbered[first], true, again[second], renumbered[third]]
    picked = result_of(answer, runs)
    if np.ndim(picked) or isinstance(picked, bool):
        return "Return the index of a run, such as 2, and not the run itself."
    if int(picked) == 2:
        return None
    if int(picked) in (1, 4):
        return (
            "It still compares group numbers. They are chance: (0, 0, 1, 1) and (1, 1, "
            "0, 0) are the same groups, section 5."
        )
    if int(picked) == 0:
        return (
            "That is the run that agrees least with the others. Is it argmin where "
            "argmax should be?"
        )
    return (
        "Of five runs, the third agrees most with the others. Compare by a score that "
        "renumbering does not change."
    )


@exercise(
    "05-4",
    function,
    "a function of the answers, N x K",
    "Groups in use and doubt together: either alone misses a kind of collapse.",
)
def alarm(answer: Any) -> str | None:
    sure = 0.97 * np.eye(3) + 0.01

    def fires(*sizes: int) -> bool:
        return bool(result_of(answer, sure[np.repeat([0, 1, 2], sizes)]))

    undecided = np.random.default_rng(0).dirichlet([300, 300, 300], 215)
    if fires(72, 72, 71):
        return "It cries wolf: three groups of one size, and sure answers, are what you hope for."
    if not fires(0, 215, 0):
        return "It keeps silent when all images are in one group."
    if fires(150, 50, 15):
        return (
            "It takes unequal for collapsed. Classes may differ in size; leave room for "
            "that: section 4, the price."
        )
    if not fires(213, 1, 1):
        return (
            "It looks for empty groups. A group of one image is not empty; count the "
            "groups in use: section 4."
        )
    if not bool(result_of(answer, undecided)):
        return (
            "It misses the undecided: every answer is (1/3, 1/3, 1/3). Look at the "
            "entropy of each answer, too: section 4."
        )
    return None


@exercise(
    "05-5",
    number(1, 6),
    "a number from 1 to 6",
    "In step 5 labels of the sealed half choose the length of the training.",
)
def protocol(answer: float) -> str | None:
    mistakes = {
        1: "Several seeds spoil nothing: section 7 asks for them.",
        2: "Agreement sees no label, so it may choose: section 5.",
        3: "That is the open half. It may judge on the way; the sealed half may not.",
        4: "The first look is what the sealed half is for: once, last. Does it decide "
        "anything in this step?",
        5: None,
        6: "By then it has happened: the 0.96 was chosen by labels one step before.",
    }
    return mistakes.get(answer, "Give the number of a step: a whole number.")
