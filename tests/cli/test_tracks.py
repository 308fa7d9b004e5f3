"""`mtlkit fit --tracks`: what of a path names the thing that is shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .helpers import assert_refused, assignments_of, call, report_of, succeed

HOW = ["--classes", "2", "--effort", "0.01"]
SAID = "Images of one track were assumed to show one thing: 24 images, in 6 tracks"


@pytest.fixture
def frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six tracks of four frames, as a video's signs would be filed."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for track in range(6):
        (tmp_path / "frames" / f"{track % 2}").mkdir(parents=True, exist_ok=True)
        thing = random.integers(0, 256, (16, 16, 3))
        for frame in range(4):
            noisy = (thing + random.integers(-9, 10, thing.shape)).clip(0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(tmp_path / "frames" / f"{track % 2}/{track}_{frame}.png")
    return tmp_path / "frames"


def classes_by_track(run: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in assignments_of(run):
        found.setdefault(row["path"].rpartition("_")[0], set()).add(row["class"])
    return found


def test_frames_of_a_track_share_a_class_and_the_report_says_what_was_assumed(frames: Path) -> None:
    succeed("fit", frames, *HOW, "--tracks", ".*_", "--labels", "folders", "--out", "run")
    found = classes_by_track(Path("run"))
    assert len(found) == 6 and all(len(classes) == 1 for classes in found.values())
    report = report_of(Path("run"))
    assert any(line.startswith(SAID) for line in report["assumptions"])
    assert report["settings"]["tracks"] == ".*_"
    assert SAID in (Path("run") / "report.html").read_text(encoding="utf-8")


def test_the_folder_in_a_track_s_name_does_not_reach_training(frames: Path) -> None:
    succeed("fit", frames, *HOW, "--tracks", ".*_", "--out", "whole")
    succeed("fit", frames, *HOW, "--tracks", r"\d+_", "--out", "number")  # without the folder
    assert assignments_of(Path("whole")) == assignments_of(Path("number"))


def test_without_tracks_nothing_is_said_of_them(frames: Path) -> None:
    succeed("fit", frames, *HOW, "--out", "run")
    report = report_of(Path("run"))
    assert report["settings"]["tracks"] == "none"
    assert not any("track" in line for line in report["assumptions"])


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("auto", ["--tracks 'auto'", "frames has no tracks of its own", "regular expression"]),
        ("(", ["--tracks '('", "no pattern", "regular expression"]),
        ("_3", ["--tracks '_3'", "is not in the path 0/0_0.png", "regular expression"]),
        ("^[01]", ["2 tracks for 2 classes", "more tracks than classes"]),
        ("_", ["1 tracks for 2 classes", "more tracks than classes"]),
    ],
)
def test_tracks_that_cannot_be(pattern: str, words: list[str], frames: Path) -> None:
    assert_refused(call("fit", frames, *HOW, "--tracks", pattern, "--out", "run"), *words)
    assert not Path("run").exists()
