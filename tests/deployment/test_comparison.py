"""Comparing two runs: what a naive look at the two tables says, and one sentence for a run that
cannot be read.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from mtlkit import InputError
from mtlkit.cli import app
from mtlkit.deployment import compare_runs, comparison_lines, what_compares
from mtlkit.deployment.run_folder import FORMAT


def run(folder: Path, classes: list[int], paths: list[str] | None = None, **report: Any) -> Path:
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"")
    (folder / "model.json").write_text(json.dumps({"format": FORMAT}))
    about = {
        "source": "digits",
        "classes": 3,
        "scores": None,
        "seconds": {"features": 1.0, "classes": 0.5},
    }
    (folder / "report.json").write_text(json.dumps(about | report))
    with (folder / "assignments.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "class", "confidence"])
        names = paths or [f"digits/{row}" for row in range(len(classes))]
        rows.writerows(
            (name, number, 0.5 + row / 100)
            for row, (name, number) in enumerate(zip(names, classes, strict=True))
        )
    return folder


def test_a_run_agrees_with_itself_under_other_numbers(tmp_path: Path) -> None:
    first, second = run(tmp_path / "a", [0, 0, 1, 1, 2, 2]), run(tmp_path / "b", [2, 2, 0, 0, 1, 1])
    comparison = compare_runs(first, second)
    assert comparison["agree"] == 1
    assert comparison["moves"] == comparison["moved"] == []
    assert comparison["settings"] == {}
    assert "settings: the same" in comparison_lines(comparison)


def test_what_moved_is_counted_and_the_surest_come_first(tmp_path: Path) -> None:
    first = run(tmp_path / "a", [0, 0, 0, 0, 1, 1, 1, 2, 2], settings={"seed": 0, "effort": 1})
    second = run(
        tmp_path / "b",
        [1, 1, 1, 0, 0, 0, 1, 2, 1],
        settings={"seed": 5, "effort": 1},
        scores={"accuracy": 0.5},
    )
    comparison = compare_runs(first, second)
    assert comparison["settings"] == {"seed": [0, 5]}
    assert comparison["scores"]["accuracy"] == [None, 0.5]
    assert comparison["seconds"] == [1.5, 1.5]
    assert comparison["images"] == {"first": 9, "second": 9, "both": 9}
    assert comparison["agree"] == round(6 / 9, 4)
    assert sorted(map(tuple, comparison["moves"])) == [(0, 1, 1), (1, 0, 1), (2, 0, 1)]
    assert [row[0] for row in comparison["moved"]] == ["digits/8", "digits/6", "digits/3"]
    assert comparison["moved"][0] == ["digits/8", 2, 0, 0.58, 0.58]


def test_more_classes_in_the_second_run_get_numbers_of_their_own(tmp_path: Path) -> None:
    comparison = compare_runs(
        run(tmp_path / "a", [0, 0, 0, 1, 1]), run(tmp_path / "b", [7, 7, 0, 1, 1])
    )
    assert comparison["moves"] == [[0, 2, 1]]
    assert comparison["agree"] == 0.8


def test_only_images_in_both_count(tmp_path: Path) -> None:
    first = run(tmp_path / "a", [0, 1, 1], ["x.png", "y.png", "z.png"])
    comparison = compare_runs(first, run(tmp_path / "b", [1, 0, 0], ["y.png", "z.png", "w.png"]))
    assert comparison["images"] == {"first": 3, "second": 3, "both": 2}
    none = compare_runs(first, run(tmp_path / "c", [1, 0], ["p.png", "q.png"]))
    assert none["agree"] is None
    assert "cannot be compared" in comparison_lines(none)[-1]


def test_tables_with_and_without_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    first, second = run(tmp_path / "a", [0, 1, 1]), run(tmp_path / "b", [0, 1, 1])
    table = second / "assignments.csv"
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes())
    assert compare_runs(first, second)["images"]["both"] == 3


def test_a_comparison_is_one_page(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    first, second = (run(tmp_path / name, random.integers(0, 40, 3000).tolist()) for name in "ab")
    assert len(comparison_lines(compare_runs(first, second))) < 60


@pytest.mark.parametrize(
    "how", ["gone", "no run", "newer", "no json", "other columns", "no number"]
)
def test_a_run_that_cannot_be_read_is_named(tmp_path: Path, how: str) -> None:
    good, bad = run(tmp_path / "a", [0, 1]), run(tmp_path / "b", [0, 1])
    if how == "gone":
        (bad / "assignments.csv").unlink()
    elif how == "no run":
        (bad / "model.json").unlink()
    elif how == "newer":
        (bad / "model.json").write_text('{"format": 99}')
    elif how == "no json":
        (bad / "report.json").write_text("[")
    else:
        (bad / "assignments.csv").write_text(
            "a,b\n1,2\n" if how == "other columns" else "path,class,confidence\nx,y,z\n"
        )
    with pytest.raises(InputError, match=str(bad)) as fault:
        compare_runs(good, bad)
    assert "\n" not in str(fault.value)
    result = CliRunner().invoke(app, ["compare", str(good), str(bad)])
    assert result.exit_code == 2
    assert str(bad) in result.stderr


def test_the_command_prints_a_page_or_json(tmp_path: Path) -> None:
    first, second = run(tmp_path / "a", [0, 0, 1, 1]), run(tmp_path / "b", [0, 0, 1, 0])
    page = CliRunner().invoke(app, ["compare", str(first), str(second)])
    assert "75.0% of the 4 images" in page.stdout
    assert "class 1 -> 0: 1 images" in page.stdout
    result = CliRunner().invoke(app, ["compare", str(first), str(second), "--json"])
    assert json.loads(result.stdout) == compare_runs(first, second)


@pytest.mark.parametrize(
    ("source", "kinds", "words"),
    [
        ("digits", 3, ["same images"]),
        ("mnist", 3, ["carry over"]),
        ("mnist", 5, ["carry over", "cannot reach 1"]),
        ("digits", 2, ["same images", "count as wrong"]),
    ],
)
def test_a_score_says_what_it_can_be_compared_with(
    source: str, kinds: int, words: list[str]
) -> None:
    sentences = what_compares({"source": "digits", "classes": 3}, source, kinds)
    assert len(sentences) == len(words)
    assert all(word in sentence for word, sentence in zip(words, sentences, strict=True))


def test_comparing_needs_no_torch() -> None:
    code = "import sys, mtlkit.deployment.comparison; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_path_that_looks_like_a_missing_value_or_a_number_stays_a_path(tmp_path: Path) -> None:
    paths = ["NA", "007", "nan"]
    first = run(tmp_path / "a", [0, 1, 1], paths)
    comparison = compare_runs(first, run(tmp_path / "b", [0, 1, 0], paths))
    assert comparison["images"]["both"] == 3
    assert comparison["moved"][0][0] == "nan"
