"""The course's stored rows and bands are what was measured."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

from mtlkit.course.chapters import PATTERN, course_folder

FOLDER = Path(__file__).parents[2] / "benchmarks"


def test_a_row_of_the_course_is_made_anew_and_the_others_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    course = importlib.import_module("course")
    stored = [
        {"row": "features", "name": "a"},
        {"row": "pixels", "name": "b"},
        {"row": "pixels", "name": "c"},
    ]
    rows = course.merge(stored, [{"row": "pixels", "name": "b2"}])
    assert [row["name"] for row in rows] == ["b2", "a"]


def test_a_row_of_the_course_is_scored_on_even_rows_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    course = importlib.import_module("course")
    digits = course.load("digits")
    right = digits.open_labels()
    half_right = np.where(np.arange(len(digits)) % 2 == 0, right, 0)
    assert course.measure(digits, lambda seed: half_right)["accuracy"]["mean"] == 1.0
    assert (
        course.measure(digits, lambda seed: np.where(np.arange(len(digits)) % 2, right, 0))["nmi"][
            "max"
        ]
        == 0.0
    )


def test_a_band_spans_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    found = importlib.import_module("accuracy").band([0.9, 0.5, 0.7])
    assert found == {"mean": 0.7, "min": 0.5, "max": 0.9, "all": [0.9, 0.5, 0.7]}


def test_every_chapter_has_a_band_of_five_seeds() -> None:
    stored = json.loads((FOLDER / "results" / "bands.json").read_text(encoding="utf-8"))["chapters"]
    assert sorted(stored) == [path.stem[:2] for path in sorted(course_folder().glob(PATTERN))]
    for about in stored.values():
        bands = {
            name: one for name, one in about.items() if isinstance(one, dict) and name != "versions"
        }
        assert about["seeds"] == [0, 1, 2, 3, 4] and bands
        for one in bands.values():
            assert (
                len(one["all"]) == 5
                and one["min"] == min(one["all"])
                and one["max"] == max(one["all"])
            )
