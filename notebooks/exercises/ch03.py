"""Chapter 03: entropy, votes among alike images, equal sizes, soft label vectors, features that
nobody trained.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.neighbors import NearestNeighbors

from mtlkit.course.checks import exercise, function, near, number, result_of
from mtlkit.evaluation import score


@exercise(
    "03-1",
    number(-10, 10),
    "one number",
    "The shares are 0.67, 0.24 and 0.09: three quarters of the largest entropy, ln 3.",
)
def entropy(answer: float) -> str | None:
    weights = np.exp([0.0, -1, -2])
    shares = weights / weights.sum()
    right = -(shares * np.log(shares)).sum()
    unscaled = -(weights * np.log(weights)).sum()
    if near(answer, right, 0.01):
        return None
    if near(answer, unscaled, 0.01):
        return "That is of the weights before the division: shares sum to one first. See section 2."
    if near(answer, right / np.log(2), 0.01):
        return (
            "That is in bits, by the logarithm to base 2. Section 2 takes natural logarithms: nats."
        )
    if near(answer, -right, 0.01):
        return (
            "The sign is missing: logarithms of shares are negative, and entropy is not. "
            "See section 2."
        )
    return "Take exp(-d² / τ) three times, divide by their sum, then add up -q ln q: section 2."


@exercise(
    "03-2",
    number(0, 1),
    "a number from 0 to 1",
    "One label in five is wrong, and about one vote in seventeen.",
)
def vote(answer: float) -> str | None:
    if near(answer, 0.05792, 0.001):
        return None
    if near(answer, 0.2, 0.001):
        return (
            "That is the chance for one label: a pupil cannot beat its labels, you "
            "expect. Section 4 lets five vote."
        )
    if near(answer, 0.00032, 0.0002):
        return "That is all five wrong. Three wrong ones are a majority already: section 4."
    if near(answer, 0.0512, 0.001):
        return "That is three wrong, no more and no less. Four and five wrong are majorities, too."
    if near(answer, 0.94208, 0.001):
        return "That is the chance that the majority is right. What is left over to one?"
    return (
        "Add up the chances of 3, 4 and 5 wrong ones of five. Each has a number of ways: "
        "10, 5 and 1."
    )


@exercise(
    "03-3",
    number(0, 1),
    "a number from 0 to 1",
    "(50 + 10) / 100: 40 images of the large class have to go to the other group.",
)
def equal_sizes(answer: float) -> str | None:
    if near(answer, 0.6):
        return None
    if near(answer, 1):
        return (
            "You expect that good features make equal sizes safe. Can 90 images go into "
            "a group of 50? See section 5."
        )
    if near(answer, 0.9):
        return "That puts 90 images into one group. Two groups of 50 were asked for: section 5."
    if near(answer, (50 / 90 + 1) / 2):
        return (
            "That is the balanced accuracy, the mean over classes. Asked is the share of "
            "all images."
        )
    if near(answer, 0.5):
        return (
            "The group of the large class is right with its 50; do not forget the 10 of "
            "the small class."
        )
    return (
        "Fill two groups of 50 by hand, then count the images in the group that is "
        "matched to their class."
    )


@exercise(
    "03-4",
    function,
    "a function of squared distances and τ",
    "Rows sum to one, and no distance is too far.",
)
def soft(answer: Any) -> str | None:
    squared = np.array([[0.0, 2, 4], [1, 1, 9], [3, 0, 1], [2000, 2002, 2004]])
    with np.errstate(all="ignore"):
        shares = np.asarray(result_of(answer, squared.copy(), 2.0), dtype=float)
    if shares.shape != squared.shape:
        return (
            f"It returns an array of shape {shares.shape} for distances of shape {squared.shape}."
        )
    weights = np.exp(-(squared - squared.min(axis=1, keepdims=True)) / 2)
    if near(shares, weights / weights.sum(axis=1, keepdims=True)):
        return None
    if not np.isfinite(shares).all():
        return (
            "An image far from all centres gets 0 / 0. Subtract the row's smallest "
            "squared distance first: see the hint."
        )
    if near(shares[:3].sum(axis=0), 1, 0.05):
        return (
            "The columns sum to one. A label vector is a row, one image's shares of all "
            "groups: section 2."
        )
    if near(shares.sum(axis=1), 1):
        return (
            "Rows sum to one, but the shares are not those of exp(-d² / τ): (0, 2, 4) "
            "with τ = 2 is (0.67, 0.24, 0.09)."
        )
    return "Some rows do not sum to one, the far image's among them, perhaps: section 2."


@exercise(
    "03-5",
    function,
    "a function of images",
    "They forgive a pixel and still tell images apart, and nothing was trained.",
)
def untrained_features(answer: Any, images: Any, moved: Any, labels: np.ndarray) -> str | None:
    results = [result_of(answer, given) for given in (images, images, moved)]
    made, repeated, after = (np.asarray(result, dtype=float) for result in results)
    if made.ndim != 2 or len(made) != len(images) or not np.isfinite(made).all():
        return (
            f"It returns shape {made.shape}: give finite features, one row for each of "
            f"{len(images)} images."
        )
    if not near(made, repeated, 1e-6):
        return (
            "The same images give other features the next time. Draw the weights from "
            "one seed, as section 6 does."
        )
    nearest = NearestNeighbors(n_neighbors=1).fit(made).kneighbors(after, return_distance=False)
    again = (nearest[:, 0] == np.arange(len(made))).mean()
    k_means = KMeans(len(np.unique(labels)), n_init=4, random_state=0)
    own = score(k_means.fit_predict(made), labels).nmi
    pixels = score(k_means.fit_predict(images.flatten(1).numpy()), labels).nmi
    measured = f"Found again {again:.2f}, NMI {own:.2f} (pixels {pixels:.2f})."
    if again < 0.25:
        return (
            f"{measured} They tell images apart in their place, and forgive no shift: "
            "try a wider pool, section 6."
        )
    if own < pixels - 0.05:
        return (
            f"{measured} They forgive a shift because they have forgotten too much: keep "
            "some of the place, section 6."
        )
    return None
