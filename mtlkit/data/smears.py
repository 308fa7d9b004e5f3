"""Synthetic blood-smear photos: drawn by rule from a seed, so that where each cell lies is known.

Nothing here was photographed. Light goes through a field of two dyes by Beer and Lambert's law:
eosin, which stains red cells pink, and azure, which stains nuclei violet; then come the lens,
uneven light, noise and 8 bits. Sizes, counts and colours follow what real smears look like (BCCD's
photos at half their size). The generator was written from that alone and frozen before the method
of this package met it: `data/cards/smears.md` says what it is unlike, and what not to conclude.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mtlkit.data.boxes import PhotoBoxes
from mtlkit.data.crops import cut, places
from mtlkit.data.images import ImageSet, row_names
from mtlkit.inputs import check_whole, fit_squares

KINDS = ("red cell", "white cell", "platelet")
MOST_SEED = 2**31 - 1
SIDES = (64, 1024)  # px, the least and the most
TRAIN = range(100)  # seeds of the photos that have names
TEST = range(10_000, 10_050)
WINDOW = 64  # px, what is cut from a photo of 320
CROP = 32  # px, what it is brought to
STAINS = np.array([[0.12, 0.32, 0.26], [0.50, 0.82, 0.05]])  # eosin, azure: density in r, g, b
Random = np.random.Generator


class SmearPhoto(NamedTuple):
    """One photo and what is on it.

    image: 3 x side x side, float32 in [0, 1] in steps of 1/255.
    boxes: n x 4, float32: left, top, right, bottom in px, right and bottom beyond the last pixel.
        A box holds what of the object lies on the photo, also where another one covers it.
    kinds: n integers, 0 (red cell), 1 (white cell) or 2 (platelet).
    """

    image: np.ndarray
    boxes: np.ndarray
    kinds: np.ndarray


class Sort(NamedTuple):
    """A sort of cell: a body, whose middle may be thinner or thicker, and perhaps a nucleus."""

    kind: int
    radius: float  # mean, px of a photo of 320
    spread: float  # of the radius, standard deviation of its logarithm
    wobble: float  # how far the outline is from a circle
    eosin: float
    azure: float
    middle: float  # thickness that the middle has more or less
    grain: float  # how coarse the body is
    lobes: int = 0  # of the nucleus at most, on an arc
    lobe: float = 0  # their radius, in radii of the cell
    away: float = 0  # how far from the cell's middle they lie, likewise
    step: float = 0  # from lobe to lobe, radians


SORTS = (
    Sort(1, 50, 0.08, 0.045, 0.28, 0.12, 0, 0.22, 5, 0.27, 0.47, 1.25),  # neutrophil
    Sort(1, 32, 0.09, 0.045, 0.05, 0.40, 0, 0.10, 1, 0.98, 0.08),  # lymphocyte
    Sort(1, 53, 0.08, 0.045, 0.10, 0.26, 0, 0.15, 4, 0.45, 0.36, 0.65),  # monocyte
    Sort(1, 50, 0.07, 0.045, 0.80, 0.15, 0, 0.45, 2, 0.37, 0.45, 1.90),  # eosinophil
    Sort(0, 26, 0.09, 0.080, 0.97, 0.04, -0.6, 0.02),  # red cell
    Sort(2, 10, 0.18, 0.120, 0.03, 0.32, 1.0, 0.25),  # platelet
)
SHARES = (0.55, 0.30, 0.08, 0.07)  # of the white cells


class Patch(NamedTuple):
    """Where an object lies: h x w px of a photo, with lengths in radii of the object."""

    place: tuple[slice, ...]  # rows and columns
    radius: float  # px
    offset: np.ndarray  # 2 x h x w: down and across, from its middle
    distance: np.ndarray  # h x w: 0 in the middle, 1 on the outline


class Drawn(NamedTuple):
    """An object by itself: its kind, its rows and columns, and 2 x h x w of eosin and azure."""

    kind: int
    place: tuple[slice, ...]
    dyes: np.ndarray


def smear_photo(seed: int, side: int = 320) -> SmearPhoto:
    """Draw the photo of a seed, side x side px; the field of view is the same at any side.

    The same seed gives the same bytes, whatever was drawn before it.

    Raises:
        InputError: a seed that is no whole number from 0, a side out of 64 to 1024 px.

    >>> photo = smear_photo(0)
    >>> photo.image.shape, photo.boxes.shape == (len(photo.kinds), 4)
    ((3, 320, 320), True)
    """
    scene = draw_scene(seed, side)
    field = np.zeros((2, side, side), np.float32)
    boxes = np.array([paint(field, drawn) for drawn in scene], np.float32)
    image = _photograph(np.random.default_rng([seed, 1]), field)
    return SmearPhoto(image, boxes, np.array([drawn.kind for drawn in scene]))


def smear_photos(seeds: range, side: int = 320) -> Iterator[SmearPhoto]:
    """Draw the photo of each seed, one at a time; errors as in `smear_photo`.

    >>> [photo.image.shape for photo in smear_photos(range(2), side=64)]
    [(3, 64, 64), (3, 64, 64)]
    """
    return (smear_photo(seed, side) for seed in seeds)


def load_smears() -> ImageSet:
    """Return the 100 photos of 320 px, with their boxes and without labels."""
    photos = list(smear_photos(TRAIN))
    images = np.stack([photo.image for photo in photos])
    boxes = list(map(_boxes, TRAIN, photos))
    return ImageSet(images, "smears", row_names("smears", TRAIN), boxes=boxes.copy)


def load_smear_crops(name: str, seeds: range) -> ImageSet:
    """Return a window round each object of these photos, cut at one size, at 32 px: size is kept.

    Rows are called `smears/PHOTO/OBJECT`, so that those of a photo can be kept together.
    """
    windows, kinds = [], []
    paths: list[str] = []
    for seed in seeds:
        photo = smear_photo(seed)
        boxes = _boxes(seed, photo)
        windows += [cut(photo.image, place) for place in places(boxes, WINDOW)]
        kinds.append(photo.kinds)
        paths += boxes.names
    images = fit_squares(np.stack(windows), CROP)
    labels = np.concatenate(kinds)
    return ImageSet(images, name, tuple(paths), len(KINDS), KINDS, labels=labels.copy)


def _boxes(seed: int, photo: SmearPhoto) -> PhotoBoxes:
    path, side = f"smears/{seed:04d}", photo.image.shape[-1]
    kinds = [KINDS[kind] for kind in photo.kinds]
    names = [f"{path}/{number:02d}" for number in range(len(kinds))]
    return PhotoBoxes(path, side, side, photo.boxes, kinds, names)


def draw_scene(seed: int, side: int = 320) -> list[Drawn]:
    """Draw every object of a photo by itself; errors as in `smear_photo`."""
    check_whole("seed", seed, 0, MOST_SEED)
    check_whole("side", side, *SIDES)
    random = np.random.default_rng([seed, 0])
    pallor = random.uniform(0.4, 1.4)
    crowding = random.uniform(0.5, 0.95)
    zoom = random.uniform(0.92, 1.08)
    reds = random.poisson(random.uniform(7, 22))
    whites = 1 + random.poisson(0.3)
    platelets = random.poisson(1.3)
    kinds_of_white = random.choice(4, whites, p=SHARES)
    numbers = [*kinds_of_white, *[4] * reds, *[5] * platelets]
    scene = []
    circles: list[tuple[np.ndarray, float]] = []
    for number in numbers:
        sort = SORTS[number]
        usual = zoom * side / 320 * sort.radius
        radius = usual * np.exp(random.normal(0, sort.spread))
        for _ in range(40):  # until it is clear of the others, or nearly so; the border may cut it
            middle = random.uniform(-radius / 4, side + radius / 4, 2)
            if all(
                math.dist(middle, other) > crowding * (size + radius) for other, size in circles
            ):
                break
        circles.append((middle, radius))
        patch = _outline(random, side, middle, radius, sort.wobble)
        scene.append(Drawn(sort.kind, patch.place, _stain(random, patch, sort, pallor)))
    return scene


def _outline(random: Random, side: int, middle: np.ndarray, radius: float, wobble: float) -> Patch:
    """Bend a circle to an outline: its radius by angle has waves, the first of which is oval."""
    reach = radius * (1 + 3 * wobble) + 1
    corners = np.clip([middle - reach, middle + reach], 0, side)
    starts, ends = corners.astype(int)
    place = tuple(map(slice, starts, ends))
    offset = (np.mgrid[place].T - middle).T / radius
    waves = np.arange(2, 6)[:, None, None]
    phases = random.uniform(0, 6.28, waves.shape)
    sizes = random.uniform(-1.7, 1.7, waves.shape) / (waves - 1) ** 1.5
    bends = wobble * sizes * np.cos(waves * np.arctan2(*offset) + phases)
    distance = np.hypot(*offset) / (1 + bends.sum(0))
    return Patch(place, radius, offset, distance)


def _stain(random: Random, patch: Patch, sort: Sort, pallor: float) -> np.ndarray:
    """Return the eosin and the azure (2 x h x w) that a cell takes up."""
    shift = random.normal(0, 0.08, (2, 1, 1))
    width = random.uniform(0.4, 0.65)
    strength = random.uniform(0.85, 1.15)
    away = np.hypot(*patch.offset - shift)
    middle = np.exp(-((away / width) ** 3))
    depth = max(pallor * sort.middle + random.normal(0, 0.15), -0.95)
    rim = np.exp(-(((patch.distance - 0.93) / 0.05) ** 2)) / 4
    nucleus = _nucleus(random, patch, sort) if sort.lobes else np.zeros_like(rim)
    body = strength * (1 + depth * middle + rim) * (1 - nucleus.clip(0, 1))
    body *= 1 + sort.grain * _mottle(random, patch, 0.03)
    dyes = np.stack([sort.eosin * body, sort.azure * body + nucleus])
    edge = ((1 - patch.distance) * patch.radius).clip(0, 1)  # one pixel wide
    return dyes.clip(0.03) * edge


def _nucleus(random: Random, patch: Patch, sort: Sort) -> np.ndarray:
    """Return the azure (h x w) of a clumpy nucleus, whose lobes melt into each other."""
    clumps = _mottle(random, patch, 0.08)
    angle = random.uniform(0, 6.28)
    lobes = 0.05 * clumps
    for _ in range(random.integers(sort.lobes // 2, sort.lobes) + 1):
        away = sort.away * random.uniform(0.8, 1.2)
        size = sort.lobe * random.uniform(0.8, 1.2)
        step = sort.step * random.uniform(0.8, 1.2)
        middle = away * np.array([np.sin(angle), np.cos(angle)])
        squares = (patch.offset.T - middle) ** 2
        lobes += np.exp(-squares.sum(-1).T / size**2)
        angle += step
    inside = ((lobes - 0.5) * patch.radius / 6).clip(0, 1)
    inside[patch.distance >= 0.97] = 0
    return random.uniform(0.85, 1.15) * inside * (1 + 0.13 * clumps)


def _mottle(random: Random, patch: Patch, grain: float) -> np.ndarray:
    """Return noise (h x w, standard deviation 1) with grains of about `grain` radii."""
    noise = random.standard_normal(patch.distance.shape, np.float32)
    noise = _blurred(noise, grain * patch.radius)
    return noise / noise.std()


def _blurred(planes: np.ndarray, blur: float) -> np.ndarray:
    from scipy import ndimage  # here: it takes a fifth of a second

    return ndimage.gaussian_filter(planes, blur, axes=(-2, -1))


def paint(field: np.ndarray, drawn: Drawn) -> tuple[int, int, int, int]:
    """Add an object to a photo's dyes (2 x side x side, in place); return its box, as in the photo.

    Where two overlap, the thinner one counts a third: they flatten each other.
    """
    rows, columns = drawn.place
    there = field[:, rows, columns]
    thicker = np.maximum(there, drawn.dyes)
    there[:] = thicker + np.minimum(there, drawn.dyes) / 3
    density = np.tensordot(STAINS.T, drawn.dyes, 1).max(0)
    y, x = np.nonzero(density > 0.02)  # it takes 2 % of the light: an eye sees that
    y += rows.start
    x += columns.start
    right, bottom = x.max() + 1, y.max() + 1
    return x.min(), y.min(), right, bottom


def _photograph(random: Random, dyes: np.ndarray) -> np.ndarray:
    """Send light through the dyes (2 x side x side): 3 x side x side as a camera stores it."""
    side = dyes.shape[1]
    tint = random.normal(0, 0.09, (2, 3))
    stains = STAINS * np.exp(tint + random.normal(0, 0.18, (2, 1)))
    lamp = random.normal(1, 0.015, (3, 1, 1))
    down, across = random.normal(0, 0.04, 2)
    level = random.uniform(0.74, 0.92)
    fall = random.uniform(0, 0.08)
    blur = random.uniform(0.5, 1.6)
    noise = random.uniform(0.006, 0.02)
    y, x = np.ogrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    even = 1 + down * y + across * x - fall * (y**2 + x**2)
    density = np.tensordot(stains.T.astype(np.float32), dyes, 1)
    light = (level * lamp * even).astype(np.float32) * np.exp(-density)
    light = _blurred(light, blur * side / 320)
    light += np.float32(noise) * random.standard_normal(light.shape, np.float32)
    return np.rint(255 * light.clip(0, 1)) / np.float32(255)
