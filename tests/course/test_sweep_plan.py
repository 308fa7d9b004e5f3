"""The runs of a sweep are those of this chapter, method, version and data, and of no other."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

import mtlkit
from mtlkit.course import building, sweeps

from .helpers import call, edit, finished, read_table


def add_source(chapter: Path) -> None:
    edit(chapter, 1, lambda source: source + "source = 'digits'  # which images\n")


def edit_method(chapter: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (folder / "mtlkit" / "clusterer.py").open("a") as file:
        file.write("# another line\n")


def upgrade(chapter: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "versions", lambda: {"torch": "99.9"})


def change_data(chapter: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "MNIST" / "raw" / "train-images-idx3-ubyte").write_bytes(b"others")


def edit_chapter(chapter: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(chapter, -1, lambda source: source + "  # the same")


@pytest.mark.parametrize("change", [edit_method, upgrade, change_data, edit_chapter])
def test_runs_of_another_method_version_or_data_are_made_again_and_that_is_said(
    change: Callable[[Path, Path, pytest.MonkeyPatch], None],
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(Path(mtlkit.__file__).parent, tmp_path / "mtlkit")
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    (tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte").write_bytes(b"images")
    package = SimpleNamespace(__file__=str(tmp_path / "mtlkit" / "__init__.py"))
    monkeypatch.setattr(building, "mtlkit", package)
    monkeypatch.setenv("MTLKIT_DATA", str(tmp_path))
    add_source(tiny)
    out = tmp_path / "out"
    sweep = ("sweep", tiny, "--grid", "seed=0..1", "-p", "source=mnist", "--out", out)
    first = call(*sweep)
    assert first.exit_code == 0 and "made again" not in first.stderr, first.output
    before = finished(out)
    same = call(*sweep)
    assert "2 were finished before" in same.stdout and "made again" not in same.stderr
    change(tiny, tmp_path, monkeypatch)
    again = call(*sweep)
    assert again.exit_code == 0, again.output
    assert "0 were finished before" in again.stdout
    assert "2 of 2 runs" in again.stderr and "made again" in again.stderr
    after = finished(out)
    assert len(after) == 4 and before.items() <= after.items()  # what was there stays
    rows = read_table(out / "results" / "runs.csv")
    assert {row["folder"] for row in rows} == after.keys() - before.keys()


def test_the_default_source_and_a_folder_are_data_too(tiny: Path, tmp_path: Path) -> None:
    def folder(**fixed: str) -> Path:
        (run,) = sweeps.plan(tiny, [{"seed": 0}], fixed, tmp_path)
        return run.folder

    photos = tmp_path / "photos"
    photo = photos / "a" / "1.png"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"one")
    add_source(tiny)
    named, default = folder(source=str(photos)), folder()
    edit(tiny, 1, lambda source: source.replace("digits", str(photos)))
    other = folder()
    assert other != default
    photo.write_bytes(b"two")
    assert folder() != other and folder(source=str(photos)) != named
