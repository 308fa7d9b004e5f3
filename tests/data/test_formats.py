"""Which files of a folder are read, and that no other image is left out in silence."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pillow_heif import register_heif_opener

from mtlkit.data import load, read_image
from mtlkit.data.formats import formats, kind_of
from mtlkit.errors import InputError

register_heif_opener()
DISC = np.hypot(*(np.mgrid[0:64, 0:64] - 31.5)) < 20
PHOTO = Image.fromarray(np.where(DISC[..., None], (220, 60, 40), (30, 90, 200)).astype(np.uint8))
ENCODED = [("avif", "AVIF"), ("jp2", "JPEG2000"), ("heic", "HEIF"), ("tga", "TGA")]


def two_pngs(folder: Path) -> None:
    for shade in (40, 200):
        Image.new("L", (16, 16), shade).save(folder / f"{shade}.png")


@pytest.fixture
def no_heif(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if the extra were not installed."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    formats.cache_clear()
    yield
    formats.cache_clear()


@pytest.mark.parametrize(("suffix", "kind"), ENCODED)
def test_newer_formats_are_read(suffix: str, kind: str, tmp_path: Path) -> None:
    PHOTO.save(tmp_path / f"a.{suffix}", format=kind)
    pixels = read_image(tmp_path / f"a.{suffix}", 64)
    expected = np.asarray(PHOTO).transpose(2, 0, 1) / 255
    assert pixels.shape == (3, 64, 64) and np.abs(pixels - expected).mean() < 0.03
    two_pngs(tmp_path)
    assert load(tmp_path).paths == ("40.png", "200.png", f"a.{suffix}")


@pytest.mark.parametrize("suffix", ["jpg", "heic", ""])
@pytest.mark.parametrize("kind", ["AVIF", "JPEG2000", "HEIF", "JPEG"])
def test_the_first_bytes_count(kind: str, suffix: str, tmp_path: Path) -> None:
    two_pngs(tmp_path)
    PHOTO.save(tmp_path / f"x.{suffix}", format=kind)
    images = load(tmp_path)
    assert images.paths[-1] == f"x.{suffix}" and not images.skipped and len(images.notes) == 1


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_a_phones_picture_stands_upright(kind: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = Image.new("L", (32, 64), 0)
    upright.paste(255, (0, 0, 32, 16))  # light above
    upright.rotate(90, expand=True).convert("RGB").save(
        tmp_path / "a.jpg", format=kind, exif=exif.tobytes()
    )
    pixels = read_image(tmp_path / "a.jpg", 64, channels=1)[0]
    assert pixels[8, 32] > 0.9 and pixels[48, 32] < 0.1


def test_what_is_not_read_is_told_by_kind_and_number(tmp_path: Path) -> None:
    two_pngs(tmp_path)
    (tmp_path / "deep").mkdir()
    contents: dict[str, bytes] = {
        "a.psd": b"8BPS" + bytes(40),
        "deep/b.PSD": b"8BPS" + bytes(40),
        "photo.jpg": b"\0\0\0\x0cJXL \r\n\x87\n",  # by its content
        "IMG_1.NEF": b"II*\0"
        + bytes(40),  # a TIFF by its content, with a thumbnail for its first image
        "scan": bytes(128) + b"DICM",
        "drawing.svg": b"<svg/>",
        "readme.txt": b"words",
        "clip.mp4": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    images = load(tmp_path)
    assert len(images) == 2 and not images.skipped
    note = images.notes[-1]
    assert note.startswith("6 files were left out: 2 .psd, 1 ")
    assert all(f"1 {kind}" in note for kind in (".nef", ".jxl", ".dcm", ".svg"))
    assert "PNG or JPEG" in note


def test_heic_without_its_extra_is_left_out_and_the_extra_named(
    tmp_path: Path, no_heif: None
) -> None:
    two_pngs(tmp_path)
    for number in range(3):
        PHOTO.save(tmp_path / f"{number}.{'jpg' if number else 'HEIC'}", format="HEIF")
    images = load(tmp_path)
    assert len(images) == 2 and not images.skipped
    assert "3 files were left out: 3 .heic" in images.notes[-1]
    assert "mtlkit[heic]" in images.notes[-1]
    with pytest.raises(InputError, match=r"0\.HEIC: .*mtlkit\[heic\]"):
        read_image(tmp_path / "0.HEIC", 16)


def test_a_folder_of_such_files_alone_says_which_and_what_to_do(
    tmp_path: Path, no_heif: None
) -> None:
    for number in range(3):
        PHOTO.save(tmp_path / f"{number}.heic", format="HEIF")
    (tmp_path / "a.psd").write_bytes(b"8BPS")
    with pytest.raises(InputError, match=r"3 \.heic, 1 \.psd .*mtlkit\[heic\].*PNG"):
        load(tmp_path)


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG", "AVIF", "HEIF"])
def test_of_several_frames_or_pages_the_first_is_read_and_that_is_said(
    kind: str, tmp_path: Path
) -> None:
    two_pngs(tmp_path)
    shades = [Image.new("RGB", (64, 64), (shade, shade, shade)) for shade in (250, 10, 130)]
    for name in ("a", "b"):
        shades[0].save(tmp_path / name, format=kind, save_all=True, append_images=shades[1:])
    shades[0].save(tmp_path / "one", format=kind)
    images = load(tmp_path)
    np.testing.assert_allclose(images.images[2:] * 255, 250, atol=3)
    assert "2 of 5 files" in images.notes[1] and "first" in images.notes[1]


def test_a_second_picture_in_a_phones_jpeg_is_no_page(tmp_path: Path) -> None:
    two_pngs(tmp_path)
    PHOTO.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[PHOTO])
    assert len(load(tmp_path).notes) == 1


@pytest.mark.parametrize(
    "write", [lambda path: path.write_bytes(b"\0" * 18), lambda path: path.write_text("TGA, not")]
)
def test_a_tga_that_is_none_is_skipped(write: Callable[[Path], None], tmp_path: Path) -> None:
    two_pngs(tmp_path)
    write(tmp_path / "a.tga")
    assert [item.path for item in load(tmp_path).skipped] == ["a.tga"]


def test_a_file_that_is_not_there_has_the_kind_of_its_name(tmp_path: Path) -> None:
    assert kind_of(tmp_path / "a.JPG") == ".jpg" and kind_of(tmp_path / "a.txt") is None
