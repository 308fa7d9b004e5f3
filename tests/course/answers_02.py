"""Right and planted wrong answers to the exercises of chapter 02."""

import numpy as np
from scipy import ndimage

from mtlkit.preprocessing import describe, hog, lbp, standardise

# As measured in the chapter.
AWAY = [[0.98, 1.05, 0.98, 0.01], [0.0, 2.1, 0.0, 0.26], [0.45, 0.0, 0.41, 1.2]]
TABLE = [[0, 0, 0, 1], [1, 0, 1, 0], [0, 1, 0, 0]]
chance = np.random.default_rng(0)
IMAGES = ndimage.gaussian_filter(chance.random((40, 1, 8, 8)), (0, 0, 1, 1)).astype(np.float32)
IMAGES = (IMAGES - IMAGES.min()) / (IMAGES.max() - IMAGES.min())
VIEWS = IMAGES + 0.1 * chance.normal(size=IMAGES.shape).astype(np.float32)


def table(row, column):
    """Return the right table with one entry turned over."""
    changed = np.array(TABLE)
    changed[row, column] = 1 - changed[row, column]
    return changed


def over_turns(describe_one):
    """Return a descriptor that is the mean over the quarter turns of an image."""
    return lambda images: np.mean(
        [describe_one(np.rot90(images, q, (2, 3))) for q in range(4)], axis=0
    )


def evened(blocks):
    return np.hstack([standardise(block) / np.sqrt(block.shape[1]) for block in blocks])


def widths_only(blocks):
    return np.hstack(
        [
            block / np.sqrt(block.var(axis=0).sum() + 1e-12) * (1 + block.mean() / 10)
            for block in blocks
        ]
    )


def raw(blocks):
    return np.hstack(blocks)


def columns_alone(blocks):
    return standardise(np.hstack(blocks))


def with_zero_spread(blocks):
    rows = np.hstack(blocks)
    with np.errstate(invalid="ignore"):
        return (rows - rows.mean(axis=0)) / rows.std(axis=0)


ANSWERS = {
    "02-1": {
        "right": [
            [1, 1, 1, 1, 0, 0, 0, 0],
            np.array([True, True, True, True, False, False, False, False]),
        ],
        "wrong": [
            ([0, 1, 0, 0, 0, 0, 0, 0], "high threshold alone"),
            ([1, 1, 1, 1, 0, 0, 1, 1], "low threshold alone"),
            ([1, 1, 1, 0, 0, 0, 0, 0], "goes on and on"),
            ([1, 1, 1, 1, 1, 0, 1, 1], "twice too large"),
            ([0.12, 0.25, 0.18, 0.15, 0.07, 0.02, 0.12, 0.12], "which of the pixels stay"),
            ([0, 0, 0, 0, 0, 0, 0, 0], "Half the difference"),
            ([1, 1, 1], "The answer must be eight numbers"),
            ("1111", "The answer must be eight numbers"),
        ],
    },
    "02-2": {
        "right": [TABLE, np.array(TABLE, dtype=bool)],
        "wrong": [
            (table(0, 2), "HOG has places"),
            (table(0, 0), "HOG has places"),
            (table(0, 3), "takes contrast back"),
            (table(1, 0), "not where they stand"),
            (table(1, 2), "not where they stand"),
            (table(0, 1), "Both ask neighbours"),
            (table(1, 1), "Both ask neighbours"),
            (table(2, 1), "one mean for each cell"),
            (table(1, 3), "each yes becomes a no"),
            ([0, 1], "The answer must be three rows"),
            ("none", "The answer must be three rows"),
        ],
        "given": {"measured": AWAY},
    },
    "02-3": {
        "right": [evened, lambda blocks: evened(blocks) * 7],
        "wrong": [
            (raw, "in another unit"),
            (columns_alone, "No unit rules, but the width does"),
            (with_zero_spread, "it should become 0"),
            (lambda blocks: blocks[0], "make 60 × 42"),
            (widths_only, "in another unit"),
            (5, "The answer must be a function"),
        ],
    },
    "02-4": {
        "right": [over_turns(hog), over_turns(lambda images: images.reshape(len(images), -1))],
        "wrong": [
            (hog, "A quarter turn moves it"),
            (lambda images: images.reshape(len(images), -1), "A quarter turn moves it"),
            (lambda images: np.ones((len(images), 3)), "Blind to everything"),
            (lbp, "it forgets more than the turn"),
            (lambda images: images, "at most 300 numbers"),
            (
                lambda images: np.tile(images.reshape(len(images), -1), (1, 5)),
                "at most 300 numbers",
            ),
            (lambda images: describe(images, ["corners"]), "Your function stopped with InputError"),
            ("hog", "The answer must be a function"),
        ],
        "given": {"images": IMAGES, "views": VIEWS},
    },
}
