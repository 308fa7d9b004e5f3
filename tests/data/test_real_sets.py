"""The real sets, where they lie near: MNIST in another order, and a subset of GTSRB."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from mtlkit.data import load
from mtlkit.data.sets import SETS
from mtlkit.data.store import check

SHARED = Path(os.environ.get("MTLKIT_DATA") or Path(__file__).parents[3] / "shared" / "data")
needs_sets = pytest.mark.skipif(
    not (SHARED / "MNIST").is_dir(), reason=f"MNIST and GTSRB do not lie in {SHARED}"
)


@needs_sets
def test_the_real_sets() -> None:
    for source, shape, counts in (
        ("mnist", (60_000, 1, 28, 28), 6742),
        ("mnist:test", (10_000, 1, 28, 28), 1135),
        ("gtsrb:test", (1_290, 3, 32, 32), 30),
    ):
        images = load(source, data_root=SHARED)
        labels = images.open_labels()
        assert images.images.shape == shape
        assert labels is not None
        assert np.bincount(labels).max() == counts


@needs_sets
def test_signs_of_mixed_sizes() -> None:
    images = load("gtsrb", data_root=SHARED.parent / "data" / "gtsrb_native")
    labels = images.open_labels()
    assert images.images.shape == (1408, 3, 32, 32) and images.n_clusters == 43
    assert labels is not None
    assert [int(path.split("/")[0]) for path in images.paths] == labels.tolist()


@needs_sets
def test_signs_at_their_original_size_are_cut_to_their_boxes() -> None:
    signs = load("gtsrb:native", data_root=SHARED.parent / "data" / "gtsrb_native")
    whole = load("gtsrb", data_root=SHARED.parent / "data" / "gtsrb_native")
    assert signs.images.shape == (1408, 3, 32, 32) and not signs.skipped
    assert signs.paths == whole.paths and len(set(signs.tracks())) == 802
    assert not np.array_equal(signs.images, whole.images)


@needs_sets
def test_mnist_takes_little_more_memory_than_its_result() -> None:
    import tracemalloc

    load("mnist:test", data_root=SHARED)  # imports
    tracemalloc.start()
    try:
        images = load("mnist", data_root=SHARED)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.4 * images.images.nbytes  # the 8 bits, and 60,000 names


@needs_sets
def test_what_check_says_of_the_real_sets() -> None:
    mnist = check(SETS["mnist"], SHARED)
    assert [part.state for part in mnist] == ["damaged", "damaged"]  # the images in another order
    assert mnist[1].text == "10,000 of 10,000 images, but not the official ones"
    seen: list[int] = []
    signs = check(SETS["gtsrb"], SHARED, lambda done, total: seen.append(done))
    assert [(part.state, part.text) for part in signs] == [
        ("subset", "6,534 of 26,640 images"),
        ("subset", "1,290 of 12,630 images"),
    ]
    assert len(seen) == 6534 + 1290
