"""Real traffic signs (GTSRB) for drawn road scenes: semi-synthetic, and split by physical sign."""

from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from mtlkit.data.decoding import opened
from mtlkit.data.images import ImageSet
from mtlkit.data.road_objects import SIGNS, TABLE, Random
from mtlkit.data.road_views import Drawn, draw_scene
from mtlkit.data.roads import SCENES, load_roads
from mtlkit.data.root import DataRoot
from mtlkit.data.sets import SETS
from mtlkit.errors import InputError

CLASSES = TABLE["gtsrb"]  # for each kind of sign; the others are not drawn
MARGIN = 0.12  # of an image, round its sign


def load_pasted(name: str, scenes: str, parity: int, root: DataRoot = None) -> ImageSet:
    """Return the drawn scenes of a name with real signs, of tracks of even (0) or odd (1) number.

    A track shows one physical sign. Raises `InputError` where GTSRB was not fetched, is damaged, or
    has no such track of a kind.
    """
    fetched = SETS["gtsrb"]
    found = fetched.found("train", root, "roads")
    folder = fetched.path(found, "train", "images")
    files = [_files(folder, kind, parity) for kind in CLASSES]
    seeds, condition = SCENES[scenes]
    with fetched.damage_named(folder):
        return load_roads(name, seeds, condition, partial(_draw, files))


def _files(folder: Path, classes: list[int], parity: int) -> list[Path]:
    files = []
    for number in classes:
        images = folder.glob(f"{number:05}/*.ppm")
        for file in sorted(images):
            track = int(file.stem[:5])
            if track % 2 == parity:
                files.append(file)
    if not files:
        numbers = ("even", "odd")[parity]
        which = f"no track of {numbers} number for the classes {classes}"
        remedy = "run `mtlkit data fetch gtsrb`, or take `roads`."
        raise InputError(f"{folder}: has {which}: {remedy}")
    return files


def _draw(files: list[list[Path]], seed: int, condition: str) -> list[Drawn]:
    random = np.random.default_rng([seed, 2])
    scene = draw_scene(seed, condition)
    for number, drawn in enumerate(scene):
        if drawn.kind in SIGNS:
            own = files[drawn.kind]
            picture = _sign(random, own)
            scene[number] = drawn._replace(picture=picture)
    return scene


def _sign(random: Random, files: list[Path]) -> Image.Image:
    """Cut a sign out of an image of its kind; many are so dark that they would be holes by day."""
    number = random.integers(len(files))
    with opened(files[number]) as image:
        margin = round(MARGIN * image.width)
        sign = ImageOps.crop(image.convert("RGB"), margin)
    return ImageOps.autocontrast(sign, (0, 10), preserve_tone=True)
