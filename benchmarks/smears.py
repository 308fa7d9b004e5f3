"""How fast are generated smears drawn, and do their boxes hold what was drawn?

    python benchmarks/smears.py

Draws 1,000 photos of 320 px in one thread; then each object of 100 of them alone on empty ground,
where the box of the pixels that it makes darker by 2 % or more (before lens and noise) is held
against the photo's box; then ten photos again in the opposite order, whose bytes must be the same.
Results go to `results/smears.json`.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from datetime import UTC, datetime

import numpy as np
from accuracy import RESULTS
from tqdm import tqdm

from mtlkit.data.smears import KINDS, STAINS, Drawn, draw_scene, paint, smear_photo
from mtlkit.deployment.run_folder import versions

PHOTOS, CHECKED, AGAIN, SIDE = 1000, 100, 10, 320


def box_alone(drawn: Drawn) -> np.ndarray:
    """Return the box of what an object alone makes darker."""
    field = np.zeros((2, SIDE, SIDE), np.float32)
    paint(field, drawn)
    light = np.exp(-np.tensordot(STAINS.T, field, 1))
    rows, columns = np.nonzero((light < 0.98).any(0))
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the intersection over the union of two boxes."""
    common = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    both = common.clip(0).prod()
    return float(both / (sum((box[2:] - box[:2]).prod() for box in (one, other)) - both))


def digest(seeds: range) -> str:
    """Return the SHA-256 of these photos' pixels and boxes, drawn in the order of `seeds`."""
    photos = {seed: smear_photo(seed, SIDE) for seed in seeds}
    parts = [photos[seed].image.tobytes() + photos[seed].boxes.tobytes() for seed in sorted(photos)]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def main() -> None:
    kinds = np.zeros(len(KINDS), int)
    started, used = time.perf_counter(), time.process_time()
    for seed in tqdm(range(PHOTOS), unit="photo"):
        kinds += np.bincount(smear_photo(seed, SIDE).kinds, minlength=len(KINDS))
    used, wall = time.process_time() - used, time.perf_counter() - started
    overlaps = [
        overlap(box, box_alone(drawn))
        for seed in range(CHECKED)
        for box, drawn in zip(smear_photo(seed, SIDE).boxes, draw_scene(seed, SIDE), strict=True)
    ]
    first, again = digest(range(AGAIN)), digest(range(AGAIN)[::-1])
    content = {
        "command": "python benchmarks/smears.py",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": versions(),
        "photos": PHOTOS,
        "photos a second": round(PHOTOS / wall, 1),
        "photos a CPU second": round(PHOTOS / used, 1),
        "objects": dict(zip(KINDS, kinds.tolist(), strict=True)),
        "boxes checked": len(overlaps),
        "share of IoU 0.95 or more": round(float(np.mean(np.array(overlaps) >= 0.95)), 4),
        "least IoU": round(min(overlaps), 4),
        "same bytes again": first == again,
        "sha256 of the first ten": first,
    }
    for name, value in list(content.items())[3:]:
        print(f"{name:26} {value}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "smears.json").write_text(json.dumps(content, indent=1) + "\n")
    sys.exit(first != again)


if __name__ == "__main__":
    main()
