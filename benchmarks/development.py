"""Where the recipe's choices are weighed: development sets of like and of unlike class sizes, whose
labels may be used for that.

    python benchmarks/development.py --data-root FOLDER
    python benchmarks/development.py --figure

FOLDER holds MNIST (`MNIST/raw/train-...`, or the same with `.gz`) and, if the real sets are wanted,
`bccd/` and `gtsrb/`. From MNIST's first 10,000 train images, brought to 8 x 8 like digits, sets are
drawn: classes of one size or of others; any images of a class, or clumps of images that look alike,
as if 13 people had written the set. Real sets are the development folders of `folder.py` (even
tracks, train photos) and 1,000 crops of BCCD's train photos. The first stage is trained on each as
`find_classes` does. Then, for each weight of the descriptors: how right are free and equal sizes,
how much more of its links does a class lose with equal ones (the difference of cuts), how stable
are the communities; and what does `class_sizes="auto"` take? Results go to
`results/development.json` as soon as a set is done, others stay as stored; `--figure` draws
`docs/evidence.png`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accuracy import RESULTS, chosen
from folder import DEVELOPMENT, write_folder
from joblib import Parallel, delayed
from matplotlib.figure import Figure
from real import cells, image_set
from sklearn.preprocessing import normalize
from torch.nn.functional import interpolate

from mtlkit import MultiTaskClusterer, load
from mtlkit.data import ImageSet
from mtlkit.deployment.run_folder import versions
from mtlkit.evaluation import score, to_png
from mtlkit.multitask import Recipe, Schedule, TrainingOptions, fit
from mtlkit.multitask.compute import threads
from mtlkit.multitask.stages import features_of, first_model, usual_weights
from mtlkit.preprocessing.class_sizes import (
    DESCRIPTOR_WEIGHTS,
    THRESHOLD,
    equal_partitions,
    joined_views,
    sized_vectors,
)
from mtlkit.preprocessing.communities import find_communities
from mtlkit.preprocessing.graphs import normalised_cut

IMAGES, PEOPLE, CELLS = 10_000, 13, 1_000
LIKE = 1.5  # classes are of like size if the largest is at most so many times the smallest
PICTURE = Path(__file__).parents[1] / "docs" / "evidence.png"
COLOURS = {True: "#0072B2", False: "#D55E00"}  # like, unlike; Okabe and Ito's blue and vermilion
MARKERS = {True: "o", False: "^"}


def falling(largest: int, smallest: int) -> np.ndarray:
    return np.geomspace(largest, smallest, 10).round().astype(int)


DRAWS = {  # name -> (clumped, sizes of the classes)
    "one size": (False, np.full(10, 174)),
    "one size, clumped": (True, np.full(10, 174)),
    "natural": (False, falling(195, 156)),
    "2:1": (False, falling(209, 104)),
    "3:1": (False, falling(209, 70)),
    "3:1, clumped": (True, falling(174, 58)),
    "10:1": (False, falling(174, 17)),
    "10:1, clumped": (True, falling(174, 17)),
    "one large": (False, np.array([174] + [35] * 9)),
}
FOLDERS = {f"folder {number}": classes for number, classes in enumerate(DEVELOPMENT)}
REAL = (*FOLDERS, "blood cells")


def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the development images (N x 20 x 20, without MNIST's black margin) and labels."""

    def bytes_of(name: str) -> bytes:
        path = folder / name
        return (
            path.read_bytes() if path.exists() else gzip.decompress(Path(f"{path}.gz").read_bytes())
        )

    images = np.frombuffer(bytes_of("train-images-idx3-ubyte"), np.uint8, offset=16).reshape(
        -1, 28, 28
    )
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


def make(name: str, root: Path, seed: int) -> ImageSet:
    """Return one development set, its labels kept apart."""
    if name in FOLDERS:
        with tempfile.TemporaryDirectory() as place:
            write_folder(root, Path(place), FOLDERS[name], development=True, seed=seed)
            return replace(load(Path(place), labels="folders"), n_clusters=1 + len(FOLDERS[name]))
    if name == "blood cells":
        crops, kinds = cells(root, "train")
        rows = np.random.default_rng(seed).permutation(len(crops))[:CELLS]
        return image_set(name, [crops[row] for row in rows], kinds[rows])
    images, labels = read(root / "MNIST" / "raw")
    rows = draw(images, labels, name, seed)
    small = interpolate(torch.as_tensor(images[rows][:, None]), (8, 8), mode="area").numpy()
    paths = tuple(f"{name}/{row}" for row in rows)
    return ImageSet(small, name, paths, n_clusters=10, labels=lambda: labels[rows])


