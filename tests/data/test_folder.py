"""A folder of images: labels, the side, what is skipped and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mtlkit.data import Skipped, load, read_image
from mtlkit.data import folder as folder_module
from mtlkit.data.catalogue import check_trainable
from mtlkit.errors import InputError


def test_class_subfolders_give_labels(tmp_path: Path, draw: Any) -> None:
    for row, name in enumerate(
        ["dog/2.png", "cat/deep/1.png", "cat/0.png", "owl10/a.png", "owl9/b.png"]
    ):
        draw(tmp_path / name, row * 40)
    images = load(tmp_path, labels="folders")
    assert images.class_names == ("cat", "dog", "owl9", "owl10")
    assert "cat, dog, owl9 and owl10" in images.notes[-1]
    assert images.paths == ("cat/0.png", "cat/deep/1.png", "dog/2.png", "owl9/b.png", "owl10/a.png")
    labels = images.open_labels()
    assert labels is not None and labels.tolist() == [0, 0, 1, 2, 3]
    assert images.n_clusters is None  # the user's to say


def test_subfolders_are_no_labels_unless_told(tmp_path: Path, draw: Any) -> None:
    for row, name in enumerate(["2024-01/a.png", "2024-02/b.png"]):
        draw(tmp_path / name, row)
    images = load(tmp_path)
    assert not images.has_labels and images.class_names == () and images.open_labels() is None
    assert not any("labels" in note for note in images.notes)


@pytest.mark.parametrize(
    "names", [["a/1.png", "a/2.png"], ["a/1.png", "b/2.png", "3.png"], ["1.png", "2.png"]]
)
def test_labels_are_refused_where_folders_give_none(
    names: list[str], tmp_path: Path, draw: Any
) -> None:
    for row, name in enumerate(names):
        draw(tmp_path / name, row)
    with pytest.raises(InputError, match=r"no labels.*subfolder") as fault:
        load(tmp_path, labels="folders")
    assert str(tmp_path) in str(fault.value)


def test_many_names_of_subfolders_are_cut_in_the_note(tmp_path: Path, draw: Any) -> None:
    for row in range(40):
        draw(tmp_path / f"class{row}" / "a.png", row)
    note = load(tmp_path, labels="folders").notes[-1]
    assert "class0" in note and "class39" not in note and "40" in note


def test_another_way_to_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'folders'.*'files'"):
        load(tmp_path, labels="files")


def test_labels_are_not_made_before_they_are_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, draw: Any
) -> None:
    def touched(*_: object) -> None:
        raise RuntimeError("labels touched")

    monkeypatch.setattr(folder_module, "_labels", touched)
    for row, name in enumerate(["a/1.png", "b/2.png"]):
        draw(tmp_path / name, row)
    images = load(tmp_path, labels="folders")
    with pytest.raises(RuntimeError, match="labels touched"):
        images.open_labels()


@pytest.mark.parametrize(
    ("sizes", "side"),
    [
        ([(8, 8)] * 3, 16),
        ([(28, 28)] * 3, 32),
        ([(24, 20)] * 3, 24),
        ([(20, 10), (20, 25), (90, 20)], 24),
        ([(500, 400)] * 2, 32),
    ],
)
def test_the_side_is_the_median_longer_side(
    sizes: list[tuple[int, int]], side: int, tmp_path: Path, draw: Any
) -> None:
    for row, size in enumerate(sizes):
        draw(tmp_path / f"{row}.png", row * 50, size)
    images = load(tmp_path)
    assert images.images.shape == (len(sizes), 1, side, side)
    assert f"{side} x {side} pixels (a multiple" in images.notes[0]


def test_size_goes_before(tmp_path: Path, fill: Any) -> None:
    fill(tmp_path, good=2, bad=0)
    images = load(tmp_path, size=100)
    assert images.images.shape == (2, 1, 100, 100)
    assert images.notes == ("Images were brought to 100 x 100 pixels (as asked), the aspect kept.",)


def test_squares_of_that_side_are_not_resampled(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 24, 24, 3), np.uint8)
    for row, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / f"{row}.png")
    expected = (pixels.transpose(0, 3, 1, 2) / 255).astype(np.float32)
    np.testing.assert_array_equal(load(tmp_path).images, expected)


def test_one_colour_image_makes_three_channels(tmp_path: Path, draw: Any) -> None:
    draw(tmp_path / "a.png", 51)
    Image.new("RGB", (16, 16), (255, 0, 0)).save(tmp_path / "b.png")
    images = load(tmp_path).images
    assert images.shape == (2, 3, 16, 16)
    np.testing.assert_allclose(images[:, :, 0, 0], np.array([[0.2, 0.2, 0.2], [1, 0, 0]]))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16"])
def test_grey_modes_make_one_channel(mode: str, tmp_path: Path, draw: Any) -> None:
    draw(tmp_path / "a.png", 0, mode=mode)
    draw(tmp_path / "b.png", 255, mode=mode)
    images = load(tmp_path).images
    assert images.shape == (2, 1, 16, 16) and images.flags["C_CONTIGUOUS"]
    assert images[0].max() == 0


def test_a_single_file_is_read_as_the_folder_is(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 300, 200, 3), np.uint8)
    for row, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / f"{row}.jpg")
    images = load(tmp_path)
    np.testing.assert_array_equal(read_image(tmp_path / "1.jpg", 32, channels=3), images.images[1])


def test_progress_counts_to_the_end(tmp_path: Path, fill: Any) -> None:
    fill(tmp_path, good=5, bad=1)
    calls: list[tuple[int, int]] = []
    load(tmp_path, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(done, 5) for done in range(1, 6)]


def test_broken_files_are_skipped_and_reported(tmp_path: Path, fill: Any) -> None:
    fill(tmp_path, good=17, bad=0)
    # Header whole, pixels cut.
    (tmp_path / "good3.png").write_bytes((tmp_path / "good3.png").read_bytes()[:50])
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "z.jpg").write_bytes(b"no image")
    images = load(tmp_path)
    assert [item.path for item in images.skipped] == ["a.png", "good3.png", "z.jpg"]
    assert images.skipped[0] == Skipped("a.png", "the file is empty (0 bytes)")
    assert all(item.reason for item in images.skipped)
    assert "good3.png" not in images.paths and len(images.paths) == len(images) == 16
    np.testing.assert_allclose(images.images[3, 0, 0, 0] * 255, 4)  # rows stay with their names
    assert "19 image files, 3 " in images.notes[1]


@pytest.mark.parametrize(("good", "bad"), [(17, 3), (2, 3), (96, 4), (76, 4)])
def test_few_broken_files_are_skipped(good: int, bad: int, tmp_path: Path, fill: Any) -> None:
    fill(tmp_path, good, bad)
    images = load(tmp_path)
    assert (len(images), len(images.skipped)) == (good, bad)


@pytest.mark.parametrize(("good", "bad"), [(36, 4), (75, 4), (94, 6), (1, 4)])
def test_many_broken_files_are_refused(good: int, bad: int, tmp_path: Path, fill: Any) -> None:
    fill(tmp_path, good, bad)
    words = rf"{bad} of {good + bad} .*\(bad0.png: .+; bad1.+; bad2.png"
    with pytest.raises(InputError, match=words) as refused:
        check_trainable(tmp_path, load(tmp_path))
    assert str(tmp_path) in str(refused.value) and "bad3" not in str(refused.value)


def test_files_broken_behind_their_headers_count_too(tmp_path: Path, fill: Any) -> None:
    fill(tmp_path, good=38, bad=2)
    for row in (4, 5):
        path = tmp_path / f"good{row}.png"
        path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(InputError, match="4 of 40 image files"):
        check_trainable(tmp_path, load(tmp_path))


def test_warnings_of_pillow_do_not_leak(tmp_path: Path, fill: Any) -> None:
    fill(tmp_path, good=3, bad=0)
    exif = Image.Exif()
    exif[0x0112] = 1
    Image.new("L", (16, 16), 9).save(tmp_path / "exif.jpg", exif=exif.tobytes()[:-8] + b"\xff" * 8)
    tiff = tmp_path / "cut.tif"
    Image.new("L", (16, 16), 7).save(tiff)
    tiff.write_bytes(tiff.read_bytes()[:-40])
    assert len(load(tmp_path)) >= 3  # and none of the warnings, which are errors here, came through


def test_a_single_image_is_refused(tmp_path: Path, fill: Any) -> None:
    fill(tmp_path, good=1, bad=0)
    with pytest.raises(InputError, match="only one image, and"):
        check_trainable(tmp_path, load(tmp_path))


def test_a_single_image_among_broken_ones_is_refused(tmp_path: Path, fill: Any) -> None:
    fill(tmp_path, good=1, bad=2)
    with pytest.raises(InputError, match=r"only one image \(2 more"):
        check_trainable(tmp_path, load(tmp_path))


def test_only_broken_files_are_refused(tmp_path: Path, fill: Any) -> None:
    fill(tmp_path, good=0, bad=2)
    with pytest.raises(InputError, match=r"2 of 2 image files .*\(bad0"):
        load(tmp_path)


@pytest.mark.parametrize(("good", "bad"), [(1, 0), (1, 9), (3, 9)])
def test_what_cannot_be_trained_on_is_read_as_it_is(
    good: int, bad: int, tmp_path: Path, draw: Any, fill: Any
) -> None:
    fill(tmp_path, good, bad)
    images = load(tmp_path)
    assert (len(images), len(images.skipped)) == (good, bad)
    for row in range(good):
        draw(tmp_path / f"good{row}.png", 77)
    assert np.ptp(load(tmp_path).images) == 0


def test_only_broken_files_are_refused_whatever_they_are_for(tmp_path: Path, fill: Any) -> None:
    fill(tmp_path, good=0, bad=2)
    with pytest.raises(InputError, match="2 of 2 image files"):
        load(tmp_path)


def test_equal_images_are_refused(tmp_path: Path, draw: Any) -> None:
    for row in range(4):
        draw(tmp_path / f"{row}.png", 77)
    with pytest.raises(InputError, match="all 4 images are equal"):
        check_trainable(tmp_path, load(tmp_path))


def test_a_set_beyond_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fill: Any
) -> None:
    fill(tmp_path, good=3, bad=0)
    monkeypatch.setattr("mtlkit.data.images.MOST_BYTES", 3 * 64 * 64 * 4 - 1)
    monkeypatch.setattr(folder_module, "decode", None)  # not reached
    with pytest.raises(InputError, match=r"3 x 1 x 64 x 64 .*--size"):
        load(tmp_path, size=64)


def test_nothing_of_the_users_is_changed(tmp_path: Path, fill: Any) -> None:
    fill(tmp_path, good=3, bad=1)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()}
    load(tmp_path)
    assert before == {
        path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()
    }
