"""Boxes that were annotated on photos, read from Pascal VOC and COCO; `crops.py` cuts them out.

Annotations are made by hand, so some are wrong. Each wrong one is left out and named, never mended
in silence, and a set of which more than 5 % of the boxes are wrong is refused.
"""

import json
import math
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

MOST_XML_BYTES = 10_000_000  # of one photo
MOST_JSON_BYTES = 500_000_000  # of a set; COCO's own has 450 MB
MOST_BOXES = 1_000_000
OVERHANG = 1  # px, by which rounding may bring a box outside its photo
SIDES = ("xmin", "ymin", "xmax", "ymax")
REMEDY = "give one that opens and has COCO's `images`, `annotations` and `categories`"


@dataclass(frozen=True, eq=False)
class PhotoBoxes:
    """The boxes of one photo.

    path: of the photo, below the photos' folder.
    width, height: of the photo, in pixels.
    boxes: n x 4, float32: left, top, right and bottom in pixels, inside the photo, right and bottom
        exclusive.
    kinds: what each box holds, by name: labels, so they are for scoring only.
    numbers: where each box stood in the annotation, from 0; empty where none was left out.

    >>> PhotoBoxes("a/one.jpg", 64, 48, np.array([[0, 0, 8, 8]], np.float32), ("cell",)).names
    ('a/one/00',)
    """

    path: str
    width: int
    height: int
    boxes: np.ndarray
    kinds: tuple[str, ...]
    numbers: tuple[int, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """A name a box: the photo's, by which sets are split, and the number."""
        stem = stem_of(self.path)
        return tuple(f"{stem}/{number:02d}" for number in self.numbers or range(len(self.boxes)))


class Annotated(NamedTuple):
    """What was read of annotations.

    photos: those that can be used, also those without a box.
    lost: photos that cannot be used, and why.
    flawed: boxes of the others that cannot be used, and why.
    total: how many boxes there were; an annotation that cannot be read counts as one.
    """

    photos: tuple[PhotoBoxes, ...]
    lost: tuple[Skipped, ...]
    flawed: tuple[Skipped, ...]
    total: int


class _Found(NamedTuple):
    """A photo as an annotation has it, before anything is checked."""

    path: str
    size: Sequence[Any]  # width, height
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
        known = {item["id"]: item["name"] for item in table["categories"]}
        found = {
            item["id"]: _Found(item["file_name"], (item.get("width"), item.get("height")), [])
            for item in table["images"]
        }
        for item in table["annotations"]:
            owner = item.get("image_id")
            stray = _Found(f"image {owner}", (), [], "it is not among the images")
            box = _four(item.get("bbox"))  # left, top, width, height
            corners = box and [*box[:2], box[0] + box[2], box[1] + box[3]]
            kind = known.get(item.get("category_id"))
            found.setdefault(owner, stray).boxes.append((kind, corners))
        return _checked(file, photos, found.values(), kinds)


def stem_of(path: str) -> str:
    return printable(os.path.splitext(path)[0])


def _check_bytes(file: Path, most: int) -> None:
    length = file.stat().st_size
    if not 0 < length <= most:
        raise ValueError(f"it has {length} bytes, and 1 to {most} are read")


def _four(values: Any) -> list[float]:
    """Return four finite numbers; none where there are no such."""
    with suppress(TypeError, ValueError, OverflowError):
        numbers = [float(value) for value in values]
        if len(numbers) == 4 and all(map(math.isfinite, numbers)):
            return numbers
    return []


def _read_xml(file: Path) -> _Found:
    try:
        _check_bytes(file, MOST_XML_BYTES)
        root = ElementTree.parse(file, forbid_dtd=True).getroot()
    except DefusedXmlException:
        return _Found(file.stem, (), [], "its annotation declares entities, which are never read")
    except Exception as fault:
        return _Found(file.stem, (), [], f"its annotation cannot be read ({words_of(fault)})")
    size = [root.findtext(f"size/{name}") for name in ("width", "height")]
    boxes = [
        (item.findtext("name"), _four([item.findtext(f"bndbox/{side}") for side in SIDES]))
        for item in root.iter("object")
    ]
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
        width, height = _four([0, 0, *one.size])[2:] or (0, 0)
        total += len(one.boxes)
        fault = one.fault or _photo_fault(folder, one.path, width, height)
        if stem in photos:
            fault = "it is annotated twice"
        if fault:
            lost.append(Skipped(stem, fault))
            total += not one.boxes
            continue
        faults = [_box_fault(corners, width, height, kind, kinds) for kind, corners in one.boxes]
        good = [number for number, fault in enumerate(faults) if not fault]
        flawed += [
            Skipped(f"{stem}/{number:02d}", fault) for number, fault in enumerate(faults) if fault
        ]
        corners = np.reshape([one.boxes[number][1] for number in good], (-1, 4))
        inside = np.clip(corners, 0, [width, height] * 2).astype(np.float32)
        names = tuple(one.boxes[number][0] for number in good)
        photos[stem] = PhotoBoxes(one.path, int(width), int(height), inside, names, tuple(good))
    if total > MOST_BOXES:
        raise InputError(f"{where}: has {total} boxes, and {MOST_BOXES} are read: take a part.")
    kept = sum(len(photo.boxes) for photo in photos.values())
    note_left_out(where, (*lost, *flawed), kept, total)
    return Annotated(tuple(photos.values()), tuple(lost), tuple(flawed), total)


def _photo_fault(folder: Path, path: Any, width: float, height: float) -> str:
    if not isinstance(path, str) or Path(path).is_absolute() or ".." in Path(path).parts:
        return "its path leads out of the folder of photos"
    if not os.path.isfile(folder / path):
        return f"the photo {printable(path)} is not there"
    if min(width, height) < 1:
        return "its annotation does not say how large it is"
    return ""


def _box_fault(
    corners: list[float], width: float, height: float, kind: Any, kinds: Collection[str]
) -> str:
    if not corners:
        return "its corners are not four numbers"
    left, top, right, bottom = corners
    if right < left or bottom < top:
        return "its corners are swapped"
    if min(left, top) < -OVERHANG or right > width + OVERHANG or bottom > height + OVERHANG:
        return f"it reaches outside the photo of {width:g} x {height:g} pixels"
    if min(right, width) <= max(left, 0) or min(bottom, height) <= max(top, 0):
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
