"""Where images of one track are assumed to show one thing, every stage uses it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from mtlkit.errors import InputError
from mtlkit.multitask import MultiTaskModel, Recipe, Schedule, find_classes, fit, stages
from mtlkit.preprocessing.class_sizes import SizeEvidence
from mtlkit.preprocessing.tracks import Tracks

RECIPE = Recipe(schedule=Schedule(batch_size=16, features=(2, 1), classes=(6, 1)))
IMAGES = torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0))
KEYS = np.arange(40) % 8


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What each stage's training was given, and of how many rows label vectors were made."""
    seen: dict[str, Any] = {"rows": []}

    def spy(model: MultiTaskModel, images: Any, *, options: Any, **how: Any) -> Any:
        targets = {name: task.targets for name, task in model.tasks.items()}
        seen[options.stage] = (options.groups, targets)
        return fit(model, images, options=options, **how)

    def halves(network: np.ndarray, descriptors: np.ndarray, k: int, *_: Any) -> Any:
        seen["rows"].append((len(network), len(descriptors)))
        vectors = np.eye(k, dtype=np.float32)[np.arange(len(network)) % k]
        return vectors, SizeEvidence("auto", "free", 0.3, 0.1, 1.0)

    monkeypatch.setattr(stages, "fit", spy)
    monkeypatch.setattr(stages, "sized_vectors", halves)
    monkeypatch.setattr(stages, "warn_of_collapse", lambda *_: None)
    return seen


def test_tracks_reach_contrast_the_batches_the_label_vectors_and_the_classes(
    seen: dict[str, Any],
) -> None:
    tracks = Tracks(KEYS, 40)
    found = find_classes(IMAGES, 2, RECIPE, tracks=tracks)
    groups, targets = seen["features"]
    np.testing.assert_array_equal(groups, KEYS)
    np.testing.assert_array_equal(targets["views"][:, 0], KEYS)
    groups, targets = seen["classes"]
    assert groups is None and set(seen["rows"]) == {(8, 8)} and len(seen["rows"]) > 1
    np.testing.assert_array_equal(targets["classes"].argmax(1), KEYS % 2)
    own = found.model.predict(IMAGES, "classes").numpy()
    expected = own.reshape(5, 8, 2).mean(axis=0)[KEYS]
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)
    assert found.tracks is tracks


def test_without_tracks_each_image_is_by_itself(seen: dict[str, Any]) -> None:
    found = find_classes(IMAGES, 2, RECIPE)
    groups, targets = seen["features"]
    assert groups is None and targets["views"] is None
    assert set(seen["rows"]) == {(40, 40)}
    own = found.model.predict(IMAGES, "classes").numpy()
    np.testing.assert_allclose(found.probabilities, own, atol=1e-5)


def test_tracks_that_would_be_the_classes_are_refused() -> None:
    with pytest.raises(InputError, match=r"8 tracks for 8 classes: .* give more tracks"):
        find_classes(IMAGES, 8, RECIPE, tracks=Tracks(KEYS, 40))
