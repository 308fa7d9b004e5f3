"""Images with little or nothing to tell them apart give a sound result."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .quick import RANDOM, quick

COLUMNS = RANDOM.normal(size=(20, 4))
PICTURES = RANDOM.random((20, 3, 8, 8))
LEVELS = np.linspace(0, 1, 20)[:, None, None, None]
UNUSUAL: dict[str, tuple[np.ndarray, int]] = {
    "one picture in other lights": (LEVELS * PICTURES[:1], 3),
    "one grey picture in other lights": (LEVELS * PICTURES[:1, :1], 3),
    "one grey among colours": (np.concatenate([PICTURES, np.full((1, 3, 8, 8), 0.5)]), 3),
    "one black among colours": (np.concatenate([PICTURES, np.zeros((1, 3, 8, 8))]), 3),
    "nothing but greys": (LEVELS * np.ones((1, 3, 8, 8)), 3),
    "black and white": (np.repeat([0.0, 1.0], 10)[:, None, None, None] * np.ones((1, 1, 8, 8)), 2),
    "one class": (PICTURES, 1),
    "two classes": (PICTURES, 2),
    "two images a class": (PICTURES, 10),
    "one image a class": (PICTURES, 20),
    "two images": (PICTURES[:2], 2),
    "four images": (PICTURES[:4], 2),
    "ten images": (PICTURES[:10], 3),
    "higher than wide": (RANDOM.random((8, 3, 40, 28)), 2),
    "copies": (PICTURES[:2].repeat(10, axis=0), 3),
    "copies, and classes for each": (PICTURES[:5].repeat(2, axis=0), 8),
    "one column": (COLUMNS[:, :1], 3),
    "one column, two images a class": (COLUMNS[:, :1], 10),
    "one column of two values": (np.repeat([0.0, 1.0], 10)[:, None], 3),
    "two columns": (COLUMNS[:, :2], 3),
    "two columns of which one is constant": (COLUMNS[:, :2] * [1, 0] + 5, 3),
    "four columns of which two are constant": (COLUMNS * [1, 0, 1, 0] + 5, 3),
    "four columns, one row a class": (COLUMNS, 20),
}


@pytest.mark.parametrize(
    "settings", [{}, {"class_sizes": "equal"}, {"class_sizes": "free", "clustering": True}]
)
@pytest.mark.parametrize("kind", UNUSUAL)
def test_unusual_images_give_a_sound_result(kind: str, settings: dict[str, Any]) -> None:
    X, k = UNUSUAL[kind]
    clusterer = quick(k, **settings).fit(X)  # warnings are errors here
    assert clusterer.labels_.shape == (len(X),) and set(clusterer.labels_) <= set(range(k))
    assert np.isfinite(clusterer.probabilities_).all()
    np.testing.assert_allclose(clusterer.probabilities_.sum(axis=1), 1, atol=1e-5)
    for found in clusterer.sizes_:
        assert found.asked == settings.get("class_sizes", "auto")
        assert 0 <= found.equal_cut <= 1 and 0 <= found.free_cut <= 1
