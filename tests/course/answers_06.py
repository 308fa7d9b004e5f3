"""Chapter 06: answers that are right, and the mistakes that its text names."""

from typing import Any

import numpy as np
from scipy import ndimage


def split(paths: list[str], seed: int, depth: int = 1) -> np.ndarray:
    """Draw half of the photos; another depth takes another part of a path for the photo."""
    photo = np.array([path.split("/")[depth] for path in paths])
    photos = np.unique(photo)
    chosen = np.random.default_rng(seed).permutation(photos)[: len(photos) // 2]
    return np.isin(photo, chosen)


def dyed(images: np.ndarray) -> np.ndarray:
    blank = np.quantile(images, 0.95, axis=(2, 3), keepdims=True)
    return -np.log(np.clip(images / blank, 0.001, 1)).sum(axis=1) > 0.35


def size(images: np.ndarray) -> np.ndarray:
    areas = []
    for mask in dyed(images):
        objects = ndimage.label(mask)[0]
        areas.append((objects == objects[16, 16]).sum())
    return np.sqrt(areas)


ANSWERS: dict[str, dict[str, Any]] = {
    "06-1": {
        "right": [5 / 9, 0.556, np.float64(0.5556)],
        "wrong": [
            (0.9, "plain accuracy"),
            (5 / 6, "left out the platelets"),
            (1 / 3, "the mean of the two rare kinds"),
            (0.7, "each of the three kinds"),
            ("0.556", "must be a number"),
        ],
    },
    "06-2": {
        "right": [lambda p, n: np.argsort(p.max(axis=1))[:n]],
        "wrong": [
            (lambda p, n: np.argsort(p.max(axis=1))[-n:], "surest of"),
            (lambda p, n: np.argsort(p.min(axis=1))[:n], "smallest probability"),
            (lambda p, n: np.argsort(p.max(axis=1))[:n][::-1], "the wrong order"),
            (lambda p, n: np.sort(p.max(axis=1))[:n], "not how sure"),
            (lambda p, n: p.max(axis=1) < 0.5, "not truth values"),
            (lambda p, n: np.argsort(p.max(axis=1)), "a different number"),
            (lambda p, n: np.arange(n), "whose largest probability is smallest"),
            ([1, 2], "must be a function"),
        ],
    },
    "06-3": {
        "right": [split],
        "wrong": [
            (lambda paths, seed: np.random.default_rng(seed).random(len(paths)) < 0.5, "leaks"),
            (lambda paths, seed: split(paths, seed, 2), "leaks"),
            (lambda paths, seed: np.isin([p[:6] for p in paths], ["smears"]), "on one side"),
            (lambda paths, seed: split(paths, 0), "The seed changes nothing"),
            (
                lambda paths, seed: split(paths, int(np.random.default_rng().integers(10**9))),
                "a different split each time",
            ),
            (lambda paths, seed: np.array(["/0003/" in p for p in paths]), "far from equal"),
            (lambda paths, seed: paths[:10], "a truth value for each path"),
            (0.5, "must be a function"),
        ],
    },
    "06-4": {
        "right": [size, lambda images: size(images)[:, None]],
        "wrong": [
            (lambda images: dyed(images).sum(axis=(1, 2)), "A neighbour in the corner"),
            (lambda images: -size(images), "the blank part"),
            (lambda images: np.ones(len(images)), "larger than the last"),
            (lambda images: -images[:, 1, 5:27, 5:27].mean(axis=(1, 2)), "A weaker lamp"),
            (lambda images: images.mean(), "one finite number"),
            (7, "must be a function"),
        ],
    },
    "06-5": {
        "given": {"measured": 0.01},
        "right": [0, 0.01, 0.03],
        "wrong": [
            (0.75, "as it is to HOG"),
            (0.1, "fewer move than you think"),
            (1.5, "must be a share"),
        ],
    },
}
