"""Discovery: what recurs over scenes is an object, and it ends where recurrence ends."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.decomposition import PCA
from torchvision.ops import box_iou, roi_align

from mtlkit.detection.proposals import Proposals, areas
from mtlkit.errors import InputError
from mtlkit.preprocessing import describe

SIDE = 32  # px, to which what is in a box is brought
MARGIN, WIDER = 0.1, 0.4  # of a box's sides, round it: with what it is described, and its ring
WHAT = {"hog": 1.0, "chromaticity": 0.5}  # by which regions are alike
NUMBERS = 40  # that are kept of these
NEIGHBOURS = 30
RING = 0.3  # how much a ring that recurs counts against a region
OVERLAP, INSIDE = 0.4, 0.8  # from which a better region is enough


@dataclass(frozen=True, eq=False)
class Regions:
    """The proposals of all N scenes, n in all, and what was found of them.

    boxes: n x 4, px.
    scenes: n, the scene of each.
    features: n x D of unit length, what each looks like.
    neighbours: n x k, the regions of *other* scenes that are most alike.
    score: n; the higher, the more likely a region is an object.
    """

    boxes: np.ndarray
    scenes: np.ndarray
    features: np.ndarray
    neighbours: np.ndarray
    score: np.ndarray

    def smoothed(self, values: np.ndarray) -> np.ndarray:
        """Return the mean of n values over each region's neighbours."""
        return values[self.neighbours].mean(1)


def discover(images: np.ndarray, proposals: Sequence[Proposals]) -> Regions:
    r"""Score the proposals of N scenes, N x 3 x H x W, by how they recur over the scenes.

    The score of a region is $s = \bar r - 0.3\, g$. $\bar r$ is how much its likes stand out: the
    mean rank, from 0 to 1, of the 30 regions of other scenes that are most alike. One window that
    shines by chance has likes that do not. $g$ is how alike the surroundings of these are, by the
    cosine of their gradients in a ring: the surroundings of a part, such as the tail lamp of a car,
    recur too, while behind a whole there is now this and now that.

    Raises:
        InputError: fewer than two scenes with a proposal.
    """
    counts = [len(found.boxes) for found in proposals]
    if np.count_nonzero(counts) < 2:
        raise InputError(
            f"nothing stands out in {counts.count(0)} of {len(counts)} images: what recurs can be "
            "found from 2 images on that show something, so add more."
        )
    scenes = np.repeat(np.arange(len(images)), counts)
    boxes = np.concatenate([found.boxes for found in proposals])
    stand_out = np.concatenate([found.stand_out for found in proposals])
    features = _features(cut(images, proposals, MARGIN))
    neighbours = _neighbours(features, scenes)
    ranks = (stand_out.argsort().argsort() + 0.5) / len(stand_out)
    rings = _rings(cut(images, proposals, WIDER))
    alike = np.mean([(rings[column] * rings).sum(1) for column in neighbours.T], axis=0)
    score = ranks[neighbours].mean(1) - RING * alike.clip(0)
    return Regions(boxes, scenes, features, neighbours, score)


def choose(regions: Regions, score: np.ndarray, share: float) -> np.ndarray:
    """Return the rows of the regions to take for objects: the best `share`, each place once.

    In each scene, the best goes first; what overlaps it by an intersection over union of .4, or
    lies within it or round it by four fifths, is left out.
    """
    good = score >= np.quantile(score, 1 - share)
    chosen = []
    for scene in np.unique(regions.scenes[good]):
        rows = np.flatnonzero(good & (regions.scenes == scene))
        rows = rows[np.argsort(-score[rows], kind="stable")]
        chosen.append(rows[apart(regions.boxes[rows])])
    return np.concatenate(chosen)


def apart(boxes: np.ndarray) -> list[int]:
    """Return the rows of n boxes, the best first, that no better one of them stands for."""
    tensor = torch.tensor(boxes, dtype=torch.float64)
    shares = box_iou(tensor, tensor).numpy()
    size = areas(boxes)
    common = shares / (1 + shares) * (size[:, None] + size)
    covers = (shares > OVERLAP) | (common > INSIDE * np.minimum(size[:, None], size))
    free = np.ones(len(boxes), bool)
    kept = []
    for row in range(len(boxes)):
        if free[row]:
            kept.append(row)
            free &= ~covers[row]
    return kept


def cut(images: np.ndarray, proposals: Sequence[Proposals], margin: float) -> np.ndarray:
    """Return what is in each box and a margin round it, brought to one size: n x 3 x 32 x 32."""
    found = []
    for image, scene in zip(images, proposals, strict=True):
        boxes = torch.tensor(scene.boxes, dtype=torch.float32)
        border = margin * (boxes[:, 2:] - boxes[:, :2])
        boxes = torch.cat([boxes[:, :2] - border, boxes[:, 2:] + border], 1)
        picture = torch.as_tensor(image)[None]
        found.append(roi_align(picture, [boxes], SIDE, sampling_ratio=2, aligned=True).numpy())
    return np.concatenate(found).clip(0, 1)


def _features(crops: np.ndarray) -> np.ndarray:
    described = describe(crops, WHAT)
    numbers = min(NUMBERS, *described.shape)
    features = PCA(numbers, random_state=0).fit_transform(described)
    return _unit(features)


def _rings(crops: np.ndarray) -> np.ndarray:
    """Return the gradients round each box, of unit length: n x D."""
    border = round(SIDE * WIDER / (1 + 2 * WIDER)) - 1
    ring = np.ones((SIDE, SIDE), bool)
    ring[border:-border, border:-border] = False
    slopes = np.gradient(crops.mean(1), axis=(1, 2))  # twice n x 32 x 32
    rings = np.concatenate([slope[:, ring] for slope in slopes], axis=1)
    return _unit(rings - rings.mean(0))


def _unit(rows: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / lengths.clip(1e-6)).astype(np.float32)


def _neighbours(features: np.ndarray, scenes: np.ndarray) -> np.ndarray:
    """Return the rows of the most alike regions of other scenes: n x k."""
    elsewhere = len(scenes) - np.bincount(scenes).max()
    k = min(NEIGHBOURS, elsewhere)
    found = []
    for start in range(0, len(features), 1000):
        rows = slice(start, start + 1000)
        alike = features[rows] @ features.T
        alike[scenes[rows, None] == scenes] = -np.inf
        found.append(np.argpartition(-alike, k - 1, axis=1)[:, :k])
    return np.concatenate(found)
