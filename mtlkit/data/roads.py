"""Synthetic road scenes: drawn by rule from a seed, so that what stands where is known.

Nothing here was photographed, unless real signs are pasted in (`road_signs.py`). What stands there
(`road_views.py`) is drawn from far to near, as `road_objects.py` has it; then come light, weather,
lens, noise and 8 bits. The generator was frozen before a detector of this package met it:
`data/cards/roads.md` says what it is unlike, and what not to conclude.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from mtlkit.data.boxes import PhotoBoxes
from mtlkit.data.images import ImageSet, row_names
from mtlkit.data.road_objects import KINDS, Random
from mtlkit.data.road_views import SIDE, Drawn, draw_scene
from mtlkit.inputs import check_whole

SIDES = (64, 1024)  # px, the least and the most
SCENES = {  # that have names: their seeds and condition
    "roads": (range(200), "day"),
    "roads:test": (range(10_000, 10_100), "day"),
    "roads:night": (range(20_000, 20_100), "night"),
    "roads:rain": (range(30_000, 30_100), "rain"),
}
FINER = 2  # px across that are drawn for one that is shown
Draw = Callable[[int, str], list[Drawn]]


class RoadScene(NamedTuple):
    """One scene and what is in it.

    image: 3 x side x side, float32 in [0, 1] in steps of 1/255.
    boxes: n x 4, float32: left, top, right, bottom in px (halves occur), right and bottom beyond
        the last pixel. A box holds what can be seen of the object; a sign's has no pole.
    kinds: n integers, places in `KINDS`.
    """

    image: np.ndarray
    boxes: np.ndarray
    kinds: np.ndarray


def road_scene(
    seed: int, side: int = SIDE, condition: str = "day", draw: Draw = draw_scene
) -> RoadScene:
    """Draw the scene of a seed, side x side px, by day, at night or in rain.

    The same arguments give the same bytes, whatever was drawn before. `draw` gives what stands
    there, for a seed and a condition.

    Raises:
        InputError: a seed that is no whole number from 0, a side out of 64 to 1024 px, another
            condition.

    >>> scene = road_scene(0)
    >>> scene.image.shape, scene.boxes.shape == (len(scene.kinds), 4)
    ((3, 320, 320), True)
    """
    from skimage.measure import regionprops  # here: it takes a fifth of a second

    check_whole("side", side, *SIDES)
    scene = draw(seed, condition)
    finer = FINER * side
    canvas = Image.new("RGBA", (finer, finer))
    for number, drawn in enumerate(scene, 1):
        paint(canvas, drawn, number)
    rows = []
    numbers = canvas.getchannel("A")
    for seen in regionprops(np.asarray(numbers)):
        drawn = scene[seen.label - 1]
        if drawn.kind >= 0:
            rows.append((drawn.kind, *seen.bbox))
    random = np.random.default_rng([seed, 1])
    image = _develop(random, canvas, condition)
    found = np.array(rows, int).reshape(-1, 5)  # kind, top, left, bottom, right
    boxes = found[:, [2, 1, 4, 3]] / FINER
    kinds = found[:, 0]
    return RoadScene(image, boxes.astype(np.float32), kinds)


def paint(canvas: Image.Image, drawn: Drawn, number: int) -> None:
    """Draw on an RGBA canvas of any side, whose fourth channel keeps the number of who is seen."""
    pen = ImageDraw.Draw(canvas)
    scale = canvas.width / SIDE
    for colour, outline in drawn.parts:
        points = (scale * outline).ravel()
        fill = (*colour, number)
        pen.polygon(points.tolist(), fill)
    if drawn.picture:
        _, outline = drawn.parts[0]
        start = scale * outline.min(0)
        end = scale * outline.max(0) + 1
        edges = np.append(start, end).astype(int)
        frame = tuple(edges.tolist())
        numbers = canvas.getchannel("A")
        who = numbers.crop(frame)
        own = who.point(lambda value: 255 * (value == number))
        shown = drawn.picture.resize(own.size)
        shown.putalpha(number)
        canvas.paste(shown, frame, own)  # cut to what was drawn


def load_roads(
    name: str, seeds: range, condition: str = "day", draw: Draw = draw_scene
) -> ImageSet:
    """Return the scenes of these seeds at 320 px, with their boxes and without labels."""
    scenes = []
    for seed in seeds:
        scene = road_scene(seed, SIDE, condition, draw)
        scenes.append(scene)
    images = np.stack([scene.image for scene in scenes])
    paths = row_names("roads", seeds)
    boxes = list(map(_boxes, paths, scenes))
    return ImageSet(
        images,
        name,
        paths,
        notes=("The scenes are synthetic: drawn by rule, not photographed.",),
        boxes=boxes.copy,
    )


def _boxes(path: str, scene: RoadScene) -> PhotoBoxes:
    kinds = [KINDS[kind] for kind in scene.kinds]
    numbers = range(len(kinds))
    names = [f"{path}/{number:02d}" for number in numbers]
    return PhotoBoxes(path, SIDE, SIDE, scene.boxes, kinds, names)


def _develop(random: Random, canvas: Image.Image, condition: str) -> np.ndarray:
    """Light what was drawn and store it as a camera does: 3 x side x side."""
    side = canvas.width // FINER
    blur = random.uniform(0.3, 0.9)  # px of a picture of `SIDE`
    noise = random.uniform(0.005, 0.015)
    light = random.uniform(0.8, 1.1)
    tint = random.normal(light, 0.03, 3)
    radius = blur * side / SIDE
    lens = ImageFilter.GaussianBlur(radius)
    colours = canvas.convert("RGB")
    small = colours.reduce(FINER)
    shown = small.filter(lens)
    shares = np.asarray(shown) / 255
    lit = shares * tint
    pixels = lit.transpose(2, 0, 1)
    uneven = _mottle(random, side, 5, 5)
    pixels *= 1 + 0.05 * uneven
    if condition == "night":  # the own car's headlights
        beam = Image.radial_gradient("L")
        ahead = beam.crop((0, 0, 256, 200))
        outside = ahead.resize((side, side))
        pixels *= 3 - np.asarray(outside) / 128
    if condition == "rain":
        streaks = _mottle(random, side, 160, 20)
        bright = streaks.clip(1) - 1
        pixels += bright / 10
    pixels += random.normal(0, noise, pixels.shape)
    steps = np.rint(255 * pixels)
    steps = steps.clip(0, 255)
    return steps.astype(np.float32) / 255


def _mottle(random: Random, side: int, columns: int, rows: int) -> np.ndarray:
    """Return smooth noise, side x side, of about standard deviation 1."""
    noise = random.standard_normal((rows, columns), np.float32)
    coarse = Image.fromarray(noise)
    smooth = coarse.resize((side, side))
    return np.asarray(smooth)
