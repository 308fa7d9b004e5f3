"""What does each task add? From one task to the whole recipe, on digits and on digits made imbalanced.

    python benchmarks/ablation.py --seeds 100-104

Run `accuracy.py` first, as it is and with `--imbalanced`: the last row, the whole recipe, is taken from its results on the same
seeds. The rows before it train as long as the recipe's first stage does, and take their classes straight from the label vectors
of the features: `community_vectors` (free) and, on digits as they are, `equal_size_vectors` (equal). "+ clustering" and
"+ mutual information" go on from "contrast + regression" with a head of 50 groups each. Results go to `results/ablation.json`;
a quick look (`--effort 0.02`) prints them only.
"""

from __future__ import annotations

import argparse
import copy
import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch
from accuracy import RESULTS, band, imbalanced
from joblib import Parallel, delayed

from mtlkit import load
from mtlkit.deployment.runs import versions
from mtlkit.evaluation import score
from mtlkit.multitask import MultiTaskModel, Schedule, SmallCNN, fit
from mtlkit.multitask.recipes import features_of
from mtlkit.multitask.tasks import Clustering, Contrast, MutualInformation, Regression, Task
from mtlkit.multitask.training import threads
from mtlkit.preprocessing import describe
from mtlkit.preprocessing.communities import community_vectors
from mtlkit.preprocessing.label_vectors import equal_size_vectors, smooth

WAYS = {"digits": ("free", "equal"), "imbalanced": ("free",)}  # images -> ways to make label vectors


def run(draw: str, seed: int, effort: float = 1.0) -> dict[tuple[str, str], float]:
    """Train the rows of one seed: (row, label vectors) -> balanced accuracy."""
    digits = load("digits")
    data, labels = imbalanced(digits, seed) if draw == "imbalanced" else (digits.images, digits.open_labels())
    assert labels is not None
    images, descriptors, schedule = torch.as_tensor(data), describe(data), Schedule(effort=effort)
    result: dict[tuple[str, str], float] = {}

    def judge(row: str, model: MultiTaskModel) -> None:
        for class_sizes in WAYS[draw]:
            features = features_of(model, images)
            equal = class_sizes == "equal"
            vectors = (
                smooth(equal_size_vectors(features, 10, seed), features)
                if equal
                else community_vectors(features, 10, seed)
            )
            result[row, class_sizes] = score(vectors.argmax(1), labels).balanced_accuracy

    views, shape = Contrast(), Regression(descriptors)
    rows: dict[str, dict[str, Task]] = {
        "contrast alone": {"views": views},
        "regression alone": {"shape": shape},
        "contrast + regression": {"views": views, "shape": shape},
    }
    with threads(1):
        for row, tasks in rows.items():
            torch.manual_seed(seed)
            model = MultiTaskModel(SmallCNN(side=images.shape[-1]), tasks)
            fit(
                model,
                images,
                epochs=schedule.epochs("features", len(images)),
                batch_size=schedule.batch(len(images)),
                seed=seed,
            )
            judge(row, model)
        epochs = schedule.epochs("groups", len(images))
        groups: dict[str, Task] = {
            "+ clustering": Clustering(features_of(model, images), 50, seed),
            "+ mutual information": MutualInformation(50),
        }
        for row, task in groups.items():
            further = copy.deepcopy(model)
            further.add("groups", task)
            further.remove("views")
            fit(
                further, images, epochs=epochs, batch_size=schedule.batch(len(images)), weighting="equal", seed=seed + 1
            )
            judge(row, further)
    return result


def whole_recipe(draw: str, class_sizes: str, seeds: list[int]) -> list[float]:
    """Return the balanced accuracies of the whole recipe from `accuracy.py`'s results."""
    name = "digits-imbalanced" if draw == "imbalanced" else "digits"
    stored: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    (row,) = (r for r in stored["rows"] if r["method"] == "mtlkit" and r["variant"] == class_sizes)
    return [row["balanced_accuracy"]["all"][row["seeds"].index(seed)] for seed in seeds]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="100-104", help="first-last")
    parser.add_argument("--effort", type=float, default=1.0, help="scales the training; below 1 for a quick look")
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each")
    options = parser.parse_args()
    first, last = map(int, options.seeds.split("-"))
    seeds, table = list(range(first, last + 1)), []
    for draw, ways in WAYS.items():
        runs = Parallel(options.jobs)(delayed(run)(draw, seed, options.effort) for seed in seeds)
        found = {key: [one[key] for one in runs] for key in runs[0]}
        if options.effort == 1:
            for way in ways:
                found["classification rounds (contrast + regression first)", way] = whole_recipe(draw, way, seeds)
        for (row, class_sizes), values in found.items():
            table.append({"images": draw, "tasks": row, "label vectors": class_sizes} | band(values))
            print(
                f"{draw:10} {row:52} {class_sizes:5} {np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})",
                flush=True,
            )
    if options.effort != 1:
        return
    content = {"command": f"python benchmarks/ablation.py --seeds {options.seeds}", "seeds": seeds, "assumed": "k known",
               "date": f"{datetime.now(UTC):%Y-%m-%d}", "versions": versions(), "rows": table}  # fmt: skip
    (RESULTS / "ablation.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
