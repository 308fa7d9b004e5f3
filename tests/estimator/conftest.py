"""A hundredth of the training on noise: empty classes are no news here."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest

from mtlkit.multitask import CollapseWarning


@pytest.fixture(autouse=True)
def _noise_may_collapse() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CollapseWarning)
        yield