def first_stage(
    pictures: np.ndarray, k: int, seed: int, effort: float
) -> tuple[np.ndarray, np.ndarray]:
    """Train the first stage as `find_classes` does; return what label vectors are made from:
    features and descriptors.
    """
    recipe = Recipe(schedule=Schedule(effort=effort))
    images = MultiTaskClusterer(k, random_state=seed)._prepare(pictures)
    descriptors = recipe.targets(images)
    model = first_model(images, descriptors, recipe, seed)
    fit(
        model,
        images,
        epochs=recipe.schedule.epochs("features", len(images)),
        batch_size=recipe.schedule.batch(len(images)),
        seed=seed,
        options=TrainingOptions(augmentation=recipe.augmentation_of(images)),
    )
    return features_of(model, images), descriptors


def run(name: str, root: Path, seed: int, effort: float) -> dict[str, Any]:
    """Train on one set, make all partitions, and only then open the labels."""
    data, started = make(name, root, seed), time.process_time()
    k = data.n_clusters
    assert k
    with threads(1):
        features, descriptors = first_stage(data.images, k, seed, effort)
        partitions = []
        for view in joined_views(features, descriptors, k, DESCRIPTOR_WEIGHTS):
            found = find_communities(view.features, view.graph, k, seed, tries=5)
            ways = equal_partitions(view.features, k, seed, found.classes)
            equal = min(
                ways, key=lambda classes, graph=view.graph: normalised_cut(graph, classes, k)
            )
            partitions.append((view, found.stability, {"free": found.classes, "equal": equal}))
        vectors, taken = sized_vectors(
            features, descriptors, k, seed, "auto", usual_weights(data.images.shape[1:])
        )
    seconds, labels = time.process_time() - started, data.open_labels()
    assert labels is not None

    def right(classes: np.ndarray) -> float:
        return round(score(classes, labels).balanced_accuracy, 4)

    sizes = np.bincount(labels)
    weights = {
        str(view.weight): {way: right(classes) for way, classes in ways.items()}
        | {
            f"{way}_cut": round(normalised_cut(view.graph, classes, k), 4)
            for way, classes in ways.items()
        }
        | {"stability": round(stability, 4)}
        for view, stability, ways in partitions
    }
    return {
        "images": name,
        "seed": seed,
        "number": len(labels),
        "sizes": sizes.tolist(),
        "like": bool(sizes.max() <= LIKE * sizes.min()),
        "taken": taken.taken,
        "weight": taken.weight,
        "difference": round(taken.equal_cut - taken.free_cut, 4),
        "label vectors": right(vectors.argmax(axis=1)),
        "free": weights[str(taken.weight)]["free"],
        "equal": weights[str(taken.weight)]["equal"],
        "weights": weights,
        "cpu_seconds": round(seconds, 1),
    }


