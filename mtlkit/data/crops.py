"""Photos with annotated boxes become images: a crop or a window for each box, or the whole photo.

Each photo is decoded once, in threads, as `reading.py` does.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from mtlkit.data.boxes import Annotated, PhotoBoxes, note_left_out, stem_of
from mtlkit.data.decoding import (
    AT_ONCE,
    BUDGET,
    Undecodable,
    deep_white,
    opened,
    pixels_to_hold,
    quiet_pillow,
    upright,
)
from mtlkit.data.images import ImageSet, Skipped, check_memory
from mtlkit.data.reading import Progress, read_each
from mtlkit.errors import InputError
from mtlkit.inputs import fit_square, pixels_of, place_in_square


def places(photo: PhotoBoxes, window: int | None = None) -> np.ndarray:
    """Return what is cut of a photo: n x 4 whole numbers, left, top, right and bottom in pixels.

    Without `window` that is each box, brought to whole pixels outwards; with it, a square of that
    side round the middle of each box, moved to lie inside the photo.

    >>> photo = PhotoBoxes("a.jpg", 640, 480, np.array([[630, 10, 640, 30]], np.float32), ("cell",))
    >>> places(photo).tolist(), places(photo, 128).tolist()
    ([[630, 10, 640, 30]], [[512, 0, 640, 128]])
    """
    starts, ends = photo.boxes[:, :2], photo.boxes[:, 2:]
    if window is None:
        return np.hstack([np.floor(starts), np.ceil(ends)]).astype(int)
    room = np.array([photo.width, photo.height]) - window
    starts = np.clip((starts + ends - window) // 2, 0, np.maximum(room, 0)).astype(int)
    return np.hstack([starts, starts + window])


def crops(
    found: Annotated,
    folder: Path,
    side: int,
    window: int | None = None,
    progress: Progress | None = None,
) -> ImageSet:
    """Cut an image for each box, N x C x side x side; each photo is decoded once, in threads.

    Without `window`, each box is brought to `side` by `fit_square`: how large it was cannot be
    seen any more. With it, all have a window of that side (see `places`), so it can. Rows are
    named by photo and box; no kind is looked at.

    Raises `InputError` as `read_voc`, now also counting photos that cannot be decoded, are of
    another size than their annotation says, or smaller than the window.
    """
    work = partial(_pieces, side=side, window=window)
    total = sum(len(photo.boxes) for photo in found.photos)
    with_boxes = [photo for photo in found.photos if len(photo.boxes)]
    images, kept, failed = _read(with_boxes, folder, (total, 3, side, side), work, progress)
    skipped = (*found.lost, *failed, *found.flawed)
    notes = note_left_out(folder, skipped, len(images), found.total)
    if not len(images):
        raise InputError(f"{folder}: has no box that can be cut: annotate one or more.")
    what = "cut to the box and brought to one size, so how large each was cannot be seen"
    if window:
        what = f"windows of {window} pixels round the middle of each box"
    where = f"Images are {what}; where the boxes are comes from the annotation, their kinds do not."
    paths = tuple(name for photo in kept for name in photo.names)
    return ImageSet(images, folder.name, paths, skipped=skipped, notes=(where, *notes))


def whole_photos(
    found: Annotated, folder: Path, side: int | None = None, progress: Progress | None = None
) -> ImageSet:
    """Read whole photos: N x C x H x W, or squares of `side`; its boxes are for the caller to add.

    Raises `InputError` as `crops`, and when photos without `side` are of several sizes.
    """
    sizes = {(photo.height, photo.width) for photo in found.photos}
    if not side and len(sizes) > 1:
        raise InputError(f"{folder}: its photos have {len(sizes)} sizes: give one with --size.")
    height, width = (side, side) if side else next(iter(sizes), (1, 1))
    work = partial(_whole, side=side)
    shape = (len(found.photos), 3, height, width)
    images, kept, failed = _read(found.photos, folder, shape, work, progress)
    boxes = sum(len(photo.boxes) for photo in kept)
    notes = note_left_out(folder, (*found.lost, *failed, *found.flawed), boxes, found.total)
    paths = tuple(photo.path for photo in kept)
    skipped = (*found.lost, *failed)
    return ImageSet(images, folder.name, paths, skipped=skipped, notes=tuple(notes))


def in_square(photo: PhotoBoxes, side: int) -> PhotoBoxes:
    """Return the boxes of a photo that was brought to a square by `fit_square`, in its pixels.

    >>> photo = PhotoBoxes("a.jpg", 640, 480, np.array([[0, 0, 640, 480]], np.float32), ("all",))
    >>> in_square(photo, 64).boxes.tolist()
    [[0.0, 8.0, 64.0, 56.0]]
    """
    left, top, width, height = place_in_square(photo.width, photo.height, side)
    times = np.array([width / photo.width, height / photo.height] * 2, np.float32)
    boxes = photo.boxes * times + np.array([left, top] * 2, np.float32)
    return replace(photo, width=side, height=side, boxes=boxes)


def _read(
    photos: Sequence[PhotoBoxes],
    folder: Path,
    shape: tuple[int, ...],
    work: Callable[[Image.Image, PhotoBoxes], np.ndarray],
    progress: Progress | None,
) -> tuple[np.ndarray, list[PhotoBoxes], list[Skipped]]:
    """Decode each photo once; return what `work` made of them, the photos, and those that fail."""
    check_memory(str(folder), shape)
    by_path = {folder / photo.path: photo for photo in photos}
    images = np.empty(shape, np.float32)
    failed: dict[str, str] = {}
    kept: list[PhotoBoxes] = []
    done, channels = 0, 1
    names = [photo.path for photo in photos]

    def read(path: Path) -> np.ndarray:
        photo = by_path[path]
        return work(_decoded(path, photo), photo)

    with quiet_pillow():
        for name, pieces in read_each(read, folder, names, failed, progress):
            images[done : done + len(pieces)] = pieces  # grey is repeated
            done += len(pieces)
            channels = max(channels, pieces.shape[1])
            kept.append(by_path[folder / name])
    skipped = [Skipped(stem_of(name), reason) for name, reason in failed.items()]
    return np.ascontiguousarray(images[:done, :channels]), kept, skipped


def _decoded(path: Path, photo: PhotoBoxes) -> Image.Image:
    with opened(path) as image:
        held = pixels_to_hold(image, max(image.size), None)
        if held > AT_ONCE:  # such a photo would come smaller, and its boxes not
            raise Undecodable(f"it has more than {AT_ONCE / 1e6:g} million pixels: make it smaller")
        picture = BUDGET.run(held, upright, image, (0, deep_white(image) or 1))
    if picture.size != (photo.width, photo.height):
        said = f"and its annotation says {photo.width} x {photo.height}"
        raise Undecodable(f"it has {picture.width} x {picture.height} pixels, {said}")
    return picture


def _pieces(picture: Image.Image, photo: PhotoBoxes, side: int, window: int | None) -> np.ndarray:
    if window and window > min(picture.size):
        raise Undecodable(f"it is smaller than the window of {window} pixels")
    cut = [picture.crop(tuple(place)) for place in places(photo, window).tolist()]
    return np.stack([fit_square(piece, side) for piece in cut])


def _whole(picture: Image.Image, photo: PhotoBoxes, side: int | None) -> np.ndarray:
    return (fit_square(picture, side) if side else pixels_of(picture))[None]
