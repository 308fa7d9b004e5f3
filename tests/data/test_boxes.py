"""Boxes are read from Pascal VOC and COCO; what is wrong is left out, named and counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mtlkit.data import boxes
from mtlkit.data.boxes import Annotated, read_coco, read_voc
from mtlkit.errors import InputError

Box = tuple[Any, Any, Any, Any, Any]  # kind, left, top, right, bottom
GOOD: Box = ("cell", 10, 20, 30, 50)


def voc(name: str, cells: list[Box], size: tuple[Any, Any] = (64, 60), head: str = "") -> str:
    corners = "<xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax>"
    objects = "".join(
        f"<object><name>{kind}</name><bndbox>{corners.format(*box)}</bndbox></object>"
        for kind, *box in cells
    )
    width, height = (
        f"<{side}>{n}</{side}>" for side, n in zip(("width", "height"), size, strict=True)
    )
    size_text = f"<size>{width}{height}</size>"
    return f"{head}<annotation><filename>{name}</filename>{size_text}{objects}</annotation>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Photos good.jpg and odd.jpg of 64 x 60, and the first one's annotation with 60 boxes."""
    (tmp_path / "xml").mkdir()
    for name in ("good.jpg", "odd.jpg"):
        Image.new("RGB", (64, 60), "white").save(tmp_path / name)
    (tmp_path / "xml" / "good.xml").write_text(voc("good.jpg", [GOOD] * 60))
    return tmp_path


def as_coco(cells: list[Box], **photo: Any) -> dict[str, Any]:
    """Good.jpg with 60 boxes, and another photo with `cells`."""
    other = {"id": 2, "file_name": "odd.jpg", "width": 64, "height": 60} | photo
    good = {"id": 1, "file_name": "good.jpg", "width": 64, "height": 60}
    annotations = []
    for owner, several in ((1, [GOOD] * 60), (2, cells)):
        for kind, left, top, right, bottom in several:
            wide = right - left if isinstance(right, float | int) else right
            box = [left, top, wide, bottom - top]
            annotations.append({"image_id": owner, "category_id": kind, "bbox": box})
    names = [{"id": name, "name": name} for name in ("cell", "dust")]
    return {"images": [good, other], "annotations": annotations, "categories": names}


def read_as_voc(folder: Path, cells: list[Box], **photo: Any) -> Annotated:
    name = photo.get("file_name", "odd.jpg")
    size = (photo.get("width", 64), photo.get("height", 60))
    (folder / "xml" / "odd.xml").write_text(voc(name, cells, size))
    return read_voc(folder / "xml", folder, kinds=("cell",))


def read_as_coco(folder: Path, cells: list[Box], **photo: Any) -> Annotated:
    (folder / "boxes.json").write_text(json.dumps(as_coco(cells, **photo)))
    return read_coco(folder / "boxes.json", folder, kinds=("cell",))


BOTH = pytest.mark.parametrize("read", [read_as_voc, read_as_coco])


@BOTH
def test_boxes_and_kinds_come_as_they_were_written(read: Any, folder: Path) -> None:
    found = read(folder, [("cell", 1, 2, 3.5, 5), GOOD])
    assert [photo.path for photo in found.photos] == ["good.jpg", "odd.jpg"]
    odd = found.photos[1]
    assert (odd.width, odd.height, odd.kinds) == (64, 60, ["cell", "cell"])
    assert odd.boxes.dtype == np.float32
    assert odd.boxes.tolist() == [[1, 2, 3.5, 5], [10, 20, 30, 50]]
    assert odd.names == ["odd/00", "odd/01"]
    assert (found.lost, found.flawed, found.total) == ([], [], 62)


BAD = [
    ((70, 10, 90, 20), "reaches outside the photo of 64 x 60"),
    ((-2, 10, 30, 20), "reaches outside"),
    ((10, 10, 30, 61.5), "reaches outside"),
    ((10, 20, 10, 50), "no area"),
    ((10, 20, 30, 20), "no area"),
    ((64, 20, 65, 30), "no area"),  # cut at the border, nothing is left
    ((30, 20, 10, 50), "corners are swapped"),
    ((10, 50, 30, 20), "corners are swapped"),
    ((10, 20, "wide", 50), "not four numbers"),
    ((10, 20, float("nan"), 50), "not four numbers"),
]


