"""Files that lie about their size, are cut short, or hold something else."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mtlkit.data import read_image
from mtlkit.data.formats import kind_of
from mtlkit.errors import InputError

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (16, 16, 3), np.uint8)  # H x W x C


def huge_png(path: Path, width: int, height: int) -> None:
    """Write a PNG of a few bytes whose header promises width x height pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("width", "height", "words"),
    [
        (8001, 6250, "8001 x 6250 .*--max-pixels"),
        (10_000, 9_500, "10000 x 9500 .*50 million"),  # Pillow would warn
        (100_000, 100_000, "100000 x 100000 .*million"),  # Pillow would raise
    ],
)
def test_decompression_bombs_are_refused(
    width: int, height: int, words: str, tmp_path: Path
) -> None:
    huge_png(tmp_path / "bomb.png", width, height)
    with pytest.raises(InputError, match=rf"bomb.png: {words}"):
        read_image(tmp_path / "bomb.png", 16)


def test_50_million_pixels_are_let_through(tmp_path: Path) -> None:
    huge_png(tmp_path / "a.png", 8000, 6250)
    with pytest.raises(
        InputError
    ) as refused:  # for its pixels, which are missing, and not for its size
        read_image(tmp_path / "a.png", 16)
    assert "more than" not in str(refused.value)


def test_a_file_of_more_than_a_gigabyte_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "a.webp").open("wb") as file:
        file.truncate(1_200_000_000)  # a hole: takes no disk
    with pytest.raises(InputError, match=r"a\.webp: .*1\.2 GB"):
        read_image(tmp_path / "a.webp", 16)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp", "bmp", "ppm"])
def test_truncated_files_are_refused(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"cut.{suffix}"
    Image.fromarray(RNG.integers(0, 256, (64, 64, 3), np.uint8)).save(path)
    data = path.read_bytes()
    for part in (0.02, 0.5, 0.9):
        path.write_bytes(data[: int(len(data) * part)])
        with pytest.raises(InputError, match=rf"cut\.{suffix}: .+\(PNG, JPEG"):
            read_image(path, 16)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", r"the file is empty \(0 bytes\)"),
        (b"hello", "content is not an image"),
        (b"\x89PNG\r\n\x1a\n", "a.png: "),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "content is not an image"),
        (b"8BPS" + bytes(100), "content is not an image"),
    ],
    ids=["empty", "text", "signature", "eps", "psd"],
)
def test_other_content_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_image(tmp_path / "a.png", 16)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.png: No such file"):
        read_image(tmp_path / "none.png", 16)


@settings(max_examples=120, deadline=None)
@given(
    place=st.integers(0, 400),
    value=st.integers(0, 255),
    kind=st.sampled_from(["png", "gif", "tif", "jpg"]),
)
def test_any_changed_byte_gives_an_image_or_one_error(
    place: int, value: int, kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / f"a.{kind}"
    Image.fromarray(COLOUR).quantize(16).convert("RGB" if kind == "jpg" else "P").save(path)
    data = bytearray(path.read_bytes())
    data[place % len(data)] = value
    path.write_bytes(data)
    try:
        assert read_image(path, 16, channels=3).shape == (3, 16, 16)
    except InputError as refused:
        assert str(path) in str(refused) and "\n" not in str(refused)


def test_filters_of_warnings_are_left_as_they_were(tmp_path: Path) -> None:
    Image.fromarray(COLOUR).save(tmp_path / "a.png")
    before = list(warnings.filters)
    read_image(tmp_path / "a.png", 16)
    assert warnings.filters == before


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM", "AVIF"])
def test_images_are_known_by_their_first_bytes(kind: str, tmp_path: Path) -> None:
    Image.fromarray(COLOUR).save(tmp_path / "unnamed", format=kind)
    assert kind_of(tmp_path / "unnamed")


@pytest.mark.parametrize(
    "content", [b"", b"BMW, a car maker, and more", b"P1 is a plan", b"GIF", b"RIFF1234WAVE"]
)
def test_others_are_not(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "unnamed").write_bytes(content)
    assert kind_of(tmp_path / "unnamed") is None
    assert kind_of(tmp_path / "not-there") is None
