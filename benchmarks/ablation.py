"""What does each task add? From one task to the whole recipe, on digits and on digits made imbalanced.

    python benchmarks/ablation.py --seeds 100-104

Each row trains as long as the recipe does. Rows before "classification" take their classes straight from the label
vectors of the features: `community_vectors` (auto) and, on digits as they are, `balanced_vectors` (equal).
Results go to `results/ablation.json`.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime

import numpy as np
import torch
from accuracy import RESULTS, imbalanced
from joblib import Parallel, delayed

from mtlkit import load
from mtlkit.deployment.runs import versions
from mtlkit.evaluation import score
from mtlkit.multitask import MultiTaskModel, Schedule, SmallCNN, find_classes, fit
from mtlkit.multitask.recipes import BALANCES, features_of
from mtlkit.multitask.tasks import Clustering, Contrast, Regression, Task
from mtlkit.preprocessing import describe

ROWS = ("contrast alone", "regression alone", "contrast + regression", "+ clustering", "+ classification rounds",
        "+ clustering + classification rounds")  # fmt: skip


def run(draw: str, seed: int, row: str) -> dict[str, float]:
    """Train one row of the table on one seed: balanced accuracy by way of making label vectors."""
    torch.set_num_threads(1)
    digits = load("digits")
    data, labels = imbalanced(digits, seed) if draw == "imbalanced" else (digits.images, digits.open_labels())
    images, descriptors, schedule = torch.as_tensor(data), describe(data), Schedule()
    ways = ["auto"] if draw == "imbalanced" else ["auto", "equal"]
    torch.manual_seed(seed)
    encoder = SmallCNN(side=images.shape[-1])
    result = {}
    if "rounds" in row:
        for balance in ways:
            torch.manual_seed(seed)
            found = find_classes(images, descriptors, 10, SmallCNN(side=images.shape[-1]), balance=balance, seed=seed,
                                 clustering="clustering" in row)  # fmt: skip
            result[balance] = score(found.probabilities.argmax(1), labels).balanced_accuracy
        return result
    tasks: dict[str, Task] = {"views": Contrast(), "shape": Regression(descriptors)}
    if row == "contrast alone":
        del tasks["shape"]
    elif row == "regression alone":
        del tasks["views"]
    model = MultiTaskModel(encoder, tasks)
    fit(model, images, epochs=schedule.epochs("features", len(images)), seed=seed)
    if row == "+ clustering":
        model.remove("views")
        model.add("groups", Clustering(features_of(model, images), 50, seed))
        fit(model, images, epochs=schedule.epochs("groups", len(images)), balancing="equal", seed=seed + 1)
    for balance in ways:
        vectors = BALANCES[balance](features_of(model, images), 10, seed)
        result[balance] = score(vectors.argmax(1), labels).balanced_accuracy
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="100-104", help="first-last")
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each")
    options = parser.parse_args()
    first, last = map(int, options.seeds.split("-"))
    seeds, table = list(range(first, last + 1)), []
    for draw in ("digits", "imbalanced"):
        for row in ROWS:
            runs = Parallel(options.jobs)(delayed(run)(draw, seed, row) for seed in seeds)
            for balance in runs[0]:
                values = [round(one[balance], 4) for one in runs]
                table.append({"images": draw, "tasks": row, "label vectors": balance, "mean": round(float(np.mean(values)), 4),
                              "min": min(values), "max": max(values), "all": values})  # fmt: skip
                print(f"{draw:10} {row:38} {balance:5} balanced accuracy {np.mean(values):.3f} "
                      f"({min(values):.3f} to {max(values):.3f})", flush=True)  # fmt: skip
    content = {"command": f"python benchmarks/ablation.py --seeds {options.seeds}", "seeds": seeds, "assumed": "k known",
               "date": f"{datetime.now(UTC):%Y-%m-%d}", "versions": versions(), "rows": table}  # fmt: skip
    (RESULTS / "ablation.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
