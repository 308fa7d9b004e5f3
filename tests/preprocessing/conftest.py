"""Features that every test of label vectors starts from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest


@pytest.fixture(scope="session")
def cloud() -> Callable[..., np.ndarray]:
    """N x D normal numbers, without any groups."""

    def make(n: int, width: int = 4, seed: int = 0) -> np.ndarray:
        return np.random.default_rng(seed).normal(size=(n, width))

    return make


@pytest.fixture(scope="session")
def blobs() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """One bundle of directions for each size, and which row is of which."""

    def make(*sizes: int, seed: int = 0, noise: float = 0.08) -> tuple[np.ndarray, np.ndarray]:
        which = np.repeat(np.arange(len(sizes)), sizes)
        spread = np.random.default_rng(seed).normal(0, noise, (len(which), 12))
        return np.eye(len(sizes), 12)[which] + spread, which

    return make
