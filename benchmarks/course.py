"""The course's scoreboard: one function a row, made by one command and quoted in the chapters.

    python benchmarks/course.py pixels features

Each row groups all the digits, with five seeds, and is scored on the labels of even row number
alone; those of odd row number stay sealed until chapter 05. Rows go to `results/course.json`; rows
that are not asked for stay as they are stored.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
from accuracy import CLASSIC, FEATURES, RESULTS, band
from joblib import Parallel, delayed

from mtlkit import MultiTaskClusterer, load
from mtlkit.data import ImageSet
from mtlkit.deployment.run_folder import versions
from mtlkit.evaluation import score

SEEDS = (100, 101, 102, 103, 104)
Way = Callable[[int], np.ndarray]  # a seed -> N group numbers, made without labels


def pixels(digits: ImageSet, k: int) -> dict[str, Way]:
    """Chapter 01: what chance reaches, and k-means on the images as they are."""
    x = FEATURES["pixels"](digits.images)
    return {
        "groups by lot": lambda seed: np.random.default_rng(seed).integers(0, k, len(digits)),
        "k-means on pixels": lambda seed: CLASSIC["k-means"](x, k, seed),
    }


def features_row(digits: ImageSet, k: int) -> dict[str, Way]:
    """Chapter 02: the same, and Ward's method, on HOG."""
    x = FEATURES["HOG"](digits.images)
    return {
        f"{method} on HOG": lambda seed, run=CLASSIC[method]: run(x, k, seed)
        for method in ("k-means", "Ward")
    }


def rounds(digits: ImageSet, k: int) -> dict[str, Way]:
    """Chapter 05: the whole recipe as it is by default, label vectors made again in rounds."""
    name = "several tasks, in rounds"
    return {name: lambda seed: MultiTaskClusterer(k, random_state=seed).fit_predict(digits.images)}


# A chapter's rows: what they are called, and how a seed makes groups.
ROWS: dict[str, Callable[[ImageSet, int], dict[str, Way]]] = {
    "pixels": pixels,
    "features": features_row,
    "rounds": rounds,
}


def open_half(digits: ImageSet) -> tuple[np.ndarray, np.ndarray]:
    """Return which images have an even row number (N booleans), and the labels of those."""
    even, labels = (
        np.array([int(path.rpartition("/")[2]) % 2 == 0 for path in digits.paths]),
        digits.open_labels(),
    )
    assert labels is not None
    return even, labels[even]


def measure(digits: ImageSet, way: Way) -> dict[str, Any]:
    """Group with each seed, then open the labels: mean, minimum, maximum and every value of both
    scores.
    """
    found = Parallel(os.cpu_count() or 1)(delayed(way)(seed) for seed in SEEDS)
    even, labels = open_half(digits)
    scores = [score(groups[even], labels).as_dict() for groups in found]
    return {"seeds": list(SEEDS)} | {
        key: band([one[key] for one in scores]) for key in ("accuracy", "nmi")
    }


def merge(stored: list[dict[str, Any]], made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put the rows that were made in place of their chapter's stored ones, in the order of the
    course.
    """
    new = {row["row"] for row in made}
    order = list(ROWS)
    return sorted(
        [row for row in stored if row["row"] not in new] + made,
        key=lambda row: order.index(row["row"]),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", help=f"which of {', '.join(ROWS)} (default: all)"
    )
    rows = parser.parse_args().rows or list(ROWS)
    if unknown := set(rows) - set(ROWS):
        parser.error(f"{', '.join(sorted(unknown))}: there are {', '.join(ROWS)}")
    digits = load("digits")
    assert digits.n_clusters
    made = []
    for row in rows:
        about = {
            "row": row,
            "command": f"python benchmarks/course.py {row}",
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
        }
        for name, way in ROWS[row](digits, digits.n_clusters).items():
            made.append(about | {"name": name} | measure(digits, way) | {"versions": versions()})
            acc, nmi = made[-1]["accuracy"], made[-1]["nmi"]
            print(
                f"{row:10} {name:24} ACC {acc['mean']:.3f} ({acc['min']:.3f} to "
                f"{acc['max']:.3f})  NMI {nmi['mean']:.3f}"
            )
    path = RESULTS / "course.json"
    stored = json.loads(path.read_text())["rows"] if path.is_file() else []
    content = {
        "command": f"python benchmarks/course.py {' '.join(ROWS)}",
        "source": "digits",
        "assumed": "k known",
        "scored_on": "the digits of even row number",
        "rows": merge(stored, made),
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
