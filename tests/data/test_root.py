"""Where the data root is: the order of the four answers."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from mtlkit.data.root import data_root


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MTLKIT_DATA", raising=False)


def test_what_is_given_goes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MTLKIT_DATA", str(tmp_path / "environment"))
    assert data_root(tmp_path) == data_root(str(tmp_path)) == tmp_path
    assert data_root() == data_root("") == tmp_path / "environment"


def test_home_is_expanded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("MTLKIT_DATA", "~/sets")
    assert data_root() == tmp_path / "sets"


def test_inside_a_clone_it_is_the_clones_data(
    unset: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mtlkit" / "data").mkdir(parents=True)
    (tmp_path / "mtlkit" / "data" / "root.py").touch()
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "notebooks" / "source").mkdir(parents=True)
    for inside in (tmp_path, tmp_path / "notebooks" / "source"):
        monkeypatch.chdir(inside)
        assert data_root() == tmp_path / "data"


def test_elsewhere_it_is_the_users_data_folder(
    unset: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert data_root() == Path(platformdirs.user_data_dir("mtlkit", appauthor=False))
    monkeypatch.setenv("MTLKIT_DATA", "")
    assert data_root().name == "mtlkit"
