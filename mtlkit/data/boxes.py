"""Boxes that were annotated on photos, read from Pascal VOC, COCO and GTSRB's tables; `crops.py`
cuts them out.

Annotations are made by hand, so some are wrong. Each wrong one is left out and named, never mended
in silence, and a set of which more than 5 % of the boxes are wrong is refused.
"""

import csv
import json
import os
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from defusedxml import DefusedXmlException, ElementTree

from mtlkit.data.images import Skipped
from mtlkit.data.listing import natural_order, printable
from mtlkit.errors import InputError, as_input_error, words_of
from mtlkit.inputs import place_in_square

MOST_XML_BYTES = 10_000_000  # of one photo
MOST_JSON_BYTES = 500_000_000  # of a set; COCO's own has 450 MB
MOST_BOXES = 1_000_000
OVERHANG = 1  # px, by which rounding may bring a box outside its photo
SIDES = ("xmin", "ymin", "xmax", "ymax")
ROI = ("Roi.X1", "Roi.Y1", "Roi.X2", "Roi.Y2")
REMEDY = "give one that opens and has COCO's `images`, `annotations` and `categories`"


@dataclass(frozen=True, eq=False)
class PhotoBoxes:
    """The boxes of one photo.

    path: of the photo, below the photos' folder.
    width, height: of the photo, in pixels.
    boxes: n x 4, float32: left, top, right and bottom in pixels, inside the photo, right and bottom
        exclusive.
    kinds: what each box holds, by name: labels, so they are for scoring only.
    names: a name a box: the photo's, by which sets are split, and its number in the annotation.
    """

    path: str
    width: int
    height: int
    boxes: np.ndarray
    kinds: Sequence[str]
    names: Sequence[str]


class Annotated(NamedTuple):
    """What was read of annotations.

    photos: those that can be used, also those without a box.
    lost: photos that cannot be used, and why.
    flawed: boxes of the others that cannot be used, and why.
    total: how many boxes there were; an annotation that cannot be read counts as one.
    """

    photos: list[PhotoBoxes]
    lost: list[Skipped]
    flawed: list[Skipped]
    total: int


class _Found(NamedTuple):
    """A photo as an annotation has it, before anything is checked."""

    path: str
    size: Any  # width, height
    boxes: list[tuple[Any, Any]]  # kind; left, top, right, bottom
    fault: str = ""


def read_voc(
    annotations: Path, photos: Path, names: Iterable[str] | None = None, kinds: Collection[str] = ()
) -> Annotated:
    """Read Pascal VOC: an XML a photo, for the photos of these names (None: for all).

    Corners are taken as they are written. A box that reaches up to one pixel outside its photo, as
    rounding does, is cut there; any other that lies outside, has swapped corners, no area, or a
    kind that is not among `kinds` (empty: any), is left out and named. So is a photo without a
    readable annotation, and one that is not there.

    Raises `InputError` when there is no annotation, when more than 3 boxes and more than 5 % are
    left out, and for more than a million boxes.

    >>> read_voc(Path("no/such/folder"), Path("photos"))
    Traceback (most recent call last):
    mtlkit.errors.InputError: no/such/folder: has no annotation: give a folder of Pascal VOC's XML \
files.
    """
    if names is None:
        names = sorted((file.stem for file in annotations.glob("*.xml")), key=natural_order)
    found = [_read_xml(annotations / f"{name}.xml") for name in names]
    if not found:
        what = "give a folder of Pascal VOC's XML files"
        raise InputError(f"{annotations}: has no annotation: {what}.")
    return _checked(annotations, photos, found, kinds)


