"""Descriptors: what scikit-image says of each image alone, and what joining them keeps."""

from __future__ import annotations

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage.feature import hog as hog_of_one
from skimage.feature import local_binary_pattern

from mtlkit.errors import InputError
from mtlkit.preprocessing import (
    chromaticity,
    colour,
    describe,
    descriptors,
    edge_density,
    grey,
    hog,
    lbp,
    middle,
    sobel,
    standardise,
)


def random_images(n: int, channels: int, side: int) -> np.ndarray:
    return np.random.default_rng(side).random((n, channels, side, side)).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("side", "cells"), [(8, 4), (16, 4), (28, 4), (32, 8), (64, 8)])
def test_hog_is_scikit_images(side: int, cells: int, channels: int) -> None:
    images = random_images(3, channels, side)
    found = hog(images)
    assert found.shape == (3, (cells - 1) ** 2 * 4 * 8)
    assert found.dtype == np.float32
    for image, row in zip(images, found, strict=True):
        if side == 8:  # each channel of each image enlarged alone
            image = np.stack(
                [ndimage.zoom(c, 2, order=1, mode="nearest", grid_mode=True) for c in image]
            )
        expected = hog_of_one(
            image,
            orientations=8,
            pixels_per_cell=(image.shape[1] // cells,) * 2,
            cells_per_block=(2, 2),
            channel_axis=0,
        )
        np.testing.assert_allclose(row, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("side", "cells"), [(9, 4), (16, 6), (16, 9), (16, 16), (30, 4), (36, 8), (47, 8), (8, 10)]
)
def test_hog_has_as_many_cells_as_asked_for_on_any_side(side: int, cells: int) -> None:
    assert hog(random_images(2, 1, side), orientations=5, cells=cells).shape == (
        2,
        (cells - 1) ** 2 * 4 * 5,
    )


def test_hog_enlarges_images_until_the_cells_fit() -> None:
    image = random_images(1, 1, 30)
    larger = ndimage.zoom(image[0, 0], 32 / 30, order=1, mode="nearest", grid_mode=True)
    np.testing.assert_allclose(hog(image), hog(larger[None, None], cells=4), atol=1e-5)


@pytest.mark.parametrize(("side", "cells"), [(8, 1), (8, 17), (32, 33), (32, -2)])
def test_hog_refuses_cells_that_do_not_fit(side: int, cells: int) -> None:
    with pytest.raises(InputError, match=f"{side} px, not {cells}"):
        hog(random_images(1, 1, side), cells=cells)


@pytest.mark.parametrize("side", [8, 16, 28, 32, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_other_descriptors_shapes(side: int, channels: int) -> None:
    images = random_images(2, channels, side)
    assert lbp(images).shape == (2, 10)
    assert colour(images).shape == (2, 16 * channels)
    assert edge_density(images).shape == (2, 16)


@pytest.mark.parametrize("channels", [1, 3])
def test_lbp_is_the_histogram_of_scikit_images_patterns(channels: int) -> None:
    images = random_images(3, channels, 16)
    for image, row in zip(images, lbp(images), strict=True):
        picture = np.round(grey(image[None])[0] * 255).astype(np.uint8)
        patterns = local_binary_pattern(picture, 8, 1, "uniform").ravel().tolist()
        np.testing.assert_allclose(
            row, [patterns.count(p) / len(patterns) for p in range(10)], atol=1e-6
        )


def test_lbp_does_not_see_a_quarter_turn() -> None:
    images = random_images(5, 1, 16)
    images[0, :, 4:12, 4:12] = 0.5  # a flat part, where rounding could decide
    turned = np.rot90(images, axes=(2, 3))
    assert not np.allclose(hog(images), hog(turned), atol=0.01)
    np.testing.assert_allclose(lbp(images), lbp(turned), atol=1e-6)


@pytest.mark.parametrize(
    ("height", "width", "cells"), [(8, 8, 4), (10, 7, 4), (9, 13, 3), (5, 5, 5), (6, 4, 1)]
)
def test_cell_means_are_those_of_a_naive_loop(height: int, width: int, cells: int) -> None:
    images = np.random.default_rng(0).random((2, 3, height, width)).astype(np.float32)
    found = colour(images, cells).reshape(2, 3, cells, cells)
    for row in range(cells):
        for column in range(cells):
            part = images[
                :,
                :,
                row * height // cells : (row + 1) * height // cells,
                column * width // cells : (column + 1) * width // cells,
            ]
            np.testing.assert_allclose(found[:, :, row, column], part.mean(axis=(2, 3)), rtol=1e-5)


def test_middle_does_not_see_the_border() -> None:
    images = random_images(3, 3, 32)
    framed = images.copy()
    framed[..., :4, :] = framed[..., 28:, :] = framed[..., :, :4] = framed[..., :, 28:] = 0
    np.testing.assert_array_equal(middle(images), middle(framed))
    np.testing.assert_array_equal(middle(images), hog(images[..., 4:28, 4:28], cells=6))
    assert middle(random_images(2, 1, 8)).shape == (2, 800)


def test_edge_density_is_the_mean_gradient() -> None:
    images = random_images(2, 3, 12)
    expected = sobel(images).reshape(2, 4, 3, 4, 3).mean(axis=(2, 4)).reshape(2, 16)
    np.testing.assert_allclose(edge_density(images), expected, rtol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_chromaticity_is_that_of_a_naive_loop(channels: int) -> None:
    images = random_images(3, channels, 12)
    for image, row in zip(images, chromaticity(images, 3), strict=True):
        expected = np.zeros((channels, 3, 3))
        for c in range(channels):
            for i in range(12):
                for j in range(12):
                    expected[c, i // 4, j // 4] += (
                        (image[c, i, j] - image[:, i, j].mean()) / image.mean() / 16
                    )
        np.testing.assert_allclose(row, expected.ravel(), atol=1e-5)
    assert chromaticity(images).shape == (3, channels * 16)


@given(light=st.floats(0.01, 1), side=st.integers(4, 12))
def test_chromaticity_does_not_see_light(light: float, side: int) -> None:
    images = random_images(3, 3, side) * 0.8 + np.float32(0.2)
    np.testing.assert_allclose(
        chromaticity(images * np.float32(light)), chromaticity(images), atol=1e-4
    )
    assert np.abs(chromaticity(images)).max() > 0.01  # but it sees colour


def test_grey_pictures_have_no_chromaticity() -> None:
    grey_ones = np.concatenate(
        [random_images(2, 1, 8).repeat(3, axis=1), np.zeros((1, 3, 8, 8)), np.ones((1, 3, 8, 8))]
    )
    found = chromaticity(grey_ones)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, 0, atol=1e-5)
    assert np.isfinite(describe(grey_ones, ("chromaticity", "hog"))).all()


def test_weights_of_descriptors_scale_their_blocks() -> None:
    images = random_images(20, 3, 16)
    alike, weighed = (
        describe(images, ["hog", "colour"]),
        describe(images, {"hog": 1, "colour": 0.5}),
    )
    np.testing.assert_allclose(
        weighed, np.concatenate([alike[:, :288], alike[:, 288:] / 2], axis=1), rtol=1e-6
    )


@pytest.mark.parametrize("cells", [0, 9, -1])
def test_cells_must_fit(cells: int) -> None:
    with pytest.raises(InputError, match=f"{cells} cells .* 8 px"):
        colour(random_images(1, 1, 8), cells)


@given(seed=st.integers(0, 99), scale=st.floats(1e-2, 1e4), offset=st.floats(-100, 100))
def test_standardise(seed: int, scale: float, offset: float) -> None:
    features = np.random.default_rng(seed).normal(size=(30, 4)) * scale + offset
    features[:, 1] = offset
    found = standardise(features)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-2)
    np.testing.assert_allclose(found.std(axis=0), [1, 0, 1, 1], atol=1e-2)
    assert not found[:, 1].any()


def test_standardise_takes_a_column_that_only_rounding_moves_for_constant() -> None:
    features = (
        np.full((1000, 1), 0.1, np.float32)
        + np.float32(1e-8) * np.arange(1000, dtype=np.float32)[:, None] / 1000
    )
    assert not standardise(features).any()


def test_describe_makes_blocks_weigh_the_same() -> None:
    images = random_images(20, 3, 16)
    names = ["lbp", "hog", "colour", "edge_density"]
    widths = [10, 288, 48, 16]
    found = describe(images, names)
    assert found.shape == (20, sum(widths))
    for name, block in zip(names, np.split(found, np.cumsum(widths)[:-1], axis=1), strict=True):
        alone = standardise(descriptors.DESCRIPTORS[name](images))
        weight = (block**2).sum() / (alone**2).sum()
        np.testing.assert_allclose(
            block, alone * np.sqrt(288 / alone.shape[1]), rtol=1e-4, atol=1e-5
        )
        # So each block's columns add up to one weight.
        assert weight * alone.shape[1] == pytest.approx(288, rel=1e-3)
    np.testing.assert_array_equal(describe(images), standardise(hog(images)))


def test_describe_refuses_unknown_names() -> None:
    images = random_images(2, 1, 8)
    with pytest.raises(InputError, match=r"'hogg' .* edge_density.*'hog'"):
        describe(images, ["lbp", "hogg"])
    with pytest.raises(InputError, match="no descriptor was named"):
        describe(images, [])


@pytest.mark.parametrize("backend", ["loky", "threading", "one core"])
def test_chunks_give_what_one_piece_gives(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    images = random_images(7, 1, 16)
    whole = [hog(images), lbp(images)]
    monkeypatch.setattr(descriptors, "CHUNK", 3)
    monkeypatch.setattr(descriptors, "cpu_count", lambda: 1 if backend == "one core" else 2)
    with joblib.parallel_config(backend="threading" if backend == "one core" else backend):
        pieces = [hog(images), lbp(images)]
    for expected, found in zip(whole, pieces, strict=True):
        np.testing.assert_array_equal(found, expected)
