"""What does each part add? From the descriptors and single tasks to the whole recipe, on digits and
on digits made imbalanced.

    python benchmarks/ablation.py --seeds 100-104

Run `accuracy.py` first, as it is and with `--sizes 10:1`: the last row, the whole recipe, is taken
from its results on the same seeds. The rows before it train as long as the recipe's first stage
does, and take their classes straight from label vectors, made as the recipe makes them
(`sized_vectors`): of the features with the descriptors beside them. "+ clustering" and "+ mutual
information" go on from "contrast + regression" with a head of 50 groups each. "network alone" looks
at what contrast and regression have learnt without the descriptors, and "descriptors alone" needs
no network. Results go to `results/ablation.json`; a quick look (`--effort 0.02`) prints them only.
"""

from __future__ import annotations

import argparse
import copy
import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch
from accuracy import RESULTS, band, draw
from joblib import Parallel, delayed

from mtlkit import load
from mtlkit.deployment.run_folder import versions
from mtlkit.evaluation import score
from mtlkit.multitask import MultiTaskModel, Schedule, SmallCNN, fit
from mtlkit.multitask.compute import threads
from mtlkit.multitask.stages import features_of
from mtlkit.multitask.tasks import Clustering, Contrast, MutualInformation, Regression, Task
from mtlkit.preprocessing import describe
from mtlkit.preprocessing.class_sizes import sized_vectors

# Images -> class sizes; "10:1" is what `accuracy.draw` makes of digits.
WAYS = {"digits": ("auto", "equal", "free"), "10:1": ("auto", "free")}


def run(name: str, seed: int, effort: float = 1.0) -> dict[tuple[str, str], float]:
    """Train the rows of one seed: (row, class sizes) -> balanced accuracy."""
    data = draw(load("digits"), "one" if name == "digits" else name, seed)
    labels = data.open_labels()
    assert labels is not None
    images, descriptors, schedule = (
        torch.as_tensor(data.images),
        describe(data.images),
        Schedule(effort=effort),
    )
    batch_size = schedule.batch(len(images))
    result: dict[tuple[str, str], float] = {}

    def judge(row: str, network: np.ndarray, beside: np.ndarray) -> None:
        for class_sizes in WAYS[name]:
            vectors, _ = sized_vectors(network, beside, 10, seed, class_sizes)
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
            epochs = schedule.epochs("features", len(images))
            fit(model, images, epochs=epochs, batch_size=batch_size, seed=seed)
            judge(row, features_of(model, images), descriptors)
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
                further,
                images,
                epochs=epochs,
                batch_size=batch_size,
                weighting="equal",
                seed=seed + 1,
            )
            judge(row, features_of(further, images), descriptors)
        judge(
            "network alone (contrast + regression)",
            features_of(model, images),
            np.zeros((len(images), 1)),
        )
        judge("descriptors alone", descriptors, descriptors)
    return result


def whole_recipe(name: str, class_sizes: str, seeds: list[int]) -> list[float] | None:
    """Return the balanced accuracies of the whole recipe from `accuracy.py`'s results; None where
    it has no such row.
    """
    file = "digits.json" if name == "digits" else f"digits-{name.replace(':', '-')}.json"
    stored: dict[str, Any] = json.loads((RESULTS / file).read_text())
    for row in stored["rows"]:
        if (row["method"], row["variant"]) == ("mtlkit", class_sizes) and set(seeds) <= set(
            row["seeds"]
        ):
            return [row["balanced_accuracy"]["all"][row["seeds"].index(seed)] for seed in seeds]
    return None


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", default="100-104", help="first-last")
    parser.add_argument(
        "--effort", type=float, default=1.0, help="scales the training; below 1 for a quick look"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each")
    options = parser.parse_args()
    first, last = map(int, options.seeds.split("-"))
    seeds, table = list(range(first, last + 1)), []
    for name, ways in WAYS.items():
        whole = {way: whole_recipe(name, way, seeds) for way in ways} if options.effort == 1 else {}
        runs = Parallel(options.jobs)(delayed(run)(name, seed, options.effort) for seed in seeds)
        found = {key: [one[key] for one in runs] for key in runs[0]}
        for way, values in whole.items():
            if values:
                found["classification rounds (contrast + regression first)", way] = values
        for (row, class_sizes), values in found.items():
            table.append(
                {"images": name, "tasks": row, "label vectors": class_sizes} | band(values)
            )
            print(
                f"{name:10} {row:52} {class_sizes:5} {np.mean(values):.3f} "
                f"({min(values):.3f} to {max(values):.3f})",
                flush=True,
            )
    if options.effort != 1:
        return
    content = {
        "command": f"python benchmarks/ablation.py --seeds {options.seeds}",
        "seeds": seeds,
        "assumed": "k known",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": versions(),
        "rows": table,
    }
    (RESULTS / "ablation.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