def read_coco(file: Path, photos: Path, kinds: Collection[str] = ()) -> Annotated:
    """Read COCO: one JSON for all photos. What is left out is as `read_voc` says.

    Raises `InputError` as `read_voc`, and for a file that is not there, is larger than 500 MB or
    has another form.
    """
    with as_input_error(f"{file}: cannot be read as annotations", REMEDY):
        _check_bytes(file, MOST_JSON_BYTES)
        table = json.loads(file.read_bytes())
        names = {item["id"]: item["name"] for item in table["categories"]}
        found = {}
        for item in table["images"]:
            size = item.get("width"), item.get("height")
            found[item["id"]] = _Found(item["file_name"], size, [])
        for item in table["annotations"]:
            owner = item.get("image_id")
            stray = _Found(f"image {owner}", (), [], "it is not among the images")
            corners = _numbers(item.get("bbox"), 4)  # left, top, width, height
            corners[2:] += corners[:2]
            kind = names.get(item.get("category_id"))
            found.setdefault(owner, stray).boxes.append((kind, corners))
        return _checked(file, photos, found.values(), kinds)


def read_signs(photos: Path, tables: Iterable[Path]) -> Annotated:
    """Read GTSRB's tables: the file of an image, its size and its sign's box, a row an image.

    A table names files below its own folder or, where that has no images, below `photos`. The
    column with the class is not looked at. What is left out is as `read_voc` says, and so is an
    image that has no row.

    Raises `InputError` as `read_voc`, and for a table that cannot be read.
    """
    found = []
    missing = {file.relative_to(photos).as_posix() for file in photos.rglob("*.ppm")}
    for table in tables:
        with as_input_error(f"{table}: cannot be read as a table", "fetch it again"):
            rows = list(csv.DictReader(table.read_text("utf-8").splitlines(), delimiter=";"))
        below = table.parent.relative_to(photos) if table.is_relative_to(photos) else Path()
        for row in rows:
            path = (below / (row.get("Filename") or "")).as_posix()
            missing.discard(path)
            corners = _numbers([row.get(side) for side in ROI], 4)
            size = row.get("Width"), row.get("Height")
            found.append(_Found(path, size, [("sign", corners)]))
    found += [_Found(path, (), [], "no table has a row for it") for path in sorted(missing)]
    return _checked(photos, photos, found, ())


def boxes_in_square(boxes: np.ndarray, size: tuple[int, int], side: int) -> np.ndarray:
    """Return n boxes of a picture of that width and height as they are in its square.

    `inputs.fit_square` brings pictures there.

    >>> boxes_in_square(np.array([[0, 0, 640, 480]]), (640, 480), 64).tolist()
    [[0.0, 8.0, 64.0, 56.0]]
    """
    left, top, width, height = place_in_square(*size, side)
    scale = np.tile([width / size[0], height / size[1]], 2)
    moved = scale * boxes + [left, top, left, top]
    return moved.astype(np.float32)


def boxes_of_square(boxes: np.ndarray, size: tuple[int, int], side: int) -> np.ndarray:
    """Return n boxes of a picture's square as they are in the picture, cut at its borders.

    >>> boxes_of_square(np.array([[0, 8, 64, 56]]), (640, 480), 64).tolist()
    [[0.0, 0.0, 640.0, 480.0]]
    """
    left, top, width, height = place_in_square(*size, side)
    scale = np.tile([width / size[0], height / size[1]], 2)
    moved = (boxes - [left, top, left, top]) / scale
    return moved.clip(0, np.tile(size, 2))


def stem_of(path: str) -> str:
    return printable(os.path.splitext(path)[0])


def _check_bytes(file: Path, most: int) -> None:
    length = file.stat().st_size
    if not 0 < length <= most:
        raise ValueError(f"it has {length} bytes, and 1 to {most} are read")


def _numbers(values: Any, count: int) -> np.ndarray:
    """Return so many finite numbers, or as many NaN."""
    with suppress(TypeError, ValueError, OverflowError):
        numbers = np.array(values, float)
        if numbers.shape == (count,) and np.isfinite(numbers).all():
            return numbers
    return np.full(count, np.nan)


