"""The command line on folders as cameras and phones fill them: what is said, and what later images
are brought to.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from pillow_heif import register_heif_opener
from typer.testing import CliRunner, Result

from mtlkit.cli import app
from mtlkit.data import load

register_heif_opener()
Y, X = np.mgrid[0:32, 0:32]


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


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
    place = tmp_path_factory.mktemp("deep")
    (place / "camera").mkdir()
    for number, picture in enumerate(shapes(60)):
        values = np.clip(picture / 255 * 600 + 100, 0, 1023).astype(np.uint16)
        tifffile.imwrite(place / "camera" / f"{number}.tif", values)
    for name in ("a.psd", "b.psd", "c.svg"):
        (place / "camera" / name).write_bytes(b"8BPS" if name.endswith("psd") else b"<svg/>")
    result = call(
        "fit", place / "camera", "--classes", "2", "--out", place / "run", "--effort", "0.1"
    )
    assert result.exit_code == 0, result.output
    for words in ("note: ", "3 files were left out: 2 .psd, 1 .svg", "% of 16 bits"):
        assert words in result.stderr, result.stderr
    return place / "camera", place / "run"


def test_ten_bits_in_16_are_told_apart(deep: tuple[Path, Path]) -> None:
    rows = csv.DictReader((deep[1] / "assignments.csv").read_text("utf-8-sig").splitlines())
    found = [int(row["class"]) == int(row["path"].split(".")[0]) % 2 for row in rows]
    assert abs(np.mean(found) - 0.5) > 0.45


def test_what_was_decided_is_in_report_and_model(deep: tuple[Path, Path]) -> None:
    folder, run = deep
    notes = json.loads((run / "report.json").read_text())["notes"]
    assert any("2 .psd" in note for note in notes) and any("of 16 bits" in note for note in notes)
    assert "2 .psd" in (run / "report.html").read_text()
    images = load(folder)
    assert (
        images.scale
        and tuple(json.loads((run / "model.json").read_text())["inputs"]["scale"]) == images.scale
    )


def test_later_images_are_brought_to_the_scale_of_the_training(
    deep: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, run = deep
    stored = {
        row["path"]: row
        for row in csv.DictReader((run / "assignments.csv").read_text("utf-8-sig").splitlines())
    }
    (tmp_path / "few").mkdir()
    for name in ("0.tif", "1.tif", "2.tif"):  # these have another range of their own
        (tmp_path / "few" / name).write_bytes((folder / name).read_bytes())
    together = json.loads(call("predict", run, tmp_path / "few", "--json").stdout)
    by_name = json.loads(
        call("predict", run, *(tmp_path / "few" / row["path"] for row in together), "--json").stdout
    )
    for row, named in zip(together, by_name, strict=True):
        assert row["class"] == named["class"] == int(stored[row["path"]]["class"])
        assert row["confidence"] == pytest.approx(
            float(stored[row["path"]]["confidence"]), abs=2e-3
        )
        assert named["confidence"] == pytest.approx(row["confidence"], abs=2e-3)


@pytest.mark.parametrize("scale", [[1], [2, 1], "wide", [0, float("inf")], [None, 1], 7])
def test_a_scale_that_is_none_is_a_damaged_model(
    deep: tuple[Path, Path], scale: object, tmp_path: Path
) -> None:
    for name in ("model.safetensors", "model.json"):
        (tmp_path / name).write_bytes((deep[1] / name).read_bytes())
    description = json.loads((tmp_path / "model.json").read_text())
    description["inputs"]["scale"] = scale
    (tmp_path / "model.json").write_text(json.dumps(description))
    result = call("predict", tmp_path, deep[0])
    assert result.exit_code == 2 and "damaged" in result.stderr and "Traceback" not in result.stderr


def test_a_phones_pictures_are_read(tmp_path: Path) -> None:
    for number, picture in enumerate(shapes(20)):
        image = Image.fromarray(picture.astype(np.uint8)).convert("RGB")
        image.save(
            tmp_path / f"{number}.heic" if number < 10 else tmp_path / f"{number}.jpg", quality=90
        )
    images = load(tmp_path)
    assert len(images) == 20 and len(images.notes) == 1


def test_a_bound_is_raised_by_its_option(deep: tuple[Path, Path]) -> None:
    folder, run = deep
    result = call("predict", run, folder, "--max-pixels", "1000")  # each has 1,024
    assert result.exit_code == 1 and "--max-pixels" in result.stderr
    enough = call("predict", run, folder, "--max-pixels", "1024")
    assert len(enough.stdout.splitlines()) == 61  # a row each, and the head
    assert (
        enough.exit_code == 1 and "error: 3 left out" in enough.stderr
    )  # what is of another format
    assert call("predict", run, folder / "0.tif", "--max-pixels", "1000").exit_code == 1
