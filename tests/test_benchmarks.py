"""The development sets: the sizes they promise, and clumps where clumps are promised."""

from __future__ import annotations

import gzip
import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from mtlkit.course.chapters import PATTERN, course_folder

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def development(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("development")


@pytest.mark.parametrize("name", ["one size", "falling sizes", "one size, clumped", "falling sizes, clumped"])
def test_development_sets_have_their_sizes(development: Any, name: str) -> None:
    labels = np.arange(4000) % 10
    images = np.random.default_rng(0).random((4000, 4, 4))
    rows = development.draw(images, labels, name, seed=1)
    assert len(set(rows)) == len(rows)
    assert sorted(np.bincount(labels[rows])) == sorted(development.DRAWS[name][1])
    assert not np.array_equal(rows, development.draw(images, labels, name, seed=2))


def test_clumps_are_of_images_that_look_alike(development: Any) -> None:
    labels = np.arange(8000) % 10
    images = np.random.default_rng(0).normal(size=(8000, 3, 1))

    def distance(name: str) -> float:
        rows = development.draw(images, labels, name, seed=0)
        points = images[rows[labels[rows] == 0]].reshape(-1, 3)
        points = points / np.linalg.norm(points, axis=1, keepdims=True)
        return float(np.mean(NearestNeighbors(n_neighbors=10).fit(points).kneighbors()[0][:, -1]))

    assert distance("one size, clumped") < 0.7 * distance("one size")


def test_the_development_files_are_read_with_and_without_gz(development: Any, tmp_path: Path) -> None:
    images = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(bytes(16) + images.tobytes())
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(8) + bytes([7, 3])))
    found, labels = development.read(tmp_path)
    assert found.shape == (2, 20, 20) and labels.tolist() == [7, 3]
    np.testing.assert_allclose(found, images[:, 4:24, 4:24] / 255, rtol=1e-6)


def test_a_row_of_the_course_is_made_anew_and_the_others_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    course = importlib.import_module("course")
    stored = [{"row": "features", "name": "a"}, {"row": "pixels", "name": "b"}, {"row": "pixels", "name": "c"}]
    rows = course.merge(stored, [{"row": "pixels", "name": "b2"}])
    assert [row["name"] for row in rows] == ["b2", "a"]


def test_a_row_of_the_course_is_scored_on_even_rows_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    course = importlib.import_module("course")
    digits = course.load("digits")
    right = digits.open_labels()
    half_right = np.where(np.arange(len(digits)) % 2 == 0, right, 0)
    assert course.measure(digits, lambda seed: half_right)["accuracy"]["mean"] == 1.0
    assert course.measure(digits, lambda seed: np.where(np.arange(len(digits)) % 2, right, 0))["nmi"]["max"] == 0.0


def test_a_band_spans_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    found = importlib.import_module("accuracy").band([0.9, 0.5, 0.7])
    assert found == {"mean": 0.7, "min": 0.5, "max": 0.9, "all": [0.9, 0.5, 0.7]}


def test_every_chapter_has_a_band_of_five_seeds() -> None:
    stored = json.loads((FOLDER / "results" / "bands.json").read_text(encoding="utf-8"))["chapters"]
    assert sorted(stored) == [path.stem[:2] for path in sorted(course_folder().glob(PATTERN))]
    for about in stored.values():
        bands = {name: one for name, one in about.items() if isinstance(one, dict) and name != "versions"}
        assert about["seeds"] == [0, 1, 2, 3, 4] and bands
        for one in bands.values():
            assert len(one["all"]) == 5 and one["min"] == min(one["all"]) and one["max"] == max(one["all"])
