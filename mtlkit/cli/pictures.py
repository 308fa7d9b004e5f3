"""Reads what the commands that predict are given: pictures, folders, .npz files, names of sets."""

import os
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from mtlkit.cli.shell import load, progress_bar, to_stderr
from mtlkit.errors import InputError
from mtlkit.inputs import InputSpec


class Part(NamedTuple):
    """A few pictures: their names, N x C x H x W, and the width and height of each as it was."""

    names: Sequence[str]
    images: Any
    sizes: Sequence[tuple[int, int]]


class Pictures:
    """Reads a part at a time. What it has to leave out is named on stderr, and counted.

    `size` is that to which sets of image files by name are brought; None: as they come.
    """

    def __init__(
        self,
        inputs: InputSpec,
        several: bool,
        data_root: Path | None,
        how: dict[str, Any],
        size: int | None = None,
    ) -> None:
        self.inputs = inputs
        self.several = several
        self.data_root = data_root
        self.how = how
        self.size = size
        self.left_out = 0

    def read(self, paths: list[str]) -> Iterator[Part]:
        for single, group in groupby(paths, _is_picture):
            if single:
                yield from self._files(Path(), list(group))
                continue
            for path in group:
                try:
                    yield from self._set(path)
                except InputError as fault:
                    self._leave_out(str(fault))

    def _leave_out(self, words: str) -> None:
        self.left_out += 1
        to_stderr(f"left out: {words}")

    def _set(self, path: str) -> Iterator[Part]:
        from mtlkit.data.catalogue import is_name
        from mtlkit.data.listing import list_images
        from mtlkit.data.reading import BATCH

        place, named = Path(os.path.expanduser(path)), is_name(path)
        start = f"{path.rstrip('/')}/" if self.several else ""
        if place.is_dir() and not named:
            names, number, notes = list_images(place)
            self.left_out += number
            yield from self._files(place, names, start)
        else:
            found = load(path, self.size, self.data_root, **self.how)
            rows, notes = found.paths, found.notes
            if self.several and not named:
                rows = [start + row.rpartition("/")[2] for row in rows]
            height, width = found.images.shape[2:]
            for first in range(0, len(rows), BATCH):
                part = slice(first, first + BATCH)
                images = found.images[part]
                yield Part(rows[part], images, [(width, height)] * len(images))
        for note in notes:
            to_stderr(f"note: {path}: {note}")

    def _files(self, folder: Path, names: Sequence[str], start: str = "") -> Iterator[Part]:
        from mtlkit.data.reading import ReadOptions, first_of_several, read_batches

        several = 0
        options = ReadOptions(self.inputs.side, self.inputs.channels, **self.how)
        rows_show_it = sys.stdout.isatty()
        with progress_bar("predicting", hidden=rows_show_it) as progress:
            for batch in read_batches(folder, names, options, start, progress):
                several += batch.several
                for name, reason in batch.failed.items():
                    self._leave_out(f"{name}: {reason}")
                if batch.names:
                    yield Part(batch.names, batch.images, batch.sizes)
        for note in first_of_several(several, len(names)):
            to_stderr(f"note: {note}")


def _is_picture(path: str) -> bool:
    return Path(path).is_file() and Path(path).suffix.lower() != ".npz"
