"""`mtlkit predict` and `score`: what can be answered is answered, and the rest is named."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import Result

from mtlkit import MultiTaskClusterer, load
from mtlkit.cli import use
from mtlkit.deployment import models, save_model
from mtlkit.multitask import MultiTaskModel, make_encoder
from mtlkit.multitask.tasks import Classification

from .helpers import call, json_of, succeed

Draw = Callable[..., None]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of three classes that has learnt nothing: nothing here depends on it."""
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    encoder = make_encoder("small-cnn", channels=1, side=16)
    save_model(folder, MultiTaskModel(encoder, {"classes": Classification(np.eye(3))}))
    return folder


@pytest.fixture
def draw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Draw:
    """Draws a grey picture, as noise that differs with its name, below the current folder."""
    monkeypatch.chdir(tmp_path)

    def draw(name: str, shade: int | None = None) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(len(name)).integers(0, 256, (16, 16), np.uint8)
        even = np.full((16, 16), shade or 0, np.uint8)
        Image.fromarray(noise if shade is None else even).save(path)

    return draw


def rows_of(result: Result) -> list[dict[str, str]]:
    return list(csv.DictReader(result.stdout.splitlines()))


def names_of(result: Result) -> list[str]:
    return [row["path"] for row in rows_of(result)]


def test_what_fits_nowhere_is_said(draw: Draw) -> None:
    run = Path("trained")
    run.mkdir()
    clusterer = MultiTaskClusterer(3, random_state=0, effort=0.02, class_sizes="equal")
    save_model(run, clusterer.fit(load("digits:small").images).model_)
    Image.new("L", (8, 8), 255).save("white.png")
    result = succeed("predict", run, "white.png")
    assert float(rows_of(result)[0]["novelty"]) > 1
    assert "1 of 1 images fit nowhere" in result.stderr
    (row,) = json.loads(succeed("predict", run, "white.png", "--json").stdout)
    assert row["novelty"] > 1 and 0 < row["confidence"] <= 1
    like_training = succeed("predict", run, "digits:small")
    novel = [row for row in rows_of(like_training) if float(row["novelty"]) > 1]
    assert len(novel) < 0.05 * 537


def test_a_model_that_remembers_nothing_leaves_novelty_out(run: Path, draw: Draw) -> None:
    draw("a.png")
    assert rows_of(succeed("predict", run, "a.png"))[0]["novelty"] == ""
    assert json_of("predict", run, "a.png")[0]["novelty"] is None


def test_one_image_in_a_folder_has_its_row(run: Path, draw: Draw) -> None:
    draw("one/a.png")
    result = succeed("predict", run, "one")
    assert names_of(result) == ["a.png"]


def test_equal_images_have_their_rows(run: Path, draw: Draw) -> None:
    for number in range(3):
        draw(f"equal/{number}.png", shade=90)
    result = succeed("predict", run, "equal")
    assert names_of(result) == ["0.png", "1.png", "2.png"]
    assert len({(row["class"], row["confidence"]) for row in rows_of(result)}) == 1


def test_a_bad_file_among_forty_costs_its_own_row_alone(run: Path, draw: Draw) -> None:
    names = [f"{number}.png" for number in range(40)]
    for name in names:
        draw(name)
    Path("7.png").write_bytes(b"no image")
    result = call("predict", run, *names)
    assert result.exit_code == 1
    assert names_of(result) == [name for name in names if name != "7.png"]
    assert "7.png: " in result.stderr
    assert "Traceback" not in result.stderr


def test_a_folder_of_many_bad_files_is_answered_for_the_others(run: Path, draw: Draw) -> None:
    draw("mixed/good.png")
    for number in range(9):
        draw(f"mixed/bad{number}.png")
        Path(f"mixed/bad{number}.png").write_bytes(b"" if number % 2 else b"no image")
    result = call("predict", run, "mixed", "--json")
    assert result.exit_code == 1
    rows = json.loads(result.stdout)  # and nothing else on stdout
    assert [row["path"] for row in rows] == ["good.png"]
    assert all(f"bad{number}.png: " in result.stderr for number in range(9))


@pytest.mark.parametrize(
    "bad", ["/not/there", "~nobody-has-this/x", "digts", "empty", "broken", "table.csv", "bad.npz"]
)
def test_what_cannot_be_used_does_not_cost_the_others(bad: str, run: Path, draw: Draw) -> None:
    draw("a.png")
    Path("empty").mkdir()
    Path("table.csv").write_text("a,b")
    Path("bad.npz").write_bytes(b"PK")
    draw("broken/x.png")
    Path("broken/x.png").write_bytes(b"no image")
    result = call("predict", run, bad, "a.png")
    assert result.exit_code == 1
    assert names_of(result) == ["a.png"]
    assert bad in result.stderr
    alone = call("predict", run, bad, "--json")
    assert (alone.exit_code, json.loads(alone.stdout)) == (1, [])


