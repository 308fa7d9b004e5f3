"""What a network takes: pictures of any size and colour are brought there, in one way."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mtlkit import InputError
from mtlkit.inputs import InputSpec, fit_square

RANDOM = np.random.default_rng(0)
GREY = RANDOM.random((3, 1, 12, 20)).astype(np.float32)
COLOUR = RANDOM.random((3, 3, 12, 20)).astype(np.float32)


@pytest.mark.parametrize("images", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [8, 20, 33])
def test_pictures_come_out_as_the_network_takes_them(
    images: np.ndarray, channels: int, side: int
) -> None:
    brought = InputSpec(channels, side).bring(images)
    assert brought.shape == (3, channels, side, side) and brought.dtype == np.float32
    assert brought.min() >= 0 and brought.max() <= 1


def test_what_fits_is_not_touched() -> None:
    images = RANDOM.random((2, 3, 16, 16)).astype(np.float32)
    assert InputSpec(3, 16).bring(images) is images


def test_grey_is_repeated_and_colour_becomes_what_pillow_makes_of_it() -> None:
    repeated = InputSpec(3, 20).bring(GREY)
    np.testing.assert_array_equal(repeated[:, 0], repeated[:, 2])
    square = RANDOM.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    found = InputSpec(1, 16).bring(square.transpose(2, 0, 1)[None] / 255)[0]
    expected = fit_square(Image.fromarray(square).convert("L"), 16)
    np.testing.assert_allclose(found, expected, atol=1 / 255)


def test_the_aspect_is_kept_and_the_rest_is_the_ground() -> None:
    picture = np.full((1, 1, 10, 20), 0.25, np.float32)
    picture[0, 0, 3:7, 8:12] = 1
    square = InputSpec(1, 20).bring(picture)[0, 0]
    np.testing.assert_array_equal(square[5:15], picture[0, 0])
    np.testing.assert_array_equal(square[:5], 0.25)
    np.testing.assert_array_equal(square[15:], 0.25)


@pytest.mark.parametrize("scale", [None, (100.0, 700.0)])
def test_it_comes_back_from_json(scale: tuple[float, float] | None) -> None:
    spec = InputSpec(3, 32, scale)
    assert InputSpec.from_dict(json.loads(json.dumps(spec.as_dict()))) == spec


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ((2, 32, None), "channels is 2"),
        ((1, 7, None), "side is 7 px"),
        ((1, 513, None), "side is 513 px"),
        ((1, 32, (2.0, 1.0)), "scale is"),
        ((1, 32, (0.0, float("inf"))), "scale is"),
        ((1, 32, (float("nan"), 1.0)), "scale is"),
    ],
)
def test_what_no_network_takes_is_refused(values: Any, part: str) -> None:
    with pytest.raises(InputError, match=part):
        InputSpec(*values)


@pytest.mark.parametrize("module", ["mtlkit", "mtlkit.inputs", "mtlkit.data", "mtlkit.deployment"])
def test_pictures_and_run_folders_need_no_torch(module: str) -> None:
    probe = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0
