"""How accurate is it, and against what? Every figure of the README's table, made by one command.

    python benchmarks/accuracy.py --source digits --seeds 100-109
    python benchmarks/accuracy.py --source digits --seeds 100-109 --imbalanced

The first runs `class_sizes="auto"`, `"equal"` and `"free"`, and the methods one would have picked instead (5 seeds each); the
second makes the classes' sizes geometric from 174 down to 17 (class order and images drawn by the seed). No recipe was
chosen on these labels: it was developed on images and labels of MNIST's training part. Results go to `results/`, as JSON.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.cluster import AgglomerativeClustering, KMeans, SpectralClustering
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import normalize

from mtlkit import MultiTaskClusterer, load
from mtlkit.data import ImageSet
from mtlkit.deployment.runs import versions
from mtlkit.evaluation import score
from mtlkit.preprocessing import hog

RESULTS = Path(__file__).parent / "results"
ASSUMED = {"auto": "k known", "equal": "k known, classes of about one size", "free": "k known"}
Method = Callable[[np.ndarray, int, int], np.ndarray]  # features N x D, k, seed -> N class numbers

CLASSIC: dict[str, Method] = {
    "k-means": lambda x, k, seed: KMeans(k, n_init=10, random_state=seed).fit_predict(x),
    "Ward": lambda x, k, seed: AgglomerativeClustering(k).fit_predict(x),
    "spectral": lambda x, k, seed: SpectralClustering(
        k, affinity="nearest_neighbors", n_neighbors=10, assign_labels="cluster_qr", random_state=seed).fit_predict(x),
    "GMM": lambda x, k, seed: GaussianMixture(k, covariance_type="full", reg_covar=1e-3, n_init=3, random_state=seed)
        .fit_predict(PCA(30, random_state=seed).fit_transform(x)),
}  # fmt: skip


def features(images: np.ndarray) -> dict[str, np.ndarray]:
    """The inputs of the classic methods; HOG: enlarged to 16 px, 8 orientations, 4 x 4 cells, blocks of 2 x 2."""
    described = hog(images)
    return {"pixels": images.reshape(len(images), -1), "HOG": described, "HOG, unit length": normalize(described)}


def imbalanced(images: ImageSet, seed: int, largest: int = 174, smallest: int = 17) -> tuple[np.ndarray, np.ndarray]:
    """Draw a set whose class sizes fall geometrically. Labels make the set here; training does not see them."""
    labels = images.open_labels()
    assert labels is not None
    random = np.random.default_rng(seed)
    k = int(labels.max()) + 1
    sizes = np.geomspace(largest, smallest, k).round().astype(int)
    rows = [
        random.choice(np.flatnonzero(labels == c), n, replace=False)
        for c, n in zip(random.permutation(k), sizes, strict=True)
    ]
    order = random.permutation(np.concatenate(rows))
    return images.images[order], labels[order]


def run(images: ImageSet, draw: bool, seed: int, method: str, variant: str) -> dict[str, float]:
    """One training or one classic method on one seed, scored against labels opened afterwards."""
    data, labels = imbalanced(images, seed) if draw else (images.images, images.open_labels())
    assert labels is not None and images.n_clusters
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a collapse, or no convergence, shows in the score
        if method == "mtlkit":
            found = MultiTaskClusterer(images.n_clusters, class_sizes=variant, random_state=seed).fit_predict(data)
        else:
            found = CLASSIC[method](features(data)[variant], images.n_clusters, seed)
    return {key: value for key, value in score(found, labels).as_dict().items() if isinstance(value, float)}


def band(values: list[float]) -> dict[str, Any]:
    """Mean, minimum, maximum and every value, as all results are stored.

    >>> band([0.5, 1.0])
    {'mean': 0.75, 'min': 0.5, 'max': 1.0, 'all': [0.5, 1.0]}
    """
    values = [round(float(value), 4) for value in values]
    return {"mean": round(float(np.mean(values)), 4), "min": min(values), "max": max(values), "all": values}


def summary(rows: list[dict[str, float]], seeds: list[int], **about: Any) -> dict[str, Any]:
    """Mean, minimum and maximum of each score over the seeds, and every value."""
    values = {key: [row[key] for row in rows] for key in ("accuracy", "balanced_accuracy", "nmi", "ari")}
    return about | {"seeds": seeds} | {key: band(some) for key, some in values.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", default="digits")
    parser.add_argument("--seeds", default="100-109", help="first-last")
    parser.add_argument("--imbalanced", action="store_true", help="class sizes geometric from 174 down to 17")
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each")
    options = parser.parse_args()
    first, last = map(int, options.seeds.split("-"))
    seeds = list(range(first, last + 1))
    images = load(options.source)
    plan = [("mtlkit", class_sizes, seeds) for class_sizes in ("auto", "equal", "free")]
    if options.imbalanced:
        plan += [("k-means", "HOG", seeds), ("k-means", "HOG, unit length", seeds)]
    else:
        plan += [(m, f, seeds[:5]) for m in CLASSIC for f in ("pixels", "HOG", "HOG, unit length")]
    table = []
    for method, variant, used in plan:
        rows = Parallel(options.jobs)(delayed(run)(images, options.imbalanced, s, method, variant) for s in used)
        table.append(summary(rows, used, method=method, variant=variant, assumed=ASSUMED.get(variant, "k known")))
        acc, bacc = table[-1]["accuracy"], table[-1]["balanced_accuracy"]
        print(f"{method:10} {variant:18} ACC {acc['mean']:.3f} ({acc['min']:.3f} to {acc['max']:.3f})  "
              f"balanced {bacc['mean']:.3f} ({bacc['min']:.3f} to {bacc['max']:.3f})  {len(used)} seeds", flush=True)  # fmt: skip
    name = f"{options.source.replace(':', '-')}{'-imbalanced' * options.imbalanced}"
    content = {"command": f"python benchmarks/accuracy.py --source {options.source} --seeds {options.seeds}"
               + " --imbalanced" * options.imbalanced, "source": options.source, "date": f"{datetime.now(UTC):%Y-%m-%d}",
               "versions": versions(), "rows": table}  # fmt: skip
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
