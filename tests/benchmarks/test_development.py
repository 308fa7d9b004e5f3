"""The development sets are what they promise, and their figure says what was measured."""

from __future__ import annotations

import gzip
import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from mtlkit import MultiTaskClusterer, load
from mtlkit.multitask.compute import threads
from mtlkit.preprocessing.class_sizes import sized_vectors

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def development(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("development")


@pytest.mark.parametrize(
    "name", ["one size", "natural", "10:1", "one large", "one size, clumped", "10:1, clumped"]
)
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


def test_the_development_files_are_read_with_and_without_gz(
    development: Any, tmp_path: Path
) -> None:
    images = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(bytes(16) + images.tobytes())
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(8) + bytes([7, 3])))
    found, labels = development.read(tmp_path)
    assert found.shape == (2, 20, 20) and labels.tolist() == [7, 3]
    np.testing.assert_allclose(found, images[:, 4:24, 4:24] / 255, rtol=1e-6)


def test_the_first_stage_is_that_of_the_recipe(development: Any) -> None:
    images = load("digits:small").images[:150]
    with threads(1):
        whole = MultiTaskClusterer(3, random_state=5, effort=0.05).fit(images)
        features, descriptors = development.first_stage(images, 3, seed=5, effort=0.05)
        assert sized_vectors(features, descriptors, 3, seed=5)[1] == whole.sizes_[0]


def test_the_figure_of_the_evidence_marks_each_kind_and_what_was_less_right(
    development: Any,
) -> None:
    row = {
        "images": "one size",
        "like": True,
        "taken": "equal",
        "difference": 0.01,
        "equal": 0.9,
        "free": 0.8,
    }
    other = {
        "images": "10:1",
        "like": False,
        "taken": "free",
        "difference": 0.1,
        "equal": 0.9,
        "free": 0.8,
    }
    (axes,) = development.figure([other, row]).axes
    dots = {line.get_marker(): line for line in axes.lines if len(line.get_xdata()) == 1}
    assert list(dots["o"].get_xdata()) == [1.0] and list(dots["^"].get_xdata()) == [10.0]
    assert dots["o"].get_markerfacecolor() == development.COLOURS[True]
    assert dots["^"].get_markerfacecolor() == "white"  # taken, and not the better one
    assert [text.get_text() for text in axes.get_yticklabels()] == ["one size", "10:1"]
