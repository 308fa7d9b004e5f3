"""How accurate is it, and against what? Every figure of README's tables of digits, one command a
table.

    python benchmarks/accuracy.py --source digits --seeds 100-109
    python benchmarks/accuracy.py --source digits --seeds 100-109 --sizes 10:1

The first takes all digits, `class_sizes="auto"`, `"equal"` and `"free"`, and the methods one would
have picked instead (5 seeds each). With `--sizes r:1` the classes' sizes are geometric from 174
down to 174 / r, class order and images drawn by the seed; then k-means and Ward on HOG stand beside
the method. Stored, too, are the class sizes that were taken in the last round and the cuts, CPU
seconds a run, and the difference of `"auto"` to Ward on HOG in pairs, seed by seed. Three settings
of the recipe were last compared on other draws of these digits (README, "Honest limits"), so the
imbalanced figures are not clean. Results go to `results/digits.json`, `digits-2-1.json`,
`digits-3-1.json`, `digits-10-1.json` (`SOURCE...json`).
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from scipy import stats
from sklearn.cluster import AgglomerativeClustering, KMeans, SpectralClustering
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import normalize

from mtlkit import MultiTaskClusterer, load
from mtlkit.data import ImageSet
from mtlkit.deployment.run_folder import versions
from mtlkit.evaluation import score
from mtlkit.multitask.compute import threads
from mtlkit.preprocessing import hog

RESULTS = Path(__file__).parent / "results"
# The largest class is so many times the smallest.
SIZES = {"one": 1, "2:1": 2, "3:1": 3, "10:1": 10}
LARGEST = 174  # images of the largest class, where sizes differ
WAYS = ("auto", "equal", "free")
SCORES = ("accuracy", "balanced_accuracy", "nmi", "ari")
ASSUMED = {"equal": "k known, classes of about one size"}
RIVAL = ("Ward", "HOG")  # to which differences are taken in pairs
Method = Callable[[np.ndarray, int, int], np.ndarray]  # features N x D, k, seed -> N class numbers

CLASSIC: dict[str, Method] = {
    "k-means": lambda x, k, seed: KMeans(k, n_init=10, random_state=seed).fit_predict(x),
    "Ward": lambda x, k, seed: AgglomerativeClustering(k).fit_predict(x),
    "spectral": lambda x, k, seed: SpectralClustering(
        k,
        affinity="nearest_neighbors",
        n_neighbors=10,
        assign_labels="cluster_qr",
        random_state=seed,
    ).fit_predict(x),
    "GMM": lambda x, k, seed: GaussianMixture(
        k, covariance_type="full", reg_covar=1e-3, n_init=3, random_state=seed
    ).fit_predict(PCA(30, random_state=seed).fit_transform(x)),
}

# The inputs of the classic methods; HOG: enlarged to 16 px, 8 orientations, 4 x 4 cells, blocks of
# 2 x 2.
FEATURES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "pixels": lambda images: images.reshape(len(images), -1),
    "HOG": hog,
    "HOG, unit length": lambda images: normalize(hog(images)),
}


def draw(images: ImageSet, sizes: str, seed: int) -> ImageSet:
    """Draw a set whose class sizes fall geometrically. Labels make the set here; training does not
    see them.

    >>> sorted(np.bincount(draw(load("digits"), "10:1", seed=0).open_labels()).tolist())
    [17, 22, 29, 37, 48, 62, 81, 104, 135, 174]
    """
    if sizes == "one":
        return images
    labels = images.open_labels()
    assert labels is not None
    random = np.random.default_rng(seed)
    k = int(labels.max()) + 1
    counts = np.geomspace(LARGEST, round(LARGEST / SIZES[sizes]), k).round().astype(int)
    members = [
        random.choice(np.flatnonzero(labels == c), n, replace=False)
        for c, n in zip(random.permutation(k), counts, strict=True)
    ]
    rows = random.permutation(np.concatenate(members))
    return replace(
        images,
        images=images.images[rows],
        paths=tuple(images.paths[row] for row in rows),
        labels=lambda: labels[rows],
    )


def run(
    images: ImageSet, method: str, variant: str, seed: int, effort: float = 1.0
) -> dict[str, Any]:
    """One training or one classic method on one seed, scored against labels opened afterwards."""
    assert images.n_clusters
    about: dict[str, Any] = {}
    with threads(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a collapse, or no convergence, shows in the score
        started = time.process_time()
        if method == "mtlkit":
            ours = MultiTaskClusterer(
                images.n_clusters, class_sizes=variant, random_state=seed, effort=effort
            )
            found = ours.fit_predict(images.images)
            about = {key: value for key, value in asdict(ours.sizes_[-1]).items() if key != "asked"}
        else:
            found = CLASSIC[method](FEATURES[variant](images.images), images.n_clusters, seed)
        about["cpu_seconds"] = time.process_time() - started
    return about | judge(found, images)


def judge(found: np.ndarray, images: ImageSet) -> dict[str, float]:
    """Open the labels and score."""
    labels = images.open_labels()
    assert labels is not None
    scores = score(found, labels)
    return {key: getattr(scores, key) for key in SCORES}


def band(values: Sequence[float], digits: int = 4) -> dict[str, Any]:
    """Mean, minimum, maximum and every value, as all results are stored.

    >>> band([0.5, 1.0])
    {'mean': 0.75, 'min': 0.5, 'max': 1.0, 'all': [0.5, 1.0]}
    """
    values = [round(float(value), digits) for value in values]
    return {
        "mean": round(float(np.mean(values)), digits),
        "min": min(values),
        "max": max(values),
        "all": values,
    }


def paired(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, Any]:
    """The mean of ours minus theirs over pairs, and its 95 % t-interval (None where one pair cannot
    tell).

    >>> paired([0.9, 0.8, 1.0], [0.7, 0.7, 0.7])
    {'mean': 0.2, 'low': -0.0484, 'high': 0.4484, 'better': 3, 'pairs': 3}
    """
    differences = np.subtract(ours, theirs)
    mean, count = differences.mean(), len(differences)
    low = high = None
    if count > 1:
        reach = stats.t.ppf(0.975, count - 1) * differences.std(ddof=1) / np.sqrt(count)
        low, high = round(float(mean - reach), 4), round(float(mean + reach), 4)
    return {
        "mean": round(float(mean), 4),
        "low": low,
        "high": high,
        "better": int((differences > 0).sum()),
        "pairs": count,
    }


def summary(rows: list[dict[str, Any]], seeds: list[int], **about: Any) -> dict[str, Any]:
    """Mean, minimum and maximum of each score over the seeds, and every value; what was taken, of
    our own runs.
    """
    result = about | {"seeds": seeds} | {key: band([row[key] for row in rows]) for key in SCORES}
    result["cpu_seconds"] = band([row["cpu_seconds"] for row in rows], 2)
    if "taken" in rows[0]:
        result |= {key: [row[key] for row in rows] for key in ("taken", "weight")}
        result |= {key: [round(row[key], 4) for row in rows] for key in ("equal_cut", "free_cut")}
    return result


def compare(table: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Difference of "auto" to `RIVAL` over the seeds of both; None where a row is missing."""
    rows = {(row["method"], row["variant"]): row for row in table}
    if ("mtlkit", "auto") not in rows or RIVAL not in rows:
        return None
    ours, theirs = rows["mtlkit", "auto"], rows[RIVAL]
    seeds = [seed for seed in ours["seeds"] if seed in theirs["seeds"]]

    def of(row: dict[str, Any], key: str) -> list[float]:
        return [row[key]["all"][row["seeds"].index(seed)] for seed in seeds]

    about = {"ours": 'mtlkit, class_sizes="auto"', "theirs": " on ".join(RIVAL), "seeds": seeds}
    return about | {key: paired(of(ours, key), of(theirs, key)) for key in SCORES}


