"""`mtlkit fit` on pictures that are not square, hardly differ, or are very few."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mtlkit.preprocessing.novelty import Reference

from .helpers import assignments_of, json_of


@pytest.mark.parametrize(
    ("count", "shape", "side", "effort"),
    [(24, (40, 28), 40, "0.05"), (24, (28, 40), 40, "0.05"), (6, (600, 20), 512, "0.002")],
    ids=["high", "wide", "larger than a model takes"],
)
def test_pictures_that_are_not_square_are_seen_alike_by_fit_and_score(
    count: int,
    shape: tuple[int, int],
    side: int,
    effort: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # In training an image is left out of its own neighbours; here only the network is to be heard.
    monkeypatch.setattr(Reference, "agreement", lambda *given: np.ones(len(given[2])))
    random = np.random.default_rng(0)
    labels = np.arange(count) % 2
    pictures = random.random((count, 3, *shape)) * 0.3 + 0.7 * labels[:, None, None, None]
    source = tmp_path / "high.npz"
    np.savez(source, images=pictures, labels=labels)
    run = tmp_path / "run"
    report = json_of("fit", source, "--out", run, "--classes", "2", "--effort", effort)
    assert report["shape"] == [3, side, side]
    change = f"from {shape[0]} x {shape[1]} to {side} x {side} pixels"
    assert any(change in note for note in report["notes"])
    assert json_of("score", run, source)["accuracy"] == report["scores"]["accuracy"]
    rows = json_of("predict", run, source)
    stored = assignments_of(run)
    assert [row["class"] for row in rows] == [int(row["class"]) for row in stored]
    np.testing.assert_allclose(
        [row["confidence"] for row in rows], [float(row["confidence"]) for row in stored], atol=2e-3
    )


RANDOM = np.random.default_rng(0)
NOISE = RANDOM.random((20, 3, 12, 12))
LEVELS = np.linspace(0, 1, 20)[:, None, None, None]
UNUSUAL = {  # pictures with little or nothing to tell them apart, or very few; a number of classes
    "lights": (LEVELS * NOISE[:1], 3),
    "one grey": (np.concatenate([NOISE, np.full((1, 3, 12, 12), 0.5)]), 3),
    "greys": (LEVELS * np.ones((1, 3, 12, 12)), 3),
    "nonsquare": (RANDOM.random((12, 3, 40, 28)), 2),
    "four": (NOISE[:4], 2),
    "ten": (NOISE[:10], 5),
    "copies": (NOISE[:2].repeat(10, axis=0), 3),
    "one a class": (NOISE, 20),
}


@pytest.mark.parametrize("kind", UNUSUAL)
def test_unusual_pictures_go_the_whole_way(kind: str, tmp_path: Path) -> None:
    pictures, k = UNUSUAL[kind]
    source = tmp_path / "pictures.npz"
    np.savez(source, images=pictures)
    out = tmp_path / "run"
    report = json_of("fit", source, "--classes", k, "--out", out, "--effort", "0.005")
    assert sum(report["sizes"]) == len(pictures)
    # and no warning of a library's
    assert all("classes are empty" in text for text in report["warnings"])
    for evidence in report["class_sizes"]:
        assert 0 <= evidence["equal_cut"] <= 1
        assert 0 <= evidence["free_cut"] <= 1
    assert report["class_sizes"]
