"""Stain: what scikit-image says of each image, ring by ring, and what a turn or a size changes."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.color import rgb2hed

from mtlkit.errors import InputError
from mtlkit.preprocessing import describe, descriptors, stain


def random_images(n: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).random((n, 3, height, width)).astype(np.float32)


def discs(radius: float, side: int = 32) -> np.ndarray:
    """One blue disc of that radius in the middle of a pale image."""
    distance = np.hypot(*(np.indices((side, side)) - (side - 1) / 2))
    blue, pale = np.array([0.4, 0.2, 0.6]), np.array([0.9, 0.9, 0.85])
    return np.where(distance < radius, blue[:, None, None], pale[:, None, None])[None]


@pytest.mark.parametrize(
    ("height", "width", "rings"), [(8, 8, 4), (9, 9, 4), (32, 32, 4), (12, 16, 3), (7, 5, 2)]
)
def test_stain_is_that_of_a_naive_loop(height: int, width: int, rings: int) -> None:
    images = random_images(3, height, width)
    found = stain(images, rings).reshape(3, 3, rings)
    for image, row in zip(images, found, strict=True):
        amounts = rgb2hed(image.transpose(1, 2, 0))
        for ring in range(rings):
            inside = []
            for i in range(height):
                for j in range(width):
                    distance = np.hypot(i - (height - 1) / 2, j - (width - 1) / 2)
                    if ring <= distance / (min(height, width) / 2) * rings < ring + 1:
                        inside.append(amounts[i, j])
            np.testing.assert_allclose(row[:, ring], np.mean(inside, axis=0), atol=1e-5)


def test_a_batch_is_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(
        descriptors, "rgb2hed", lambda *args, **how: calls.append(0) or rgb2hed(*args, **how)
    )
    assert stain(random_images(500, 16, 16)).shape == (500, 12)
    assert len(calls) == 1


def test_a_quarter_turn_and_a_mirror_change_nothing() -> None:
    images = random_images(4, 16, 16)
    for changed in (np.rot90(images, axes=(2, 3)), images[..., ::-1], images[:, :, ::-1]):
        np.testing.assert_allclose(stain(changed), stain(images), atol=1e-6)


def test_a_larger_disc_is_more_stain_further_out() -> None:
    small, large = (stain(discs(radius))[0, :4] for radius in (6, 12))
    assert small[0] == pytest.approx(large[0])  # the middle is as blue
    assert (large[1:3] > 1.5 * small[1:3]).all()
    assert large[3] == pytest.approx(small[3])  # and the rim as pale


def test_a_picture_scaled_as_a_whole_says_the_same() -> None:
    image = random_images(1, 8, 8)
    coarse = stain(discs(8, side=32))
    np.testing.assert_allclose(stain(discs(16, side=64)), coarse, atol=0.01)
    assert not np.allclose(stain(image), coarse, atol=0.01)


def test_blue_and_pink_are_told_apart() -> None:
    colours = np.array([[0.35, 0.35, 0.6], [0.9, 0.4, 0.8]])
    blue, pink = np.ones((2, 1, 3, 8, 8)) * colours[:, None, :, None, None]
    blue_row, pink_row = (stain(image).reshape(3, 4).mean(axis=1) for image in (blue, pink))
    assert blue_row[0] > 2 * pink_row[0]
    assert pink_row[1] > 2 * blue_row[1]


def test_black_and_white_are_finite() -> None:
    flat = np.concatenate([np.zeros((2, 3, 8, 8)), np.ones((2, 3, 8, 8))])
    assert np.isfinite(describe(flat, ("stain",))).all()
    np.testing.assert_array_equal(stain(flat[2:]), 0)


@pytest.mark.parametrize(("channels", "words"), [(1, "1 channel[.]"), (4, "4 channels[.]")])
def test_images_without_colour_are_refused(channels: int, words: str) -> None:
    with pytest.raises(InputError, match=f"'stain' needs colour images, and these have {words}"):
        describe(np.zeros((2, channels, 8, 8)), ("hog", "stain"))


@pytest.mark.parametrize("rings", [0, 5, -1])
def test_rings_must_fit(rings: int) -> None:
    with pytest.raises(InputError, match=f"{rings} rings .* 8 px"):
        stain(random_images(1, 8, 8), rings)
