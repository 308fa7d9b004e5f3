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
from mtlkit.inputs import fit_squares, pixels_of

Pieces = tuple[Sequence[str], np.ndarray]  # n names, n x C x H x W


def places(photo: PhotoBoxes, window: int | None = None) -> np.ndarray:
    """Return what is cut of a photo: n x 4 whole numbers, left, top, right and bottom in pixels.

    Without `window` that is each box, brought to whole pixels outwards; with it, a square of that
    side with the middle of the box in its middle, which may reach beyond the photo (see `cut`).

    >>> photo = PhotoBoxes("a.jpg", 640, 480, np.array([[630, 10, 640, 30]]), ["cell"], ["a/00"])
    >>> places(photo).tolist(), places(photo, 128).tolist()
    ([[630, 10, 640, 30]], [[571, -44, 699, 84]])
    """
    starts, ends = photo.boxes[:, :2], photo.boxes[:, 2:]
    if window is None:
        return np.hstack([np.floor(starts), np.ceil(ends)]).astype(int)
    starts = ((starts + ends - window) // 2).astype(int)
    return np.hstack([starts, starts + window])


def cut(pixels: np.ndarray, place: Sequence[int]) -> np.ndarray:
    """Return C x h x w of a photo, C x H x W; what lies beyond it repeats the pixel at its border.

    So what is in the middle of the place is in the middle of the image, wherever it lies in the
    photo. Moving the place into the photo instead would bring size and position together.

    >>> cut(np.array([[[1, 2], [3, 4]]]), (-1, 0, 1, 2)).tolist()
    [[[1, 1], [3, 3]]]
    """
    left, top, right, bottom = place
    rows = np.arange(top, bottom).clip(0, pixels.shape[1] - 1)
    columns = np.arange(left, right).clip(0, pixels.shape[2] - 1)
    return pixels[:, rows[:, None], columns]


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

    Raises `InputError` as `read_voc`, now also counting photos that cannot be decoded or are of
    another size than their annotation says.
    """
    found = found._replace(photos=[photo for photo in found.photos if len(photo.boxes)])
    count = sum(len(photo.boxes) for photo in found.photos)
    work = partial(_windows, side=side, window=window)
    images = _read(found, folder, (count, 3, side, side), work, progress)
    if not len(images):
        raise InputError(f"{folder}: has no box that can be cut: annotate one or more.")
    what = "cut to the box and brought to one size, so how large each was cannot be seen"
    if window:
        what = f"windows of {window} pixels round the middle of each box"
    where = f"Images are {what}; where the boxes are comes from the annotation, their kinds do not."
    skipped = (*images.skipped, *found.flawed)
    return replace(images, skipped=skipped, notes=(where, *images.notes))


def whole_photos(found: Annotated, folder: Path, progress: Progress | None = None) -> ImageSet:
    """Read whole photos, N x C x H x W, all of one size; their boxes are for the caller to add.

    Raises `InputError` as `crops`, and when the photos are of several sizes.
    """
    sizes = {(photo.height, photo.width) for photo in found.photos}
    if len(sizes) != 1:
        raise InputError(f"{folder}: its photos have {len(sizes)} sizes: give photos of one.")
    return _read(found, folder, (len(found.photos), 3, *sizes.pop()), _whole, progress)


def _read(
    found: Annotated,
    folder: Path,
    shape: tuple[int, ...],
    work: Callable[[Image.Image, PhotoBoxes], Pieces],
    progress: Progress | None,
) -> ImageSet:
    """Decode each photo once, and keep what `work` makes of it."""
    check_memory(str(folder), shape)
    photos = {folder / photo.path: photo for photo in found.photos}
    images = np.empty(shape, np.float32)
    paths: list[str] = []
    faults: dict[str, str] = {}
    channels = 1

    def read(path: Path) -> Pieces:
        return work(_decoded(path, photos[path]), photos[path])

    with quiet_pillow():
        names = [photo.path for photo in found.photos]
        for _, (rows, pieces) in read_each(read, folder, names, faults, progress):
            start = len(paths)
            paths += rows
            images[start : len(paths)] = pieces  # grey is repeated
            channels = max(channels, pieces.shape[1])
    images = np.ascontiguousarray(images[: len(paths), :channels])
    failed = [Skipped(stem_of(name), reason) for name, reason in faults.items()]
    kept = sum(len(photo.boxes) for photo in found.photos if photo.path not in faults)
    notes = note_left_out(folder, (*found.lost, *failed, *found.flawed), kept, found.total)
    skipped = (*found.lost, *failed)
    return ImageSet(images, folder.name, tuple(paths), skipped=skipped, notes=tuple(notes))


def _decoded(path: Path, photo: PhotoBoxes) -> Image.Image:
    with opened(path) as image:
        held = pixels_to_hold(image, max(image.size), None)
        picture = BUDGET.run(held, upright, image, (0, deep_white(image) or 1))
    if picture.size != (photo.width, photo.height):
        said = f"{photo.width} x {photo.height} (above {AT_ONCE / 1e6:g} million, it comes smaller)"
        raise Undecodable(
            f"it has {picture.width} x {picture.height} pixels, and its annotation says {said}"
        )
    return picture


def _windows(picture: Image.Image, photo: PhotoBoxes, side: int, window: int | None) -> Pieces:
    pixels = pixels_of(picture)
    squares = [fit_squares(cut(pixels, place)[None], side) for place in places(photo, window)]
    return photo.names, np.concatenate(squares)


def _whole(picture: Image.Image, photo: PhotoBoxes) -> Pieces:
    return [photo.path], pixels_of(picture)[None]
