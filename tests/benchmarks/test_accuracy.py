"""The method and the simple ones are measured alike, on sets that are what they promise."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.stats import ttest_rel

from mtlkit import load

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def accuracy(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("accuracy")


@pytest.mark.parametrize(("sizes", "smallest"), [("2:1", 87), ("3:1", 58), ("10:1", 17)])
def test_drawn_digits_have_their_sizes_and_their_labels(
    accuracy: Any, sizes: str, smallest: int
) -> None:
    digits = load("digits")
    drawn = accuracy.draw(digits, sizes, seed=3)
    counts = np.sort(np.bincount(drawn.open_labels()))
    assert (counts[0], counts[-1]) == (smallest, 174) and len(set(drawn.paths)) == len(drawn)
    rows = [digits.paths.index(path) for path in drawn.paths]
    np.testing.assert_array_equal(drawn.images, digits.images[rows])
    np.testing.assert_array_equal(drawn.open_labels(), digits.open_labels()[rows])
    assert drawn.paths != accuracy.draw(digits, sizes, seed=4).paths
    assert accuracy.draw(digits, "one", seed=3) is digits


def test_differences_are_taken_in_pairs_over_the_seeds_that_both_have(accuracy: Any) -> None:
    def row(method: str, variant: str, seeds: list[int], values: list[float]) -> dict[str, Any]:
        scores = {key: accuracy.band(values) for key in accuracy.SCORES}
        return {"method": method, "variant": variant, "seeds": seeds} | scores

    ours = [0.91, 0.95, 0.97, 0.93]
    theirs = [0.90, 0.91, 0.99]
    table = [row("mtlkit", "auto", [1, 2, 3, 4], ours), row("Ward", "HOG", [2, 3, 4], theirs)]
    found = accuracy.compare(table)
    assert found["seeds"] == [2, 3, 4]
    expected = ttest_rel(ours[1:], theirs)
    interval = expected.confidence_interval(0.95)
    assert found["nmi"]["mean"] == pytest.approx(np.mean(np.subtract(ours[1:], theirs)), abs=1e-4)
    assert found["nmi"]["low"] == pytest.approx(interval.low, abs=1e-4)
    assert found["nmi"]["high"] == pytest.approx(interval.high, abs=1e-4)
    assert (found["nmi"]["better"], found["nmi"]["pairs"]) == (2, 3)
    assert accuracy.compare(table[:1]) is None
    assert accuracy.paired([0.5], [0.4])["low"] is None


def test_a_regret_is_what_the_best_simple_method_has_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    regrets = importlib.import_module("regrets")

    def one(**balanced: float) -> dict[str, Any]:
        methods = {
            name: {"cpu_seconds": 1.0, "taken": "free"}
            | dict.fromkeys(regrets.SCORES, 0.0)
            | {"balanced_accuracy": value}
            for name, value in balanced.items()
        }
        return {"images": 9, "classes": 3, "side": 8, "methods": methods}

    row = regrets.row_of("digits", [one(mtlkit=0.9, a=0.5, b=0.8), one(mtlkit=0.8, a=0.6, b=0.9)])
    assert (row["best_simple"], row["regret"], row["regrets"]) == ("b", 0.0, [-0.1, 0.1])
    assert row["methods"]["mtlkit"]["taken"] == ["free", "free"]
    assert regrets.row_of("traffic signs", [one(mtlkit=0.9, a=0.5)])["judged_by"] == "nmi"


def test_a_row_takes_the_place_of_its_own_and_unknown_ones_go(accuracy: Any) -> None:
    stored = [{"set": "b", "way": "x"}, {"set": "a", "way": "x"}, {"set": "once", "way": "x"}]
    made = {"set": "a", "way": "x", "new": True}
    known = {"set": ["a", "b"], "way": ["x", "y"]}
    assert accuracy.merge(stored, made, known) == [made, stored[0]]


def test_our_run_and_a_simple_one_are_measured_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    regrets = importlib.import_module("regrets")
    monkeypatch.setitem(regrets.SETS, "stub", lambda root, seed: load("digits:small").first(150))
    found = regrets.measure("stub", Path(), seed=0, effort=0.02)
    assert list(found["methods"]) == ["mtlkit", "k-means on HOG", "Ward on HOG"]
    assert all({*regrets.SCORES, "cpu_seconds"} <= set(one) for one in found["methods"].values())
    assert found["methods"]["mtlkit"]["taken"] in ("equal", "free")
    assert (found["images"], found["classes"], found["side"]) == (150, 3, 8)


def test_tables_say_what_was_taken_and_what_is_regretted(accuracy: Any) -> None:
    tables = importlib.import_module("tables")
    row = {
        "method": "mtlkit",
        "variant": "auto",
        "assumed": "k known",
        "seeds": [1, 2],
        "taken": ["equal", "free"],
    }
    row |= {key: accuracy.band([0.5, 0.7]) for key in (*accuracy.SCORES, "cpu_seconds")}
    row |= {"equal_cut": [0.1, 0.2], "free_cut": [0.1, 0.1]}
    pairs = {"theirs": "Ward on HOG", "accuracy": accuracy.paired([0.5, 0.7], [0.4, 0.5])}
    page = tables.scoreboard(
        {"command": "c", "rows": [row], "difference": pairs}, "accuracy", "ACC"
    )
    assert "took equal sizes in 1 of 2 runs" in page and "15.0% and 10.0%" in page
    assert "ACC +0.150" in page and "better in 2 of 2" in page
    methods = {"mtlkit": row, "Ward on HOG": row | {"balanced_accuracy": accuracy.band([0.8])}}
    regret = {
        "set": "digits",
        "images": 1797,
        "classes": 10,
        "seeds": [1, 2],
        "judged_by": "balanced_accuracy",
        "best_simple": "Ward on HOG",
        "regret": 0.2,
        "methods": methods,
    }
    assert (
        "| 0.600 (0.500 to 0.700) | Ward on HOG | 0.800 (0.800 to 0.800) | -0.200 |"
        in tables.regrets({"command": "c", "rows": [regret]})
    )


def test_every_try_makes_as_many_classes_as_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    tries = importlib.import_module("tries")
    blobs = np.repeat(np.eye(4), [60, 40, 30, 20], axis=0)
    first, second, descriptors = (
        blobs + np.random.default_rng(n).normal(0, 0.05, blobs.shape) for n in range(3)
    )
    ways = tries.ways_of(first, second, descriptors, 4, seed=0)
    pool = ways.pop(tries.ORACLE)
    assert len(pool) == 30
    assert all(
        sorted(np.bincount(found)) == [20, 30, 40, 60] for found in [*ways.values(), pool[0]]
    )


def test_small_mnist_is_of_the_test_part_and_as_large_as_digits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    regrets = importlib.import_module("regrets")
    asked = []

    def stub(name: str, data_root: Path) -> Any:
        asked.append(name)
        digits = load("digits")
        return replace(digits, images=np.pad(digits.images, ((0, 0), (0, 0), (10, 10), (10, 10))))

    monkeypatch.setattr(regrets, "load", stub)
    found = regrets.small_mnist(Path(), "10:1", seed=3)
    assert asked == ["mnist:test"]
    assert found.images.shape == (707, 1, 8, 8) and found.images.max() <= 1


def test_a_window_stays_inside_the_photo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    real = importlib.import_module("real")
    base = tmp_path / "bccd" / "BCCD"
    for folder in ("ImageSets/Main", "JPEGImages", "Annotations"):
        (base / folder).mkdir(parents=True)
    (base / "ImageSets/Main/test.txt").write_text("one\n")
    Image.new("RGB", (640, 480), "white").save(base / "JPEGImages" / "one.jpg")
    corners = "<xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax>"
    box = "<object><name>{}</name><bndbox>" + corners + "</bndbox></object>"
    cells = [("WBC", 600, 450, 640, 480), ("RBC", 5, 5, 5, 20), ("Platelets", 0, 0, 20, 10)]
    size = "<size><width>640</width><height>480</height></size>"
    text = "".join(box.format(*cell) for cell in cells)
    (base / "Annotations" / "one.xml").write_text(f"<annotation>{size}{text}</annotation>")
    crops, kinds = real.cells(tmp_path, "test")
    # One box has no area.
    assert [crop.size for crop in crops] == [(128, 128)] * 2 and kinds.tolist() == [1, 2]
    assert [crop.size for crop in real.cells(tmp_path, "test", window=None)[0]] == [
        (40, 30),
        (20, 10),
    ]
    assert real.image_set("cells", crops, kinds).images.shape == (2, 3, 32, 32)
    with pytest.raises(SystemExit, match="gtsrb"):
        real.signs(tmp_path, 1)
