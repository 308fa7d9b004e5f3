"""Every shape of input: images of any size and number of channels, and plain features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.preprocessing import StandardScaler

from mtlkit import load
from mtlkit.deployment.models import shared_features
from mtlkit.inputs import InputSpec, as_images
from mtlkit.preprocessing import describe

from .quick import COLOUR, GREY, PLAIN, RANDOM, quick


@pytest.mark.parametrize(
    "X",
    [GREY, GREY[:, None], COLOUR, PLAIN, GREY.tolist(), COLOUR[:, :, :, :5], torch.tensor(GREY)],
)
def test_every_shape_of_input(X: Any) -> None:
    clusterer = quick()
    classes = clusterer.fit_predict(X)
    assert classes.shape == (30,) and set(classes) <= {0, 1, 2}
    np.testing.assert_array_equal(clusterer.labels_, classes)
    np.testing.assert_array_equal(clusterer.predict(X), classes)
    probabilities = clusterer.predict_proba(X)
    assert probabilities.shape == (30, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(probabilities, clusterer.probabilities_, atol=1e-5)
    assert clusterer.transform(X).shape == (30, 128)
    assert clusterer.n_features_in_ == np.asarray(X)[0].size
    assert {row["stage"] for row in clusterer.history_} == {"features", "classes"}
    assert set(clusterer.seconds_) == {"features", "label vectors", "classes"}
    assert set(clusterer.model_.heads) == {"descriptors", "classes"}


def test_new_images_are_classified_one_by_one_as_in_a_batch() -> None:
    for fitted, new in ((GREY, GREY[:7, ::-1]), (PLAIN, PLAIN[:7] + 1)):
        clusterer = quick().fit(fitted)
        together = clusterer.predict_proba(new)
        for row, expected in zip(new, together, strict=True):
            np.testing.assert_allclose(clusterer.predict_proba(row[None])[0], expected, atol=1e-5)


def test_bytes_are_the_same_as_their_255ths() -> None:
    as_bytes = (GREY * 255).astype(np.uint8)
    found = [
        quick().fit(X).probabilities_
        for X in (as_bytes, as_bytes / 255, as_bytes.astype(np.float32) / 255)
    ]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_allclose(found[0], found[2], atol=1e-3)


def test_plain_features_may_have_any_scale() -> None:
    scaled = PLAIN * [1, 10, 100, 1000, 0.1, 0.01] + 5
    np.testing.assert_allclose(
        quick().fit(scaled).probabilities_, quick().fit(PLAIN).probabilities_, atol=1e-2
    )


@pytest.mark.parametrize(
    ("shape", "side"), [((5, 7), 8), ((8, 8), 8), ((20, 9), 20), ((3, 100), 64), ((64, 64), 64)]
)
def test_the_side_is_that_of_the_images_within_bounds(shape: tuple[int, int], side: int) -> None:
    clusterer = quick().fit(RANDOM.random((4, *shape)))
    assert clusterer.model_.encoder.settings["side"] == side


def test_the_side_can_be_asked_for() -> None:
    clusterer = quick(side=12).fit(GREY)
    assert clusterer.model_.encoder.settings["side"] == 12
    # And new images are brought to it.
    assert clusterer.predict(RANDOM.random((2, 30, 40))).shape == (2,)


def test_images_are_resized_within_their_range() -> None:
    checkers = np.indices((16, 16)).sum(axis=0)[None] % 2
    images = as_images(np.concatenate([checkers, 0 * checkers + 1]).astype(float))
    small = InputSpec(channels=1, side=8).bring(images)
    assert small.shape == (2, 1, 8, 8) and small.dtype == np.float32
    assert small.min() >= 0 and small.max() <= 1
    np.testing.assert_allclose(small[0, 0, 2:6, 2:6], 0.5, atol=0.02)  # averaged, not picked
    np.testing.assert_array_equal(as_images(GREY > 0.5), (GREY[:, None] > 0.5).astype(np.float32))


@pytest.mark.parametrize("shape", [(3, 40, 28), (1, 28, 40), (1, 600, 20), (3, 100, 100)])
def test_a_picture_gets_its_side_as_by_the_loader(shape: tuple[int, ...], tmp_path: Path) -> None:
    X = RANDOM.random((4, *shape)).astype(np.float32)
    np.savez(tmp_path / "set.npz", images=X)
    loaded = load(tmp_path / "set.npz", size=32)
    np.testing.assert_array_equal(InputSpec(shape[0], 32).bring(as_images(X)), loaded.images)
    clusterer = quick(2, side=32).fit(X)
    raw = load(tmp_path / "set.npz")
    expected = clusterer.transform(loaded.images)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    found = shared_features(clusterer.model_, raw.images)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_regression_learns_what_was_asked_for() -> None:
    for X, names, expected in (
        (GREY, "auto", ["hog"]),
        (COLOUR, "auto", {"hog": 1, "chromaticity": 0.5}),
        (GREY, "lbp", ["lbp"]),
        (COLOUR, ("colour", "lbp"), ["colour", "lbp"]),
    ):
        targets = quick(descriptors=names).fit(X).model_.tasks["descriptors"].targets
        np.testing.assert_allclose(targets, describe(X.reshape(30, -1, 8, 8), expected), atol=1e-4)
    plain = quick().fit(PLAIN).model_.tasks["descriptors"].targets
    np.testing.assert_allclose(plain, StandardScaler().fit_transform(PLAIN), atol=1e-5)
