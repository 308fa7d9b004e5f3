"""Signs that were followed: how much do tracks tell? On GTSRB, with and without them.

    python benchmarks/signs.py --data-root FOLDER --seeds 100-104

A track is some frames of one physical sign, as a tracker in a video gives them. Its number is in
the files' names; of it, only whether two frames have the same is used: no label, but an assumption,
"frames of one track show one thing". Reported are the train tracks of odd number, 43 classes. What
was chosen (the descriptors of an image's middle, a gentler augmentation, the batch size) was chosen
on the even ones, with seeds below 100: `--tracks even`, which is not kept. Beside the method stand
k-means and Ward, each on its own images and on the means of tracks, on the same descriptors.
Labels are opened after training. FOLDER holds `gtsrb/`. Results go to `results/signs.json` as soon
as a method is done; methods that are not asked for stay as they are stored.
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
from accuracy import CLASSIC, SCORES, chosen, judge, store_row, summary
from joblib import Parallel, delayed
from real import image_set, read, signs

from mtlkit import MultiTaskClusterer
from mtlkit.data import ImageSet
from mtlkit.deployment.run_folder import versions
from mtlkit.multitask import Augmentation, Recipe, Schedule
from mtlkit.multitask.compute import threads
from mtlkit.preprocessing import describe
from mtlkit.preprocessing.tracks import Tracks

CHOSEN = Recipe(
    descriptors=("middle",),
    augmentation=Augmentation(
        rotation=5, scale=0.1, shear=0.1, shift=0.05, light=0.5, colour=0.5
    ),  # signs stand upright, and were cut out with care
    schedule=Schedule(batch_size=64),
)
ASSUMED = {False: "k known", True: "k known, frames of one track show one thing"}
FEATURES = {"HOG": ["hog"], "HOG and colour": ["hog", "colour"], "the middle": ["middle"]}


def ours(images: ImageSet, tracks: Tracks, seed: int, recipe: Recipe, known: bool) -> np.ndarray:
    assert images.n_clusters
    found = MultiTaskClusterer(images.n_clusters, recipe=recipe, random_state=seed)
    return found.fit(images.images, tracks=tracks.numbers if known else None).labels_


def simple(
    images: ImageSet, tracks: Tracks, seed: int, method: str, features: str, known: bool
) -> np.ndarray:
    """Group images, or the means of their tracks, by a simple method."""
    assert images.n_clusters
    rows = describe(images.images, FEATURES[features])
    if not known:
        return CLASSIC[method](rows, images.n_clusters, seed)
    return tracks.of_images(CLASSIC[method](tracks.means(rows), images.n_clusters, seed))


Method = Callable[[ImageSet, Tracks, int], np.ndarray]
METHODS: dict[str, tuple[Method, bool]] = {  # -> the method, and whether it knows of tracks
    "mtlkit": (partial(ours, recipe=Recipe(), known=False), False),
    "mtlkit, tracks": (partial(ours, recipe=Recipe(), known=True), True),
    "mtlkit, tracks, chosen recipe": (partial(ours, recipe=CHOSEN, known=True), True),
    "mtlkit, chosen recipe": (partial(ours, recipe=CHOSEN, known=False), False),
    **{
        f"{method} on {'track means of ' * known}{features}": (
            partial(simple, method=method, features=features, known=known),
            known,
        )
        for known in (False, True)
        for features in FEATURES
        for method in ("k-means", "Ward")
    },
}


def sign_set(root: Path, parity: int) -> tuple[ImageSet, Tracks]:
    """Return the signs, their labels kept apart, and which of them are of one track."""
    files, kinds = signs(root, parity)
    keys = [f"{file.parent.name}/{file.stem.split('_')[0]}" for file in files]
    return image_set("signs", map(read, files), kinds), Tracks(keys, len(files))


def measure(name: str, images: ImageSet, tracks: Tracks, seed: int) -> dict[str, Any]:
    method, _ = METHODS[name]
    with threads(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a collapse, or equal centres, show in the score
        started = time.process_time()
        found = method(images, tracks, seed)
        seconds = time.process_time() - started
    return {"cpu_seconds": seconds} | judge(found, images)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-root", type=Path, required=True, help="folder of gtsrb/")
    parser.add_argument(
        "--methods", default=";".join(METHODS), help="names with semicolons (default: all)"
    )
    parser.add_argument("--seeds", default="100-104", help="first-last")
    parser.add_argument(
        "--tracks", choices=("even", "odd"), default="odd", help="even, to choose by, is not kept"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each")
    options = parser.parse_args()
    first, last = map(int, options.seeds.split("-"))
    seeds, odd = list(range(first, last + 1)), options.tracks == "odd"
    images, tracks = sign_set(options.data_root, int(odd))
    for name in chosen(parser, options.methods, METHODS, ";"):
        runs = Parallel(options.jobs)(delayed(measure)(name, images, tracks, s) for s in seeds)
        row = {"method": name, "assumed": ASSUMED[METHODS[name][1]], "images": len(images)}
        row |= {"tracks": tracks.count, "classes": images.n_clusters} | summary(runs, seeds)
        bands = "  ".join(f"{key} {row[key]['mean']:.3f} ({row[key]['min']:.3f})" for key in SCORES)
        print(f"{name:42} {bands}  {row['cpu_seconds']['mean']:.1f} CPU s", flush=True)
        if odd:
            call = (
                "python benchmarks/signs.py --data-root FOLDER "
                f'--methods "{name}" --seeds {options.seeds}'
            )
            about = {"command": call, "date": f"{datetime.now(UTC):%Y-%m-%d}"}
            store_row("signs", row | about | {"versions": versions()}, {"method": list(METHODS)})


if __name__ == "__main__":
    main()
