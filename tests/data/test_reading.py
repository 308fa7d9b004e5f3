"""One file, one array: modes, orientation, channels and geometry."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from mtlkit.data import read_image
from mtlkit.errors import InputError
from mtlkit.inputs import fit_square

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (16, 16, 3), np.uint8)  # H x W x C
GREY = COLOUR[..., 0]


def unit(pixels: np.ndarray) -> np.ndarray:
    """H x W or H x W x C in 0..255, as C x H x W in [0, 1]: what reading should give."""
    return (np.atleast_3d(pixels).transpose(2, 0, 1) / 255).astype(np.float32)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "tiff", "webp", "ppm"])
def test_lossless_colour_is_read_exactly(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(COLOUR).save(path, lossless=True)
    np.testing.assert_array_equal(read_image(path, 16), unit(COLOUR))


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "gif", "pgm"])
def test_lossless_grey_is_read_exactly(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(GREY).save(path)
    np.testing.assert_array_equal(read_image(path, 16), unit(GREY))


@pytest.mark.parametrize("suffix", ["png", "gif", "tif", "bmp"])
def test_palettes(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    few = Image.fromarray(COLOUR).quantize(32)
    few.save(path)
    np.testing.assert_array_equal(read_image(path, 16), unit(np.asarray(few.convert("RGB"))))


@pytest.mark.parametrize("suffix", ["png", "gif", "tif"])
def test_a_palette_of_greys_is_grey(suffix: str, tmp_path: Path) -> None:
    image = Image.fromarray(GREY).convert("P")
    image.putpalette([shade for value in range(256) for shade in [255 - value] * 3])
    image.save(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(read_image(tmp_path / f"a.{suffix}", 16), unit(255 - GREY))


def test_a_transparent_palette_colour_is_white(tmp_path: Path) -> None:
    image = Image.new("P", (16, 16), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(0, (0, 0, 8, 16))
    image.save(tmp_path / "a.png", transparency=0)
    pixels = read_image(tmp_path / "a.png", 16)
    assert pixels[:, 0, 0].tolist() == [1, 1, 1] and pixels[:, 0, 15].tolist() == [0, 0, 1]


def test_rgba_is_laid_on_white(tmp_path: Path) -> None:
    alpha = RNG.integers(0, 256, (16, 16), np.uint8)
    Image.fromarray(np.dstack([COLOUR, alpha])).save(tmp_path / "a.png")
    share = alpha[..., None] / 255
    expected = unit(COLOUR * share + 255 * (1 - share))
    np.testing.assert_allclose(read_image(tmp_path / "a.png", 16), expected, atol=1.01 / 255)


def test_grey_with_alpha_stays_grey_on_white(tmp_path: Path) -> None:
    alpha = np.where(np.arange(16) < 8, 0, 255).astype(np.uint8)[None].repeat(16, 0)
    Image.fromarray(np.dstack([GREY, alpha])).save(tmp_path / "a.png")
    expected = unit(np.where(alpha == 0, 255, GREY))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", 16), expected)


@pytest.mark.parametrize(("mode", "clear"), [("L", 0), ("RGB", (0, 0, 0)), ("1", 0)])
def test_a_transparent_value_without_alpha(mode: str, clear: object, tmp_path: Path) -> None:
    Image.new(mode, (16, 16)).save(tmp_path / "a.png", transparency=clear)
    assert read_image(tmp_path / "a.png", 16).min() == 1


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_16_bits_are_kept(suffix: str, tmp_path: Path) -> None:
    deep = RNG.integers(0, 65536, (16, 16), np.uint16)
    deep[0, :2] = 0, 65535
    Image.fromarray(deep).save(tmp_path / f"a.{suffix}")
    expected = (deep / 65535).astype(np.float32)[None]
    np.testing.assert_allclose(read_image(tmp_path / f"a.{suffix}", 16), expected, atol=1e-7)


def test_16_bits_big_endian(tmp_path: Path) -> None:
    deep = RNG.integers(0, 65536, (16, 16)).astype(">u2")
    header = struct.pack(">2sHIH", b"MM", 42, 8, 8)
    tags = [(256, 16), (257, 16), (258, 16), (259, 1), (262, 1), (273, 110), (278, 16), (279, 512)]
    # Short values stand on the left.
    entries = b"".join(struct.pack(">HHIHxx", tag, 3, 1, value) for tag, value in tags)
    (tmp_path / "a.tif").write_bytes(header + entries + bytes(4) + deep.tobytes())
    expected = (deep / 65535).astype(np.float32)[None]
    np.testing.assert_allclose(read_image(tmp_path / "a.tif", 16), expected, atol=1e-7)


def test_one_bit(tmp_path: Path) -> None:
    image = Image.fromarray(GREY > 127)
    assert image.mode == "1"
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", 16)[0], GREY > 127)


def test_cmyk(tmp_path: Path) -> None:
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    np.testing.assert_allclose(read_image(tmp_path / "a.jpg", 16)[:, 8, 8], [1, 0, 0], atol=0.03)


def test_floats_in_0_1_are_kept_others_scaled_and_nan_refused(tmp_path: Path) -> None:
    pixels = RNG.random((16, 16), np.float32)
    Image.fromarray(pixels).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", 16)[0], pixels)
    for value, ends in ((1.5, (pixels.min(), 1.5)), (-0.1, (-0.1, pixels.max()))):
        changed = pixels.copy()
        changed[3, 3] = value
        Image.fromarray(changed).save(tmp_path / "b.tif")
        expected = (changed - ends[0]) / (ends[1] - ends[0])
        np.testing.assert_allclose(read_image(tmp_path / "b.tif", 16)[0], expected, atol=1e-6)
    pixels[3, 3] = np.nan
    Image.fromarray(pixels).save(tmp_path / "b.tif")
    with pytest.raises(InputError, match=r"b\.tif: it holds NaN"):
        read_image(tmp_path / "b.tif", 16)


def test_first_frame_and_first_page(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((16, 16), shade, np.uint8)) for shade in (50, 100, 200)]
    for suffix in ("gif", "tif"):
        frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:])
        np.testing.assert_array_equal(
            read_image(tmp_path / f"a.{suffix}", 16), unit(np.full((16, 16), 50))
        )


def test_the_content_counts_and_not_the_suffix(tmp_path: Path) -> None:
    Image.fromarray(COLOUR).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    np.testing.assert_array_equal(read_image(tmp_path / "a.jpg", 16), unit(COLOUR))


STORED: dict[
    int, Callable[[np.ndarray], np.ndarray]
] = {  # orientation -> how the upright image was stored
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.T,
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: upright[::-1, ::-1].T,
    8: lambda upright: np.rot90(upright, -1),
}


def save_turned(path: Path, upright: np.ndarray, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright)))
    image.save(path, exif=exif, lossless=True, quality=95)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation(orientation: int, suffix: str, tmp_path: Path) -> None:
    upright = np.arange(16 * 16, dtype=np.uint8).reshape(16, 16)
    save_turned(tmp_path / f"a.{suffix}", upright, orientation)
    np.testing.assert_array_equal(
        read_image(tmp_path / f"a.{suffix}", 16, channels=1), unit(upright)
    )


@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation_of_a_large_jpeg(orientation: int, tmp_path: Path) -> None:
    # 400 x 600.
    upright = np.kron(np.array([[0, 80], [160, 240]], np.uint8), np.ones((200, 300), np.uint8))
    save_turned(tmp_path / "a.jpg", upright, orientation)
    pixels = read_image(tmp_path / "a.jpg", 48)[0]
    corners = pixels[[12, 12, 36, 36], [8, 40, 8, 40]] * 255
    np.testing.assert_allclose(corners, [0, 80, 160, 240], atol=3)


def test_damaged_exif_turns_nothing(tmp_path: Path) -> None:
    Image.fromarray(COLOUR).save(tmp_path / "a.png", exif=b"no EXIF at all")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", 16), unit(COLOUR))


def test_channels_are_as_asked(tmp_path: Path) -> None:
    Image.fromarray(COLOUR).save(tmp_path / "colour.png")
    Image.fromarray(GREY).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(
        read_image(tmp_path / "grey.png", 16, channels=3), unit(GREY).repeat(3, 0)
    )
    luma = unit(COLOUR).transpose(1, 2, 0) @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(
        read_image(tmp_path / "colour.png", 16, channels=1)[0], luma, atol=1 / 255
    )


def test_a_large_jpeg_comes_to_what_full_decoding_gives(tmp_path: Path) -> None:
    y, x = np.mgrid[0:600, 0:1000]
    waves = np.stack([np.sin(x / 9), np.cos(y / 7), np.sin((x + y) / 11)], -1) * 127 + 128
    Image.fromarray(waves.astype(np.uint8)).save(tmp_path / "a.jpg", quality=95)
    with Image.open(tmp_path / "a.jpg") as image:
        slow = fit_square(image.convert("RGB"), 200)
    np.testing.assert_allclose(read_image(tmp_path / "a.jpg", 200), slow, atol=0.04)


@settings(max_examples=150, deadline=None)
@example(width=1000, height=1, side=16, mode="RGB", shade=0)
@example(width=1, height=1000, side=8, mode="F", shade=255)
@given(
    width=st.integers(1, 120),
    height=st.integers(1, 120),
    side=st.integers(8, 80),
    mode=st.sampled_from(["L", "RGB", "F"]),
    shade=st.integers(0, 255),
)
def test_geometry(width: int, height: int, side: int, mode: str, shade: int) -> None:
    """A frame of one shade round an inner part, which keeps its place; the rest is the frame's."""
    canvas = np.full((height, width), shade, np.uint8)
    top, left = height // 4, width // 4
    inner = (
        (slice(top, height - top), slice(left, width - left))
        if top and left
        else (slice(0), slice(0))
    )
    canvas[inner] = 255 - shade
    image = Image.fromarray(canvas).convert(mode)
    pixels = fit_square(image.point(lambda value: value / 255) if mode == "F" else image, side)
    assert pixels.shape == (3 if mode == "RGB" else 1, side, side)
    assert pixels.dtype == np.float32 and pixels.min() >= 0 and pixels.max() <= 1
    np.testing.assert_allclose(pixels, pixels[:1].repeat(len(pixels), 0), atol=1e-6)
    scale = side / max(width, height)
    wide, high = max(1, round(scale * width)), max(1, round(scale * height))
    outside = np.ones((side, side), bool)
    outside[(side - high) // 2 :][:high, (side - wide) // 2 :][:, :wide] = False
    assert outside.sum() == side * side - wide * high
    uniform = not (top and left)
    if uniform or scale * min(top, left) >= 2:  # a thinner frame blends with the inner part
        np.testing.assert_allclose(pixels[0][outside], shade / 255, atol=2 / 255)
    if not uniform and min(wide, high) >= 8:
        np.testing.assert_allclose(pixels[0, side // 2, side // 2], (255 - shade) / 255, atol=0.02)


def test_a_square_of_that_side_is_not_resampled() -> None:
    np.testing.assert_array_equal(fit_square(Image.fromarray(COLOUR), 16), unit(COLOUR))


def test_the_rest_is_filled_with_the_border_median() -> None:
    pixels = np.full((10, 20, 3), (200, 100, 50), np.uint8)
    pixels[0, :4] = 0  # something touches the border
    square = fit_square(Image.fromarray(pixels), 20)
    np.testing.assert_allclose(square[:, 0, 0] * 255, [200, 100, 50], rtol=1e-6)
    np.testing.assert_allclose(square[:, 19, 19] * 255, [200, 100, 50], rtol=1e-6)
    np.testing.assert_array_equal(square[:, 5:15], unit(pixels))
