"""What a file may cost: pixels, memory (measured), and how many are decoded at a time."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtlkit.data import load, read_image
from mtlkit.errors import InputError
from mtlkit.inputs import fit_square

MEASURE = """
import resource, sys
from mtlkit.data import load
from mtlkit.errors import InputError

def megabytes(name):
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name)) / 1e3

load(sys.argv[2])  # imports
base = megabytes("VmRSS")
try:
    print(load(sys.argv[1], **eval(sys.argv[3])).skipped)
except InputError as fault:
    print(fault)
print(megabytes("VmHWM") - base)
"""


def peak(source: Path, warm: Path, **how: int) -> tuple[float, str]:
    """Load in a process of its own; return the MB above the base, and what was printed."""
    warm.mkdir()
    few_pngs(warm)
    command = [sys.executable, "-c", MEASURE, str(source), str(warm), repr(how)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    printed, number = output.strip().rsplit("\n", 1)
    return float(number), printed


def few_pngs(folder: Path) -> None:
    for shade in (0, 120, 250):
        Image.new("RGBA", (20, 20), (shade, 9, 9, 255)).save(folder / f"small{shade}.png")


def large(path: Path, width: int, height: int) -> None:
    image = Image.new("RGBA", (width, height), (200, 40, 30, 90))
    image.paste((20, 40, 200, 255), (width // 4, height // 4, width // 2, height // 2))
    image.save(path, compress_level=1)


def test_a_small_file_of_many_pixels_takes_little_memory(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    few_pngs(tmp_path / "set")
    large(tmp_path / "set" / "large.png", 8000, 7900)
    taken, printed = peak(tmp_path / "set", tmp_path / "warm")
    assert taken < 200, printed
    assert "large.png" in printed and "--max-pixels" in printed


def test_large_pictures_are_decoded_one_at_a_time_and_copied_never(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    few_pngs(tmp_path / "set")
    for number in range(4):
        large(tmp_path / "set" / f"{number}.png", 5600, 5600)  # 125 MB of RGBA each
    taken, printed = peak(tmp_path / "set", tmp_path / "warm")
    assert taken < 190 and printed == "()"


def padded_npz(path: Path, version: tuple[int, int]) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_2_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (4, 8, 8)}
    )
    text = (
        header.getvalue()[12:].rstrip()
        + b" " * 600_000_000 * (version == (2, 0))
        + b" " * 65_000
        + b"\n"
    )
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("images.npy", "w") as file,
    ):
        file.write(b"\x93NUMPY" + bytes(version))
        if version == (2, 0):
            file.write(len(text).to_bytes(4, "little"))
        else:
            file.write((65_100).to_bytes(2, "little"))
        file.write(text)


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_a_padded_header_is_refused_before_it_is_read(
    version: tuple[int, int], tmp_path: Path
) -> None:
    padded_npz(tmp_path / "set.npz", version)
    taken, printed = peak(tmp_path / "set.npz", tmp_path / "warm")
    assert taken < 200, printed
    assert "header of more than 64 kB" in printed and "set.npz" in printed


def test_a_jpeg_of_108_million_pixels_is_read(tmp_path: Path) -> None:
    image = Image.new("L", (12_000, 9_000), 40)
    image.paste(220, (0, 0, 6_000, 9_000))
    image.save(tmp_path / "phone.jpg", quality=30)
    few_pngs(tmp_path)
    images = load(tmp_path, size=32)
    assert not images.skipped
    np.testing.assert_allclose(images.images[0, 0, 16, [8, 24]] * 255, [220, 40], atol=3)


def test_a_jpeg_in_several_scans_is_bounded_by_all_its_pixels(tmp_path: Path) -> None:
    Image.new("RGB", (200, 100)).save(tmp_path / "plain.jpg")
    Image.new("RGB", (200, 100)).save(tmp_path / "progressive.jpg", progressive=True)
    assert read_image(tmp_path / "plain.jpg", 8, max_pixels=15_000).shape == (3, 8, 8)
    with pytest.raises(InputError, match="200 x 100 pixels"):
        read_image(tmp_path / "progressive.jpg", 8, max_pixels=15_000)
    data = (tmp_path / "plain.jpg").read_bytes()
    start = data.index(b"\xff\xda")
    alone = b"\xff\xda\0\x08\x01\x01\0\0\x3f\0"  # the first scan has one of three components
    (tmp_path / "scans.jpg").write_bytes(data[:start] + alone + data[start + 14 :])
    with pytest.raises(InputError, match="200 x 100 pixels"):
        read_image(tmp_path / "scans.jpg", 8, max_pixels=15_000)


def test_the_bound_can_be_raised_beyond_pillows_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # above twice as many Pillow would refuse
    few_pngs(tmp_path)
    Image.new("L", (100, 90), 77).save(tmp_path / "large.png")
    assert [item.path for item in load(tmp_path, max_pixels=8_999).skipped] == ["large.png"]
    assert not load(tmp_path, max_pixels=9_000).skipped
    assert Image.MAX_IMAGE_PIXELS == 1000
    with pytest.raises(InputError, match=r"max_pixels must .*not 0"):
        load(tmp_path, max_pixels=0)


@pytest.mark.parametrize("mode", ["RGBA", "RGB", "P", "L", "1", "I;16", "F"])
def test_a_large_picture_comes_to_what_one_piece_gives(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    y, x = np.mgrid[0:700, 0:1001]
    waves = ((np.sin(x / 60) + np.cos(y / 50)) * 60 + 128).astype(np.uint8)
    image = Image.fromarray(waves)
    if mode == "RGBA":
        image = Image.merge("RGBA", [image, image.rotate(180), image, Image.fromarray(255 - waves)])
    elif mode == "F":
        image = Image.fromarray(waves.astype(np.float32) / 255)
    elif mode == "I;16":
        image = Image.fromarray(waves.astype(np.uint16) * 257)
    else:
        image = image.convert(mode)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.tif", exif=exif)
    whole = read_image(tmp_path / "a.tif", 40)
    monkeypatch.setattr("mtlkit.data.decoding.AT_ONCE", 50_000)
    np.testing.assert_allclose(read_image(tmp_path / "a.tif", 40), whole, atol=0.02)


def test_pictures_of_one_piece_are_as_ever(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (900, 1300, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(
        read_image(tmp_path / "a.png", 32), fit_square(Image.fromarray(pixels), 32)
    )
