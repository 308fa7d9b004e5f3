"""How well are objects found without boxes or labels, beside rivals that need no training, and with
labels?

    python benchmarks/detection.py --data-root FOLDER --seeds 100-104

    python benchmarks/detection.py --speed

For each seed, `find_objects` is run on the scenes of a set, and its detector is scored on scenes
that it has not seen; groups are named on the scenes it was trained on. Beside it: the proposals by
how much they stand out; a prior that always tells the same boxes round the picture's centre; and
the same detector, trained for as long on all annotated boxes, as the ceiling. FOLDER holds `gtsrb/`
and `bccd/`, as they are fetched. Recipes were chosen on scenes of other seeds (300 to 559). Results
go to `results/detection.json` as soon as a set is done. `--speed` measures one thread: a scene's
detection beside its encoder alone, and a photo of 640 x 480 pixels from file to boxes
(`results/detection-speed.json`).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accuracy import RESULTS, band, chosen, store_row
from joblib import Parallel, delayed
from PIL import Image

from mtlkit import load
from mtlkit.data.boxes import PhotoBoxes, boxes_in_square
from mtlkit.data.reading import read_image
from mtlkit.data.roads import road_scene
from mtlkit.deployment.run_folder import versions
from mtlkit.detection import (
    Detections,
    detect,
    find_objects,
    name_groups,
    new_detector,
    propose,
    score_detections,
)
from mtlkit.detection.rounds import DetectionRecipe, Rounds
from mtlkit.inputs import InputSpec
from mtlkit.multitask.compute import threads

SIDE = 320  # px
SETS = {  # trained on, scored on
    "roads": ("roads", ["roads:test", "roads:rain", "roads:night"]),
    "roads with real signs": ("roads:gtsrb", ["roads:gtsrb:test"]),
    "blood": ("bccd", ["bccd:test"]),
}
OURS, CEILING = "mtlkit", "all boxes given"


class Annotated:
    """The squares of a set, and their boxes in these."""

    def __init__(self, source: str, root: Path) -> None:
        images = load(source, data_root=root)
        self.squares = InputSpec(3, SIDE).bring(images.images)
        self.truth = [
            replace(photo, boxes=boxes_in_square(photo.boxes, (photo.width, photo.height), SIDE))
            for photo in images.open_boxes() or ()
        ]


def taught(images: Annotated, seed: int) -> Any:
    """Return our detector, trained on the annotated boxes and kinds, and the kinds' names."""
    kinds = sorted({kind for photo in images.truth for kind in photo.kinds})
    rounds = Rounds(images.squares, DetectionRecipe(n_groups=len(kinds)), seed, None, None)
    boxes = [photo.boxes for photo in images.truth]
    groups = [np.array([kinds.index(kind) for kind in photo.kinds], int) for photo in images.truth]
    for number in range(len(rounds.recipe.steps)):
        rounds.learn(number, boxes, groups)
    return rounds.model, kinds


def of_proposals(images: Annotated) -> list[Detections]:
    found = []
    for image in images.squares:
        boxes, stand_out = propose(image)
        groups = np.ones((len(boxes), 1), np.float32)
        found.append(Detections(boxes.astype(np.float32), stand_out, groups))
    return found


def of_centre(images: Annotated) -> list[Detections]:
    """Boxes round the picture's centre, the first of a quarter of its side."""
    sides = np.array([0.25, 0.12, 0.4, 0.06]) * SIDE / 2
    boxes = SIDE / 2 + np.stack([-sides, -sides, sides, sides], 1).astype(np.float32)
    one = Detections(boxes, np.linspace(1, 0.1, len(boxes)), np.ones((len(boxes), 1), np.float32))
    return [one] * len(images.squares)


def measure(method: str, trained: Annotated, scored: dict[str, Annotated], seed: int) -> Any:
    """Return the scores on each set, and CPU seconds of training."""
    started = time.process_time()
    with threads(1):
        if method == OURS:
            model = find_objects(trained.squares, seed=seed).model
            seconds = time.process_time() - started
            names: Sequence[str | None] = name_groups(detect(model, trained.squares), trained.truth)
        else:
            model, names = taught(trained, seed)
            seconds = time.process_time() - started
        found = {name: detect(model, images.squares) for name, images in scored.items()}
    scores = {name: as_row(found[name], scored[name].truth, names) for name in scored}
    return scores, seconds


