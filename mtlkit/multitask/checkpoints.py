"""Checkpoints: where a training stands, on disk, so that one that was cut off can go on."""

import io
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from mtlkit.errors import InputError, as_input_error
from mtlkit.multitask.training import TrainingState


class Checkpoint:
    """A folder with `about.json`, which says what is trained on what, and one file for each stage.

    A file is written beside its place and then renamed, so that there is always a whole one,
    however the process ends.

    Args:
        folder: made if it is not there.
        about: settings and fingerprints on which the result depends; a training with others is not
            gone on with.
        every: seconds between two writes.

    Raises:
        InputError: the folder holds the checkpoint of another training, or of another version.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> Checkpoint(folder, {"seed": 0}).save("features", lambda: {"history": [1, 2]}, last=True)
    >>> Checkpoint(folder, {"seed": 0}).load("features")
    {'history': [1, 2]}
    """

    def __init__(self, folder: Path, about: Mapping[str, Any], every: float = 5.0) -> None:
        self.folder = folder
        self.every = every
        self._written = time.monotonic()
        about = json.loads(
            json.dumps(dict(about) | {name: version(name) for name in ("mtlkit", "torch")})
        )
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "about.json").exists():
            self._write("about.json", json.dumps(about, indent=1).encode())
            return
        with self._read("about.json") as path:
            before = dict(json.loads(path.read_text(encoding="utf-8")))
        for name in sorted(before.keys() | about.keys()):
            then, now = before.get(name), about.get(name)
            if then != now:
                raise InputError(
                    f"{folder}: this training was started with {name} {then!s:.60}, "
                    f"not {now!s:.60}: "
                    "give what it was started with, or start again in another folder."
                )

    def load(self, stage: str) -> TrainingState | None:
        """Return what was last saved of a stage, or None. Only tensors and values are read."""
        if not (self.folder / f"{stage}.pt").exists():
            return None
        with self._read(f"{stage}.pt") as path:
            return dict(torch.load(path, map_location="cpu", weights_only=True))

    def save(self, stage: str, state: Callable[[], TrainingState], last: bool = False) -> None:
        """Write a stage's state, if it is the `last` one or the last write is `every` seconds ago.

        A full disk costs the checkpoint and not the training: it warns, and the one before stays.
        """
        if not last and time.monotonic() - self._written < self.every:
            return
        content = io.BytesIO()
        torch.save(state(), content)
        try:
            self._write(f"{stage}.pt", content.getbuffer())
        except OSError as fault:
            warnings.warn(
                f"{self.folder}: no checkpoint could be written ({fault.strerror}); "
                "the training goes on, and would "
                "be resumed from the one before.",
                stacklevel=2,
            )
        self._written = time.monotonic()

    def _write(self, name: str, content: bytes | memoryview) -> None:
        beside = self.folder / f"{name}.new"
        try:
            beside.write_bytes(content)
            os.replace(beside, self.folder / name)
        except OSError:
            beside.unlink(missing_ok=True)
            raise

    @contextmanager
    def _read(self, name: str) -> Iterator[Path]:
        with as_input_error(
            f"{self.folder / name}: is damaged", f"remove {self.folder}, and start again"
        ):
            yield self.folder / name  # a damaged file can raise anything
