"""What stands where in a road scene: a pinhole camera at a driver's height, and a street.

Places are found in px of a picture of `SIDE`, whatever side is drawn.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image

from mtlkit.data.road_objects import (
    DRAWINGS,
    SHINING,
    SIGNS,
    SORTS,
    TABLE,
    Random,
    Sort,
    box,
    palette,
    shapes,
)
from mtlkit.errors import InputError
from mtlkit.inputs import check_whole

MOST_SEED = 2**31 - 1
SIDE = 320  # px
FOCAL = 300  # px
NEAREST = 1.5  # m, nearer than the lower border shows
EYE = 1.5  # m, of the camera above the road
LEAST_SEEN = 0.5  # of an object's box, inside the picture and free of what is nearer
VISION = {"day": 250, "night": 200, "rain": 70}  # m, after which haze takes 63 % of a colour
Metres = float | np.ndarray
Colour = tuple[int, ...]  # red, green, blue: 0 to 255


class Drawn(NamedTuple):
    """What stands somewhere: its kind or -1, shapes of one colour (n x 2 px), and a real sign."""

    kind: int
    parts: list[tuple[Colour, np.ndarray]]
    picture: Image.Image | None = None


class Place(NamedTuple):
    """Where something of a sort stands: m away, and its box in px of `SIDE`."""

    sort: Sort
    away: float
    box: np.ndarray


class View(NamedTuple):
    """What the camera sees.

    horizon, middle: row and column of the vanishing point, px of `SIDE`.
    vision: m, after which haze takes 63 % of a colour.
    haze: its grey.
    light: 1 by day.
    """

    horizon: float
    middle: float
    vision: float
    haze: float
    light: float

    def spot(self, across: Metres, above: float, away: Metres) -> np.ndarray:
        """Project points to px of `SIDE`, n x 2: m to the right, above the road, and away."""
        x = self.middle + FOCAL * across / away
        y = self.horizon + FOCAL * (EYE - above) / away
        return np.stack([x, y], -1)

    def colour(self, colour: np.ndarray, away: float, dimmed: float = 1) -> Colour:
        """Return a colour some way off; by night it is `dimmed`: 0 is not at all, 1 like a wall."""
        lit = colour * self.light**dimmed
        clear = np.exp(-away / self.vision)
        mixed = self.haze + clear * (lit - self.haze)
        return tuple(mixed.astype(int).tolist())


def draw_scene(seed: int, condition: str = "day") -> list[Drawn]:
    """Return what stands in a scene, from far to near: first sky and ground.

    Raises `InputError` for a seed that is no whole number from 0, and for another condition.
    """
    check_whole("seed", seed, 0, MOST_SEED)
    if condition not in VISION:
        raise InputError(f"condition must be one of {', '.join(VISION)}, not {condition!r}.")
    random = np.random.default_rng([seed, 0])
    darkness = random.uniform(0.1, 0.25)
    light = darkness if condition == "night" else 1
    view = View(
        horizon=random.uniform(135, 170),
        middle=random.uniform(120, 200),
        vision=VISION[condition],
        haze=random.uniform(150, 225) * light,
        light=light,
    )
    scene = [_ground(random, view)]
    for place in _places(random, view):
        scene += _drawn(random, view, place)
    return scene


def _ground(random: Random, view: View) -> Drawn:
    """Draw flat things, sky and grass first; marks, patches and a crossing begin anywhere."""
    colours = palette(random)
    ahead = random.uniform(0, 45)  # m
    parts = []
    for name, left, right, above, near, far in TABLE["ground"]:
        start = max(near + ahead, NEAREST)
        end = max(far + ahead, NEAREST)
        across, away = box(left, start, right, end).T
        outline = view.spot(across, above, away)
        colour = view.colour(colours[name], start)
        parts.append((colour, outline))
    return Drawn(-1, parts)


def _places(random: Random, view: View) -> list[Place]:
    """Return what stands where, from far to near, without objects that are hidden too much."""
    places = []
    for sort in SORTS:
        for _ in range(random.poisson(sort.share)):
            places.append(_place(random, view, sort))
    covered = np.zeros((SIDE, SIDE), bool)
    kept = []
    for place in sorted(places, key=lambda place: place.away):
        left, top, right, bottom = place.box.clip(0, SIDE).astype(int)
        window = covered[top:bottom, left:right]
        width, height = place.box[2:] - place.box[:2]
        seen = np.sum(~window) / (width * height)
        if place.sort.kind < 0 or seen >= LEAST_SEEN:
            window[:] = True
            kept.append(place)
    return kept[::-1]


def _place(random: Random, view: View, sort: Sort) -> Place:
    ratio = sort.most / sort.least
    longer = sort.least * ratio ** random.random()  # px
    away = FOCAL * max(sort.wide, sort.high) / longer
    left, right = random.choice(sort.across)
    across = random.uniform(left, right)
    foot = view.spot(across, sort.above, away)
    stretch = random.uniform(0.85, 1.05, 2)
    size = FOCAL / away * stretch * [sort.wide, sort.high]
    start = foot - size * [0.5, 1]
    return Place(sort, away, np.append(start, start + size))


def _drawn(random: Random, view: View, place: Place) -> Iterator[Drawn]:
    """Draw what stands at a place, and before it what is under it: a shadow or a pole."""
    sort, away, frame = place
    start, end = frame[:2], frame[2:]
    colours = palette(random)
    own = random.choice(DRAWINGS[sort.drawing])
    if sort.kind not in SIGNS and random.random() < 0.5:  # turn it round
        start, end = frame[[2, 1]], frame[[0, 3]]
    for kind, drawing in (-1, sort.under), (sort.kind, own):
        parts = []
        for name, outline in shapes(str(drawing)):
            dimmed = 0.5 if kind in SIGNS else 1  # signs reflect
            if name in SHINING:
                dimmed = 0
            colour = view.colour(colours[name], away, dimmed)
            parts.append((colour, start + outline * (end - start)))
        yield Drawn(kind, parts)