def store(rows: list[dict[str, Any]], about: dict[str, Any]) -> None:
    """Put the rows of a set in place of the stored ones, in the order of the sets."""
    path, order = RESULTS / "development.json", [*DRAWS, *REAL]
    stored = json.loads(path.read_text())["rows"] if path.is_file() else []
    names = {row["images"] for row in rows}
    kept = [row for row in stored if row["images"] not in names and row["images"] in order]
    content = {
        "command": "python benchmarks/development.py --data-root FOLDER",
        "assumed": "k known",
        "threshold": THRESHOLD,
        "like_up_to": LIKE,
        "rows": sorted(
            [*kept, *(row | about for row in rows)], key=lambda row: order.index(row["images"])
        ),
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


def figure(rows: list[dict[str, Any]]) -> Figure:
    """Draw the difference of cuts, a dot a set, beside the threshold: sets of like sizes above
    those of unlike ones.
    """
    names = sorted(
        dict.fromkeys(row["images"] for row in rows),
        key=lambda name: not all(row["like"] for row in rows if row["images"] == name),
    )
    place = {name: number for number, name in enumerate(names)}
    drawn = Figure(figsize=(8, 1.6 + 0.34 * len(names)), layout="constrained")
    axes = drawn.subplots()
    axes.axvline(100 * THRESHOLD, color="0.3", linestyle="--", linewidth=1.2)
    axes.annotate(
        f" {100 * THRESHOLD:g} %: equal sizes to the left, free to the right",
        (100 * THRESHOLD, -0.75),
        fontsize=9,
        va="center",
        color="0.2",
    )
    for name in names:
        here = [row for row in rows if row["images"] == name]
        for row, offset in zip(
            here, np.linspace(-0.18, 0.18, len(here)) * (len(here) > 1), strict=True
        ):
            better = row[row["taken"]] >= max(row["equal"], row["free"])
            colour = COLOURS[row["like"]]
            axes.plot(
                100 * row["difference"],
                place[name] + offset,
                MARKERS[row["like"]],
                color=colour,
                markersize=7,
                markerfacecolor=colour if better else "white",
                alpha=0.8,
            )
    for like, word in ((True, "like sizes"), (False, "unlike sizes")):
        axes.plot([], [], MARKERS[like], color=COLOURS[like], label=word)
    axes.plot(
        [],
        [],
        "o",
        color="0.3",
        markerfacecolor="white",
        label="hollow: the other way was more right",
    )
    axes.legend(loc="upper right", bbox_to_anchor=(1, 0.92), fontsize=9)
    axes.set(
        yticks=range(len(names)),
        yticklabels=names,
        ylim=(len(names) - 0.5, -1.2),
        xlabel=(
            "links that a class loses more with equal sizes than with free ones, in % of its links"
        ),
    )
    axes.spines[["top", "right"]].set_visible(False)
    return drawn


def need_mnist(parser: argparse.ArgumentParser, root: Path | None) -> None:
    """End with a sentence unless MNIST's train part lies there."""
    if root is None or not list(root.glob("MNIST/raw/train-images-idx3-ubyte*")):
        parser.error(
            f"--data-root {root}: holds no MNIST/raw/train-images-idx3-ubyte, nor it with .gz"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data-root", type=Path, help="folder of MNIST/ and, for the real sets, bccd/ and gtsrb/"
    )
    parser.add_argument(
        "--sets", help="names with semicolons (default: all that the data root has)"
    )
    parser.add_argument("--draws", type=int, default=4, help="of each set")
    parser.add_argument(
        "--effort", type=float, default=1.0, help="below 1 for a quick look, which is not kept"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each")
    parser.add_argument(
        "--figure", action="store_true", help="draw the figure from the stored result, and no more"
    )
    options = parser.parse_args()
    if options.figure:
        rows = json.loads((RESULTS / "development.json").read_text())["rows"]
        PICTURE.write_bytes(to_png(figure(rows)))
        return
    need_mnist(parser, options.data_root)
    real = REAL if all((options.data_root / name).is_dir() for name in ("bccd", "gtsrb")) else ()
    known = [*DRAWS, *real]
    names = chosen(parser, options.sets or ";".join(known), known, ";")
    go = partial(run, root=options.data_root, effort=options.effort)
    work = (delayed(go)(name, seed=seed) for name in names for seed in range(options.draws))
    done = Parallel(options.jobs, return_as="generator", pre_dispatch=options.jobs)(work)
    for name in names:
        rows = [next(done) for _ in range(options.draws)]
        for row in rows:
            print(
                f"{name:18} {row['seed']}  free {row['free']:.3f}  equal {row['equal']:.3f}  "
                f"difference of cuts {row['difference']:+.3f}: {row['taken']} at "
                f"weight {row['weight']}, "
                f"{row['label vectors']:.3f}  {row['cpu_seconds']:.0f} CPU s",
                flush=True,
            )
        if options.effort == 1:
            call = (
                f'python benchmarks/development.py --data-root FOLDER --sets "{name}" '
                f"--draws {options.draws}"
            )
            store(
                rows,
                {"command": call, "date": f"{datetime.now(UTC):%Y-%m-%d}", "versions": versions()},
            )


if __name__ == "__main__":
    main()
