"""Folders as cameras and phones fill them: what is said, and what later images are brought to."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from pillow_heif import register_heif_opener

from mtlkit.data import load

from .helpers import assert_refused, assignments_of, call, json_of, report_of, succeed

register_heif_opener()
Y, X = np.mgrid[0:32, 0:32]


def shapes(count: int) -> list[np.ndarray]:
    """Circles and bars of 8 bits, half and half."""
    random, pictures = np.random.default_rng(0), []
    for number in range(count):
        a, b = random.integers(12, 20, 2)
        shape = np.hypot(Y - a, X - b) < 8 if number % 2 else abs(X - b) < 4
        pictures.append(np.clip(40 + 180 * shape + random.normal(0, 12, shape.shape), 0, 255))
    return pictures


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder of 10 bits in 16 with things that are not read, and a run that was trained on it."""
    parent = tmp_path_factory.mktemp("deep")
    folder, run = parent / "camera", parent / "run"
    folder.mkdir()
    for number, picture in enumerate(shapes(60)):
        values = np.clip(picture / 255 * 600 + 100, 0, 1023).astype(np.uint16)
        tifffile.imwrite(folder / f"{number}.tif", values)
    for name in ("a.psd", "b.psd", "c.svg"):
        (folder / name).write_bytes(b"8BPS" if name.endswith("psd") else b"<svg/>")
    result = succeed("fit", folder, "--classes", "2", "--out", run, "--effort", "0.1")
    for words in ("note: ", "3 files", "2 .psd, 1 .svg", "% of 16 bits"):
        assert words in result.stderr, result.stderr
    return folder, run


def test_ten_bits_in_16_are_told_apart(deep: tuple[Path, Path]) -> None:
    rows = assignments_of(deep[1])
    as_number = [int(row["class"]) == int(row["path"].split(".")[0]) % 2 for row in rows]
    assert abs(np.mean(as_number) - 0.5) > 0.45  # class numbers are chance


def test_what_was_decided_is_in_report_and_model(deep: tuple[Path, Path]) -> None:
    folder, run = deep
    notes = " ".join(report_of(run)["notes"])
    assert "2 .psd" in notes
    assert "of 16 bits" in notes
    assert "2 .psd" in (run / "report.html").read_text()
    scale = load(folder).scale
    assert scale
    assert tuple(json.loads((run / "model.json").read_text())["inputs"]["scale"]) == scale


def test_later_images_are_brought_to_the_scale_of_the_training(
    deep: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, run = deep
    stored = {row["path"]: row for row in assignments_of(run)}
    few = tmp_path / "few"
    few.mkdir()
    for name in ("0.tif", "1.tif", "2.tif"):  # these have another range of their own
        (few / name).write_bytes((folder / name).read_bytes())
    together = json_of("predict", run, few)
    assert len(together) == 3
    by_name = json_of("predict", run, *(few / row["path"] for row in together))
    for row, named in zip(together, by_name, strict=True):
        trained = stored[row["path"]]
        assert row["class"] == named["class"] == int(trained["class"])
        assert row["confidence"] == pytest.approx(float(trained["confidence"]), abs=2e-3)
        assert named["confidence"] == pytest.approx(row["confidence"], abs=2e-3)


@pytest.mark.parametrize("scale", [[1], [2, 1], "wide", [0, float("inf")], [None, 1], 7])
def test_a_scale_that_is_none_is_a_damaged_model(
    deep: tuple[Path, Path], scale: object, tmp_path: Path
) -> None:
    for name in ("model.safetensors", "model.json"):
        (tmp_path / name).write_bytes((deep[1] / name).read_bytes())
    model = json.loads((tmp_path / "model.json").read_text())
    model["inputs"]["scale"] = scale
    (tmp_path / "model.json").write_text(json.dumps(model))
    assert_refused(call("predict", tmp_path, deep[0]), "damaged")


def test_a_phones_pictures_are_read(tmp_path: Path) -> None:
    for number, picture in enumerate(shapes(20)):
        image = Image.fromarray(picture.astype(np.uint8)).convert("RGB")
        suffix = "heic" if number < 10 else "jpg"
        image.save(tmp_path / f"{number}.{suffix}", quality=90)
    images = load(tmp_path)
    assert len(images) == 20
    assert len(images.notes) == 1


def test_a_bound_is_raised_by_its_option(deep: tuple[Path, Path]) -> None:
    folder, run = deep
    result = call("predict", run, folder, "--max-pixels", "1000")  # each has 1,024
    assert result.exit_code == 1
    assert "--max-pixels" in result.stderr
    enough = call("predict", run, folder, "--max-pixels", "1024")
    assert len(enough.stdout.splitlines()) == 61  # a row each, and the head
    assert enough.exit_code == 1
    assert "error: 3 left out" in enough.stderr  # what is of another format
    assert call("predict", run, folder / "0.tif", "--max-pixels", "1000").exit_code == 1
