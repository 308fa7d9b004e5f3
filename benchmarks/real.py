"""Real pictures for the other benchmarks: blood cells of BCCD and traffic signs of GTSRB, split so
that parts share nothing.

Both lie below a data root, as `bccd/BCCD` (Pascal VOC) and `gtsrb/GTSRB/Training` (torchvision's
layout). Nothing is run here.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from mtlkit.data import ImageSet
from mtlkit.data.boxes import read_voc
from mtlkit.data.crops import cut, places
from mtlkit.inputs import fit_square, pixels_of

KINDS = ("RBC", "WBC", "Platelets")  # of BCCD
WINDOW = 128  # px: about a red cell and its surroundings
SIDE = 32  # px, of the images in a set


def cells(
    root: Path, photos: str, window: int | None = WINDOW
) -> tuple[list[Image.Image], np.ndarray]:
    """Return a crop for each annotated cell of BCCD's photos ("train", "val" or "test"), and its
    kind.

    With `window` all crops have that size, so that a cell's size can be seen; with None they are
    cut to the box.
    """
    base = _there(root / "bccd" / "BCCD")
    names = sorted((base / "ImageSets" / "Main" / f"{photos}.txt").read_text().split())
    found = read_voc(base / "Annotations", base / "JPEGImages", names, KINDS)
    crops, kinds = [], []
    for photo in found.photos:
        picture = read(base / "JPEGImages" / photo.path)
        pixels = (255 * pixels_of(picture)).round().astype(np.uint8)  # 3 x H x W
        cuts = (cut(pixels, place) for place in places(photo, window))
        crops += [Image.fromarray(one.transpose(1, 2, 0)) for one in cuts]
        kinds += [KINDS.index(kind) for kind in photo.kinds]
    return crops, np.array(kinds)


def signs(root: Path, parity: int) -> tuple[list[Path], np.ndarray]:
    """Return the files of GTSRB's train tracks of even (0) or odd (1) number, and their classes:
    never a track in both.
    """
    files = sorted(_there(root / "gtsrb" / "GTSRB" / "Training").glob("*/*.ppm"))
    files = [file for file in files if int(file.stem.split("_")[0]) % 2 == parity]
    return files, np.array([int(file.parent.name) for file in files])


def read(file: Path) -> Image.Image:
    """Return a picture in colour, its file closed again."""
    with Image.open(file) as picture:
        return picture.convert("RGB")


def image_set(name: str, pictures: Iterable[Image.Image], kinds: np.ndarray) -> ImageSet:
    """Bring pictures to `SIDE` x `SIDE` px; their kinds are labels, kept apart."""
    images = np.stack([fit_square(picture, SIDE) for picture in pictures])
    paths = tuple(f"{name}/{row:04d}" for row in range(len(images)))
    return ImageSet(images, name, paths, n_clusters=len(np.unique(kinds)), labels=lambda: kinds)


def _there(folder: Path) -> Path:
    if not folder.is_dir():
        raise SystemExit(f"{folder} is not there: give the --data-root that holds it")
    return folder
