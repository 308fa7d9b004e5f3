"""Notebooks are what their sources build; what is current is left alone."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from mtlkit.course import building
from mtlkit.course.building import build, digests, is_current, learners, read_source, solved
from mtlkit.course.chapters import course_folder
from mtlkit.course.execution import THREADS, prepare_environment
from mtlkit.errors import InputError

SOURCES = sorted((course_folder() / "source").glob("*.py"))
TINY = """# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown] id="title"
# # A chapter

# %% id="sum" tags=["solution"]
total = None  # a number
### BEGIN SOLUTION
total = 1 + 1
### END SOLUTION

# %% id="look" tags=["check"] points=2
total
"""


def content(notebook: NotebookNode) -> list[Any]:
    return [(cell.id, cell.cell_type, cell.source, dict(cell.metadata)) for cell in notebook.cells]


@pytest.mark.parametrize("source", SOURCES, ids=[path.stem for path in SOURCES])
@pytest.mark.parametrize("folder", ["", "solutions"])
def test_notebooks_are_what_their_sources_build(source: Path, folder: str) -> None:
    built = read_source(source)
    stored = nbformat.read(course_folder() / folder / f"{source.stem}.ipynb", as_version=4)
    nbformat.validate(stored)
    wanted = solved(built) if folder else learners(built)
    remedy = f"build it again: mtlkit course build {source.stem[:2]}"
    assert content(stored) == content(wanted), remedy
    assert stored.metadata["mtlkit"]["source"] == digests(source)["source"], remedy
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


def test_no_notebook_is_without_its_source() -> None:
    names = sorted(path.stem for path in SOURCES)
    for folder in (course_folder(), course_folder() / "solutions"):
        assert sorted(path.stem for path in folder.glob("*.ipynb")) == names


def test_learners_notebooks_hold_no_solution() -> None:
    for path in course_folder().glob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        assert "SOLUTION" not in text
        stubs = re.findall("(?<!`)# your answer here", text)  # in backquotes, it speaks of them
        assert text.count('"solution": true') == len(stubs)


@pytest.mark.parametrize("source", SOURCES, ids=[path.stem for path in SOURCES])
@pytest.mark.parametrize(
    ("folder", "status"), [("", "**Not attempted.**"), ("solutions", "✔ **Passed.**")]
)
def test_stubs_are_not_attempted_and_solutions_pass(source: Path, folder: str, status: str) -> None:
    stored = nbformat.read(course_folder() / folder / f"{source.stem}.ipynb", as_version=4)
    checks = [cell for cell in stored.cells if "check" in cell.metadata.get("tags", [])]
    assert len(checks) >= 3
    for cell in checks:
        (output,) = cell.outputs
        assert output.data["text/markdown"].startswith(status), cell.id


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny source, in a folder that is the course."""
    monkeypatch.setattr(building, "course_folder", lambda: tmp_path)
    for name in (*THREADS, "JUPYTER_PREFER_ENV_PATH"):
        monkeypatch.setenv(name, "1")
    (tmp_path / "source").mkdir()
    path = tmp_path / "source" / "99_tiny.py"
    path.write_text(TINY, encoding="utf-8")
    return path


def test_one_source_makes_two_notebooks(tiny: Path) -> None:
    assert not is_current(tiny)
    folder = tiny.parents[1]
    paths = [folder / "99_tiny.ipynb", folder / "solutions" / "99_tiny.ipynb"]
    assert build(tiny) == paths and is_current(tiny)
    mine, solved = (nbformat.read(path, 4) for path in paths)
    assert mine.cells[1].source == "total = None  # a number\n# your answer here"
    assert "total = 1 + 1" in solved.cells[1].source
    assert mine.cells[2].outputs == [] and solved.cells[2].outputs[0].data["text/plain"] == "2"
    assert mine.cells[2].metadata.nbgrader == {
        "grade": True,
        "grade_id": "look",
        "locked": True,
        "points": 2,
        "schema_version": 3,
        "solution": False,
        "task": False,
    }
    assert mine.cells[1].metadata.nbgrader["solution"] is True
    again = (folder / "99_tiny.ipynb").read_bytes()
    build(tiny)
    assert (folder / "99_tiny.ipynb").read_bytes() == again  # ids and all


def test_a_build_that_fails_leaves_what_was_there(tiny: Path) -> None:
    from nbclient.exceptions import CellExecutionError

    mine = tiny.parents[1] / "99_tiny.ipynb"
    tiny.write_text(TINY.replace("1 + 1", "1 / 0"), encoding="utf-8")
    for before in (None, b"what was there"):
        if before:
            mine.write_bytes(before)
        with pytest.raises(CellExecutionError):
            build(tiny)
        assert (mine.read_bytes() if mine.exists() else None) == before
    assert not (tiny.parents[1] / "solutions").exists()


def test_a_changed_source_or_method_is_built_again(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digests(tiny)
    tiny.write_text(TINY.replace("1 + 1", "1 + 2"), encoding="utf-8")
    after = digests(tiny)
    assert after["source"] != before["source"] and after["method"] == before["method"]
    tiny.write_text(TINY + '\n# stored("digits")\n', encoding="utf-8")  # now it quotes a result
    assert digests(tiny)["method"] != before["method"]


@pytest.mark.parametrize(
    ("old", "new"), [('id="look" ', ""), ('id="look"', 'id="sum"'), ('id="look"', 'id="Look at"')]
)
def test_ids_are_there_and_unique(tiny: Path, old: str, new: str) -> None:
    tiny.write_text(TINY.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=r"99_tiny\.py: an id"):
        read_source(tiny)


def test_a_kernel_inherits_one_thread() -> None:
    prepare_environment()
    assert os.environ["OMP_NUM_THREADS"] == "1"
