"""`mtlkit detect`: fit, score and predict end to end, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mtlkit.cli.shell import StageBars
from mtlkit.data.boxes import read_coco
from mtlkit.data.images import ImageSet
from mtlkit.data.roads import road_scene

from .helpers import assert_refused, call, json_of, report_of, succeed

TINY = ["--effort", "0.001", "--size", "96", "--groups", "3"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(6):
        scene = (255 * road_scene(seed, side=96).image).round().astype(np.uint8)
        picture = Image.fromarray(scene.transpose(1, 2, 0))
        picture.resize((192, 144)).save(folder / f"{seed}.png")
    return folder


@pytest.fixture(scope="module")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "detector"
    succeed("detect", "fit", photos, "--out", out, *TINY)
    return out


def test_a_run_holds_all_that_a_run_holds(run: Path) -> None:
    names = {path.name for path in run.iterdir()}
    assert names == {
        "detections.json",
        "history.csv",
        "model.json",
        "model.safetensors",
        "report.html",
        "report.json",
    }
    report = report_of(run)
    assert report["images"] == 6
    assert report["groups"] == 3
    assert report["scores"] is None
    assert "recurs" in report["assumptions"][0]
    page = (run / "report.html").read_text(encoding="utf-8")
    assert page.count("<img") == len(page.split('alt="')) - 1 >= 2
    assert "AP50" in page and "not known" in page
    assert "assignments.csv" not in page


def test_boxes_are_in_pixels_of_the_picture_and_can_be_read_again(
    run: Path, photos: Path, tmp_path: Path
) -> None:
    content = json_of(
        "detect", "predict", run, photos, "--out", tmp_path / "found", "--least", "0.01"
    )
    assert [image["width"] for image in content["images"]] == [192] * 6
    assert [image["height"] for image in content["images"]] == [144] * 6
    boxes = np.array([row["bbox"] for row in content["annotations"]])
    assert len(boxes)
    assert (boxes >= 0).all()
    assert (boxes[:, 0] + boxes[:, 2] <= 192.02).all()
    assert (boxes[:, 1] + boxes[:, 3] <= 144.02).all()
    read = read_coco(tmp_path / "found" / "detections.json", photos)
    assert read.total == len(boxes)
    assert not read.flawed
    drawn = sorted((tmp_path / "found").glob("*.png"))
    assert len(drawn) == 6
    with Image.open(drawn[0]) as picture:
        assert picture.size == (96, 72)  # no border that was filled


def test_nothing_found_is_a_valid_empty_file(run: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    Image.new("RGB", (50, 40), "white").save(plain / "white.png")
    found = tmp_path / "found"
    content = json_of("detect", "predict", run, plain, "--out", found, "--least", 1)
    assert content["annotations"] == []
    assert len(content["categories"]) == 3
    assert read_coco(found / "detections.json", plain).total == 0


def test_a_grey_picture_and_one_that_is_turned_are_searched(run: Path, tmp_path: Path) -> None:
    Image.new("L", (30, 60), 120).save(tmp_path / "grey.png")
    turned = Image.new("RGB", (60, 30), "red")
    exif = Image.Exif()
    exif[274] = 6  # on its side
    turned.save(tmp_path / "turned.jpg", exif=exif)
    pictures = [tmp_path / "grey.png", tmp_path / "turned.jpg"]
    content = json_of("detect", "predict", run, *pictures, "--out", tmp_path / "found", "--no-draw")
    sizes = [(image["width"], image["height"]) for image in content["images"]]
    assert sizes == [(30, 60), (30, 60)]
    assert not list((tmp_path / "found").glob("*.png"))


def test_what_cannot_be_read_is_named_and_the_status_is_1(
    run: Path, photos: Path, tmp_path: Path
) -> None:
    video = tmp_path / "clip.mp4"
    video.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(100))
    result = call("detect", "predict", run, video, photos / "0.png", "--out", tmp_path / "found")
    assert result.exit_code == 1
    assert f"left out: {video}: the content is not an image" in result.stderr
    assert "Traceback" not in result.output
    content = json.loads((tmp_path / "found" / "detections.json").read_text())
    assert [image["file_name"] for image in content["images"]] == [str(photos / "0.png")]


def test_what_an_earlier_call_found_is_not_overwritten_unasked(
    run: Path, photos: Path, tmp_path: Path
) -> None:
    arguments = ["detect", "predict", run, photos / "0.png", "--out", tmp_path / "found"]
    succeed(*arguments)
    assert_refused(call(*arguments), "found", "--overwrite")
    succeed(*arguments, "--overwrite")


def test_models_of_another_kind_are_refused(run: Path, photos: Path, tmp_path: Path) -> None:
    assert_refused(call("predict", run, photos), "detector", "mtlkit detect predict")
    classifier = tmp_path / "classes"
    succeed("fit", "digits:small", "--out", classifier, "--effort", "0.02")
    refused = call("detect", "predict", classifier, photos, "--out", tmp_path / "found")
    assert_refused(refused, "classifier", "mtlkit predict")
    assert not (tmp_path / "found").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda about: about | {"sha256": "0"}, "not those that were saved"),
        (lambda about: about | {"groups": []}, "0 groups"),
        (lambda about: about | {"groups": ["a"] * 4}, "damaged or was changed"),
        (lambda about: about | {"kind": "poem"}, "poem"),
    ],
)
def test_a_damaged_model_is_refused(
    run: Path, photos: Path, tmp_path: Path, change: Any, words: str
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "model.safetensors").write_bytes((run / "model.safetensors").read_bytes())
    about = json.loads((run / "model.json").read_text())
    (copy / "model.json").write_text(json.dumps(change(about)))
    assert_refused(call("detect", "predict", copy, photos, "--out", tmp_path / "found"), words)


def test_a_source_that_shows_nothing_is_refused(tmp_path: Path) -> None:
    for number, colour in enumerate(("white", "black", "grey")):
        Image.new("RGB", (96, 96), colour).save(tmp_path / f"{number}.png")
    out = tmp_path / "run"
    assert_refused(call("detect", "fit", tmp_path, "--out", out, *TINY), "nothing stands out")
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "word"), [(["--size", "100"], "multiple of 8"), (["--effort", "0"], "effort")]
)
def test_options_that_cannot_be_are_refused(
    photos: Path, tmp_path: Path, arguments: list[str], word: str
) -> None:
    assert_refused(call("detect", "fit", photos, "--out", tmp_path / "run", *arguments), word)


def test_a_source_without_boxes_cannot_be_scored(run: Path) -> None:
    assert_refused(call("detect", "score", run, "digits:small"), "no boxes", "roads:test")


def test_boxes_are_opened_after_training_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from mtlkit import detection
    from mtlkit.data import catalogue, roads

    monkeypatch.setitem(catalogue.CATALOGUE, "roads", lambda: roads.load_roads("roads", range(6)))
    order = []
    opens, finds = ImageSet.open_boxes, detection.find_objects

    def open_boxes(images: ImageSet) -> Any:
        order.append("boxes")
        return opens(images)

    def find_objects(*given: Any, **more: Any) -> Any:
        found = finds(*given, **more)
        order.append("trained")
        return found

    monkeypatch.setattr(ImageSet, "open_boxes", open_boxes)
    monkeypatch.setattr(detection, "find_objects", find_objects)
    report = json_of("detect", "fit", "roads", "--out", tmp_path / "run", *TINY)
    assert order == ["trained", "boxes"]
    assert report["scores"]["pictures"] == 6
    assert 0 <= report["scores"]["ap50"] <= 1
    scores = json_of("detect", "score", tmp_path / "run", "roads")
    assert scores["ap50"] == report["scores"]["ap50"]


def test_a_run_that_was_cut_off_goes_on(
    photos: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = StageBars.advance

    def stop(own: Any, stage: str, steps: int) -> None:
        if stage == "round 2":
            raise KeyboardInterrupt
        advance(own, stage, steps)

    out = tmp_path / "again"
    with monkeypatch.context() as cut:
        cut.setattr(StageBars, "advance", stop)
        stopped = call("detect", "fit", photos, "--out", out, *TINY)
    assert stopped.exit_code == 2
    assert "--resume" in stopped.stderr
    assert not out.exists()
    succeed("detect", "fit", photos, "--out", out, "--resume", *TINY)
    ours, theirs = ((p / "model.safetensors").read_bytes() for p in (out, run))
    assert ours == theirs
