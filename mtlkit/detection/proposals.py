"""Proposals: boxes of whatever stands out in a picture, whatever it is.

Three views of a picture are cut into pieces, and each piece has a box: how rare each colour is in
the picture, how far it is from that round about, and segments of even colour.
"""

from typing import NamedTuple

import numpy as np
import torch
from scipy import ndimage
from skimage.color import rgb2lab
from skimage.segmentation import felzenszwalb
from torchvision.ops import nms

SIZES = (6, 0.45)  # of a box's sides: the least in px, the most as a share of the picture's longer
BINS = 12  # of each colour channel
RARITIES = (3, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8)  # nats, thresholds
CONTRASTS = (5, 8, 12, 16, 22, 30)  # units of CIELAB, thresholds
AROUND = 41  # px, across, of what a pixel's colour is compared with
ALIKE = 0.7  # intersection over union from which the better of two boxes is enough


class Proposals(NamedTuple):
    """The boxes of one picture, those that stand out most first.

    boxes: n x 4 whole numbers: left, top, right and bottom in px, right and bottom exclusive.
    stand_out: n, how much each does; to compare, without a unit.
    """

    boxes: np.ndarray
    stand_out: np.ndarray


def propose(image: np.ndarray, most: int = 60) -> Proposals:
    r"""Return the boxes that stand out most in a picture, 3 x H x W in [0, 1].

    A box stands out by $s = r^2 \sqrt{e}\, \sqrt{a}$: $r$ is how much rarer its colours are than
    those in a border round it (nats), $e$ how much stronger its edges are, and $a$ its area.

    Source: segments are those of Felzenszwalb and Huttenlocher 2004, "Efficient graph-based image
        segmentation"; the idea of ranking boxes whatever they hold is of Alexe, Deselaers and
        Ferrari 2010, "What is an object?".

    >>> picture = np.full((3, 64, 64), 0.5)
    >>> picture[:, 20:40, 10:30] = [[[0.9]], [[0.1]], [[0.1]]]
    >>> propose(picture).boxes[0].tolist()  # a blurred edge is a little wider
    [8, 18, 32, 42]
    """
    pixels = np.moveaxis(image, 0, -1)  # H x W x 3
    lab = rgb2lab(ndimage.gaussian_filter(pixels, (0.8, 0.8, 0)))
    rarity = rarity_of(lab)
    contrast = _contrast_of(lab)
    pieces = [felzenszwalb(pixels, scale=150, sigma=1.0, min_size=30) + 1]
    for blur in (0, 1, 2):  # px
        smooth = ndimage.gaussian_filter(rarity, blur)
        pieces += [ndimage.label(smooth > level)[0] for level in RARITIES]
    for blur in (0, 1):
        smooth = ndimage.gaussian_filter(contrast, blur)
        pieces += [ndimage.label(smooth > level)[0] for level in CONTRASTS]
    boxes = _boxes_of(pieces, SIZES[1] * max(rarity.shape))
    edges = np.hypot(ndimage.sobel(lab[..., 0], 0), ndimage.sobel(lab[..., 0], 1))
    rarer = above_border(rarity, boxes).clip(0.1)
    stronger = above_border(edges, boxes).clip(0.3)
    size = np.sqrt(areas(boxes))
    stand_out = rarer**2 * np.sqrt(stronger) * size
    kept = nms(torch.tensor(boxes).double(), torch.tensor(stand_out), ALIKE)[:most].numpy()
    return Proposals(boxes[kept], stand_out[kept])


def rarity_of(lab: np.ndarray) -> np.ndarray:
    """Return how rare the colour of each pixel is in its picture: H x W, in nats.

    With $p$ the share of pixels in a bin of the colours' histogram, that is $-\\ln p$.
    """
    counts, steps = np.histogramdd(lab.reshape(-1, 3), BINS)
    shares = ndimage.gaussian_filter(counts, 0.7) / counts.sum()
    bins = [np.digitize(lab[..., c], steps[c][1:-1]) for c in range(3)]
    return -np.log(shares[tuple(bins)] + 1e-5)


def _contrast_of(lab: np.ndarray) -> np.ndarray:
    """Return how far each pixel's colour is from the median round about: H x W, CIELAB's units."""
    coarse = lab[::4, ::4]
    ground = ndimage.median_filter(coarse, (AROUND // 4, AROUND // 4, 1))
    ground = ground.repeat(4, 0).repeat(4, 1)[: len(lab), : lab.shape[1]]
    return np.linalg.norm(lab - ground, axis=-1)


def _boxes_of(pieces: list[np.ndarray], most: float) -> np.ndarray:
    """Return the boxes of all pieces of a size that is asked for, each once: n x 4."""
    found = [
        (columns.start, rows.start, columns.stop, rows.stop)
        for numbers in pieces
        for rows, columns in ndimage.find_objects(numbers)
    ]
    boxes = np.unique(np.reshape(found, (-1, 4)).astype(int), axis=0)
    sides = boxes[:, 2:] - boxes[:, :2]
    fits = (sides.min(1, initial=most) >= SIZES[0]) & (sides.max(1, initial=0) <= most)
    return boxes[fits]


def areas(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2:] - boxes[:, :2]).prod(1)


def above_border(plane: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return the mean of a plane, H x W, in each of n boxes, less that in a border round it.

    The border is a quarter of the box's shorter side, 2 px or more, and ends with the picture.

    >>> above_border(np.eye(9), np.array([[3, 3, 6, 6]])).round(3).tolist()
    [0.233]
    """
    table = np.pad(plane, ((1, 0), (1, 0))).cumsum(0).cumsum(1)  # an integral image
    inside = _sums(table, boxes)
    border = ((boxes[:, 2:] - boxes[:, :2]).min(1, keepdims=True) // 4).clip(2)
    height, width = plane.shape
    wider = (boxes + border * [-1, -1, 1, 1]).clip(0, [width, height, width, height])
    rest = (areas(wider) - areas(boxes)).clip(1)
    return inside / areas(boxes) - (_sums(table, wider) - inside) / rest


def _sums(table: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    left, top, right, bottom = boxes.T
    return table[bottom, right] - table[top, right] - table[bottom, left] + table[top, left]
