"""Edge detectors: known values on a ramp and a step, a batch like its images alone, bad settings
refused.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mtlkit.errors import InputError
from mtlkit.preprocessing import canny, grey, laplacian, sobel

INSIDE = np.s_[..., 1:-1, 1:-1]  # away from the border, where detectors see the image repeated
DETECTORS = (sobel, laplacian, canny)


def step(side: int = 16) -> np.ndarray:
    """0 on the left half, 1 on the right, 0.5 between them: an edge whose place is one column."""
    return np.tile(np.clip((np.arange(side) - side // 2 + 1) / 2, 0, 1), (1, 1, side, 1)).astype(
        np.float32
    )


def test_grey_is_the_weighted_sum_of_the_channels() -> None:
    images = np.random.default_rng(0).random((2, 3, 4, 5))
    for n in range(2):
        expected = 0.2125 * images[n, 0] + 0.7154 * images[n, 1] + 0.0721 * images[n, 2]
        np.testing.assert_allclose(grey(images)[n], expected, rtol=1e-12)
    np.testing.assert_array_equal(grey(images[:, :1]), images[:, 0])


@pytest.mark.parametrize(("right", "down"), [(1.0, 0.0), (0.0, 1.0), (3.0, 4.0), (-3.0, 4.0)])
def test_sobel_of_a_ramp_is_its_slope(right: float, down: float) -> None:
    rows, columns = np.mgrid[:9, :12]
    ramp = (right * columns + down * rows)[None, None].astype(float)
    np.testing.assert_allclose(sobel(ramp)[INSIDE], np.hypot(right, down))
    np.testing.assert_allclose(laplacian(ramp)[INSIDE], 0, atol=1e-12)


def test_detectors_on_a_step() -> None:
    across = np.zeros(16)
    across[7:10] = 0.25, 0.5, 0.25
    np.testing.assert_allclose(sobel(step())[0, 0], np.tile(across, (16, 1)))
    across[7:10] = 0.5, 0, 0.5
    np.testing.assert_allclose(laplacian(step())[0, 0], np.tile(across, (16, 1)))
    edge = canny(step())[0, 0]
    # One pixel wide, on the step.
    np.testing.assert_array_equal(edge[1:-1], np.tile(np.arange(16) == 8, (14, 1)))


def test_laplacian_of_a_parabola_is_two() -> None:
    parabola = np.tile(np.arange(8.0) ** 2, (1, 1, 8, 1))
    np.testing.assert_allclose(laplacian(parabola)[INSIDE], 2)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("detect", DETECTORS)
def test_a_batch_gives_what_each_image_alone_gives(
    detect: Callable[..., np.ndarray], channels: int
) -> None:
    images = np.random.default_rng(1).random((4, channels, 11, 9)).astype(np.float32)
    images[1] = 0  # beside a neighbour that is all black, and one that is all white
    images[2] = 1
    together = detect(images)
    assert together.shape == (4, 1, 11, 9)
    for image, edges in zip(images, together, strict=True):
        np.testing.assert_allclose(detect(image[None])[0], edges, atol=1e-6)
        np.testing.assert_allclose(detect(grey(image[None])[:, None])[0], edges, atol=1e-6)
    assert not together[1:3].any()


def test_canny_keeps_a_weak_edge_only_beside_a_strong_one() -> None:
    weak = step() * 0.4
    assert canny(weak, low=0.05, high=0.1).any()
    assert not canny(weak, low=0.05, high=1.5).any()
    strong_end = weak.copy()
    strong_end[..., :6, :] *= 2.5
    assert canny(strong_end, low=0.05, high=1.5)[0, 0, 10:].any()


@pytest.mark.parametrize(
    "bad",
    [
        {"sigma": 0},
        {"sigma": -1},
        {"sigma": float("nan")},
        {"low": -0.1},
        {"low": 0.3, "high": 0.2},
        {"high": float("nan")},
    ],
)
def test_canny_refuses_bad_thresholds(bad: dict[str, float]) -> None:
    name = next(iter(bad))
    with pytest.raises(InputError, match=f"{name}={bad[name]}"):
        canny(step(), **bad)
