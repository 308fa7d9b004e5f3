"""No regrets: is the method, as it comes, ever worse than a simple one? On digits, photographs,
cells, signs and MNIST.

    python benchmarks/regrets.py --data-root FOLDER --seeds 100-102

Ours is `MultiTaskClusterer(k, random_state=seed)`, which is what `mtlkit fit` does. Beside it stand
k-means and Ward on HOG and, for colour images, on HOG and colour; Ward on no more than 5,000
images. Labels are opened after training. FOLDER holds `bccd/`, `gtsrb/` and `MNIST/`, as they are
fetched. The digits have been looked at in choosing (README, "Honest limits"). A set's regret is the
best simple method's mean score minus ours: of balanced accuracy, and of NMI where there are 43
classes. Results go to `results/regrets.json` as soon as a set is done; sets that are not asked for
stay as they are stored.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accuracy import CLASSIC, SCORES, band, chosen, draw, judge, run, store_row
from folder import REPORTED, write_folder
from joblib import Parallel, delayed
from real import cells, image_set, read, signs
from torch.nn.functional import interpolate

from mtlkit import load
from mtlkit.data import ImageSet
from mtlkit.deployment.run_folder import versions
from mtlkit.multitask.compute import threads
from mtlkit.preprocessing import describe, hog

OURS, MOST_FOR_WARD = "mtlkit", 5_000
FEATURES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "HOG": hog,
    "HOG and colour": lambda images: describe(images, ["hog", "colour"]),
}


def photos(root: Path, seed: int) -> ImageSet:
    """The mixed folder of `folder.py`, read as a user's folder is."""
    with tempfile.TemporaryDirectory() as name:
        write_folder(root, Path(name), REPORTED, development=False, seed=seed)
        # The number that a user would give.
        return replace(load(Path(name), labels="folders"), n_clusters=1 + len(REPORTED))


def sign_set(root: Path) -> ImageSet:
    files, kinds = signs(root, 1)
    return image_set("signs", map(read, files), kinds)


def small_mnist(root: Path, sizes: str, seed: int) -> ImageSet:
    """MNIST's test part as digits are: 8 px, without its black margin. Nothing of the recipe was
    chosen by it.
    """
    mnist = load("mnist:test", data_root=root)
    strokes = torch.as_tensor(mnist.images[:, :, 4:24, 4:24])
    return draw(
        replace(mnist, images=interpolate(strokes, (8, 8), mode="area").numpy()), sizes, seed
    )


SETS: dict[
    str, Callable[[Path, int], ImageSet]
] = {  # name -> data root, seed -> images, their labels kept apart
    "digits": lambda root, seed: load("digits"),
    "digits 3:1": lambda root, seed: draw(load("digits"), "3:1", seed),
    "digits 10:1": lambda root, seed: draw(load("digits"), "10:1", seed),
    "mixed folder": photos,
    "blood cells": lambda root, seed: image_set("cells", *cells(root, "test")),
    "traffic signs": lambda root, seed: sign_set(root),
    "MNIST 8 px, 3:1": lambda root, seed: small_mnist(root, "3:1", seed),
    "MNIST 8 px, 10:1": lambda root, seed: small_mnist(root, "10:1", seed),
    "MNIST": lambda root, seed: load("mnist:test", data_root=root).first(2_000),
}
JUDGED_BY = {"traffic signs": "nmi"}  # else by balanced accuracy


def simple(images: ImageSet, method: str, features: str, seed: int) -> dict[str, Any]:
    """Group by a simple method; the CPU time is with that of describing."""
    assert images.n_clusters
    with threads(1):
        started = time.process_time()
        found = CLASSIC[method](FEATURES[features](images.images), images.n_clusters, seed)
        seconds = time.process_time() - started
    return {"cpu_seconds": seconds} | judge(found, images)


def measure(name: str, root: Path, seed: int, effort: float) -> dict[str, Any]:
    """Run all methods on one set with one seed: what the set is, and scores by method."""
    images = SETS[name](root, seed)
    colour = images.images.shape[1] == 3
    methods = {OURS: run(images, OURS, "auto", seed, effort)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two equal images among the centres show in the score
        for features in list(FEATURES)[: 1 + colour]:
            for method in ("k-means", "Ward"):
                if method != "Ward" or len(images) <= MOST_FOR_WARD:
                    methods[f"{method} on {features}"] = simple(images, method, features, seed)
    return {
        "images": len(images),
        "classes": images.n_clusters,
        "side": images.images.shape[-1],
        "methods": methods,
    }


def row_of(name: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Bring the runs of one set together: bands of every method, and what is regretted."""
    judged_by, found = JUDGED_BY.get(name, "balanced_accuracy"), {}
    for method in runs[0]["methods"]:
        rows = [one["methods"][method] for one in runs]
        found[method] = {key: band([row[key] for row in rows]) for key in SCORES}
        found[method]["cpu_seconds"] = band([row["cpu_seconds"] for row in rows], 2)
        if method == OURS:
            found[method]["taken"] = [row["taken"] for row in rows]
    best = max(
        (method for method in found if method != OURS),
        key=lambda method: found[method][judged_by]["mean"],
    )
    each = [one["methods"][best][judged_by] - one["methods"][OURS][judged_by] for one in runs]
    about = {key: runs[0][key] for key in ("images", "classes", "side")}
    return (
        {"set": name}
        | about
        | {
            "judged_by": judged_by,
            "best_simple": best,
            "regret": band(each)["mean"],
            "regrets": band(each)["all"],
            "methods": found,
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data-root", type=Path, required=True, help="folder of bccd/, gtsrb/ and MNIST/"
    )
    parser.add_argument(
        "--sets", default=";".join(SETS), help="names with semicolons (default: all)"
    )
    parser.add_argument("--seeds", default="100-102", help="first-last")
    parser.add_argument(
        "--effort", type=float, default=1.0, help="below 1 for a quick look, which is not kept"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each")
    options = parser.parse_args()
    if absent := [
        name for name in ("bccd", "gtsrb", "MNIST") if not (options.data_root / name).is_dir()
    ]:
        parser.error(f"--data-root {options.data_root}: holds no {' and no '.join(absent)}")
    first, last = map(int, options.seeds.split("-"))
    seeds, names = list(range(first, last + 1)), chosen(parser, options.sets, SETS, ";")
    work = [(name, options.data_root, seed, options.effort) for name in names for seed in seeds]
    done = Parallel(options.jobs, return_as="generator", pre_dispatch=options.jobs)(
        delayed(measure)(*one) for one in work
    )
    for name in names:
        row = row_of(name, [next(done) for _ in seeds])
        for method, bands in row["methods"].items():
            means = "  ".join(f"{key} {bands[key]['mean']:.3f}" for key in (*SCORES, "cpu_seconds"))
            print(f"{name:14} {method:26} {means}", flush=True)
        print(
            f"{name:14} regret {row['regret']:+.3f} ({row['judged_by']}, {row['best_simple']})",
            flush=True,
        )
        if options.effort == 1:
            call = (
                f'python benchmarks/regrets.py --data-root FOLDER --sets "{name}" '
                f"--seeds {options.seeds}"
            )
            store_row(
                "regrets",
                row
                | {
                    "seeds": seeds,
                    "command": call,
                    "date": f"{datetime.now(UTC):%Y-%m-%d}",
                    "versions": versions(),
                },
                {"set": list(SETS)},
            )


if __name__ == "__main__":
    main()