def test_equal_names_in_two_folders_stay_apart(run: Path, draw: Draw) -> None:
    for name in ("new/a.png", "new/deep/b.png", "old/a.png", "c.png"):
        draw(name)
    several = names_of(call("predict", run, "new/", "./old", "c.png"))
    assert several == ["new/a.png", "new/deep/b.png", "./old/a.png", "c.png"]
    assert all(Path(name).is_file() for name in several)
    alone = names_of(call("predict", run, "new"))
    assert alone == ["a.png", "deep/b.png"]  # as in a run's assignments.csv


def test_equal_names_of_arrays_stay_apart(run: Path, draw: Draw) -> None:
    for folder in ("x", "y"):
        Path(folder).mkdir()
        np.savez(f"{folder}/set.npz", images=np.random.default_rng(0).random((2, 9, 9)))
    both = names_of(call("predict", run, "x/set.npz", "y/set.npz"))
    assert both == [f"{folder}/set.npz/000{row}" for folder in "xy" for row in range(2)]
    mixed = names_of(call("predict", run, "x/set.npz", "digits:small"))
    assert mixed[1:3] == ["x/set.npz/0001", "digits/0000"]
    assert names_of(call("predict", run, "x/set.npz")) == ["set/0000", "set/0001"]


def test_a_name_of_the_catalogue_goes_before_a_folder_of_that_name(run: Path, draw: Draw) -> None:
    draw("digits/a.png")
    assert len(names_of(call("predict", run, "digits"))) == 1797
    assert names_of(call("predict", run, "./digits")) == ["a.png"]


def test_a_path_is_joined_on_and_never_run_as_a_formula(run: Path, draw: Draw) -> None:
    draw("=x.png")
    draw("-y.png")
    names = names_of(call("predict", run, "."))
    assert names == ["./-y.png", "./=x.png"]
    assert all(Path(name).is_file() for name in names)


def test_rows_appear_as_they_are_made(
    run: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(5):
        draw(f"{number}.png")
    monkeypatch.setattr("mtlkit.data.reading.BATCH", 2)
    seen: list[int] = []
    classify = models.classify

    def watched(*given: Any) -> Any:
        seen.append(capsys.readouterr().out.count("\n"))
        return classify(*given)

    monkeypatch.setattr(models, "classify", watched)
    use.predict(run, ["."])
    assert seen == [0, 3, 2]  # before each batch: nothing, the header and two rows, two more


def test_a_reader_that_goes_away_ends_it_without_a_traceback(run: Path, draw: Draw) -> None:
    draw("a.png")
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "mtlkit.cli", "predict", str(run), *["a.png"] * 200]
    ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert "Traceback" not in ended.stderr


def test_what_was_passed_over_in_a_folder_is_said(run: Path, draw: Draw) -> None:
    draw("nas/a.png")
    draw("nas/@eaDir/a.png")
    result = succeed("predict", run, "nas")
    assert names_of(result) == ["a.png"]
    assert "1 system folder (@eaDir)" in result.stderr


def test_an_image_of_a_format_that_is_not_read_counts_as_left_out(run: Path, draw: Draw) -> None:
    draw("photos/a.png")
    Path("photos/b.psd").write_bytes(b"8BPS")
    result = call("predict", run, "photos")
    assert result.exit_code == 1
    assert names_of(result) == ["a.png"]
    assert "1 .psd" in result.stderr
    assert "error: 1 left out" in result.stderr


@pytest.mark.parametrize("paths", [["photos"], ["photos/a.png", "photos/b.gif"]])
def test_first_frames_are_noted(paths: list[str], run: Path, draw: Draw) -> None:
    draw("photos/a.png")
    frames = [Image.new("L", (16, 16), shade) for shade in (10, 200)]
    frames[0].save("photos/b.gif", save_all=True, append_images=frames[1:])
    result = succeed("predict", run, *paths)
    assert "in 1 of 2 files" in result.stderr


def test_score_says_that_it_took_subfolders_for_labels(run: Path, draw: Draw) -> None:
    for name in ("owl/a.png", "cat/abc.png", "cat/d.png", "cat/@eaDir/d.png"):
        draw(name)
    result = succeed("score", run, ".")
    note = next(line for line in result.stdout.splitlines() if "taken for labels" in line)
    assert "cat" in note
    assert "owl" in note
    assert "1 system folder (cat/@eaDir)" in result.stdout
    scores = json_of("score", run, ".")
    assert scores["n"] == 3
    assert any("taken for labels" in note for note in scores["notes"])


@pytest.mark.parametrize("images", [np.ones((1, 9, 9)), np.ones((4, 9, 9))])
def test_one_image_and_equal_images_are_scored(images: np.ndarray, run: Path, draw: Draw) -> None:
    np.savez("set.npz", images=images, labels=np.arange(len(images)))
    assert json_of("score", run, "set.npz")["accuracy"] == 1 / len(images)


def test_score_names_the_files_that_it_left_out(run: Path, draw: Draw) -> None:
    for number in range(4):
        draw(f"{'ab'[number % 2]}/{number}.png")
        draw(f"a/bad{number}.png")
        Path(f"a/bad{number}.png").write_bytes(b"no image")
    result = succeed("score", run, ".", "--json")
    assert json.loads(result.stdout)["n"] == 4
    assert all(f"a/bad{number}.png: " in result.stderr for number in range(4))
