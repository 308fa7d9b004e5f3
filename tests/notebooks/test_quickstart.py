"""Chapter 00 as it is stored, and what it answers to bad values of its parameters."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from nbformat import NotebookNode

from mtlkit import course
from mtlkit.errors import InputError

CHAPTER = Path(__file__).parents[2] / "notebooks" / "00_quickstart.ipynb"
CODE = r"```.*?```|`[^`\n]*`"
BELITTLING = r"\b(?:simply|just|obviously|of course|easily)\b"


@pytest.fixture(scope="module")
def chapter() -> NotebookNode:
    notebook = nbformat.read(CHAPTER, as_version=4)
    nbformat.validate(notebook)
    return notebook


def cells(notebook: NotebookNode, kind: str) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def test_the_parameters_are_those_that_the_course_asks_for() -> None:
    inspected = papermill.inspect_notebook(str(CHAPTER))
    values = {name: ast.literal_eval(found["default"]) for name, found in inspected.items()}
    assert values == {
        "seed": 0,
        "source": "digits",
        "quick": True,
        "run_folder": "",
        "class_sizes": "auto",
        "effort": 0.5,
    }


def test_the_prose_keeps_its_tone(chapter: NotebookNode) -> None:
    sources = [cell.source for cell in cells(chapter, "markdown")]
    prose = re.sub(CODE, "", "\n".join(sources), flags=re.DOTALL)
    assert not re.findall(BELITTLING, prose, flags=re.IGNORECASE)
    for word in ("Predict", "Kuhn 1955", "make lab"):  # the last one is code
        assert any(word in source for source in sources)


def test_labels_are_opened_once_and_after_the_groups_are_final(chapter: NotebookNode) -> None:
    order = [cell.id for cell in chapter.cells]
    opening = [cell for cell in cells(chapter, "code") if "open_labels()" in cell.source]
    assert [cell.id for cell in opening] == ["open"]
    assert "open_labels()[is_open]" in opening[0].source  # the other half is chapter 05's
    assert order.index("train") < order.index("groups") < order.index("seal") < order.index("open")


def test_the_headline_is_compared_by_nbval(chapter: NotebookNode) -> None:
    tagged = [
        cell for cell in chapter.cells if "nbval-check-output" in cell.metadata.get("tags", [])
    ]
    assert [cell.id for cell in tagged] == ["claims"]
    assert tagged[0].outputs[0].text.count("True") == 4


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("source", "digit", "'digits' or 'digits:small' or 'mnist'. Did you mean 'digits'?"),
        ("source", 3, "'digits' or 'digits:small' or 'mnist'."),
        ("seed", "x", "a whole number from 0 to 2147483638."),
        ("seed", -1, "a whole number from 0 to 2147483638."),
        ("seed", True, "a whole number from 0 to 2147483638."),
        ("class_sizes", "even", "'auto' or 'equal' or 'free'."),
        ("class_sizes", ["auto"], "'auto' or 'equal' or 'free'."),
        ("quick", 2, "True or False."),
        ("run_folder", None, "a text."),
        ("effort", 0, "a number from 0.05 to 4."),
        ("effort", float("nan"), "a number from 0.05 to 4."),
    ],
)
def test_a_bad_value_ends_in_one_sentence(
    chapter: NotebookNode, name: str, value: object, words: str
) -> None:
    source = {cell.id: cell.source for cell in chapter.cells}
    names: dict[str, Any] = {"course": course}
    exec(source["parameters"], names)
    exec(source["check-parameters"], names)  # the stored values are good
    names[name] = value
    with pytest.raises(InputError) as caught:
        exec(source["check-parameters"], names)
    sentence = str(caught.value)
    assert sentence.startswith(f"{name} is {value!r}: ") and words in sentence
