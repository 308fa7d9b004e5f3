"""Real pictures for the other benchmarks: blood cells of BCCD and traffic signs of GTSRB, split so
that parts share nothing.

Both lie below a data root, as `bccd/BCCD` (Pascal VOC) and `gtsrb/GTSRB/Training` (torchvision's
layout). Nothing is run here.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from mtlkit.data import ImageSet
from mtlkit.inputs import fit_square

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
    crops, kinds = [], []
    for name in sorted((base / "ImageSets" / "Main" / f"{photos}.txt").read_text().split()):
        photo = read(base / "JPEGImages" / f"{name}.jpg")
        for cell in ElementTree.parse(base / "Annotations" / f"{name}.xml").iter("object"):
            left, top, right, bottom = (
                int(cell.findtext(f"bndbox/{side}", "0"))
                for side in ("xmin", "ymin", "xmax", "ymax")
            )
            if right <= left or bottom <= top:  # two boxes of the set have no area
                continue
            if window:
                left, right = _span(left, right, window, photo.width)
                top, bottom = _span(top, bottom, window, photo.height)
            crops.append(photo.crop((left, top, right, bottom)))
            kinds.append(KINDS.index(cell.findtext("name", "")))
    return crops, np.array(kinds)


def _span(start: int, end: int, window: int, size: int) -> tuple[int, int]:
    """Return a window around the middle of a box's side, moved to lie inside the photo.

    >>> _span(0, 10, 128, 640), _span(300, 400, 128, 640), _span(630, 640, 128, 640)
    ((0, 128), (286, 414), (512, 640))
    """
    first = max(0, min((start + end - window) // 2, size - window))
    return first, first + window


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
