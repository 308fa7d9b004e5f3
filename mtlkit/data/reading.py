"""Image files to arrays: one, each of many in threads, and many a batch at a time.

A folder and a single file go through the same `decode`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed

from mtlkit.data.decoding import (
    BUDGET,
    Undecodable,
    deep_white,
    has_several,
    is_grey,
    opened,
    pixels_to_hold,
    quiet_pillow,
    upright,
    upright_size,
    values_of,
)
from mtlkit.data.formats import formats
from mtlkit.data.listing import printable
from mtlkit.data.scaling import Scale, Values, choose_scale, to_unit
from mtlkit.errors import InputError
from mtlkit.inputs import fit_square

BATCH = 64  # files that are read before what they hold is handed on
Progress = Callable[[int, int], None]  # is called with how many of how many files are done


@dataclass(frozen=True)
class ReadOptions:
    """How an image file is read.

    size: the side of the square that it is brought to, in pixels.
    channels: 1 or 3; None keeps the file's own.
    scale: of values of more than 8 bits, what becomes 0 and 1; None: see `choose_scale`.
    max_pixels: what may be decoded of one file; None: 50 million.
    """

    size: int
    channels: int | None = None
    scale: Scale | None = None
    max_pixels: int | None = None


class Header(NamedTuple):
    """What a file holds, from its first bytes; of more than 8 bits a channel, the values, too."""

    size: tuple[int, int]  # width and height, turned as its EXIF says
    grey: bool  # a palette counts as colour: whether it is grey is known after decoding
    several: bool  # frames or pages
    values: Values | None


def read_image(
    path: str | Path,
    size: int,
    channels: int | None = None,
    *,
    scale: Scale | None = None,
    max_pixels: int | None = None,
) -> np.ndarray:
    """Read one image file as C x size x size, float32 in [0, 1], as `load` reads a folder's.

    The image is turned as its EXIF says, its longer side is brought to `size` with the aspect kept,
    and the rest is filled as `fit_square` says. Transparent pixels are laid on white, as on a page.
    Of an animation or a stack of pages the first is taken. `channels` is 1 or 3; None keeps the
    file's own, colour made grey by ITU-R 601. Of values of more than 8 bits, `scale` becomes 0 and
    1; None: as `choose_scale` has it for this file alone. `max_pixels` is what may be decoded, 50
    million by default.

    Raises `InputError`, with the path and the reason, for a file that is no image, cut short, or
    too large.

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (60, 30), "red").save(f"{folder}/red.png")
    ...     read_image(f"{folder}/red.png", size=16, channels=3)[:, 0, 0].tolist()
    [1.0, 0.0, 0.0]
    """
    options = ReadOptions(size, channels, scale, max_pixels)
    try:
        with quiet_pillow():
            return decode_alone(Path(path), options)[0]
    except Undecodable as fault:
        remedy = f"give an image that opens ({', '.join(formats())})"
        raise InputError(f"{Path(path)}: {fault}: {remedy}.") from fault


def read_header(path: Path, max_pixels: int | None) -> Header:
    """Look at an image's header, and only for more than 8 bits a channel at the pixels.

    Raises `Undecodable`; to be called within `quiet_pillow`, as `decode`.
    """
    with opened(path) as image:
        size, grey, white = upright_size(image), is_grey(image), deep_white(image)
        several = has_several(image)
        held = pixels_to_hold(image, 1, max_pixels)
        values = BUDGET.run(held, values_of, image, white) if white else None
    return Header(size, grey, several, values)


def decode(path: Path, options: ReadOptions) -> np.ndarray:
    """Read one file of a set, as `read_image` says, but without a scale the format is believed."""
    with opened(path) as image:
        white = deep_white(image)
        scale = options.scale or (0, white or 1)
        held = pixels_to_hold(image, options.size, options.max_pixels)
        picture = BUDGET.run(held, upright, image, scale)
        if options.channels == 1 and picture.mode == "RGB":
            picture = picture.convert("L")
        pixels = fit_square(picture, options.size)
    if white and picture.mode != "F" and scale != (0, white):  # colour, which has come as 8 bits
        pixels = to_unit(pixels * np.float32(white), scale)
    return np.repeat(pixels, 3, axis=0) if options.channels == 3 and len(pixels) == 1 else pixels


def decode_alone(path: Path, options: ReadOptions) -> tuple[np.ndarray, Header]:
    """Read one file that is not of a set: without a scale, its own values are looked at."""
    header = read_header(path, options.max_pixels)
    if header.values:
        scale, _ = choose_scale(header.values, options.scale)
        options = replace(options, scale=scale)
    return decode(path, options), header


def first_of_several(number: int, total: int) -> list[str]:
    """Return the note on files of which only the first frame or page was read, if there are any.

    >>> first_of_several(1, 40)
    ['Of several frames or pages the first was read: in 1 of 40 files.']
    """
    if not number:
        return []
    return [f"Of several frames or pages the first was read: in {number} of {total} files."]


def read_each(
    read: Callable[[Path], Any],
    folder: Path,
    names: Sequence[str],
    failed: dict[str, str],
    progress: Progress | None = None,
) -> Iterator[tuple[str, Any]]:
    """Read files in threads (Pillow lets go of Python's lock while it decodes).

    Yields (name, result) in order; why the others failed is put into `failed`.
    """
    jobs = (delayed(_result_or_fault)(read, folder / name) for name in names)
    results = Parallel(n_jobs=-1, prefer="threads", return_as="generator")(jobs)
    for done, (name, result) in enumerate(zip(names, results, strict=True), start=1):
        if isinstance(result, Undecodable):
            failed[name] = str(result)
        else:
            yield name, result
        if progress:
            progress(done, len(names))


def _result_or_fault(read: Callable[[Path], Any], path: Path) -> Any:
    try:
        return read(path)
    except Undecodable as fault:
        return fault


class Batch(NamedTuple):
    """What was read of a few files."""

    names: list[str]  # of those that could be read
    images: np.ndarray  # N x C x H x W
    failed: dict[str, str]  # name of another -> why it could not
    several: int  # how many have more than the first frame or page
    sizes: list[tuple[int, int]]  # of each of N, as the file has it: width and height


def read_batches(
    folder: Path,
    names: Sequence[str],
    options: ReadOptions,
    start: str = "",
    progress: Progress | None = None,
) -> Iterator[Batch]:
    """Read files as `read_image` does, a batch at a time, for answers that need not wait longer.

    `options.channels` has to be given. `start` is put before each name. `progress(done, total)` is
    called after each batch.
    """
    read = partial(decode_alone, options=options)
    for first in range(0, len(names), BATCH):
        failed: dict[str, str] = {}
        batch = names[first : first + BATCH]
        with quiet_pillow():
            results = list(read_each(read, folder, batch, failed))
        yield Batch(
            names=[printable(start + name) for name, _ in results],
            images=np.array([pixels for _, (pixels, _) in results], np.float32),
            failed={printable(start + name): reason for name, reason in failed.items()},
            several=sum(header.several for _, (_, header) in results),
            sizes=[header.size for _, (_, header) in results],
        )
        if progress:
            progress(first + len(batch), len(names))
