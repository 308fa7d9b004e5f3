"""How fast are road scenes drawn, and do their boxes hold what can be seen of each object?

    python benchmarks/roads.py

Draws 400 scenes of 320 px by day and 100 each at night and in rain, in one thread; then each
object of 100 scenes alone, on black and on white: the pixels that are alike are the object, those
that anything nearer is painted on are hidden, and the box of the others is held against the
scene's box. Then ten scenes of each condition again in the opposite order, whose bytes must be the
same. Results go to `results/roads.json`.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from datetime import UTC, datetime

import numpy as np
from accuracy import RESULTS
from PIL import Image
from smears import overlap
from tqdm import tqdm

from mtlkit.data.road_objects import KINDS
from mtlkit.data.road_views import draw_scene
from mtlkit.data.roads import FINER, paint, road_scene
from mtlkit.deployment.run_folder import versions

SCENES = {"day": 400, "night": 100, "rain": 100}
CHECKED, AGAIN, SIDE = 100, 10, 320


def seen_alone(seed: int) -> list[tuple[np.ndarray, float]]:
    """Return of each object the box of what nearer ones leave, and which share of it that is."""
    scene = draw_scene(seed)
    found = []
    for number, drawn in enumerate(scene):
        if drawn.kind < 0:
            continue
        grounds = [Image.new("RGBA", (FINER * SIDE, FINER * SIDE), (g,) * 4) for g in (0, 255)]
        for ground in grounds:
            paint(ground, drawn, 1)
        black, white = (np.asarray(ground.convert("RGB")) for ground in grounds)
        cover = Image.new("RGBA", grounds[0].size, (0, 0, 0, 99))
        for nearer in scene[number + 1 :]:
            paint(cover, nearer, 0)
        whole = (black == white).all(2)
        seen = whole & (np.asarray(cover)[..., 3] == 99)
        rows, columns = np.nonzero(seen)
        box = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) / FINER
        found.append((box, seen.sum() / whole.sum()))
    return found


def digest(condition: str, seeds: range) -> str:
    """Return the SHA-256 of these scenes' pixels and boxes, drawn in the order of `seeds`."""
    scenes = {seed: road_scene(seed, SIDE, condition) for seed in seeds}
    parts = [scenes[seed].image.tobytes() + scenes[seed].boxes.tobytes() for seed in sorted(scenes)]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def main() -> None:
    speeds, cpu_speeds, kinds = {}, {}, np.zeros(len(KINDS), int)
    for condition, count in SCENES.items():
        started, used = time.perf_counter(), time.process_time()
        for seed in tqdm(range(count), unit="scene", desc=condition):
            scene = road_scene(seed, SIDE, condition)
            kinds += (condition == "day") * np.bincount(scene.kinds, minlength=len(KINDS))
        cpu_speeds[condition] = round(count / (time.process_time() - used), 1)
        speeds[condition] = round(count / (time.perf_counter() - started), 1)
    overlaps, shares = [], []
    for seed in tqdm(range(CHECKED), unit="scene", desc="boxes"):
        for box, (alone, share) in zip(road_scene(seed).boxes, seen_alone(seed), strict=True):
            overlaps.append(overlap(box, alone))
            shares.append(share)
    digests = {condition: digest(condition, range(AGAIN)) for condition in SCENES}
    again = {condition: digest(condition, range(AGAIN)[::-1]) for condition in SCENES}
    content = {
        "command": "python benchmarks/roads.py",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": versions(),
        "scenes": SCENES,
        "scenes a second": speeds,
        "scenes a CPU second": cpu_speeds,
        "objects by day": dict(zip(KINDS, kinds.tolist(), strict=True)),
        "boxes checked": len(overlaps),
        "share of IoU 0.95 or more": round(float(np.mean(np.array(overlaps) >= 0.95)), 4),
        "mean IoU": round(float(np.mean(overlaps)), 4),
        "least IoU": round(min(overlaps), 4),
        "share of objects partly hidden": round(float(np.mean(np.array(shares) < 1)), 3),
        "least share seen": round(float(min(shares)), 3),
        "same bytes again": digests == again,
        "sha256 of the first ten": digests,
    }
    for name, value in list(content.items())[3:]:
        print(f"{name:30} {value}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "roads.json").write_text(json.dumps(content, indent=1) + "\n")
    sys.exit(digests != again)


if __name__ == "__main__":
    main()
