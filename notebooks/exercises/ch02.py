"""Chapter 02: a line of edges, who is blind to what, joining blocks, a descriptor that turns do not
move.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial.distance import cdist, pdist

from mtlkit.course.checks import exercise, function, near, numbers, result_of


@exercise(
    "02-1",
    numbers(8),
    "eight numbers, 1 or 0, one for each pixel with two neighbours",
    "0.25 starts the line; 0.12, 0.18 and 0.15 continue it. The last two are as "
    "strong, but touch no start.",
)
def line(answer: np.ndarray) -> str | None:
    patterns = {
        "11110000": None,
        "01000000": "That is the high threshold alone. Between the two, a line continues: "
        "section 4.",
        "11110011": "That is the low threshold alone. A line must have a start above the high one: "
        "section 4.",
        "11100000": "The fourth pixel touches one that touches the start. A line goes on and on: "
        "section 4.",
        "11111011": "Your lengths are twice too large: weights of 4 in all over 8 make a half "
        "(section 3).",
    }
    if near(answer, [0.12, 0.25, 0.18, 0.15, 0.07, 0.02, 0.12, 0.12]):
        return "These are the lengths, and right. Now which of the pixels stay: 1 or 0 each?"
    other = (
        "Half the difference of the two neighbours: is it above 0.2, above 0.1, or "
        "below? Then go along the row."
    )
    return patterns.get("".join(f"{value:g}" for value in answer), other)


@exercise(
    "02-2",
    numbers(3, 4),
    "three rows of four numbers, 1 for blind and 0 for not",
    "HOG forgets the sign and the contrast, LBP the places and the turns, colour all "
    "within a cell.",
)
def blindness(answer: np.ndarray, measured: Any) -> str | None:
    away = np.asarray(measured)
    wrong = (answer > 0.5) != (away < 0.1)
    if wrong[0, 0] or wrong[0, 2]:
        return (
            f"HOG, mirrored {away[0, 0]:.2f} and turned by half {away[0, 2]:.2f} "
            "strangers: directions may come back "
            "to their bins, but the cells lie elsewhere. HOG has places (sections 5 and 7)."
        )
    if wrong[0, 3]:
        return (
            f"HOG, dark negative: {away[0, 3]:.2f}. Lengths have no sign, and the "
            "block's length takes contrast back."
        )
    if wrong[1, 0] or wrong[1, 2]:
        return (
            f"LBP, mirrored {away[1, 0]:.2f}: it counts how many neighbours say yes, not "
            "where they stand (section 6)."
        )
    if wrong[:2, 1].any():
        return (
            f"Shuffled pixels: HOG {away[0, 1]:.2f}, LBP {away[1, 1]:.2f}. Both ask "
            "neighbours, and those are others now."
        )
    if wrong[2].any():
        return (
            "Colour keeps one mean for each cell, at the cell's place: what leaves all "
            "16 means alone? (section 6)"
        )
    if wrong.any():
        return "LBP asks: as bright as I am, or brighter? In a negative, each yes becomes a no."
    return None


@exercise(
    "02-3",
    function,
    "a function of a list of blocks",
    "Units are gone with the standard deviation, widths with the root of the width, "
    "and still columns are 0.",
)
def joining(answer: Any) -> str | None:
    chance = np.random.default_rng(0)
    wide, narrow = chance.normal(size=(60, 40)), chance.normal(3, 2, size=(60, 2))
    wide[:, 0] = 1  # never changes
    rows = np.asarray(result_of(answer, [wide, narrow]), dtype=float)
    if rows.shape != (60, 42):
        return (
            "60 rows of 40 and of 2 numbers make 60 × 42, and this is "
            f"{' × '.join(map(str, rows.shape))}."
        )
    if not np.isfinite(rows).all():
        return (
            "A column that never changes was divided by its spread of 0: it should "
            "become 0 (section 9)."
        )
    share = rows[:, 40:].var(axis=0).sum() / rows.var(axis=0).sum()
    in_other_unit = np.asarray(answer([wide, narrow * 1000]), dtype=float)[:, 40:]
    if not near(in_other_unit, rows[:, 40:], 0.01 * np.abs(rows).max()):
        return (
            "With the second block in another unit, times 1000, it weighs otherwise. Who "
            "rules then? Section 9."
        )
    if not 0.45 < share < 0.55:
        return (
            f"No unit rules, but the width does: the block of 2 columns has {share:.0%} "
            "of the weight, not half (section 9)."
        )
    return None


@exercise(
    "02-4",
    function,
    "a function of images",
    "It forgives the quarter turn and still tells strangers apart: an assumption, "
    "built in by hand.",
)
def turn_proof(answer: Any, images: np.ndarray, views: np.ndarray) -> str | None:
    quarter = np.rot90(images, 1, (2, 3)).copy()
    results = [result_of(answer, given) for given in (images, quarter, views)]
    rows, turned, seen = (np.asarray(result, dtype=float) for result in results)
    if rows.ndim != 2 or len(rows) != len(images) or rows.shape[1] > 300:
        return (
            f"Return a row of at most 300 numbers an image; for {len(images)} images "
            f"this is {rows.shape}."
        )
    stranger = np.median(pdist(rows))
    if not stranger > 1e-9:
        return (
            "All images are the same to it. Blind to everything is blind to turns, too, "
            "and of no use (section 8)."
        )
    moved = np.median(np.linalg.norm(turned - rows, axis=1)) / stranger
    if moved > 0.05:
        return (
            f"A quarter turn moves it by {moved:.2f} strangers. Which of its numbers "
            "have a place or a direction? Section 7."
        )
    far = cdist(seen, rows)
    own = (far.diagonal()[:, None] < far).sum() / (len(far) * (len(far) - 1))
    if own <= 0.68:
        return (
            f"Turns do not move it; but it knows its own in {own:.0%} only: it forgets "
            "more than the turn (section 8)."
        )
    return None