def _read_xml(file: Path) -> _Found:
    try:
        _check_bytes(file, MOST_XML_BYTES)
        root = ElementTree.parse(file, forbid_dtd=True).getroot()
    except DefusedXmlException:
        return _Found(file.stem, (), [], "its annotation declares entities, which are never read")
    except Exception as fault:
        return _Found(file.stem, (), [], f"its annotation cannot be read ({words_of(fault)})")
    boxes = []
    for item in root.iter("object"):
        corners = _numbers([item.findtext(f"bndbox/{side}") for side in SIDES], 4)
        boxes.append((item.findtext("name"), corners))
    size = root.findtext("size/width"), root.findtext("size/height")
    return _Found(root.findtext("filename") or f"{file.stem}.jpg", size, boxes)


def _checked(
    where: Path, folder: Path, found: Iterable[_Found], kinds: Collection[str]
) -> Annotated:
    photos: dict[str, PhotoBoxes] = {}
    lost: list[Skipped] = []
    flawed: list[Skipped] = []
    total = 0
    for one in found:
        stem = stem_of(str(one.path))
        size = _numbers(one.size, 2)
        fault = one.fault or _photo_fault(folder, one.path, size)
        if stem in photos:
            fault = "it is annotated twice"
        if fault:
            lost.append(Skipped(stem, fault))
            total += max(1, len(one.boxes))
            continue
        total += len(one.boxes)
        boxes, names, held = [], [], []
        for number, (kind, corners) in enumerate(one.boxes):
            name = f"{stem}/{number:02d}"
            fault = _box_fault(corners, size, kind, kinds)
            if fault:
                flawed.append(Skipped(name, fault))
                continue
            boxes.append(corners)
            names.append(name)
            held.append(kind)
        inside = np.reshape(boxes, (-1, 2, 2)).clip(0, size).astype(np.float32)
        width, height = map(int, size)
        inside = inside.reshape(-1, 4)
        photos[stem] = PhotoBoxes(one.path, width, height, inside, held, names)
    if total > MOST_BOXES:
        raise InputError(f"{where}: has {total} boxes, and {MOST_BOXES} are read: take a part.")
    kept = sum(len(photo.boxes) for photo in photos.values())
    note_left_out(where, (*lost, *flawed), kept, total)
    return Annotated(list(photos.values()), lost, flawed, total)


def _photo_fault(folder: Path, path: Any, size: np.ndarray) -> str:
    if not isinstance(path, str) or Path(path).is_absolute() or ".." in Path(path).parts:
        return "its path leads out of the folder of photos"
    if not os.path.isfile(folder / path):
        return f"the photo {printable(path)} is not there"
    if not min(size) >= 1:  # also of NaN
        return "its annotation does not say how large it is"
    return ""


def _box_fault(corners: np.ndarray, size: np.ndarray, kind: Any, kinds: Collection[str]) -> str:
    start, end = corners[:2], corners[2:]
    if np.isnan(corners).any():
        return "its corners are not four numbers"
    if (end < start).any():
        return "its corners are swapped"
    if (start < -OVERHANG).any() or (end > size + OVERHANG).any():
        return f"it reaches outside the photo of {size[0]:g} x {size[1]:g} pixels"
    if (end.clip(0, size) <= start.clip(0, size)).any():
        return "it has no area"
    if not isinstance(kind, str) or (kinds and kind not in kinds):
        return f"its kind {kind!r} is not known"
    return ""


def note_left_out(where: Path, skipped: Sequence[Skipped], kept: int, total: int) -> list[str]:
    """Return the note on boxes that are left out; `InputError` when these are too many."""
    bad = total - kept
    some = "; ".join(f"{item.path}: {item.reason}" for item in skipped[:3])
    if bad > 3 and bad > 0.05 * total:
        raise InputError(
            f"{where}: {bad} of {total} boxes cannot be used ({some}): at most 3, or 5 %, are left"
            " out, so mend the annotations."
        )
    return [f"Left out of {total} annotated boxes: {bad} ({some})."] if bad else []
