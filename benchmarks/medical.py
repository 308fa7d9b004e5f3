"""Stained blood cells: the default and the recipe for stained cells, beside simple methods.

    python benchmarks/medical.py --data-root FOLDER --seeds 100-104

A crop for each annotated cell of BCCD's val and test photos, brought to 32 px: red cells (85 %),
white cells and platelets. In one set each crop is a window of 128 px around the cell, so that its
size can be seen; in the other it is cut to the cell's box. The recipe was chosen on the train
photos, whose labels may be used for that (`--photos train`, which is not kept). The third set is
drawn: `smears:crops`, and what is judged are the crops of 50 photos that training has not seen,
`smears:crops:test`; the simple methods sort those themselves. Beside ours stand
k-means and Ward, and mixtures of three Gaussians on three numbers: those one would measure by hand,
and those that did best on the train photos by their labels, of all threes of 13 such numbers, which
is more than a user without labels could know. Labels are opened after training. Results go to
`results/medical.json` as soon as a method is done; what is not asked for stays as it is stored.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from accuracy import SCORES, chosen, judge, store_row, summary
from joblib import Parallel, delayed
from real import WINDOW, cells, image_set
from regrets import simple
from skimage.color import rgb2hed
from skimage.filters import threshold_otsu
from sklearn.mixture import GaussianMixture

from mtlkit import MultiTaskClusterer, load
from mtlkit.data import ImageSet
from mtlkit.deployment.run_folder import versions
from mtlkit.multitask import Augmentation, Recipe
from mtlkit.multitask.compute import threads
from mtlkit.preprocessing import standardise

CROPS = {"window": WINDOW, "box": None}  # name of a set of BCCD -> px
SETS = (*CROPS, "smears")
REPORTED = ("val", "test")  # photos
RECIPES = {
    "default": Recipe(),
    # As `mtlkit fit --descriptors hog,stain,chromaticity --light 0.3 --flip --rotation 180`.
    "stained cells": Recipe(
        descriptors=("hog", "stain", "chromaticity"),
        augmentation=Augmentation(rotation=180, flip=True, light=0.3, colour=0.3),
    ),
}
SIMPLE = {
    f"{method} on {features}": (method, features)
    for features in ("HOG", "HOG and colour")
    for method in ("k-means", "Ward")
}


def by_hand(images: np.ndarray) -> np.ndarray:
    """Return the area of the haematoxylin, its amount and the brightness: N x 3."""
    amounts = rgb2hed(images, channel_axis=1)[:, 0]
    area = (amounts > threshold_otsu(amounts)).mean(axis=(1, 2))
    return np.column_stack([area, amounts.mean(axis=(1, 2)), images.mean(axis=(1, 2, 3))])


def best_on_train(images: np.ndarray) -> np.ndarray:
    """Return the haematoxylin's mean and 95th percentile, and how far blue is above red in the
    middle: N x 3.
    """
    amounts = rgb2hed(images, channel_axis=1)[:, 0]
    high = np.quantile(amounts, 0.95, axis=(1, 2))
    middle = (images.shape[-1] - 1) / 2
    down, across = np.indices(images.shape[2:]) - middle
    disc = np.hypot(down, across) < images.shape[-1] / 4
    red, _, blue = np.log(np.maximum(images[:, :, disc], 0.01)).transpose(1, 0, 2)
    return np.column_stack([amounts.mean(axis=(1, 2)), high, np.quantile(blue - red, 0.95, axis=1)])


MIXTURES = {
    "mixture, three numbers by hand": by_hand,
    "mixture, three numbers best on train": best_on_train,
}


def run_recipe(images: ImageSet, seed: int, recipe: Recipe) -> dict[str, Any]:
    """Find classes as a user does; what was taken in the last round, and the scores."""
    assert images.n_clusters
    started = time.process_time()
    ours = MultiTaskClusterer(images.n_clusters, recipe=recipe, random_state=seed)
    drawn = images.name.startswith("smears")
    ours.fit(load("smears:crops").images if drawn else images.images)
    found = ours.predict(images.images) if drawn else ours.labels_
    last = ours.sizes_[-1]
    about = {name: getattr(last, name) for name in ("taken", "weight", "equal_cut", "free_cut")}
    return about | {"cpu_seconds": time.process_time() - started} | judge(found, images)


def run_mixture(
    images: ImageSet, seed: int, numbers: Callable[[np.ndarray], np.ndarray]
) -> dict[str, Any]:
    assert images.n_clusters
    started = time.process_time()
    with threads(1):
        mixture = GaussianMixture(images.n_clusters, n_init=10, random_state=seed)
        found = mixture.fit_predict(standardise(numbers(images.images)))
    return {"cpu_seconds": time.process_time() - started} | judge(found, images)


def run_simple(images: ImageSet, seed: int, method: str, features: str) -> dict[str, Any]:
    return simple(images, method, features, seed)


METHODS: dict[str, Callable[[ImageSet, int], dict[str, Any]]] = {
    **{name: partial(run_recipe, recipe=recipe) for name, recipe in RECIPES.items()},
    **{name: partial(run_mixture, numbers=numbers) for name, numbers in MIXTURES.items()},
    **{
        name: partial(run_simple, method=method, features=features)
        for name, (method, features) in SIMPLE.items()
    },
}


def crops(root: Path, name: str, photos: tuple[str, ...]) -> ImageSet:
    """Return the images of one set that are judged, their labels kept apart."""
    if name == "smears":
        return load("smears:crops:test")
    pairs = [cells(root, part, CROPS[name]) for part in photos]
    pictures = [picture for some, _ in pairs for picture in some]
    return image_set(name, pictures, np.concatenate([kinds for _, kinds in pairs]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-root", type=Path, required=True, help="folder of bccd/")
    parser.add_argument("--sets", default=",".join(SETS), help="names with commas (default: all)")
    parser.add_argument(
        "--methods", default=";".join(METHODS), help="names with semicolons (default: all)"
    )
    parser.add_argument("--seeds", default="100-104", help="first-last")
    parser.add_argument(
        "--photos", choices=("reported", "train"), default="reported", help="train is not kept"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each")
    options = parser.parse_args()
    if not (options.data_root / "bccd").is_dir():
        parser.error(f"--data-root {options.data_root}: holds no bccd")
    first, last = map(int, options.seeds.split("-"))
    seeds = list(range(first, last + 1))
    reported = options.photos == "reported"

    def go(method: str, images: ImageSet, seed: int) -> dict[str, Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a collapse, or equal centres, show in the score
            return METHODS[method](images, seed)

    for name in chosen(parser, options.sets, SETS):
        images = crops(options.data_root, name, REPORTED if reported else ("train",))
        for method in chosen(parser, options.methods, METHODS, ";"):
            runs = Parallel(options.jobs)(delayed(go)(method, images, seed) for seed in seeds)
            row = {"set": name, "method": method, "images": len(images)} | summary(runs, seeds)
            bands = "  ".join(
                f"{key} {row[key]['mean']:.3f} ({row[key]['min']:.3f})" for key in SCORES
            )
            seconds = row["cpu_seconds"]["mean"]
            print(f"{name:7} {method:36} {bands}  {seconds:.1f} CPU s", flush=True)
            if reported:
                call = (
                    f"python benchmarks/medical.py --data-root FOLDER --sets {name} "
                    f'--methods "{method}" --seeds {options.seeds}'
                )
                about = {"command": call, "date": f"{datetime.now(UTC):%Y-%m-%d}"}
                made = row | about | {"versions": versions()}
                store_row("medical", made, {"set": SETS, "method": list(METHODS)})


if __name__ == "__main__":
    main()
