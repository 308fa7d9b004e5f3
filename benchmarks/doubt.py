"""Does doubt mean something? Whether confidence ranks mistakes and is as large as it says, and
whether foreign images are told from those that belong.

    python benchmarks/doubt.py --data-root FOLDER --seeds 100-104

FOLDER holds `bccd/`, `gtsrb/` and `MNIST/`, as they are fetched. Each set is sorted by
`MultiTaskClusterer`, digits with free sizes and as they come, cells by the recipe for stained
cells; labels are opened afterwards. Beside confidence stand the softmax of the network, and its
mean over changed views, which takes eight more passes for every new image. AUROC says how well each
tells right from wrong; the expected calibration error is the mean gap between confidence and the
share that is right, in ten groups of like confidence. Novelty is beside 1 - confidence, on foreign
images: 5 % of as many as the set has. Settings were chosen on MNIST's train part, BCCD's train
photos and GTSRB's even tracks. Results go to `results/doubt.json` as soon as a set is done; sets
that are not asked for stay as they are stored.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accuracy import RESULTS, band, chosen
from joblib import Parallel, delayed
from medical import RECIPES
from regrets import photos
from skimage import data
from sklearn.metrics import roc_auc_score

from mtlkit import MultiTaskClusterer, load
from mtlkit.data import ImageSet
from mtlkit.deployment.run_folder import versions
from mtlkit.evaluation import match
from mtlkit.inputs import InputSpec
from mtlkit.multitask import confidence

BUDGET = 60  # images that a person looks at
SHARE = 0.05  # of foreign images
Set = tuple[ImageSet, ImageSet | None, MultiTaskClusterer]  # to train on, never seen, how


def digits(sizes: str, root: Path, seed: int) -> Set:
    how = MultiTaskClusterer(10, class_sizes=sizes, random_state=seed)
    return load("digits"), None, how


def cells(root: Path, seed: int) -> Set:
    train, test = (load(f"bccd:crops:{part}", size=32, data_root=root) for part in ("val", "test"))
    return train, test, MultiTaskClusterer(3, recipe=RECIPES["stained cells"], random_state=seed)


def folder(root: Path, seed: int) -> Set:
    return photos(root, seed), None, MultiTaskClusterer(3, random_state=seed)


def mnist(root: Path, seed: int) -> Set:
    test = load("mnist:test", data_root=root)
    return (
        load("mnist", data_root=root).first(10_000),
        test,
        MultiTaskClusterer(10, effort=1 / 3, random_state=seed),
    )


SETS: dict[str, Callable[[Path, int], Set]] = {
    "digits": lambda root, seed: digits("auto", root, seed),
    "digits, free sizes": lambda root, seed: digits("free", root, seed),
    "mixed folder": folder,
    "blood cells": cells,
    "MNIST, 10,000": mnist,
}


def foreign(inputs: InputSpec) -> dict[str, np.ndarray]:
    """Return images that do not belong, as a network takes them: digits only where cells do."""
    slide = data.immunohistochemistry().transpose(2, 0, 1) / np.float32(255)
    astronaut = data.astronaut().transpose(2, 0, 1) / np.float32(255)
    blank = np.ones((1, 3, 8, 8), np.float32)
    sources = {
        "another stain": load("slide").images,
        "blank white": blank,
        "a face": astronaut[None, :, :250, 100:350],
        "a photograph": astronaut[None],
        "a slide": slide[None],
    }
    if inputs.channels == 3:  # grey sets are digits themselves
        sources["digits"] = load("digits").images
    return {name: inputs.bring(images) for name, images in sources.items()}


def calibration_error(sure: np.ndarray, right: np.ndarray) -> float:
    """The mean gap between confidence and accuracy, in ten groups of as many images each."""
    parts = np.array_split(np.argsort(sure, kind="stable"), 10)
    gaps = [abs(sure[part].mean() - right[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / len(sure))


def doubts(way: str, sure: np.ndarray, right: np.ndarray) -> dict[str, float]:
    """How well a confidence ranks mistakes, how large its error is, and what a look finds."""
    found = float((~right[np.argsort(sure, kind="stable")[:BUDGET]]).sum())
    by_chance = BUDGET * float((~right).mean())
    mistakes = 0 < right.sum() < len(right)
    return {
        f"{way}: AUROC": float(roc_auc_score(right, sure)) if mistakes else np.nan,
        f"{way}: calibration error": calibration_error(sure, right),
        f"{way}: mistakes among {BUDGET}, times chance": found / by_chance if mistakes else np.nan,
    }


def measure(name: str, root: Path, seed: int) -> dict[str, float]:
    """Train once; return every figure of one seed."""
    train, test, clusterer = SETS[name](root, seed)
    clusterer.fit(train.images)
    names = match(clusterer.labels_, train.open_labels())
    result, row = clusterer.result_, {"exponent": clusterer.model_.exponent}
    own = confidence.Judgement(result.probabilities, result.confidence, result.novelty)
    parts = [("", train, own)]
    if test is not None:
        parts.append(("unseen, ", test, clusterer.judge(test.images)))
    generator = torch.Generator().manual_seed(seed)
    for part, images, said in parts:
        labels, groups = images.open_labels(), said.probabilities.argmax(axis=1)
        right = np.array([names.get(k) == label for k, label in zip(groups, labels, strict=True)])
        row[f"{part}accuracy"] = float(right.mean())
        row |= doubts(f"{part}confidence", said.confidence, right)
        row |= doubts(f"{part}softmax", said.probabilities.max(axis=1), right)
        pictures = changed(images.images, result.augmentation, generator)
        views = np.mean([clusterer.predict_proba(view) for view in pictures], axis=0)
        row |= doubts(f"{part}views", views[np.arange(len(groups)), groups], right)
        row[f"{part}flagged"] = float((said.novelty > 1).mean())
        row |= told_apart(part, clusterer, images.images, said, seed)
    return row


def changed(images: np.ndarray, augmentation: Any, generator: torch.Generator) -> list[np.ndarray]:
    pictures = torch.as_tensor(images)
    views = [augmentation(pictures, generator) for _ in range(confidence.VIEWS)]
    return [view.clamp(0, 1).numpy() for view in views]


def told_apart(
    part: str,
    clusterer: MultiTaskClusterer,
    images: np.ndarray,
    own: confidence.Judgement,
    seed: int,
) -> dict[str, float]:
    """How well novelty, and the lack of confidence, tell foreign images from those that belong."""
    row = {}
    random = np.random.default_rng(seed)
    for name, others in foreign(InputSpec(images.shape[1], images.shape[-1])).items():
        some = others[random.permutation(len(others))[: max(1, round(SHARE * len(images)))]]
        said = clusterer.judge(some)
        belongs = np.repeat([0, 1], [len(images), len(some)])
        unsure = 1 - np.append(own.confidence, said.confidence)
        row[f"{part}{name}: flagged"] = float((said.novelty > 1).mean())
        if len(some) > 1:
            row[f"{part}{name}: AUROC of novelty"] = float(
                roc_auc_score(belongs, np.append(own.novelty, said.novelty))
            )
            row[f"{part}{name}: AUROC of 1 - confidence"] = float(roc_auc_score(belongs, unsure))
    return row


def known_band(values: list[float]) -> dict[str, Any] | None:
    """The band of the seeds that have a value: without a mistake there is no AUROC."""
    known = [value for value in values if np.isfinite(value)]
    return band(known) | {"seeds": len(known)} if known else None


def store(name: str, rows: list[dict[str, float]], about: dict[str, Any]) -> None:
    path = RESULTS / "doubt.json"
    stored = json.loads(path.read_text())["sets"] if path.is_file() else {}
    stored[name] = about | {key: known_band([row[key] for row in rows]) for key in rows[0]}
    content = {
        "command": "python benchmarks/doubt.py --data-root FOLDER",
        "sets": {one: stored[one] for one in SETS if one in stored},
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--sets", default=";".join(SETS), help="names with semicolons")
    parser.add_argument("--seeds", default="100-104", help="first-last")
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each")
    options = parser.parse_args()
    first, last = map(int, options.seeds.split("-"))
    seeds, names = range(first, last + 1), chosen(parser, options.sets, SETS, ";")
    done = Parallel(options.jobs, return_as="generator", pre_dispatch=options.jobs)(
        delayed(measure)(name, options.data_root, seed) for name in names for seed in seeds
    )
    for name in names:
        rows = [next(done) for _ in seeds]
        for key in rows[0]:
            values = [row[key] for row in rows if np.isfinite(row[key])] or [np.nan]
            print(f"{name:18} {key:50} {np.mean(values):.3f} ({min(values):.3f})", flush=True)
        about = {
            "seeds": options.seeds,
            "versions": versions(),
            "date": datetime.now(UTC).date().isoformat(),
        }
        store(name, rows, about)


if __name__ == "__main__":
    main()
