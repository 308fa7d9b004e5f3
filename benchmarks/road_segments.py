"""How well does a ranking that learns nothing find the objects of road scenes, whatever their kind?

    python benchmarks/road_segments.py

The boxes of Felzenszwalb and Huttenlocher's segments, coarse and fine, are ranked by edges x rarity
of colour (both: inside less round about) x size, and scored by AP50 without kinds, on 30 scenes of
each condition (seeds from 500: no set has them). The clutter of the scenes was set by this figure
by day, before anything was trained on them. Results go to `results/road_segments.json`.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import torch
from accuracy import RESULTS
from scipy import ndimage
from skimage.color import rgb2lab
from skimage.segmentation import felzenszwalb
from torchvision.ops import box_iou, nms
from tqdm import tqdm

from mtlkit.data.road_views import VISION
from mtlkit.data.roads import road_scene
from mtlkit.deployment.run_folder import versions

SEEDS = range(500, 530)
SCALES = {60: 30, 150: 30, 350: 50, 700: 100, 1200: 150}  # of segments: their least size, px
SIZES = (6, 140)  # px, the least and the most side of a box
BINS = 12  # of each colour channel


def means(plane: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return the mean of a plane in each box, less that in a border of a quarter of its size."""
    table = np.pad(plane, ((1, 0), (1, 0))).cumsum(0).cumsum(1)

    def total(boxes: np.ndarray) -> np.ndarray:
        left, top, right, bottom = boxes.T
        return table[bottom, right] - table[top, right] - table[bottom, left] + table[top, left]

    border = np.maximum((boxes[:, 2:] - boxes[:, :2]).min(1, keepdims=True) // 4, 2)
    wider = (boxes + border * [-1, -1, 1, 1]).clip(0, len(plane))
    area, more = ((b[:, 2:] - b[:, :2]).prod(1) for b in (boxes, wider))
    return total(boxes) / area - (total(wider) - total(boxes)) / (more - area).clip(1)


def segments(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the boxes of an image's segments, n x 4, and how much each stands out."""
    lab = rgb2lab(ndimage.gaussian_filter(image, (0.8, 0.8, 0)))
    edges = np.hypot(*(ndimage.sobel(lab[..., 0], axis) for axis in (0, 1)))
    counts, steps = np.histogramdd(lab.reshape(-1, 3), BINS)
    shares = ndimage.gaussian_filter(counts, 0.7) / counts.sum()
    bins = [np.digitize(lab[..., c], steps[c][1:-1]) for c in range(3)]
    rarity = -np.log(shares[tuple(bins)] + 1e-5)
    found = [
        (x.start, y.start, x.stop, y.stop)
        for scale, least in SCALES.items()
        for y, x in ndimage.find_objects(felzenszwalb(image, scale, 1.0, least) + 1)
    ]
    boxes = np.array(found)
    sides = boxes[:, 2:] - boxes[:, :2]
    boxes = boxes[(sides.min(1) >= SIZES[0]) & (sides.max(1) <= SIZES[1])]
    size = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(1))
    return boxes, means(edges, boxes).clip(0) * means(rarity, boxes).clip(0) * size


def hits(boxes: np.ndarray, scores: np.ndarray, truth: np.ndarray) -> list[tuple[float, bool]]:
    """Return the score of each box that no better one overlaps, and whether it finds an object."""
    places, standing = torch.as_tensor(boxes).double(), torch.as_tensor(scores)
    best = nms(places, standing, 0.4)  # rows, the highest score first
    found, free = [], np.ones(len(truth), bool)
    for row, shares in zip(
        best, box_iou(places[best], torch.as_tensor(truth).double()), strict=True
    ):
        unfound = np.append(shares.numpy() * free, 0)  # a scene may have no object
        found.append((float(standing[row]), bool(unfound.max() >= 0.5)))
        if found[-1][1]:
            free[unfound.argmax()] = False
    return found


def average_precision(found: list[tuple[float, bool]], objects: int) -> float:
    """Return the area under the falling hull of precision over recall."""
    right = np.array([hit for _, hit in sorted(found, key=lambda pair: -pair[0])])
    precision = right.cumsum() / np.arange(1, len(right) + 1)
    hull = np.maximum.accumulate(precision[::-1])[::-1]
    return float(hull[right].sum() / objects)


def main() -> None:
    scores = {}
    for condition in VISION:
        found, objects = [], 0
        for seed in tqdm(SEEDS, unit="scene", desc=condition):
            scene = road_scene(seed, condition=condition)
            objects += len(scene.boxes)
            found += hits(*segments(scene.image.transpose(1, 2, 0)), scene.boxes)
        scores[condition] = round(average_precision(found, objects), 3)
    content = {
        "command": "python benchmarks/road_segments.py",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": versions(),
        "seeds": [SEEDS.start, SEEDS.stop - 1],
        "AP50 of segments, without kinds": scores,
    }
    print(scores)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "road_segments.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
