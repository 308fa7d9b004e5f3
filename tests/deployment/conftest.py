"""A short training, and the run folder that it leaves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mtlkit import ImageSet, MultiTaskClusterer, load
from mtlkit.deployment import new_run, write_run
from mtlkit.evaluation import score


@pytest.fixture(scope="module")
def fitted() -> tuple[ImageSet, MultiTaskClusterer]:
    images = load("digits:small")
    return images, MultiTaskClusterer(3, random_state=0, effort=0.02).fit(images.images)


@pytest.fixture
def run(fitted: tuple[ImageSet, MultiTaskClusterer], tmp_path: Path) -> Path:
    """A whole run, its paths as nasty as file names can be."""
    images, clusterer = fitted
    paths = ("=1+1.png", "<script>alert(1)</script>.png", *images.paths[2:])
    labels = images.open_labels()
    assert labels is not None
    scores = score(clusterer.labels_, labels)
    about = {
        "title": "<b>three</b>",
        "source": "digits:small",
        "classes": 3,
        "classes_given_by": "catalogue",
    }
    with new_run(tmp_path / "run") as folder:
        write_run(folder, replace(images, paths=paths), clusterer.result_, scores, about)
    return tmp_path / "run"
