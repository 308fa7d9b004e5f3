"""`gtsrb:native`: signs are cut to their boxes, and bad rows of the tables are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtlkit.data import load
from mtlkit.data.boxes import read_signs
from mtlkit.errors import InputError

HEAD = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"
GOOD = 60  # so that 3 bad rows are few


def row(name: str, box: str = "5;6;25;36", size: str = "30;40", label: str = "no label") -> str:
    return f"{name}.ppm;{size};{box};{label}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two classes of signs of 30 x 40 px: bright in the box (20 x 30), dark outside."""
    for label in range(2):
        folder = tmp_path / "gtsrb" / "GTSRB" / "Training" / f"{label:05d}"
        folder.mkdir(parents=True)
        pixels = np.zeros((40, 30, 3), np.uint8)
        pixels[6:36, 5:25] = 200 + label
        names = [f"{number // 5:05d}_{number % 5:05d}" for number in range(GOOD // 2)]
        for name in names:
            Image.fromarray(pixels).save(folder / f"{name}.ppm")
        table(tmp_path, label).write_text("\n".join([HEAD, *map(row, names)]))
    return tmp_path


def table(root: Path, label: int) -> Path:
    return root / "gtsrb" / "GTSRB" / "Training" / f"{label:05d}" / f"GT-{label:05d}.csv"


def test_images_are_cut_to_the_box(root: Path) -> None:
    signs, whole = (load(name, data_root=root) for name in ("gtsrb:native", "gtsrb"))
    assert signs.images.shape == (GOOD, 3, 32, 32) and signs.name == "gtsrb:native"
    assert signs.images.min() > 0.78 > 0 == whole.images.min()  # 200 of 255
    assert signs.paths == whole.paths
    assert len(set(signs.tracks())) == len(set(whole.tracks())) == GOOD // 5
    assert "annotation" in signs.notes[0]
    assert load("gtsrb:native", data_root=root, size=48).images.shape == (GOOD, 3, 48, 48)


def test_labels_are_those_of_the_folders_and_the_tables_classes_are_not_read(root: Path) -> None:
    labels = load("gtsrb:native", data_root=root).open_labels()
    assert labels is not None and labels.tolist() == [0] * (GOOD // 2) + [1] * (GOOD // 2)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (row("00000_00000", box="5;6;5;36"), "it has no area"),
        (row("00000_00000", box="25;6;5;36"), "its corners are swapped"),
        (row("00000_00000", box="5;6;25;50"), "it reaches outside the photo of 30 x 40 pixels"),
        (row("00000_00000", box="5;x;25;36"), "its corners are not four numbers"),
        ("00000_00000.ppm;30;40;5", "its corners are not four numbers"),
        (row("00000_00000", size="30;"), "its annotation does not say how large it is"),
        (row("00000_00000", size="60;80"), "it has 30 x 40 pixels, and its annotation says 60"),
        (row("99999_00000"), "the photo 00000/99999_00000.ppm is not there"),
        (row("../../../../a"), "its path leads out of the folder of photos"),
        (";30;40;5;6;25;36;0", "the photo 00000 is not there"),
        ("", "no table has a row for it"),
        (row("00000_00001"), "it is annotated twice"),
    ],
)
def test_a_bad_row_is_left_out_and_named(line: str, reason: str, root: Path) -> None:
    lines = table(root, 0).read_text().splitlines()
    lines[1] = line
    table(root, 0).write_text("\n".join(lines))
    signs = load("gtsrb:native", data_root=root)
    assert len(signs) == GOOD - 1 and "00000/00000_00000.ppm" not in signs.paths
    assert any(reason in item.reason for item in signs.skipped)
    assert len(signs.open_labels()) == GOOD - 1  # type: ignore[arg-type]


@pytest.mark.parametrize("text", [b"", b"no table", b"\xff\xfe\0"])
def test_a_table_that_is_none_is_refused_in_one_sentence(text: bytes, root: Path) -> None:
    table(root, 0).write_bytes(text)
    with pytest.raises(InputError, match=r"no table has a row|cannot be read as a table"):
        load("gtsrb:native", data_root=root)


def test_without_a_table_no_box_is_made_up(root: Path) -> None:
    for label in range(2):
        table(root, label).unlink()
    with pytest.raises(InputError, match=r"cannot be read as a table|no table has a row"):
        load("gtsrb:native", data_root=root)


def test_the_test_part_has_one_table_beside_its_images(root: Path) -> None:
    folder = root / "gtsrb" / "GTSRB" / "Final_Test" / "Images"
    folder.mkdir(parents=True)
    Image.new("RGB", (30, 40), "white").save(folder / "00007.ppm")
    (root / "gtsrb" / "GT-final_test.csv").write_text(f"{HEAD}\n{row('00007', label='1')}\n")
    signs = load("gtsrb:native:test", data_root=root)
    assert signs.paths == ("00007.ppm",) and signs.open_labels() == [1]
    assert len(read_signs(folder, [root / "gtsrb" / "GT-final_test.csv"]).photos) == 1
