"""Each chapter, small, with two values of a parameter: the outcome goes as its text says."""

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

WATCH = """
from mtlkit import course

EXPLORERS, EXPLORE = [], course.explore


def explore(draw, name, low, default, high, *more, **options):
    EXPLORERS.append((draw, (low, default, high)))
    EXPLORE(draw, name, low, default, high, *more, **options)


course.explore = explore
"""
DRAW = """
from mtlkit.evaluation import to_png

same = 0
for one_figure, values in EXPLORERS:
    low, _, high = (to_png(one_figure(value)) for value in values)
    same += low == high
course.record(explorers=len(EXPLORERS), same_at_both_ends=same)
"""
Recorded = dict[str, Any]
SMALL = {"source": "digits:small"}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], Callable[[Recorded, Recorded], bool]]] = {
    # the more settings are tried on a test set, the more its best score promises
    "01": (
        {"settings": 10},
        {"settings": 600},
        lambda few, many: many["test_promise"] > few["test_promise"],
    ),
    # pixels mind a long way more than a short one
    "02": (
        {"shift": 0.05},
        {"shift": 0.4},
        lambda near, far: far["pixels_moved"] > near["pixels_moved"],
    ),
    # equal sizes are a good assumption where they are equal, and a bad one where they are not
    "03": (
        {"ratio": 1.0},
        {"ratio": 20.0},
        lambda even, uneven: (
            uneven["equal_sizes_unbalanced"] < even["equal_sizes_unbalanced"] - 0.05
        ),
    ),
    # a longer training brings views of one image nearer to each other than to strangers
    "04": (
        {"effort": 0.25},
        {"effort": 1.0},
        lambda short, long: long["strangers_both"] < short["strangers_both"],
    ),
    # a training cut to a tenth sorts worse
    "05": (
        {"effort": 0.05},
        {"effort": 0.5},
        lambda short, long: long["accuracy"] > short["accuracy"],
    ),
    # a cell has no up, and dyes tell kinds apart: which way edges run says little
    "06": (
        {"source": "smears:crops", "features": "hog"},
        {"source": "smears:crops", "features": "stain"},
        lambda edges, dyes: dyes["balanced_accuracy"] > edges["balanced_accuracy"],
    ),
}
NUMBERS = [path.stem[:2] for path in sorted(course_folder().glob(PATTERN))]
CHAPTERS = [number for number in NUMBERS if number != "00"]  # see test_quickstart


def run(chapter: str, values: dict[str, Any], folder: Path) -> Recorded:
    """Execute a chapter, and then its sliders' callbacks at lowest, default and highest value."""
    notebook = nbformat.read(find_chapter(chapter), as_version=4)
    notebook.cells.insert(0, new_code_cell(WATCH, id="watch"))
    notebook.cells.append(new_code_cell(DRAW, id="draw"))
    prepare_environment()
    executed = papermill.execute_notebook(
        notebook, None, values, progress_bar=False, cwd=str(folder), **KERNEL
    )
    return recorded(executed)


def test_every_chapter_has_a_case() -> None:
    assert sorted(CASES) == CHAPTERS


@pytest.mark.slow
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_outcome_goes_the_stated_way(chapter: str, tmp_path: Path) -> None:
    first, second, goes_the_stated_way = CASES[chapter]
    outcomes = [run(chapter, SMALL | values, tmp_path) for values in (first, second)]
    assert goes_the_stated_way(*outcomes), outcomes
    for outcome in outcomes:
        assert outcome["explorers"] >= 1 and outcome["same_at_both_ends"] == 0
