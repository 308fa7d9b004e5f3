"""Wrong calls: one sentence that names what was wrong, and nothing left on the disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .helpers import assert_refused, call

SMALL = ["fit", "digits:small"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fit", "/not/there"], ["/not/there", "no such path"]),
        (["fit", "digts"], ["Did you mean 'digits'"]),
        ([*SMALL, "--classes", "1"], ["1", "2"]),
        ([*SMALL, "--classes", "538"], ["538", "537"]),
        ([*SMALL, "--class-sizes", "even"], ["'even'", "auto, equal, free"]),
        ([*SMALL, "--class-sizes", "eqal"], ["'eqal'", "Did you mean 'equal'"]),
        ([*SMALL, "--weighting", "uncertain"], ["Did you mean 'uncertainty'"]),
        ([*SMALL, "--weighting", "nash-mtl"], ["'nash-mtl'", "pip install", "cvxpy"]),
        ([*SMALL, "--encoder", "resnet81"], ["'resnet81'", "Did you mean 'resnet18'"]),
        ([*SMALL, "--weights", "/not/there"], ["/not/there", "safetensors"]),
        ([*SMALL, "--effort", "0"], ["effort"]),
        ([*SMALL, "--size", "4"], ["size", "8", "512"]),
        ([*SMALL, "--device", "cuda:99"], ["cuda:99", "use cpu"]),
        (["score", "/not/there", "digits"], ["/not/there", "no run folder"]),
        (["predict", "/not/there", "digits"], ["/not/there", "no run folder"]),
    ],
)
def test_a_wrong_call_ends_with_one_sentence(
    arguments: list[str], words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_refused(call(*arguments), *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", [("--threads", "0"), ("--seed", "-1"), ("--rotation", "181")])
def test_options_have_bounds(option: tuple[str, str], tmp_path: Path) -> None:
    result = call(*SMALL, "--out", tmp_path / "run", *option)
    assert result.exit_code == 2
    assert option[0] in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_bad_folders_end_with_one_sentence(tmp_path: Path) -> None:
    for name in ("empty", "texts", "single", "equal"):
        (tmp_path / name).mkdir()
    (tmp_path / "texts" / "a.txt").write_text("text")
    Image.new("L", (9, 9)).save(tmp_path / "single" / "a.png")
    for number in range(3):
        Image.new("L", (9, 9)).save(tmp_path / "equal" / f"{number}.png")
    words = {"empty": "empty", "texts": "none an image", "single": "one image", "equal": "equal"}
    for name, word in words.items():
        folder = tmp_path / name
        result = call("fit", folder, "--classes", "2", "--out", tmp_path / "run")
        assert_refused(result, f"{folder}:", word)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("kind", ["NaN", "pickled"])
def test_bad_arrays_end_with_one_sentence(kind: str, tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((20, 9, 9))
    arrays = {
        "NaN": np.where(images > 0.9, np.nan, images),
        "pickled": np.array([{}] * 5, dtype=object),
    }
    source = tmp_path / "bad.npz"
    np.savez(source, images=arrays[kind])
    result = call("fit", source, "--classes", "2", "--out", tmp_path / "run")
    assert_refused(result, str(source), kind)


def test_classes_are_asked_for_where_nothing_tells_them(photos: Path) -> None:
    assert_refused(call("fit", photos), "--classes")
