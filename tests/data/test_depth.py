"""Values of more than 8 bits: the set's own range where the format says nothing, kept for later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from mtlkit.data import load, read_image
from mtlkit.errors import InputError

SHADES = np.linspace(0, 1, 6)
RNG = np.random.default_rng(0)
PICTURES = RNG.random((6, 16, 16))
PICTURES[:, :8] = SHADES[:, None, None]
PICTURES[0, 0, 0], PICTURES[1, 0, 0] = 0, 1  # the whole range, but in no picture all of it


def save_tiffs(folder: Path, values: np.ndarray) -> Path:
    folder.mkdir(exist_ok=True)
    for row, picture in enumerate(values):
        tifffile.imwrite(folder / f"{row}.tif", picture)
    return folder


def save_npz(folder: Path, values: np.ndarray) -> Path:
    folder.mkdir(exist_ok=True)
    np.savez(folder / "set.npz", images=values)
    return folder / "set.npz"


both = pytest.mark.parametrize("save", [save_tiffs, save_npz])
Save = Callable[[Path, np.ndarray], Path]


@both
@pytest.mark.parametrize("most", [200, 600, 1023, 2500, 4095, 16383])
def test_few_bits_in_16_are_scaled_by_the_sets_range(save: Save, most: int, tmp_path: Path) -> None:
    values = np.round(PICTURES * (most - 100) + 100).astype(np.uint16)
    images = load(save(tmp_path / "set", values))
    np.testing.assert_allclose(images.images[:, 0], (values - 100.0) / (most - 100), atol=1e-6)
    assert images.scale == (100, most)
    note = " ".join(images.notes)
    assert f"100 .. {most}" in note and f"{100 * most / 65535:.2g} % of 16 bits" in note


@both
def test_a_small_range_high_up_is_no_full_range(save: Save, tmp_path: Path) -> None:
    values = np.round(PICTURES * 1000 + 40_000).astype(np.uint16)  # a thermal camera
    images = load(save(tmp_path / "set", values))
    assert images.scale == (40_000, 41_000) and np.ptp(images.images) == 1


@both
def test_the_full_range_of_16_bits_stays_bit_for_bit(save: Save, tmp_path: Path) -> None:
    values = np.round(PICTURES * 60_000).astype(np.uint16)
    images = load(save(tmp_path / "set", values))
    np.testing.assert_array_equal(
        images.images[:, 0], values.astype(np.float32) / np.float32(65535)
    )
    assert images.scale == (0, 65535) and not any("scaled" in note for note in images.notes)


@both
def test_eight_bits_stay_though_they_use_few_of_them(save: Save, tmp_path: Path) -> None:
    values = np.round(PICTURES * 40).astype(np.uint8)
    images = load(save(tmp_path / "set", values))
    np.testing.assert_array_equal(images.images[:, 0], values.astype(np.float32) / np.float32(255))
    assert images.scale is None and not any("scaled" in note for note in images.notes)


@both
@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        ("f4", -3.5, 12.25),
        ("f4", 0, 255),
        ("i2", -1024, 3071),
        ("i4", 0, 2_000_000),
        ("u4", 5, 90_000),
    ],
)
def test_floats_signed_and_32_bits_are_read(
    save: Save, dtype: str, low: float, high: float, tmp_path: Path
) -> None:
    values = (PICTURES * (high - low) + low).astype(dtype)
    images = load(save(tmp_path / "set", values))
    np.testing.assert_allclose(images.images[:, 0], PICTURES, atol=1e-3)
    assert images.scale == pytest.approx((low, high)) and "own range" in " ".join(images.notes)


@both
def test_floats_in_0_1_stay(save: Save, tmp_path: Path) -> None:
    values = (PICTURES / 2).astype(np.float32)
    images = load(save(tmp_path / "set", values))
    np.testing.assert_array_equal(images.images[:, 0], values)
    assert images.scale == (0, 1) and not any("scaled" in note for note in images.notes)


@both
def test_later_images_are_brought_to_the_same_scale(save: Save, tmp_path: Path) -> None:
    values = np.round(PICTURES * 600 + 100).astype(np.uint16)
    scale = load(save(tmp_path / "set", values)).scale
    dark = load(save(tmp_path / "dark", values[:3] // 2), scale=scale)
    expected = np.clip((values[:3] // 2 - 100.0) / 600, 0, 1)
    np.testing.assert_allclose(dark.images[:, 0], expected, atol=1e-6)
    assert dark.scale == scale and "100 .. 700" in " ".join(dark.notes)
    eight = load(save(tmp_path / "eight", np.round(PICTURES * 40).astype(np.uint8)), scale=scale)
    assert eight.images.max() == np.float32(40) / np.float32(255)


@pytest.mark.parametrize("save", [save_tiffs, save_npz])
def test_where_the_format_told_what_white_is_it_does_so_later(save: Save, tmp_path: Path) -> None:
    full, dark = (
        np.round(PICTURES * 65535).astype(np.uint16),
        np.round(PICTURES[:3] * 9000).astype(np.uint16),
    )
    floats = (PICTURES[:3] / 4).astype(np.float32)
    for number, values in enumerate((full, PICTURES.astype(np.float32))):
        scale = load(save(tmp_path / f"set{number}", values)).scale
        for name, later, white in (("dark", dark, 65535), ("floats", floats, 1)):
            images = load(save(tmp_path / name, later), scale=scale)
            np.testing.assert_allclose(images.images[:, 0], later / np.float64(white), atol=1e-7)


def test_floats_of_64_bits_are_read_from_npz_and_explained_in_tiff(tmp_path: Path) -> None:
    np.testing.assert_allclose(
        load(save_npz(tmp_path, PICTURES * 2 - 1)).images[:, 0], PICTURES, atol=1e-6
    )
    with pytest.raises(InputError, match="grey of 8, 16 or 32 bits"):
        load(save_tiffs(tmp_path / "set", PICTURES))


def test_one_file_is_brought_to_a_scale_too(tmp_path: Path) -> None:
    values = np.round(PICTURES[:1] * 600 + 100).astype(np.uint16)
    path = save_tiffs(tmp_path, values) / "0.tif"
    np.testing.assert_allclose(
        read_image(path, 16, scale=(0, 1000))[0], values[0] / 1000, atol=1e-6
    )
    alone = read_image(path, 16)
    assert alone.min() == 0 and alone.max() == 1


def test_eight_bits_beside_deeper_ones_stay(tmp_path: Path) -> None:
    save_tiffs(tmp_path, np.round(PICTURES * 600).astype(np.uint16))
    Image.new("L", (16, 16), 51).save(tmp_path / "9.png")
    images = load(tmp_path)
    np.testing.assert_allclose(images.images[-1], 0.2)
    assert images.images[:-1].max() == 1


@pytest.mark.parametrize("most", [4095, 65535])
def test_colour_of_16_bits_is_scaled_as_far_as_pillow_keeps_it(most: int, tmp_path: Path) -> None:
    values = np.round(PICTURES[..., None] * (1, 0.5, 0) * most).astype(np.uint16)
    images = load(save_tiffs(tmp_path, values))
    levels = most // 257
    np.testing.assert_allclose(
        images.images.transpose(0, 2, 3, 1), values / most, atol=1.5 / levels
    )
    if most == 65535:
        np.testing.assert_array_equal(
            images.images[:, 0], (values[..., 0] >> 8).astype(np.float32) / 255
        )
    assert images.images.max() == 1 and "upper 8" in " ".join(images.notes)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("place", [(0, 0), (9, 9)])
def test_no_numbers_are_a_reason(value: float, place: tuple[int, int], tmp_path: Path) -> None:
    pictures = PICTURES.astype(np.float32)
    pictures[2][place] = value
    images = load(save_tiffs(tmp_path, pictures))
    assert [item.path for item in images.skipped] == ["2.tif"] and "NaN" in images.skipped[0].reason
    with pytest.raises(InputError, match=r"2\.tif: .*NaN"):
        read_image(tmp_path / "2.tif", 8)
