"""Boxes are cut out of photos, or photos read whole with the boxes brought along."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mtlkit.data import Skipped, decoding
from mtlkit.data import crops as module
from mtlkit.data.boxes import Annotated, PhotoBoxes
from mtlkit.data.crops import crops, cut, places, whole_photos
from mtlkit.errors import InputError
from mtlkit.inputs import fit_square


def photo(path: str, boxes: list[list[float]], size: tuple[int, int] = (64, 48)) -> PhotoBoxes:
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    stem = path.rpartition(".")[0]
    names = [f"{stem}/{number:02d}" for number in range(len(boxes))]
    return PhotoBoxes(path, *size, corners, ["cell"] * len(boxes), names)


def annotated(*photos: PhotoBoxes) -> Annotated:
    return Annotated(list(photos), [], [], sum(len(one.boxes) for one in photos))


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """Photos a.png and b.png of 64 x 48, no pixel like the other."""
    random = np.random.default_rng(0)
    for name in ("a", "b"):
        pixels = random.integers(0, 256, (48, 64, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    return tmp_path


def pixels_of(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path), np.float32).transpose(2, 0, 1) / 255


SIDE = st.integers(1, 400)


@given(width=SIDE, height=SIDE, window=st.integers(1, 200), data=st.data())
def test_a_window_has_the_middle_of_the_box_in_its_middle(
    width: int, height: int, window: int, data: st.DataObject
) -> None:
    left, right = sorted(data.draw(st.tuples(*[st.floats(0, width, width=32)] * 2)))
    top, bottom = sorted(data.draw(st.tuples(*[st.floats(0, height, width=32)] * 2)))
    one = photo("a.png", [[left, top, right, bottom]], (width, height))
    ((x, y, end_x, end_y),) = places(one, window).tolist()
    assert (end_x - x, end_y - y) == (window, window)
    assert abs(x + window / 2 - (left + right) / 2) <= 1
    assert abs(y + window / 2 - (top + bottom) / 2) <= 1


@given(st.tuples(*[st.integers(-9, 14)] * 4), st.integers(1, 6), st.integers(1, 6))
def test_beyond_the_photo_its_border_is_repeated(
    corners: tuple[int, ...], height: int, width: int
) -> None:
    left, right = sorted(corners[:2])
    top, bottom = sorted(corners[2:])
    pixels = np.arange(2 * height * width).reshape(2, height, width)
    padded = np.pad(pixels, ((0, 0), (20, 20), (20, 20)), "edge")
    expected = padded[:, top + 20 : bottom + 20, left + 20 : right + 20]
    np.testing.assert_array_equal(cut(pixels, (left, top, right, bottom)), expected)


def test_a_box_is_brought_to_whole_pixels_outwards() -> None:
    one = photo("a.png", [[1.2, 2, 1.4, 5.5]])
    assert places(one).tolist() == [[1, 2, 2, 6]]
    assert places(photo("a.png", [])).shape == (0, 4)


def test_crops_are_cut_to_the_box_and_scaled(noise: Path) -> None:
    boxes = [[[3, 4, 19, 20]], [], [[0, 0, 64, 48], [10, 10, 18, 42]]]
    found = annotated(*(photo(f"{n}.png", box) for n, box in zip("abb", boxes, strict=True)))
    found = annotated(found.photos[0], found.photos[2])
    images = crops(found, noise, 16)
    assert images.images.shape == (3, 3, 16, 16) and images.paths == ("a/00", "b/00", "b/01")
    np.testing.assert_array_equal(images.images[0], pixels_of(noise / "a.png")[:, 4:20, 3:19])
    with Image.open(noise / "b.png") as picture:
        np.testing.assert_allclose(images.images[1], fit_square(picture, 16), atol=1 / 255)
        expected = fit_square(picture.crop((10, 10, 18, 42)), 16)
    np.testing.assert_allclose(images.images[2], expected, atol=1 / 255)
    assert "how large each was cannot be seen" in images.notes[0]
    assert not images.has_labels and images.open_boxes() is None


def test_windows_keep_the_size(noise: Path) -> None:
    found = annotated(photo("a.png", [[30, 20, 34, 24], [60, 40, 64, 48]]))
    images = crops(found, noise, 16, window=16)
    pixels = pixels_of(noise / "a.png")
    np.testing.assert_array_equal(images.images[0], pixels[:, 14:30, 24:40])
    beyond = np.pad(pixels, ((0, 0), (0, 8), (0, 8)), "edge")[:, 36:52, 54:70]
    np.testing.assert_array_equal(images.images[1], beyond)
    assert "windows of 16 pixels" in images.notes[0]
    assert crops(found, noise, 8, window=16).images.shape == (2, 3, 8, 8)


def test_each_photo_is_decoded_once(noise: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    real = module.opened
    monkeypatch.setattr(module, "opened", lambda path: opened.append(path.name) or real(path))
    crops(annotated(photo("a.png", [[0, 0, 9, 9]] * 7), photo("b.png", [[0, 0, 9, 9]])), noise, 8)
    assert sorted(opened) == ["a.png", "b.png"]


def test_grey_photos_stay_grey_and_mixed_ones_become_colour(noise: Path) -> None:
    Image.new("L", (64, 48), 51).save(noise / "grey.png")
    grey = photo("grey.png", [[0, 0, 9, 9]])
    assert crops(annotated(grey), noise, 8).images.shape == (1, 1, 8, 8)
    mixed = crops(annotated(photo("a.png", [[0, 0, 9, 9]]), grey), noise, 8).images
    assert mixed.shape == (2, 3, 8, 8) and np.allclose(mixed[1], 0.2)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("cut.png", "image|truncated|identify"),
        ("large.png", "64 x 49 pixels, and its annotation says 64 x 48"),
    ],
)
def test_a_photo_that_cannot_be_cut_is_named(name: str, reason: str, noise: Path) -> None:
    (noise / "cut.png").write_bytes((noise / "a.png").read_bytes()[:2000])
    Image.new("RGB", (64, 49)).save(noise / "large.png")
    bad = photo(name, [[0, 0, 9, 9]] * 3)
    found = annotated(bad, photo("a.png", [[0, 0, 9, 9]]))
    images = crops(found, noise, 8, window=48)
    assert images.paths == ("a/00",)
    (skipped,) = images.skipped
    assert skipped.path == name.removesuffix(".png")
    assert any(words in skipped.reason for words in reason.split("|"))
    assert f"Left out of 4 annotated boxes: 3 ({skipped.path}: " in images.notes[1]
    four = annotated(photo(name, [[0, 0, 9, 9]] * 4), photo("a.png", [[0, 0, 9, 9]] * 75))
    with pytest.raises(InputError, match="4 of 79 boxes cannot be used"):
        crops(four, noise, 8, window=48)


def test_a_photo_above_the_bound_is_named(noise: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "AT_ONCE", 64 * 48 - 1)
    with pytest.raises(InputError, match="no box that can be cut"):
        crops(annotated(photo("a.png", [[0, 0, 9, 9]])), noise, 8)


def test_too_many_boxes_for_the_memory_are_refused(noise: Path) -> None:
    with pytest.raises(InputError, match=r"9\.\d GB"):
        crops(annotated(photo("a.png", [[0, 0, 9, 9]] * 3000)), noise, 512)


def test_without_a_box_there_is_nothing_to_cut(noise: Path) -> None:
    with pytest.raises(InputError, match="no box that can be cut"):
        crops(annotated(photo("a.png", [])), noise, 8)


def test_what_was_left_out_before_is_named_too(noise: Path) -> None:
    flaw, lost = Skipped("a/01", "it has no area"), Skipped("c", "it is not there")
    found = Annotated([photo("a.png", [[0, 0, 9, 9]])], [lost], [flaw], 3)
    assert crops(found, noise, 8).skipped == (lost, flaw)
    whole = whole_photos(found, noise)
    assert whole.skipped == (lost,)  # of the photos, it is one that cannot be used
    assert whole.notes == (
        "Left out of 3 annotated boxes: 2 (c: it is not there; a/01: it has no area).",
    )


def test_photos_are_read_whole(noise: Path) -> None:
    found = annotated(photo("a.png", [[0, 0, 9, 9]]), photo("b.png", []))
    images = whole_photos(found, noise)
    assert images.paths == ("a.png", "b.png") and images.images.shape == (2, 3, 48, 64)
    np.testing.assert_array_equal(images.images[1], pixels_of(noise / "b.png"))


def test_photos_of_several_sizes_are_no_set(noise: Path) -> None:
    Image.new("RGB", (30, 30)).save(noise / "c.png")
    found = annotated(photo("a.png", []), photo("c.png", [], (30, 30)))
    with pytest.raises(InputError, match="2 sizes: give photos of one"):
        whole_photos(found, noise)
