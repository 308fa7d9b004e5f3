"""Real signs in drawn scenes: no physical sign in both parts, the same scenes otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtlkit.data import load
from mtlkit.data.road_signs import CLASSES, _files, load_pasted
from mtlkit.data.roads import SCENES, road_scene
from mtlkit.errors import InputError

COLOURS = {0: (10, 220, 30), 1: (220, 10, 200)}  # of tracks of even and odd number


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A GTSRB of one image of one colour a class and track, for a few scenes."""
    monkeypatch.setitem(SCENES, "few", (range(4), "day"))
    base = tmp_path / "gtsrb"
    for number in range(43):
        folder = base / f"GTSRB/Training/{number:05}"
        folder.mkdir(parents=True)
        for track, colour in COLOURS.items():
            Image.new("RGB", (40, 40), colour).save(folder / f"{track:05}_00001.ppm")
    return tmp_path


def test_signs_are_pasted_and_all_else_stays(root: Path) -> None:
    real = load_pasted("roads:gtsrb", "few", 0, root)
    photos = real.open_boxes()
    assert photos is not None and real.paths[0] == "roads/0000"
    for row, photo in enumerate(photos):
        drawn = road_scene(row)
        apart = np.abs(real.images[row] - drawn.image).max(0) > 0.02
        for box, kind in zip(photo.boxes, photo.kinds, strict=True):
            left, top, right, bottom = box.astype(int)
            if kind in ("prohibition", "warning", "mandatory", "stop", "priority"):
                assert apart[top:bottom, left:right].any()
                apart[top - 4 : bottom + 4, max(left - 4, 0) : right + 4] = False
        assert not apart.any()  # nothing but signs has changed
        np.testing.assert_allclose(photo.boxes, drawn.boxes, atol=1)


def test_parts_have_tracks_of_their_own(root: Path) -> None:
    for parity, colour in COLOURS.items():
        images = load_pasted("roads:gtsrb", "few", parity, root).images
        strong = (images[:, 1] > images[:, 0] + 0.4) & (images[:, 1] > images[:, 2] + 0.4)
        assert strong.any() == (colour[1] > 200)
    folder = root / "gtsrb/GTSRB/Training"
    parts = [
        {file for classes in CLASSES for file in _files(folder, classes, parity)}
        for parity in COLOURS
    ]
    assert not parts[0] & parts[1] and len(parts[0]) == sum(map(len, CLASSES))


def test_without_gtsrb_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is not there: run `mtlkit data fetch gtsrb`.*`roads`"):
        load("roads:gtsrb", data_root=tmp_path)


def test_a_damaged_file_and_a_class_without_tracks_are_named(root: Path) -> None:
    for file in root.rglob("*_00001.ppm"):
        file.write_bytes(b"P6\n40 40\n255\n")
    with pytest.raises(InputError, match="cannot be read"):
        load_pasted("roads:gtsrb", "few", 0, root)
    for file in (root / "gtsrb/GTSRB/Training/00014").iterdir():
        file.unlink()
    with pytest.raises(InputError, match=r"no track of even number for the classes \[14\]"):
        load_pasted("roads:gtsrb", "few", 0, root)
