"""Can the best of several runs be told without labels? How often each score finds it, and how often
it avoids the worst.

    python benchmarks/selection.py

Five runs at a time, equal but for their seed: digits with `class_sizes="free"` and `"equal"`, and
sets of digits made imbalanced, ten to one. Labels judge the scores; no score sees them. A score
picked by luck finds the best run once in five times and avoids the worst four times in five.
Results go to `results/selection.json`.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime

import numpy as np
from accuracy import RESULTS, draw
from joblib import Parallel, delayed
from scipy.stats import spearmanr

from mtlkit import MultiTaskClusterer, load
from mtlkit.deployment.run_folder import versions
from mtlkit.evaluation import score
from mtlkit.multitask.selection import label_free_scores
from mtlkit.preprocessing import hog

RUNS = 5  # that are chosen between
KINDS = {
    "digits, free": ("free", "one"),
    "digits, equal": ("equal", "one"),
    "imbalanced digits, free": ("free", "10:1"),
}


def probabilities(images: np.ndarray, class_sizes: str, seed: int, effort: float) -> np.ndarray:
    return (
        MultiTaskClusterer(10, class_sizes=class_sizes, random_state=seed, effort=effort)
        .fit(images)
        .probabilities_
    )


def group(kind: str, number: int, effort: float, jobs: int) -> dict[str, list[float]]:
    """Train five runs; return their true score and the scores without labels."""
    class_sizes, sizes = KINDS[kind]
    images = draw(load("digits"), sizes, seed=100 + number)
    labels = images.open_labels()
    assert labels is not None
    seeds = 200 + RUNS * number + np.arange(RUNS)
    runs = Parallel(jobs)(
        delayed(probabilities)(images.images, class_sizes, int(seed), effort) for seed in seeds
    )
    truth = [score(run.argmax(axis=1), labels).balanced_accuracy for run in runs]
    return {"truth": truth} | {
        name: values.tolist()
        for name, values in label_free_scores(hog(images.images), runs).items()
    }


def judge(groups: list[dict[str, list[float]]], name: str) -> dict[str, float | str]:
    """Over all groups: how often the pick is the best run, how often not the worst, and what it
    gains over a blind pick.
    """
    best, not_worst, gain, left, order = [], [], [], [], []
    for one in groups:
        truth, values = np.array(one["truth"]), np.array(one[name])
        pick = truth[values.argmax()]
        best.append(pick == truth.max())
        not_worst.append(pick > truth.min())
        gain.append(pick - truth.mean())
        left.append(truth.max() - pick)
        order.append(spearmanr(truth, values).statistic)
    return {
        "score": name,
        "finds the best": float(np.mean(best)),
        "avoids the worst": float(np.mean(not_worst)),
        "gain": round(float(np.mean(gain)), 4),
        "left": round(float(np.mean(left)), 4),
        "rank correlation": round(float(np.nanmean(order)), 3),
        "groups": len(groups),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--groups", type=int, default=4, help="groups of five runs, of each kind")
    parser.add_argument("--effort", type=float, default=1.0)
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each")
    options = parser.parse_args()
    rows, every = [], {}
    for kind in KINDS:
        groups = [
            group(kind, number, options.effort, options.jobs) for number in range(options.groups)
        ]
        every[kind] = groups
        for name in [name for name in groups[0] if name != "truth"]:
            row = {"images": kind} | judge(groups, name)
            rows.append(row)
            print(
                f"{kind:24} {name:14} best {row['finds the best']:.2f}  not worst "
                f"{row['avoids the worst']:.2f}  "
                f"gain {row['gain']:+.3f}  left {row['left']:.3f}",
                flush=True,
            )
        content = {
            "command": f"python benchmarks/selection.py --groups {options.groups}",
            "assumed": "k known",
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "versions": versions(),
            "rows": rows,
            "groups": every,
        }
        if options.effort == 1:
            (RESULTS / "selection.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