@BOTH
@pytest.mark.parametrize(("box", "reason"), BAD)
def test_a_box_that_is_wrong_is_left_out_and_named(
    read: Any, box: tuple[Any, ...], reason: str, folder: Path
) -> None:
    found = read(folder, [GOOD, ("cell", *box), GOOD])
    (flaw,) = found.flawed
    assert flaw.path == "odd/01" and reason in flaw.reason
    assert found.photos[1].names == ["odd/00", "odd/02"]  # the numbers are the annotation's
    assert len(found.photos[1].boxes) == 2 and found.total == 63


@BOTH
@pytest.mark.parametrize("kind", ["dust", "", "<b>"])
def test_an_unknown_kind_is_left_out_and_named(read: Any, kind: str, folder: Path) -> None:
    kind = kind if read is read_as_coco else kind.replace("<", "&lt;")
    found = read(folder, [(kind, 1, 2, 3, 4)])
    assert "kind" in found.flawed[0].reason and "not known" in found.flawed[0].reason
    assert len(found.photos[1].boxes) == 0


def test_without_kinds_any_name_is_one(folder: Path) -> None:
    (folder / "xml" / "odd.xml").write_text(voc("odd.jpg", [("dust", 1, 2, 3, 4)]))
    assert read_voc(folder / "xml", folder).photos[1].kinds == ["dust"]


@BOTH
def test_a_pixel_outside_is_rounding_and_cut(read: Any, folder: Path) -> None:
    found = read(folder, [("cell", -1, -0.5, 65, 61)])
    assert found.photos[1].boxes.tolist() == [[0, 0, 64, 60]] and not found.flawed


@BOTH
@pytest.mark.parametrize(
    ("photo", "reason"),
    [
        ({"file_name": "none.jpg"}, "none.jpg is not there"),
        ({"file_name": "../odd.jpg"}, "leads out of the folder"),
        ({"file_name": "/etc/hostname"}, "leads out of the folder"),
        ({"file_name": "a" * 5000}, "is not there"),
        ({"file_name": "xml"}, "is not there"),  # a folder
        ({"file_name": "good.jpg"}, "annotated twice"),
        ({"width": 0}, "does not say how large"),
        ({"height": None}, "does not say how large"),
        ({"width": "wide"}, "does not say how large"),
    ],
)
def test_a_photo_that_cannot_be_used_is_named_with_its_boxes_counted(
    read: Any, photo: dict[str, Any], reason: str, folder: Path
) -> None:
    found = read(folder, [GOOD, GOOD], **photo)
    assert len(found.photos) == 1 and found.total == 62
    (lost,) = found.lost
    assert reason in lost.reason
    with pytest.raises(InputError, match=f"{'xml' if read is read_as_voc else 'json'}: 4 of 64"):
        read(folder, [GOOD] * 4, **photo)


BOMB = '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]>'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "No such file"),
        ("", "0 bytes"),
        ("no xml", "syntax error"),
        (voc("odd.jpg", [GOOD])[:-5], "cannot be read"),
        (voc("odd.jpg", [("&c;", 1, 2, 3, 4)], head=BOMB), "entities, which are never read"),
        (voc("&f;", [], head='<!DOCTYPE a [<!ENTITY f SYSTEM "file:///x">]>'), "entities"),
    ],
)
def test_an_annotation_that_cannot_be_read_is_named(
    text: str | None, reason: str, folder: Path
) -> None:
    if text is not None:
        (folder / "xml" / "odd.xml").write_text(text)
    found = read_voc(folder / "xml", folder, ["good", "odd"], ("cell",))
    assert found.lost[0].path == "odd" and reason in found.lost[0].reason
    assert len(found.photos) == 1 and found.total == 61


def test_files_are_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes, "MOST_XML_BYTES", 500)
    (folder / "xml" / "odd.xml").write_text(voc("odd.jpg", [GOOD]))
    found = read_voc(folder / "xml", folder, ["odd", "good"])
    assert [photo.path for photo in found.photos] == ["odd.jpg"]
    assert "and 1 to 500 are read" in found.lost[0].reason
    (folder / "boxes.json").write_text(json.dumps(as_coco([])))
    monkeypatch.setattr(boxes, "MOST_JSON_BYTES", 500)
    with pytest.raises(InputError, match=r"boxes\.json: .* 1 to 500 are read"):
        read_coco(folder / "boxes.json", folder)


