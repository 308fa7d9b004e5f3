"""BCCD: whole photos, windows round the cells, and the cells scaled; and the slide."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage.data import immunohistochemistry
from typer.testing import CliRunner

from mtlkit.cli import app
from mtlkit.data import load
from mtlkit.data.download import DownloadFailed, Remote
from mtlkit.data.readers import Part
from mtlkit.data.sets import SETS, find
from mtlkit.data.store import check, fetch
from mtlkit.errors import InputError

SHARED = Path(os.environ.get("MTLKIT_DATA") or Path(__file__).parents[3] / "shared" / "data")
needs_bccd = pytest.mark.skipif(
    not (SHARED / "bccd").is_dir(), reason=f"BCCD does not lie in {SHARED}"
)
NAMES = {"train": ["p2", "p10"], "val": ["p3"], "test": ["p4"]}
CELLS = [("RBC", 0, 0, 40, 30), ("Platelets", 100, 60, 110, 70), ("WBC", 90, 80, 150, 140)]


def files_of(part: str) -> dict[str, bytes]:
    """A part of two photos or one, each of 200 x 160 with three cells."""
    files = {f"BCCD/ImageSets/Main/{part}.txt": "\n".join(NAMES[part]).encode()}
    for name in NAMES[part]:
        picture, cells = io.BytesIO(), ""
        Image.new("RGB", (200, 160), (200, 150, 20 * int(name[1:]))).save(picture, "JPEG")
        for kind, left, top, right, bottom in CELLS:
            corners = f"<xmin>{left}</xmin><ymin>{top}</ymin><xmax>{right}</xmax>"
            cells += f"<object><name>{kind}</name><bndbox>{corners}<ymax>{bottom}</ymax>"
            cells += "</bndbox></object>"
        head = f"<filename>{name}.jpg</filename>"
        head += "<size><width>200</width><height>160</height></size>"
        files[f"BCCD/JPEGImages/{name}.jpg"] = picture.getvalue()
        files[f"BCCD/Annotations/{name}.xml"] = f"<annotation>{head}{cells}</annotation>".encode()
    return files


@pytest.fixture
def small(server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """BCCD as if it had four photos, on the server."""
    parts, remotes = {}, []
    for part, old in SETS["bccd"].parts.items():
        files = files_of(part)
        server.files |= files
        sums = {f"bccd/{path}": hashlib.md5(body).hexdigest() for path, body in files.items()}
        parts[part] = Part(len(NAMES[part]), sums, old.needs)
        for path, md5 in sums.items():
            url = server.url + path.removeprefix("bccd/")
            remotes.append(Remote(path, md5, [url], part=part))
    monkeypatch.setitem(SETS, "bccd", replace(SETS["bccd"], parts=parts, remotes=remotes))
    return server


@pytest.fixture
def root(small: Any, tmp_path: Path) -> Path:
    for part in NAMES:
        for path, body in files_of(part).items():
            file = tmp_path / "bccd" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
    return tmp_path


def call(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_it_is_fetched_file_by_file_and_then_complete(small: Any, tmp_path: Path) -> None:
    assert {state.state for state in check(SETS["bccd"], tmp_path)} == {"missing"}
    last = small.files.pop("BCCD/Annotations/p4.xml")
    with pytest.raises(DownloadFailed, match=r"p4\.xml: could not be fetched"):
        fetch(SETS["bccd"], tmp_path)
    small.files["BCCD/Annotations/p4.xml"] = last
    small.asked.clear()
    assert {state.state for state in fetch(SETS["bccd"], tmp_path)} == {"complete"}
    assert [path for path, _ in small.asked] == ["BCCD/Annotations/p4.xml"]
    assert len(load("bccd:crops", data_root=tmp_path)) == 6


def test_a_file_that_is_another_is_not_taken(small: Any, tmp_path: Path) -> None:
    small.files["BCCD/JPEGImages/p3.jpg"] += b"more"
    with pytest.raises(DownloadFailed, match="its MD5 is not"):
        fetch(SETS["bccd"], tmp_path)


def test_the_command_names_it_once_and_takes_its_views(small: Any, tmp_path: Path) -> None:
    listed = json.loads(call("data", "list", "--data-root", tmp_path, "--json").stdout)["sets"]
    assert [(row["images"], row["there"]) for row in listed if row["name"] == "bccd"] == [(4, [])]
    fetched = call("data", "fetch", "bccd:crops", "bccd", "--data-root", tmp_path, "--json")
    assert fetched.exit_code == 0, fetched.output
    states = [(row["name"], row["part"], row["state"]) for row in json.loads(fetched.stdout)]
    assert states == [("bccd", part, "complete") for part in NAMES]
    checked = call("data", "check", "bccd:scaled:val", "--data-root", tmp_path)
    assert checked.exit_code == 0 and checked.stdout.count("complete") == 3


def test_what_check_says(root: Path) -> None:
    def states() -> list[str]:
        return [state.state for state in check(SETS["bccd"], root)]

    assert states() == ["complete"] * 3
    base = root / "bccd" / "BCCD"
    (base / "ImageSets" / "Main" / "train.txt").write_text("p2")
    assert states() == ["subset", "complete", "complete"]
    text = (base / "Annotations" / "p3.xml").read_text()
    (base / "Annotations" / "p3.xml").write_text(text.replace(">60<", ">61<"))
    assert states() == ["subset", "damaged", "complete"]  # readable, and not the official ones
    (base / "JPEGImages" / "p4.jpg").write_bytes(b"no photo")
    val = check(SETS["bccd"], root)[2]
    assert val.state == "damaged" and "p4" in val.text
    (base / "ImageSets" / "Main" / "test.txt").unlink()
    assert states() == ["subset", "damaged", "damaged"]
    assert {state.state for state in fetch(SETS["bccd"], root)} == {"subset", "complete"}


@pytest.mark.parametrize(
    ("source", "name", "shape"),
    [
        ("bccd:crops", "bccd:crops", (6, 3, 32, 32)),
        ("bccd:crops:train", "bccd:crops", (6, 3, 32, 32)),
        ("bccd:crops:val", "bccd:crops:val", (3, 3, 32, 32)),
        ("bccd:scaled:test", "bccd:scaled:test", (3, 3, 32, 32)),
    ],
)
def test_an_image_a_cell(source: str, name: str, shape: tuple[int, ...], root: Path) -> None:
    images = load(source, data_root=root)
    assert (images.name, images.images.shape, images.n_clusters) == (name, shape, 3)
    assert images.class_names == ("red cell", "white cell", "platelet")
    np.testing.assert_array_equal(images.open_labels(), [0, 2, 1] * (len(images) // 3))
    assert images.open_boxes() is None
    assert "comes from the annotation" in images.notes[0]
    if "scaled" not in source and len(images) == 6:  # sorted as the lists of the authors are
        assert images.paths[:4] == ("p10/00", "p10/01", "p10/02", "p2/00")
    copy = pickle.loads(pickle.dumps(images.first(2)))
    np.testing.assert_array_equal(copy.open_labels(), [0, 2])


def test_another_size(root: Path) -> None:
    assert load("bccd:crops", data_root=root, size=32).images.shape == (6, 3, 32, 32)
    assert load("bccd:scaled", data_root=root, size=16).images.shape == (6, 3, 16, 16)


def test_photos_have_boxes_and_no_labels(root: Path) -> None:
    photos = load("bccd", data_root=root)
    assert photos.images.shape == (2, 3, 160, 200) and photos.paths == ("p10.jpg", "p2.jpg")
    assert not photos.has_labels and photos.open_labels() is None
    assert (photos.n_clusters, photos.class_names) == (None, ())
    boxes = photos.open_boxes()
    assert boxes is not None and [one.path for one in boxes] == list(photos.paths)
    assert boxes[0].boxes.tolist() == [list(cell[1:]) for cell in CELLS]
    assert boxes[0].kinds == ["RBC", "Platelets", "WBC"]
    assert [one.path for one in photos.first(1).open_boxes() or ()] == ["p10.jpg"]
    small = load("bccd:val", data_root=root, size=100)
    assert small.name == "bccd:val" and small.images.shape == (1, 3, 100, 100)
    assert small.open_boxes() is None  # they are those of the photo as it was


def test_labels_are_read_when_they_are_opened_and_not_before(root: Path) -> None:
    images, photos = (load(name, data_root=root) for name in ("bccd:crops:val", "bccd:val"))
    file = root / "bccd" / "BCCD" / "Annotations" / "p3.xml"
    file.write_text(file.read_text().replace("WBC", "RBC"))
    np.testing.assert_array_equal(images.open_labels(), [0, 2, 0])
    assert (photos.open_boxes() or ())[0].kinds == ["RBC", "Platelets", "RBC"]
    file.unlink()
    with pytest.raises(InputError, match=r"Annotations: cannot be read, .*data fetch bccd"):
        images.open_labels()
    with pytest.raises(InputError, match=r"Annotations: cannot be read, .*data fetch bccd"):
        photos.open_boxes()


def test_a_photo_that_is_gone_is_named_or_the_set_refused(root: Path) -> None:
    (root / "bccd" / "BCCD" / "JPEGImages" / "p2.jpg").unlink()
    images = load("bccd:scaled", data_root=root)  # three boxes of it, and a few may be wrong
    assert len(images) == 3
    assert [(item.path, item.reason) for item in images.skipped] == [
        ("p2", "the photo p2.jpg is not there")
    ]
    assert "Left out of 6 annotated boxes: 3" in images.notes[1]
    assert load("bccd", data_root=root).skipped == images.skipped
    (root / "bccd" / "BCCD" / "JPEGImages" / "p10.jpg").unlink()
    with pytest.raises(InputError, match="6 of 6 boxes cannot be used"):
        load("bccd:scaled", data_root=root)


@pytest.mark.parametrize("source", ["bccd", "bccd:crops", "bccd:scaled:val"])
def test_what_is_not_there_is_said(source: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"BCCD/JPEGImages is not there: run `mtlkit data fetch"):
        load(source, data_root=tmp_path)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("bccd:crop", r"Did you mean 'bccd:crops'|Did you mean 'bccd:crops:"),
        ("bccd:crops:tset", "Did you mean 'bccd:crops:test'"),
        ("mnist:crops", "'mnist:crops' is not a known set"),
        ("medmnist", "'medmnist' is not a known set"),
    ],
)
def test_other_views_are_none(source: str, words: str) -> None:
    assert find(source) is None
    with pytest.raises(InputError, match=words):
        load(source)


def test_its_table_has_every_file_of_the_lists() -> None:
    parts = SETS["bccd"].parts
    assert {part: facts.size for part, facts in parts.items()} == {
        "train": 205,
        "val": 87,
        "test": 72,
    }
    assert [len(facts.files) for facts in parts.values()] == [411, 175, 145]
    assert len(SETS["bccd"].remotes) == 731
    first = SETS["bccd"].remotes[1]
    assert first.urls[0].endswith("BCCD_Dataset/master/BCCD/JPEGImages/BloodImage_00001.jpg")


@needs_bccd
def test_the_real_cells() -> None:
    assert [state.state for state in check(SETS["bccd"], SHARED)] == ["complete"] * 3
    counts, skipped = np.zeros(3, int), []
    for part, number in (("train", 2804), ("val", 1137), ("test", 945)):
        images = load(f"bccd:scaled:{part}", data_root=SHARED, size=8)
        assert len(images) == number == len(set(images.paths))
        counts += np.bincount(images.open_labels())  # type: ignore[arg-type]
        skipped += [(item.path, item.reason) for item in images.skipped]
    assert counts.tolist() == [4153, 372, 361]
    assert skipped == [
        ("BloodImage_00343/03", "it has no area"),
        ("BloodImage_00338/12", "it has no area"),
    ]


@needs_bccd
def test_more_than_5_percent_of_wrong_boxes_are_refused(tmp_path: Path) -> None:
    base = tmp_path / "bccd" / "BCCD"
    shutil.copytree(SHARED / "bccd" / "BCCD", base, copy_function=shutil.copyfile)
    os.chmod(base / "Annotations", 0o755)
    names = (base / "ImageSets" / "Main" / "test.txt").read_text().split()
    for name in names[:6]:
        file = base / "Annotations" / f"{name}.xml"
        file.write_text(file.read_text().replace("RBC", "unheard of"))
    with pytest.raises(InputError, match=r"boxes cannot be used .*unheard of.*mend") as caught:
        load("bccd:crops:test", data_root=tmp_path)
    assert "\n" not in str(caught.value)


def test_the_slide_is_cut_into_a_grid() -> None:
    slide = load("slide")
    whole = immunohistochemistry()
    assert slide.images.shape == (256, 3, 32, 32) and slide.images.flags.c_contiguous
    assert slide.paths[0] == "slide/00-00" and slide.paths[255] == "slide/15-15"
    row = slide.paths.index("slide/03-11")
    patch = whole[96:128, 352:384].transpose(2, 0, 1)
    np.testing.assert_array_equal(np.rint(slide.images[row] * 255), patch)
    assert not slide.has_labels and slide.n_clusters is None and "never labelled" in slide.notes[0]
