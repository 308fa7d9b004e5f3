"""Chapter 03: how right are label vectors, and a pupil that is trained on them?

    python benchmarks/course_03.py

Four ways to make label vectors of the digits, five seeds each; a pupil (`SmallCNN`, one
classification head, 140 steps) learns them soft, and as hard labels. Then the same number of
mistakes is laid out in three ways, and pupils learn those, and one pupil goes on for long without
augmentation. All is scored on the labels of even row number; those of odd row number stay sealed
until chapter 05. `results/course-03.json` holds `rows` for the course's scoreboard, and what the
chapter quotes beside them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from accuracy import RESULTS, band
from course import SEEDS, Way, measure, open_half

from mtlkit import load
from mtlkit.data import ImageSet
from mtlkit.deployment.run_folder import versions
from mtlkit.evaluation import score
from mtlkit.multitask import Augmentation, MultiTaskModel, SmallCNN, TrainingOptions, fit
from mtlkit.multitask.tasks import Classification
from mtlkit.preprocessing import hog
from mtlkit.preprocessing.communities import community_vectors
from mtlkit.preprocessing.label_vectors import equal_size_vectors, kmeans_vectors

EPOCHS, LONG = 10, 40  # passes over all digits; over one half, without augmentation


def make_pupil(
    images: np.ndarray,
    vectors: np.ndarray,
    seed: int,
    *,
    epochs: int = EPOCHS,
    augmentation: Augmentation | None = None,
    curve: Callable[[np.ndarray], None] | None = None,
) -> np.ndarray:
    """Train a fresh network on label vectors N x K, and return its own for the same images.

    `curve` is given them after each epoch.
    """
    torch.manual_seed(seed)
    encoder = SmallCNN(images.shape[1], images.shape[2])
    model = MultiTaskModel(encoder, {"groups": Classification(vectors)})
    pictures = torch.as_tensor(images)

    def answer(*_: Any) -> np.ndarray:
        return model.predict(pictures, "groups").numpy()

    options = TrainingOptions(
        augmentation=augmentation, on_epoch=None if curve is None else lambda *_: curve(answer())
    )
    how = {"epochs": epochs, "batch_size": 128, "weighting": "equal", "seed": seed}
    fit(model, images, **how, options=options)
    return answer()


def hard(vectors: np.ndarray) -> np.ndarray:
    """Keep the winner alone: N x K of zeros and ones."""
    return np.eye(vectors.shape[1], dtype=np.float32)[vectors.argmax(axis=1)]


@cache
def teachers(digits: ImageSet, k: int) -> dict[str, Callable[[int], np.ndarray]]:
    """Ways to make label vectors: a seed -> N x K."""
    described, pixels = hog(digits.images), digits.images.reshape(len(digits), -1)
    return {
        "k-means on pixels": lambda seed: kmeans_vectors(pixels, k, seed),
        "k-means on HOG": lambda seed: kmeans_vectors(described, k, seed),
        "equal sizes on HOG": lambda seed: equal_size_vectors(described, k, seed),
        "sizes free on HOG": lambda seed: community_vectors(described, k, seed),
    }


@cache
def make_vectors(digits: ImageSet, k: int, teacher: str, seed: int) -> np.ndarray:
    """Return the label vectors of one teacher, N x K."""
    return teachers(digits, k)[teacher](seed)


@cache
def make_groups(digits: ImageSet, k: int, teacher: str, taught: str, seed: int) -> np.ndarray:
    """Return N group numbers: the teacher's own (`taught` is "nobody"), or those of a pupil taught
    "soft" or "hard".
    """
    vectors = make_vectors(digits, k, teacher, seed)
    if taught != "nobody":
        vectors = make_pupil(digits.images, hard(vectors) if taught == "hard" else vectors, seed)
    return vectors.argmax(axis=1)


def label_vectors(digits: ImageSet, k: int) -> dict[str, Way]:
    """The scoreboard's rows of chapter 03: label vectors on HOG, and a pupil of each."""
    rows: dict[str, Way] = {}
    for teacher in ("equal sizes on HOG", "sizes free on HOG"):
        rows[f"label vectors, {teacher}"] = partial(make_groups, digits, k, teacher, "nobody")
        rows[f"a pupil of those, {teacher}"] = partial(make_groups, digits, k, teacher, "soft")
    return rows


def mistakes(groups: np.ndarray, labels: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Lay out the mistakes of groups in three ways, with the same number of them in each.

    `clumped` is as it was found. `same table` keeps the confusion table, and draws anew which
    images of a class are mistaken. `scattered` draws any image, and gives it any other class.
    """
    random, result = np.random.default_rng(seed), score(groups, labels)
    names = dict(zip(result.columns, result.classes, strict=False))
    clumped = np.array([names[group] for group in groups])
    same_table, scattered = clumped.copy(), labels.copy()
    for label in result.classes:
        rows = np.flatnonzero(labels == label)
        same_table[rows] = random.permutation(clumped[rows])
    wrong = random.permutation(len(labels))[: (clumped != labels).sum()]
    scattered[wrong] = (scattered[wrong] + random.integers(1, len(names), len(wrong))) % len(names)
    return {"clumped": clumped, "same table": same_table, "scattered": scattered}


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    torch.set_num_threads(1)
    started, digits = time.process_time(), load("digits")
    k, (even, labels) = digits.n_clusters, open_half(digits)
    assert k
    images = digits.images[even]
    pupils: list[dict[str, Any]] = []
    for teacher in teachers(digits, k):
        row: dict[str, Any] = {"teacher": teacher}
        for taught in ("nobody", "soft", "hard"):
            row[taught] = measure(digits, partial(make_groups, digits, k, teacher, taught))
        pupils.append(row)
        print(
            teacher,
            *(f"{key} {row[key]['accuracy']['mean']:.3f}" for key in ("nobody", "soft", "hard")),
            flush=True,
        )
    about = {"row": "label vectors", "command": "python benchmarks/course_03.py"}
    rows = [
        about | {"name": name} | measure(digits, way)
        for name, way in label_vectors(digits, k).items()
    ]

    learnt: dict[str, list[float]] = {"before": []}
    curves: dict[str, list[list[float]]] = {"truth": [], "taught": []}
    for seed in SEEDS:
        laid = mistakes(
            make_groups(digits, k, "k-means on HOG", "nobody", seed)[even], labels, seed
        )
        learnt["before"].append((laid["clumped"] == labels).mean())
        for name, taught in laid.items():
            answer = make_pupil(images, np.eye(k)[taught], seed, epochs=2 * EPOCHS).argmax(axis=1)
            learnt.setdefault(name, []).append((answer == labels).mean())
        curve: list[np.ndarray] = []
        settings = {
            "epochs": LONG,
            "augmentation": Augmentation(0, 0, 0, 0, 0, 0),
            "curve": curve.append,
        }
        make_pupil(images, np.eye(k)[laid["scattered"]], seed, **settings)
        for name, against in {"truth": labels, "taught": laid["scattered"]}.items():
            curves[name].append(
                [round(float((one.argmax(axis=1) == against).mean()), 4) for one in curve]
            )
        print(
            seed, {name: round(float(values[-1]), 3) for name, values in learnt.items()}, flush=True
        )
    content = {
        "command": "python benchmarks/course_03.py",
        "source": "digits",
        "assumed": "k known",
        "scored_on": "the digits of even row number",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": versions(),
        "seconds": round(time.process_time() - started),
        "rows": rows,
        "pupils": pupils,
        "mistakes": {name: band(values) for name, values in learnt.items()},
        "curves": curves,
    }
    (RESULTS / "course-03.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
