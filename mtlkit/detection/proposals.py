"""Proposals: boxes of whatever stands out in a picture, whatever it is.

Three views of a picture are cut into pieces, and each piece has a box: how rare each colour is in
the picture, how far it is from that round about, and segments of even colour.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy import ndarray
from scipy import ndimage
from skimage.color import rgb2lab
from skimage.segmentation import felzenszwalb
from torchvision.ops import nms

SIZES = (6, 0.45)  # of a box's sides: the least in px, the most as a share of the picture's longer
BINS = 12  # of each colour channel
RARITIES = (3, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8)  # nats, thresholds
CONTRASTS = (5, 8, 12, 16, 22, 30)  # units of CIELAB, thresholds
AROUND, COARSER = 41, 4  # px, across, of what a colour is compared with, seen so many times coarser
ALIKE = 0.7  # intersection over union from which the better of two boxes is enough


class Proposals(NamedTuple):
    """The boxes of one picture, those that stand out most first.

    boxes: n x 4 whole numbers: left, top, right and bottom in px, right and bottom exclusive.
    stand_out: n, how much each does; to compare, without a unit.
    """

    boxes: ndarray
    stand_out: ndarray


def propose(image: ndarray, most: int = 60) -> Proposals:
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
    soft = ndimage.gaussian_filter(pixels, (0.8, 0.8, 0))
    lab = rgb2lab(soft)
    rarity = rarity_of(lab)
    contrast = contrast_of(lab)
    segments = felzenszwalb(pixels, scale=150, sigma=1.0, min_size=30)
    pieces = [
        segments + 1,
        *_islands(rarity, RARITIES, blurs=(0, 1, 2)),
        *_islands(contrast, CONTRASTS, blurs=(0, 1)),
    ]
    boxes = _boxes_of(pieces)
    longer = max(rarity.shape)
    boxes = boxes[_has_size(boxes, longer)]
    stand_out = _stand_out(boxes, rarity, lab[..., 0])
    places = torch.tensor(boxes).double()
    kept = nms(places, torch.tensor(stand_out), ALIKE)
    best = kept[:most].numpy()
    return Proposals(boxes[best], stand_out[best])


def rarity_of(lab: ndarray) -> ndarray:
    r"""Return how rare the colour of each pixel is in its picture: H x W, in nats.

    With $p$ the share of pixels in a bin of the colours' histogram, that is $-\ln p$.
    """
    colours = lab.reshape(-1, 3)
    counts, steps = np.histogramdd(colours, BINS)
    smooth = ndimage.gaussian_filter(counts, 0.7)
    shares = smooth / counts.sum()
    bins = []
    for channel in range(3):
        inner = steps[channel][1:-1]
        bins.append(np.digitize(lab[..., channel], inner))
    return -np.log(shares[tuple(bins)] + 1e-5)


def contrast_of(lab: ndarray) -> ndarray:
    """Return how far each pixel's colour is from the median round about: H x W, CIELAB's units."""
    height, width, _ = lab.shape
    coarse = lab[::COARSER, ::COARSER]
    around = AROUND // COARSER
    ground = ndimage.median_filter(coarse, (around, around, 1))
    ground = ground.repeat(COARSER, 0).repeat(COARSER, 1)
    away = lab - ground[:height, :width]
    return np.linalg.norm(away, axis=-1)


def _islands(plane: ndarray, levels: Sequence[float], blurs: Sequence[float]) -> Iterator[ndarray]:
    """Yield the connected parts of a plane above each level, numbered from 1."""
    for blur in blurs:  # px
        smooth = ndimage.gaussian_filter(plane, blur)
        for level in levels:
            numbers, _ = ndimage.label(smooth > level)
            yield numbers


def _boxes_of(pieces: Sequence[ndarray]) -> ndarray:
    """Return the boxes of all pieces, each once: n x 4."""
    found = []
    for numbers in pieces:
        for rows, columns in ndimage.find_objects(numbers):
            found.append((columns.start, rows.start, columns.stop, rows.stop))
    boxes = np.reshape(found, (-1, 4)).astype(int)
    return np.unique(boxes, axis=0)


def _has_size(boxes: ndarray, longer: int) -> ndarray:
    least, most = SIZES
    sides = boxes[:, 2:] - boxes[:, :2]
    fits = (sides >= least) & (sides <= most * longer)
    return fits.all(1)


def _stand_out(boxes: ndarray, rarity: ndarray, light: ndarray) -> ndarray:
    down = ndimage.sobel(light, 0)
    across = ndimage.sobel(light, 1)
    edges = np.hypot(down, across)
    rarer = above_border(rarity, boxes).clip(0.1)
    stronger = above_border(edges, boxes).clip(0.3)
    size = np.sqrt(areas(boxes))
    return rarer**2 * np.sqrt(stronger) * size


def areas(boxes: ndarray) -> ndarray:
    sides = boxes[:, 2:] - boxes[:, :2]
    return sides.prod(1)


def above_border(plane: ndarray, boxes: ndarray) -> ndarray:
    """Return the mean of a plane, H x W, in each of n boxes, less that in a border round it.

    The border is a quarter of the box's shorter side, 2 px or more, and ends with the picture.

    >>> above_border(np.eye(9), np.array([[3, 3, 6, 6]])).round(3).tolist()
    [0.233]
    """
    height, width = plane.shape
    padded = np.pad(plane, ((1, 0), (1, 0)))
    table = padded.cumsum(0).cumsum(1)  # an integral image
    sides = boxes[:, 2:] - boxes[:, :2]
    shorter = sides.min(1, keepdims=True)
    border = (shorter // 4).clip(2)
    wider = boxes + border * [-1, -1, 1, 1]
    wider = wider.clip(0, [width, height, width, height])
    inside = _sums(table, boxes)
    outside = _sums(table, wider) - inside
    around = areas(wider) - areas(boxes)
    return inside / areas(boxes) - outside / around.clip(1)


def _sums(table: ndarray, boxes: ndarray) -> ndarray:
    left, top, right, bottom = boxes.T
    upper = table[top, right] - table[top, left]
    lower = table[bottom, right] - table[bottom, left]
    return lower - upper
