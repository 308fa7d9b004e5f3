"""Wrong options of `mtlkit fit`: refused before a picture is read, by the name that was typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mtlkit import clusterer
from mtlkit.cli.shell import roughly

from .helpers import assert_refused, call, succeed


@pytest.fixture
def albums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two months with four pictures each."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for number in range(8):
        path = tmp_path / "albums" / f"2024-0{1 + number % 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (16, 16), np.uint8)).save(path)
    return tmp_path / "albums"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--class-sizes", "evn"], ["--class-sizes 'evn'", "auto, equal, free"]),
        (["--descriptors", "hog,stian"], ["--descriptors 'stian'", "Did you mean 'stain'"]),
        (["--light", "2"], ["--light", "less than or equal to 1"]),
        (["--weighting", "uncertin"], ["--weighting 'uncertin'", "Did you mean 'uncertainty'"]),
        (["--encoder", "resnet81"], ["--encoder 'resnet81'", "Did you mean 'resnet18'"]),
        (["--device", "cuda:99"], ["--device 'cuda:99'", "use cpu"]),
        (["--size", "4"], ["--size", "8", "512", "4"]),
        (["--effort", "0"], ["--effort", "above 0"]),
        (["--effort", "nan"], ["--effort", "above 0"]),
        (["--batch-size", "0"], ["--batch-size", "1"]),
        (["--classes", "1"], ["--classes 1", "2 or more"]),
        (["--weights", "/not/there"], ["--weights /not/there", "model.safetensors"]),
        (["--weights", "text"], ["--weights text", "model.safetensors"]),
        (["--labels", "files"], ["--labels", "'files'", "folders"]),
        (["--out", "taken"], ["taken", "--out"]),
        (["--out", "text/run"], ["text/run", "--out"]),
    ],
)
def test_a_wrong_option_is_refused_before_a_picture_is_read(
    options: list[str], words: list[str], albums: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("text").write_text("words")
    Path("taken").mkdir()
    Path("taken", "thesis.txt").write_text("words")
    before = sorted(Path.cwd().rglob("*"))
    for name in ("read_header", "decode"):
        monkeypatch.setattr(f"mtlkit.data.folder.{name}", None)  # reading would raise
    classes = [] if "--classes" in options else ["--classes", "2"]
    result = call("fit", albums, *classes, *options)
    assert_refused(result, *words)
    in_code = options[0].lstrip("-").replace("-", "_")
    if "_" in in_code:
        assert in_code not in result.stderr.strip().splitlines()[-1]
    assert sorted(Path.cwd().rglob("*")) == before


def test_a_number_of_classes_that_is_missing_is_asked_for_before_a_picture_is_read(
    albums: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtlkit.data.folder.read_header", None)
    assert_refused(call("fit", albums), "add --classes")


def test_more_classes_than_images_are_refused_by_the_options_name(albums: Path) -> None:
    result = call("fit", albums, "--classes", "9", "--out", "run")
    assert_refused(result, "--classes 9", "8 images")
    assert not Path("run").exists()
    assert not Path("run.partial").exists()


def test_an_encoder_that_cannot_take_the_side_is_refused_by_the_options_name(albums: Path) -> None:
    result = call("fit", albums, "--classes", "2", "--encoder", "vit_b_32", "--out", "run")
    assert_refused(result, "--encoder 'vit_b_32'", "16 px")


def test_a_descriptor_that_needs_colour_is_refused_for_grey_by_the_options_name(
    albums: Path,
) -> None:
    options = ["--classes", "2", "--descriptors", "hog,stain", "--out", "run"]
    assert_refused(call("fit", albums, *options), "--descriptors 'stain'", "colour")
    assert not Path("run").exists()


def test_descriptors_and_light_reach_the_training_and_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = []
    find_classes = clusterer.find_classes

    def spy(images: Any, k: int, recipe: Any, **how: Any) -> Any:
        trained.append(recipe)
        return find_classes(images, k, recipe, **how)

    monkeypatch.setattr(clusterer, "find_classes", spy)
    pictures = np.random.default_rng(0).random((12, 3, 16, 16)).astype(np.float32)
    np.savez(tmp_path / "cells.npz", images=pictures)
    options = ["--descriptors", "stain,lbp", "--light", "0.3", "--flip", "--rotation", "180"]
    how = ["--classes", "2", "--effort", "0.01", "--out", tmp_path / "run", "--json"]
    report = json.loads(succeed("fit", tmp_path / "cells.npz", *options, *how).stdout)
    assert report["settings"]["descriptors"] == "stain,lbp"
    assert report["settings"]["light"] == 0.3
    assert trained[0].descriptors == ("stain", "lbp")
    assert (trained[0].augmentation.light, trained[0].augmentation.colour) == (0.3, 0.3)
    assert (trained[0].augmentation.rotation, trained[0].augmentation.flip) == (180, True)


@pytest.mark.parametrize("asked", [False, True])
def test_fit_takes_the_names_of_folders_for_labels_only_if_asked(asked: bool, albums: Path) -> None:
    labels = ["--labels", "folders"] if asked else []
    options = ["--classes", "2", "--effort", "0.01", "--out", "run", "--json", *labels]
    result = succeed("fit", albums, *options)
    report = json.loads(result.stdout)
    assert (report["scores"] is not None) == asked
    notes = [note for note in report["notes"] if "taken for labels" in note]
    assert any("2024-01" in note for note in notes) == asked
    assert ("taken for labels" in result.stderr) == asked
    page = Path("run", "report.html").read_text(encoding="utf-8")
    assert ("2024-01 and 2024-02" in page) == asked


def test_labels_by_folders_are_refused_where_there_are_none(albums: Path) -> None:
    month = albums / "2024-01"
    result = call("fit", month, "--classes", "2", "--labels", "folders", "--out", "run")
    assert_refused(result, "no labels", "subfolder")


def test_what_was_passed_over_is_said_and_reported(albums: Path) -> None:
    (albums / "@eaDir").mkdir()
    options = ["--classes", "2", "--effort", "0.01", "--out", "run", "--json"]
    result = succeed("fit", albums, *options)
    assert "1 system folder (@eaDir)" in result.stderr
    assert any("@eaDir" in note for note in json.loads(result.stdout)["notes"])


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 second"),
        (37.4, "37 seconds"),
        (89, "89 seconds"),
        (483, "8 minutes"),
        (5000, "83 minutes"),
        (7300, "2 hours"),
    ],
)
def test_times_are_said_in_words(seconds: float, words: str) -> None:
    assert roughly(seconds) == f"about {words}"


@pytest.mark.parametrize("source", ["slide", "roads:test"])
def test_a_set_without_labels_does_not_tell_the_number_of_classes(
    source: str, tmp_path: Path
) -> None:
    assert_refused(call("fit", source, "--out", tmp_path / "run"), source, "add --classes")
    assert not list(tmp_path.iterdir())
