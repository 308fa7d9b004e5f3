"""Chapter 06: a lazy machine, which cells to look at, a leak, size, a quarter turn."""

from __future__ import annotations

from typing import Any

import numpy as np

from mtlkit.course.checks import exercise, function, near, number, result_of


@exercise(
    "06-1",
    number(),
    "a number",
    "The recalls 1, 2/3 and 0 have a mean of .556, though nine cells in ten are right.",
)
def balanced_accuracy(answer: float) -> str | None:
    if near(answer, 5 / 9):
        return None
    if near(answer, 0.9):
        return (
            "That is plain accuracy, 900 of 1,000, and the red cells carry it almost alone. Each "
            "kind weighs the same here (section 1)."
        )
    if near(answer, 5 / 6):
        return (
            "You left out the platelets because none was found. A recall of 0 is still "
            "a recall, and section 1 divides by the number of all kinds."
        )
    if near(answer, 1 / 3):
        return (
            "That is the mean of the two rare kinds, or what calling all cells red gets. Take "
            "the mean over all three recalls (section 1)."
        )
    return "Write down what share of each of the three kinds was found, and take the mean."


@exercise(
    "06-2",
    function,
    "a function of the probabilities and n",
    "argsort goes from small to large, so the most doubtful cells come first.",
)
def whom_to_look_at(answer: Any) -> str | None:
    random = np.random.default_rng(0)
    probabilities = random.dirichlet([0.4, 0.4, 0.4], 60)
    sure = probabilities.max(axis=1)
    target = np.argsort(sure)[:7]
    rows = np.asarray(result_of(answer, probabilities, 7))
    if rows.shape == (60,) and rows.dtype == bool:
        return "Return row numbers, not truth values, with the most doubtful first."
    if rows.shape != (7,):
        return "Asked for 7 cells, your function returns a different number."
    if not np.issubdtype(rows.dtype, np.integer):
        return "Return row numbers, not how sure the machine is of them."
    if np.array_equal(rows, target):
        return None
    if set(rows) == set(target):
        return "These are the right cells in the wrong order. The most doubtful should come first."
    if set(rows) == set(np.argsort(sure)[-7:]):
        return (
            "These are the cells that the machine is surest of, because argsort sorts from small "
            "to large. No wonder there is no mistake among them (section 3)."
        )
    if set(rows) == set(np.argsort(probabilities.min(axis=1))[:7]):
        return (
            "Your function sorts by the smallest probability. Doubt means that the *largest* one "
            "is small (section 3, confidence)."
        )
    return "It should return the 7 rows whose largest probability is smallest (section 3)."


@exercise(
    "06-3",
    function,
    "a function of the paths and a seed",
    "Photos are drawn at random, and all the cells of a photo go with it.",
)
def split_by_photo(answer: Any) -> str | None:
    paths = [
        f"smears/{photo:04d}/{cell:02d}" for photo in range(20) for cell in range(5 + photo % 4)
    ]
    photos = np.array([path.split("/")[1] for path in paths])
    masks = [np.asarray(result_of(answer, paths, seed)) for seed in (0, 0, 1, 2)]
    taught = masks[0]
    if taught.shape != photos.shape or taught.dtype != bool:
        return "Return a truth value for each path."
    if taught.all() or not taught.any():
        return "All cells are on one side. All paths share 'smears': did you take it for the photo?"
    if set(photos[taught]) & set(photos[~taught]):
        return (
            "Some photo has cells on both sides, so the split leaks: cells of one photo share dye "
            "and focus. Draw photos at random, not cells (section 6)."
        )
    if not 0.3 <= len(set(photos[taught])) / 20 <= 0.7:
        return "No photo is on both sides, but the two sides are far from equal."
    if not np.array_equal(masks[0], masks[1]):
        return "The same seed gives a different split each time. Draw with default_rng(seed)."
    if np.array_equal(masks[0], masks[2]) and np.array_equal(masks[0], masks[3]):
        return "The seed changes nothing, but a range needs several splits. Draw photos at random."
    return None


@exercise(
    "06-4",
    function,
    "a function of images, N x 3 x 32 x 32",
    "One number, with the neighbours left out and the lamp divided out: a cue supplied on its own.",
)
def size_of_the_middle(answer: Any) -> str | None:
    down, across = np.ogrid[:32, :32]

    def drawn(radius: float, neighbour: bool = False, lamp: float = 1.0) -> np.ndarray:
        disc = np.hypot(down - 15.5, across - 15.5) < radius
        if neighbour:
            disc |= np.hypot(down - 1, across - 1) < 5
        shades = np.where(disc, np.array([0.6, 0.4, 0.7])[:, None, None], 0.9)
        return (lamp * shades).astype(np.float32)

    radii = (3, 5, 7, 9, 11)
    images = np.stack(
        [drawn(r) for r in radii]
        + [drawn(r, neighbour=True) for r in radii]
        + [drawn(r, lamp=0.8) for r in radii]
    )
    found = np.asarray(result_of(answer, images), float)
    if found.shape not in ((15,), (15, 1)) or not np.isfinite(found).all():
        return "Return one finite number for each image."
    alone, beside, dim = found.reshape(3, 5)
    if (np.diff(alone) < 0).all():
        return "Your number gets smaller for larger objects. Are you measuring the blank part?"
    if not (np.diff(alone) > 0).all():
        return (
            "Each of five discs is larger than the last, but your numbers do not rise (section 4)."
        )
    step = np.diff(alone).min()
    if np.abs(beside - alone).max() > step / 2:
        return (
            "A neighbour in the corner adds to your number. A window holds neighbours (section 4). "
            "Tell apart objects that do not touch, and keep the one in the middle."
        )
    if np.abs(dim - alone).max() > step / 2:
        return (
            "A weaker lamp changes your number. Divide by the blank part of the window before you "
            "compare with a threshold (section 2, the factor)."
        )
    return None


@exercise(
    "06-5",
    number(0, 1),
    "a share between 0 and 1",
    "Training included turned views, and rings do not change; the few that move lay on a border.",
)
def quarter_turn(answer: float, measured: float) -> str | None:
    if near(answer, measured, 0.03):
        return None
    if answer > measured + 0.2:
        return (
            "You expect a turned cell to be a different image to this network, as it is to HOG. "
            "But it was trained on turned views and had to predict rings (section 2, the recipe)."
        )
    if answer > measured:
        return f"The right idea, but fewer move than you think. The share is {measured:.3f}."
    return (
        "Augmentation teaches but promises nothing, so cells on a border between groups may "
        f"move. The measured share is {measured:.3f}."
    )
