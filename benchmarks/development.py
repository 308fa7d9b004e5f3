"""How the label vectors of `class_sizes="free"` were chosen: on MNIST's training part, whose labels may be used for that.

    python benchmarks/development.py --mnist FOLDER

FOLDER holds `train-images-idx3-ubyte` and `train-labels-idx1-ubyte` (or the same with `.gz`). From the first 10,000 images,
brought to 8 x 8 like digits, sets are drawn: all classes of one size or falling from 174 to 17; any images of a class, or
clumps of images that look alike, as if 13 people had written the set. The first stage is trained on each without labels. Then
label vectors are made from each space of the features and with each way of merging. Results go to `results/development.json`.
"""

from __future__ import annotations

import argparse
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from accuracy import RESULTS, band
from joblib import Parallel, delayed
from sklearn.preprocessing import normalize
from torch.nn.functional import interpolate

from mtlkit.deployment.runs import versions
from mtlkit.evaluation import score
from mtlkit.multitask import MultiTaskModel, Schedule, SmallCNN, fit
from mtlkit.multitask.recipes import features_of
from mtlkit.multitask.tasks import Contrast, Regression
from mtlkit.multitask.training import threads
from mtlkit.preprocessing import describe
from mtlkit.preprocessing.communities import community_vectors

IMAGES, PEOPLE = 10_000, 13
DRAWS = {  # name -> (clumped, sizes of the classes)
    "one size": (False, np.full(10, 174)),
    "falling sizes": (False, np.geomspace(174, 17, 10).round().astype(int)),
    "one size, clumped": (True, np.full(10, 174)),
    "falling sizes, clumped": (True, np.geomspace(174, 17, 10).round().astype(int)),
}
WAYS: dict[str, tuple[str, tuple[str, ...]]] = {  # name -> (features, links)
    "shared features, all links": ("shared", ("cosine", "mean", "average")),
    "contrast space, all links": ("contrast", ("cosine", "mean", "average")),
    "both, links of the graph": ("both", ("cosine", "mean")),
    "both, links of the likeness": ("both", ("average",)),
    "both, all links (the recipe)": ("both", ("cosine", "mean", "average")),
}


def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the development images (N x 20 x 20, without MNIST's black margin) and labels."""

    def bytes_of(name: str) -> bytes:
        path = folder / name
        return path.read_bytes() if path.exists() else gzip.decompress(Path(f"{path}.gz").read_bytes())

    images = np.frombuffer(bytes_of("train-images-idx3-ubyte"), np.uint8, offset=16).reshape(-1, 28, 28)
    labels = np.frombuffer(bytes_of("train-labels-idx1-ubyte"), np.uint8, offset=8)
    return images[:IMAGES, 4:24, 4:24].astype(np.float32) / 255, labels[:IMAGES].astype(int)


def draw(images: np.ndarray, labels: np.ndarray, name: str, seed: int) -> np.ndarray:
    """Return the rows of one set, its classes in random order of size."""
    random, (clumped, sizes) = np.random.default_rng(seed), DRAWS[name]
    rows = []
    for one, size in zip(random.permutation(10), sizes, strict=True):
        members = np.flatnonzero(labels == one)
        if clumped:  # each person writes images that are near one of them
            looks = normalize(images[members].reshape(len(members), -1))
            left = np.ones(len(members), bool)
            for _ in range(PEOPLE):
                likeness = np.where(left, looks @ looks[random.choice(np.flatnonzero(left))], -1)
                left[np.argsort(-likeness)[: -(-sizes.max() // PEOPLE)]] = False
            members = members[~left]
        rows.append(random.choice(members, size, replace=False))
    return random.permutation(np.concatenate(rows))


def run(images: np.ndarray, labels: np.ndarray, name: str, seed: int) -> dict[str, float]:
    """Train the first stage on one set; return each way's balanced accuracy."""
    rows = draw(images, labels, name, seed)
    small = interpolate(torch.as_tensor(images[rows][:, None]), (8, 8), mode="area")
    schedule = Schedule()
    with threads(1):
        torch.manual_seed(seed)
        tasks = {"views": Contrast(), "shape": Regression(describe(small.numpy()))}
        model = MultiTaskModel(SmallCNN(), tasks)
        epochs = schedule.epochs("features", len(rows))
        fit(model, small, epochs=epochs, batch_size=schedule.batch(len(rows)), seed=seed)
        both = features_of(model, small)
    width = model.features(small[:1]).shape[1]
    spaces = {"shared": both[:, :width], "contrast": both[:, width:], "both": both}
    return {
        way: score(community_vectors(spaces[space], 10, seed, links=links).argmax(1), labels[rows]).balanced_accuracy
        for way, (space, links) in WAYS.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", type=Path, required=True, help="folder of MNIST's files")
    parser.add_argument("--sets", type=int, default=6, help="sets of each kind")
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each")
    options = parser.parse_args()
    if not list(options.mnist.glob("train-images-idx3-ubyte*")):
        parser.error(f"--mnist {options.mnist}: holds no train-images-idx3-ubyte, nor the same with .gz")
    images, labels = read(options.mnist)
    table = []
    for name in DRAWS:
        runs = Parallel(options.jobs)(delayed(run)(images, labels, name, seed) for seed in range(options.sets))
        for way in WAYS:
            values = [one[way] for one in runs]
            table.append({"images": name, "way": way} | band(values))
            print(f"{name:24} {way:30} {np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})", flush=True)
    content = {"command": f"python benchmarks/development.py --mnist FOLDER --sets {options.sets}", "assumed": "k known",
               "date": f"{datetime.now(UTC):%Y-%m-%d}", "versions": versions(), "rows": table}  # fmt: skip
    (RESULTS / "development.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