def plan(
    sizes: str, ways: list[str], classic: list[str], seeds: list[int]
) -> list[tuple[str, str, list[int]]]:
    """Return methods, variants and seeds: on all digits five, but all seeds for the default and for
    `RIVAL`.
    """
    variants = FEATURES if sizes == "one" else ["HOG"]
    few = seeds[:5] if sizes == "one" else seeds
    return [("mtlkit", way, seeds if way == "auto" else few) for way in ways] + [
        (method, variant, seeds if (method, variant) == RIVAL else few)
        for method in classic
        for variant in variants
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", default="digits")
    parser.add_argument("--seeds", default="100-109", help="first-last")
    parser.add_argument(
        "--sizes", choices=SIZES, default="one", help="of the classes (default: one, all images)"
    )
    parser.add_argument(
        "--ways", help="class sizes (default: auto,equal,free, and auto,free where sizes differ)"
    )
    parser.add_argument(
        "--classic",
        help="methods to compare with (default: all, and k-means,Ward where sizes differ)",
    )
    parser.add_argument(
        "--effort", type=float, default=1.0, help="below 1 for a quick look, which is not kept"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each")
    options = parser.parse_args()
    first, last = map(int, options.seeds.split("-"))
    one = options.sizes == "one"
    ways = chosen(parser, options.ways or ("auto,equal,free" if one else "auto,free"), WAYS)
    usual = ",".join(CLASSIC) if one else "k-means,Ward"
    classic = chosen(parser, usual if options.classic is None else options.classic, CLASSIC)
    images, table = load(options.source, labels="folders"), []

    def go(method: str, variant: str, seed: int) -> dict[str, Any]:
        return run(draw(images, options.sizes, seed), method, variant, seed, options.effort)

    for method, variant, seeds in plan(options.sizes, ways, classic, list(range(first, last + 1))):
        rows = Parallel(options.jobs)(delayed(go)(method, variant, seed) for seed in seeds)
        row = summary(
            rows, seeds, method=method, variant=variant, assumed=ASSUMED.get(variant, "k known")
        )
        table.append(row)
        acc, bacc = row["accuracy"], row["balanced_accuracy"]
        equal = f"  equal sizes taken in {row['taken'].count('equal')}" if "taken" in row else ""
        print(
            f"{method:10} {variant:18} ACC {acc['mean']:.3f} ({acc['min']:.3f} to "
            f"{acc['max']:.3f})  "
            f"balanced {bacc['mean']:.3f} ({bacc['min']:.3f} to {bacc['max']:.3f})  "
            f"{len(seeds)} seeds  "
            f"{row['cpu_seconds']['mean']:.1f} CPU s{equal}",
            flush=True,
        )
    difference = compare(table)
    print(f"auto minus {' on '.join(RIVAL)}: {json.dumps(difference)}")
    if options.effort != 1:
        return
    call = f"python benchmarks/accuracy.py --source {options.source} --seeds {options.seeds}"
    call += f" --sizes {options.sizes}" * (not one)
    call += "".join(
        f" --{name} {given}"
        for name in ("ways", "classic")
        if (given := getattr(options, name)) is not None
    )
    content = {
        "command": call,
        "source": options.source,
        "sizes": options.sizes,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": versions(),
        "difference": difference,
        "rows": table,
    }
    RESULTS.mkdir(exist_ok=True)
    name = options.source if one else f"{options.source}-{options.sizes}"
    (RESULTS / f"{name.replace(':', '-')}.json").write_text(json.dumps(content, indent=1) + "\n")


def merge(
    stored: list[dict[str, Any]], made: dict[str, Any], known: dict[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """Put a row in place of the stored one that has the same values of the keys in `known`, in
    the order of the values known; rows of others are dropped.
    """
    rows = {tuple(row[key] for key in known): row for row in [*stored, made]}
    return [rows[values] for values in product(*known.values()) if values in rows]


def store_row(name: str, made: dict[str, Any], known: dict[str, Sequence[str]]) -> None:
    """Keep a row in `results/NAME.json`; the others stay as they are stored."""
    path = RESULTS / f"{name}.json"
    stored = json.loads(path.read_text())["rows"] if path.is_file() else []
    content = {
        "command": f"python benchmarks/{name}.py --data-root FOLDER",
        "assumed": "k known",
        "rows": merge(stored, made, known),
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


def chosen(
    parser: argparse.ArgumentParser,
    given: str,
    known: Sequence[str] | dict[str, Any],
    separator: str = ",",
) -> list[str]:
    """Split a list of names; unknown ones end the call."""
    names = [name.strip() for name in given.split(separator) if name.strip()]
    if unknown := [name for name in names if name not in known]:
        parser.error(f"{', '.join(unknown)}: there are {f'{separator} '.join(known)}")
    return names


if __name__ == "__main__":
    main()
