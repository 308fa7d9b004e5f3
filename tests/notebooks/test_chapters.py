"""Each chapter once more, small, with another value of a method's parameter: the outcome goes the way the text says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from nbformat.v4 import new_code_cell

from mtlkit.course.chapters import PATTERN, course_folder, find_chapter
from mtlkit.course.execution import KERNEL, prepare_environment, recorded

EXPLORE = """
from mtlkit.course import record
from mtlkit.course.figures import EXPLORERS
from mtlkit.evaluation import to_png

drawn = [[to_png(one.draw(value)) for value in (one.low, one.default, one.high)] for one in EXPLORERS]
record(explorers=len(drawn), same_at_both_ends=sum(low == high for low, _, high in drawn))
"""
Recorded = dict[str, Any]
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], Callable[[Recorded, Recorded], bool]]] = {}
CHAPTERS = [
    path.stem[:2] for path in sorted(course_folder().glob(PATTERN)) if path.stem[:2] != "00"
]  # see test_quickstart


def run(chapter: str, values: dict[str, Any], folder: Path) -> Recorded:
    """Execute a chapter, and after it every callback of its sliders with its lowest, default and highest value."""
    notebook = nbformat.read(find_chapter(chapter), as_version=4)
    notebook.cells.append(new_code_cell(EXPLORE, id="explore-all"))
    prepare_environment()
    return recorded(papermill.execute_notebook(notebook, None, values, progress_bar=False, cwd=str(folder), **KERNEL))


def test_every_chapter_has_a_case() -> None:
    assert sorted(CASES) == CHAPTERS


@pytest.mark.slow
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_outcome_goes_the_stated_way(chapter: str, tmp_path: Path) -> None:
    first, second, goes_the_stated_way = CASES[chapter]
    one, other = (run(chapter, values, tmp_path) for values in (first, second))
    assert goes_the_stated_way(one, other), (one, other)
    for found in (one, other):
        assert found["explorers"] >= 1 and found["same_at_both_ends"] == 0