@BOTH
def test_the_number_of_boxes_is_bounded(
    read: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boxes, "MOST_BOXES", 61)
    assert read(folder, [GOOD]).total == 61
    with pytest.raises(InputError, match="has 62 boxes, and 61 are read"):
        read(folder, [GOOD] * 2)


@BOTH
@pytest.mark.parametrize(("good", "bad"), [(0, 3), (16, 4), (17, 4), (140, 10), (129, 10)])
def test_a_few_pass_and_more_than_5_percent_are_refused(
    read: Any, good: int, bad: int, folder: Path
) -> None:
    cells = [GOOD] * good + [("cell", 5, 5, 5, 9)] * bad
    if bad > 3 and bad > 0.05 * (60 + good + bad):
        with pytest.raises(InputError, match=rf"{bad} of .* boxes .*odd/{good:02d}: it has no"):
            read(folder, cells)
    else:
        assert len(read(folder, cells).flawed) == bad


def test_of_4_wrong_boxes_in_79_the_set_is_refused(folder: Path) -> None:
    wrong = [("cell", 5, 5, 5, 9)] * 4
    assert len(read_as_voc(folder, [GOOD] * 16 + wrong).flawed) == 4  # 4 of 80 are 5 %
    with pytest.raises(InputError, match="xml: 4 of 79 boxes cannot be used") as caught:
        read_as_voc(folder, [GOOD] * 15 + wrong)
    assert "\n" not in str(caught.value) and str(caught.value).count("odd/") == 3


def test_names_are_read_in_the_natural_order(folder: Path) -> None:
    for name in ("10", "9"):
        Image.new("RGB", (64, 60)).save(folder / f"{name}.jpg")
        (folder / "xml" / f"{name}.xml").write_text(voc(f"{name}.jpg", []))
    found = read_voc(folder / "xml", folder)
    assert [photo.path for photo in found.photos] == ["9.jpg", "10.jpg", "good.jpg"]
    assert [len(photo.boxes) for photo in found.photos] == [0, 0, 60]


def test_a_folder_without_an_annotation(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no annotation: give"):
        read_voc(tmp_path, tmp_path)


Change = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.pop("images"),
        lambda table: table.pop("categories"),
        lambda table: table.pop("annotations"),
        lambda table: table.update(images=[3]),
        lambda table: table.update(annotations={"a": 1}),
        lambda table: table["images"][0].pop("file_name"),
        lambda table: table["annotations"][0].update(image_id=[]),
    ],
)
def test_a_json_of_another_form_is_refused(change: Change, folder: Path) -> None:
    table = as_coco([])
    change(table)
    (folder / "boxes.json").write_text(json.dumps(table))
    with pytest.raises(InputError, match=r"boxes\.json: cannot be read .*categories`\.") as caught:
        read_coco(folder / "boxes.json", folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [None, "", "{", "[]", "null", "[" * 100_000, "\x00", "9" * 5000])
def test_a_json_that_is_none_is_refused(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "boxes.json").write_text(text)
    with pytest.raises(InputError, match=r"boxes\.json: cannot be read as annotations"):
        read_coco(tmp_path / "boxes.json", tmp_path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"bbox": None}, "not four numbers"),
        ({"bbox": [1, 2, 3]}, "not four numbers"),
        ({"bbox": [1, 2, 10**400, 3]}, "not four numbers"),
        ({"bbox": {"x": 1}}, "not four numbers"),
        ({"category_id": 7}, "None is not known"),
        ({"image_id": 9}, "not among the images"),
        ({"image_id": None}, "not among the images"),
    ],
)
def test_one_wrong_annotation_of_a_json_is_named(
    change: dict[str, Any], reason: str, folder: Path
) -> None:
    table = as_coco([])
    table["annotations"][0].update(change)
    (folder / "boxes.json").write_text(json.dumps(table))
    found = read_coco(folder / "boxes.json", folder)
    (flaw,) = (*found.lost, *found.flawed)
    assert reason in flaw.reason and found.total == 60
    assert sum(len(photo.boxes) for photo in found.photos) == 59


def test_names_hold_the_folder_of_the_photo(folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "odd.jpg").rename(folder / "a" / "b.c.jpg")
    found = read_as_voc(folder, [GOOD, GOOD], file_name="a/b.c.jpg")
    assert found.photos[1].names == ["a/b.c/00", "a/b.c/01"]
