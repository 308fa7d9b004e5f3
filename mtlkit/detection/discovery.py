"""Discovery: what recurs over scenes is an object, and it ends where recurrence ends."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy import ndarray
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

    boxes: ndarray
    scenes: ndarray
    features: ndarray
    neighbours: ndarray
    score: ndarray

    def smoothed(self, values: ndarray) -> ndarray:
        """Return the mean of n values over each region's neighbours."""
        return values[self.neighbours].mean(1)


def discover(images: ndarray, proposals: Sequence[Proposals]) -> Regions:
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
    plain = counts.count(0)
    if len(counts) - plain < 2:
        raise InputError(
            f"nothing stands out in {plain} of {len(counts)} images, and what recurs can be told "
            "from 2 that show something: add more."
        )
    scenes = np.repeat(np.arange(len(images)), counts)
    boxes = np.concatenate([found.boxes for found in proposals])
    stand_out = np.concatenate([found.stand_out for found in proposals])
    order = stand_out.argsort().argsort()
    ranks = (order + 0.5) / len(order)
    features = _features(cut(images, proposals, MARGIN))
    neighbours = _neighbours(features, scenes)
    rings = _rings(cut(images, proposals, WIDER))
    alike = []
    for nth in neighbours.T:
        cosines = (rings[nth] * rings).sum(1)
        alike.append(cosines)
    surroundings = np.mean(alike, axis=0).clip(0)
    likes = ranks[neighbours].mean(1)
    score = likes - RING * surroundings
    return Regions(boxes, scenes, features, neighbours, score)


def choose(regions: Regions, score: ndarray, share: float) -> ndarray:
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


def apart(boxes: ndarray) -> list[int]:
    """Return the rows of n boxes, the best first, that no better one of them stands for."""
    tensor = torch.tensor(boxes, dtype=torch.float64)
    shares = box_iou(tensor, tensor).numpy()
    size = areas(boxes)
    both = size[:, None] + size
    smaller = np.minimum(size[:, None], size)
    common = both * shares / (1 + shares)
    covers = (shares > OVERLAP) | (common > INSIDE * smaller)
    free = np.ones(len(boxes), bool)
    kept = []
    for row in range(len(boxes)):
        if free[row]:
            kept.append(row)
            free &= ~covers[row]
    return kept


def cut(images: ndarray, proposals: Sequence[Proposals], margin: float) -> ndarray:
    """Return what is in each box and a margin round it, brought to one size: n x 3 x 32 x 32."""
    pieces = []
    for image, scene in zip(images, proposals, strict=True):
        boxes = torch.tensor(scene.boxes, dtype=torch.float32)
        start, end = boxes.split(2, dim=1)
        border = margin * (end - start)
        wider = torch.cat([start - border, end + border], dim=1)
        picture = torch.as_tensor(image)[None]
        found = roi_align(picture, [wider], SIDE, sampling_ratio=2, aligned=True)
        pieces.append(found.numpy())
    return np.concatenate(pieces).clip(0, 1)


def _features(crops: ndarray) -> ndarray:
    described = describe(crops, WHAT)
    numbers = min(NUMBERS, *described.shape)
    with np.errstate(invalid="ignore"):  # where all are equal, there is no variance to divide by
        features = PCA(numbers, random_state=0).fit_transform(described)
    return _unit(features)


def _rings(crops: ndarray) -> ndarray:
    """Return the gradients round each box, of unit length: n x D."""
    border = round(SIDE * WIDER / (1 + 2 * WIDER)) - 1
    inner = slice(border, -border)
    ring = np.ones((SIDE, SIDE), bool)
    ring[inner, inner] = False
    grey = crops.mean(1)
    down, across = np.gradient(grey, axis=(1, 2))  # n x 32 x 32 each
    slopes = [down[:, ring], across[:, ring]]
    rings = np.concatenate(slopes, axis=1)
    return _unit(rings - rings.mean(0))


def _unit(rows: ndarray) -> ndarray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / lengths.clip(1e-6)).astype(np.float32)


def _neighbours(features: ndarray, scenes: ndarray) -> ndarray:
    """Return the rows of the most alike regions of other scenes: n x k."""
    elsewhere = len(scenes) - np.bincount(scenes).max()
    k = min(NEIGHBOURS, elsewhere)
    found = []
    for start in range(0, len(features), 1000):
        rows = slice(start, start + 1000)
        alike = features[rows] @ features.T
        same_scene = scenes[rows, None] == scenes
        alike[same_scene] = -np.inf
        order = np.argpartition(-alike, k - 1, axis=1)
        found.append(order[:, :k])
    return np.concatenate(found)