def as_row(
    found: list[Detections], truth: list[PhotoBoxes], names: Sequence[str | None] | None = None
) -> dict[str, Any]:
    scores = score_detections(found, truth, names).as_dict()
    recall = scores.pop("recall")
    row = {key: scores[key] for key in ("ap50", "corloc", "map50") if scores[key] is not None}
    return row | {f"recall by {number}": recall[number] for number in (10, 100)} | scores["kinds"]


def seconds_of(work: Callable[[], Any], repeats: int = 20) -> float:
    """Return the median time of a call, after one that is not counted."""
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return float(np.median(times))


def speed() -> None:
    model = new_detector(16).eval()
    scene = road_scene(500).image
    batch = torch.tensor(scene)[None]
    with tempfile.TemporaryDirectory() as name, threads(1), torch.no_grad():
        photo = Path(name, "photo.jpg")
        Image.fromarray((255 * scene.transpose(1, 2, 0)).astype(np.uint8)).resize((640, 480)).save(
            photo, quality=95
        )
        encoder = seconds_of(lambda: model.encoder(batch))
        whole = seconds_of(lambda: detect(model, scene[None]))
        from_file = seconds_of(lambda: detect(model, read_image(photo, SIDE, 3)[None]))
    content = {
        "command": "python benchmarks/detection.py --speed",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": versions(),
        "milliseconds": {
            "encoder": round(1000 * encoder, 1),
            "detection": round(1000 * whole, 1),
            "photo of 640 x 480, from file": round(1000 * from_file, 1),
        },
        "detection by encoder": round(whole / encoder, 2),
    }
    print(content)
    (RESULTS / "detection-speed.json").write_text(json.dumps(content, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-root", type=Path, help="folder of gtsrb/ and bccd/")
    parser.add_argument("--speed", action="store_true", help="measure time, and nothing else")
    parser.add_argument("--sets", default=";".join(SETS), help="names with semicolons")
    parser.add_argument("--seeds", default="100-104", help="first-last")
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each")
    parser.add_argument("--methods", default=f"{OURS};{CEILING}", help="names with semicolons")
    options = parser.parse_args()
    if options.speed:
        speed()
        return
    first, last = map(int, options.seeds.split("-"))
    seeds = list(range(first, last + 1))
    methods = chosen(parser, options.methods, (OURS, CEILING), ";")
    for name in chosen(parser, options.sets, SETS, ";"):
        source, others = SETS[name]
        trained = Annotated(source, options.data_root)
        scored = {other: Annotated(other, options.data_root) for other in others}
        rows: dict[str, Any] = {}
        for other, images in scored.items():
            rows[other] = {
                "proposals": as_row(of_proposals(images), images.truth),
                "centre": as_row(of_centre(images), images.truth),
            }
        for method in methods:
            runs = Parallel(options.jobs)(
                delayed(measure)(method, trained, scored, seed) for seed in seeds
            )
            for other in others:
                keys = runs[0][0][other]
                rows[other][method] = {
                    key: band([scores[other][key] for scores, _ in runs]) for key in keys
                }
                ap = rows[other][method]["ap50"]
                print(f"{other:18} {method:16} AP50 {ap['mean']:.3f} ({ap['min']:.3f})", flush=True)
            rows[f"CPU seconds, {method}"] = band([seconds for _, seconds in runs], 1)
        call = f'python benchmarks/detection.py --data-root FOLDER --sets "{name}"'
        store_row(
            "detection",
            {"set": name, "trained on": source, "seeds": seeds, "scores": rows}
            | {
                "command": f"{call} --seeds {options.seeds}",
                "date": f"{datetime.now(UTC):%Y-%m-%d}",
            }
            | {"versions": versions()},
            {"set": list(SETS)},
        )


if __name__ == "__main__":
    main()
