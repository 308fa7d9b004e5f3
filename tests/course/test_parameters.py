"""A chapter's parameters: types and ranges from the comments of its own cell."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from mtlkit.course import check_parameters
from mtlkit.course.chapters import PATTERN, course_folder, find_chapter
from mtlkit.course.parameters import Parameter, parameters_of, read_assignments
from mtlkit.errors import InputError

CHAPTERS = sorted(path.stem for path in course_folder().glob(PATTERN))
CELL = """seed = 0  # 0 to 9 — where chance starts
rate = 0.5  # 0.1 to 1 — a step — as long as that
quick = True  # no training
kind = "near"  # near | far — which
title = ""  # any words
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    cell = new_code_cell(CELL, metadata={"tags": ["parameters"]})
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    notebook = new_notebook(cells=[cell], metadata={"kernelspec": kernel})
    nbformat.write(notebook, tmp_path / "tiny.ipynb")
    return tmp_path / "tiny.ipynb"


def test_types_and_ranges_are_read_from_the_comments(tiny: Path) -> None:
    assert parameters_of(tiny) == {
        "seed": Parameter("seed", 0, 0, 9, help="where chance starts"),
        "rate": Parameter("rate", 0.5, 0.1, 1, help="a step — as long as that"),
        "quick": Parameter("quick", True, help="no training"),
        "kind": Parameter("kind", "near", choices=("near", "far"), help="which"),
        "title": Parameter("title", "", help="any words"),
    }


GOOD = [
    ("seed", "3", 3),
    ("seed", "0", 0),
    ("seed", "9", 9),
    ("rate", "1", 1.0),
    ("rate", "0.1", 0.1),
    ("rate", "1e-1", 0.1),
    ("quick", "false", False),
    ("quick", "True", True),
    ("kind", "far", "far"),
    ("title", "3", "3"),
    ("title", "a=b", "a=b"),
]
BAD = [
    ("seed=x", "seed is 'x': give a whole number from 0 to 9."),
    ("seed=-1", "seed is -1: give a whole number"),
    ("seed=10", "seed is 10: give a whole number"),
    ("seed=1.5", "seed is 1.5: give a whole number"),
    ("seed=True", "seed is True: give a whole number"),
    ("seed=", "seed is '': give a whole number"),
    ("seed=[1]", "seed is [1]: give a whole number"),
    ("rate=0", "rate is 0: give a number from 0.1 to 1."),
    ("rate=nan", "rate is 'nan': give a number"),
    ("rate=1e400", "rate is inf: give a number"),
    ("quick=1", "quick is 1: give True or False."),
    ("kind=fra", "kind is 'fra': give 'near' or 'far'. Did you mean 'far'?"),
    ("sed=1", "chapter tiny's parameter 'sed'"),
    ("=1", "chapter tiny's parameter ''"),
    ("seed", "'seed': write NAME=VALUE"),
]


@pytest.mark.parametrize(("name", "given", "value"), GOOD)
def test_good_values(tiny: Path, name: str, given: str, value: Any) -> None:
    values = read_assignments([f"{name}={given}"], parameters_of(tiny), "tiny")
    assert values == {name: value} and type(values[name]) is type(value)


@pytest.mark.parametrize(("given", "sentence"), BAD)
def test_bad_values_end_in_one_sentence(tiny: Path, given: str, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        read_assignments([given], parameters_of(tiny), "tiny")
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_stored_values_are_good_and_the_usual_ones_are_there(chapter: str) -> None:
    parameters = parameters_of(find_chapter(chapter))
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    check_parameters(chapter[:2], **defaults)
    assert {"seed", "source", "quick"} <= set(parameters)
    assert parameters["quick"].default is True and parameters["seed"].low == 0
    assert all(parameter.help for parameter in parameters.values())


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_checks_all_of_its_parameters(chapter: str) -> None:
    notebook = nbformat.read(find_chapter(chapter), as_version=4)
    (call,) = (
        node
        for cell in notebook.cells
        if cell.cell_type == "code"
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("check_parameters")
    )
    assert ast.literal_eval(call.args[0]) == chapter[:2]
    assert {keyword.arg for keyword in call.keywords} == set(parameters_of(find_chapter(chapter)))


def test_a_notebook_without_a_parameters_cell_is_refused(tmp_path: Path) -> None:
    nbformat.write(new_notebook(cells=[new_code_cell("seed = 0")]), tmp_path / "mine.ipynb")
    with pytest.raises(InputError, match=r"mine\.ipynb: .*tag 'parameters'"):
        parameters_of(tmp_path / "mine.ipynb")


@pytest.mark.parametrize("content", [b"", b"no JSON", b"[]", b'{"cells": 3}', b"\xff\xfe", b"{}"])
def test_what_is_no_notebook_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine.ipynb").write_bytes(content)
    with pytest.raises(InputError, match=r"mine\.ipynb: "):
        parameters_of(tmp_path / "mine.ipynb")
