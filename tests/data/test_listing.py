"""Which files of a folder are read, in which order, and what the notes say of the others."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtlkit.data import load
from mtlkit.data.listing import natural_order
from mtlkit.errors import InputError


def test_natural_order_of_relative_paths(tmp_path: Path, draw: Any) -> None:
    names = ["a/10.png", "a/2.png", "a/1.png", "10.png", "9.png", "b/x.png", "a.png", "a/02.png"]
    for shade, name in enumerate(names):
        draw(tmp_path / name, shade * 20)
    images = load(tmp_path)
    assert images.paths == (
        "9.png",
        "10.png",
        "a.png",
        "a/1.png",
        "a/02.png",
        "a/2.png",
        "a/10.png",
        "b/x.png",
    )
    shades = np.array([names.index(path) * 20 for path in images.paths])
    np.testing.assert_allclose(images.images[:, 0, 0, 0] * 255, shades)
    assert images.name == tmp_path.name and images.n_clusters is None


def test_names_of_equal_numbers_have_an_order_too() -> None:
    names = ["1.png", "01.png", "001.png"]
    assert sorted(names, key=natural_order) == ["001.png", "01.png", "1.png"]


@settings(max_examples=25, deadline=None)
@given(names=st.sets(st.text("ab019_-", min_size=1, max_size=6), min_size=2, max_size=8))
def test_order_does_not_depend_on_the_file_system(
    names: set[str], tmp_path_factory: pytest.TempPathFactory, draw: Any
) -> None:
    loaded = []
    for order in (sorted(names), sorted(names, reverse=True)):
        folder = tmp_path_factory.mktemp("order")
        for name in order:
            draw(folder / f"{name}.png", sorted(names).index(name))
        loaded.append(load(folder))
    assert loaded[0].paths == loaded[1].paths and len(loaded[0]) == len(names)
    np.testing.assert_array_equal(loaded[0].images, loaded[1].images)


def test_hidden_files_and_others_are_passed_over(tmp_path: Path, draw: Any, fill: Any) -> None:
    fill(tmp_path, good=2, bad=0)
    draw(tmp_path / ".cache" / "thumb.png", 9)
    draw(tmp_path / ".hidden.png", 9)
    (tmp_path / "readme.txt").write_text("words")
    (tmp_path / "labels.csv").write_text("BM,1")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")  # opening it would wait for ever
    images = load(tmp_path)
    assert images.paths == ("good0.png", "good1.png") and images.skipped == ()
    note = images.notes[-1]
    assert "1 hidden folder (.cache)" in note
    assert "1 hidden image (.hidden.png)" in note
    assert "1 unreachable file (pipe.png)" in note
    assert "readme" not in note


def test_folders_of_the_system_are_passed_over_and_said(
    tmp_path: Path, draw: Any, fill: Any
) -> None:
    fill(tmp_path, good=2, bad=0)
    names = ["@eaDir", "sub/@eaDir", "#recycle", "$RECYCLE.BIN", "lost+found", "__MACOSX"]
    for name in [*names, "System Volume Information"]:
        draw(tmp_path / name / "thumb.png", 9)
    images = load(tmp_path)
    assert images.paths == ("good0.png", "good1.png")
    assert "7 system folders (#recycle, $RECYCLE.BIN, @eaDir, ...)" in images.notes[-1]


def test_without_anything_passed_over_nothing_is_said(tmp_path: Path, fill: Any) -> None:
    fill(tmp_path, good=2, bad=0)
    (tmp_path / "readme.txt").write_text("words")
    assert not any("passed over" in note.lower() for note in load(tmp_path).notes)


def test_links_to_folders_are_not_followed(tmp_path: Path, draw: Any, fill: Any) -> None:
    fill(tmp_path, good=2, bad=0)
    draw(tmp_path.parent / "elsewhere" / "x.png", 90)
    (tmp_path / "out").symlink_to(tmp_path.parent / "elsewhere", target_is_directory=True)
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "dangling.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "good2.png").symlink_to(tmp_path.parent / "elsewhere" / "x.png")
    images = load(tmp_path)
    assert images.paths == ("good0.png", "good1.png", "good2.png")
    assert "2 linked folders (loop, out)" in images.notes[-1]
    assert "1 unreachable file (dangling.png)" in images.notes[-1]


def test_a_folder_that_holds_a_link_alone_is_not_called_empty(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with pytest.raises(InputError, match=r"no image.*\(link\)") as fault:
        load(tmp_path / "photos")
    assert "empty" not in str(fault.value)


def test_an_image_without_suffix_counts(tmp_path: Path, fill: Any) -> None:
    fill(tmp_path, good=2, bad=0)
    (tmp_path / "good1.png").rename(tmp_path / "unnamed")
    assert load(tmp_path).paths == ("good0.png", "unnamed")


def test_names_that_are_not_utf8_are_made_printable(tmp_path: Path, draw: Any, fill: Any) -> None:
    fill(tmp_path, good=1, bad=0)
    draw(tmp_path / "b.png", 99)
    try:
        os.rename(tmp_path / "b.png", os.path.join(os.fsencode(tmp_path), b"caf\xe9.png"))  # type: ignore[type-var]
    except (OSError, TypeError):
        pytest.skip("this file system takes UTF-8 names only")
    assert load(tmp_path).paths[0].encode("utf-8") == b"caf\\xe9.png"


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found: it is empty"):
        load(tmp_path)


def test_a_folder_of_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("words")
    with pytest.raises(InputError, match="1 file, none an image"):
        load(tmp_path)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "two.txt").write_text("words")
    with pytest.raises(InputError, match="2 files, none an image"):
        load(tmp_path)


def forbid(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system refuse to list that folder."""
    scandir = os.scandir

    def guarded(path: str) -> object:
        if Path(path) == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)


def test_a_folder_that_cannot_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fill: Any
) -> None:
    fill(tmp_path, good=2, bad=0)
    forbid(tmp_path, monkeypatch)
    with pytest.raises(InputError, match=r"Permission denied.*permissions") as fault:
        load(tmp_path)
    assert str(tmp_path) in str(fault.value)


def test_a_subfolder_that_cannot_be_read_is_passed_over_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, draw: Any, fill: Any
) -> None:
    fill(tmp_path, good=2, bad=0)
    draw(tmp_path / "sub" / "a.png", 99)
    forbid(tmp_path / "sub", monkeypatch)
    images = load(tmp_path)
    assert len(images) == 2
    assert "1 unreadable folder (sub)" in images.notes[-1]
