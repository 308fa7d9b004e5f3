"""The contract of a chapter: all chapters keep it, and each rule finds what breaks it."""

from __future__ import annotations

import ast
import copy
import re
import shutil
from base64 import b64decode
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from PIL import Image

from mtlkit.course.chapters import PATTERN, course_folder, find_chapter
from mtlkit.course.lint import lint

CHAPTERS = sorted(course_folder().glob(PATTERN)) + sorted(
    (course_folder() / "solutions").glob(PATTERN)
)
QUICKSTART = nbformat.read(find_chapter("00"), as_version=4)


@pytest.mark.parametrize(
    "path", CHAPTERS, ids=[f"{path.parent.name}-{path.stem}" for path in CHAPTERS]
)
def test_every_chapter_keeps_the_contract(path: Path) -> None:
    assert lint(path) == []


@pytest.mark.parametrize(
    "path", CHAPTERS, ids=[f"{path.parent.name}-{path.stem}" for path in CHAPTERS]
)
def test_no_cell_throws_away_what_it_would_show(path: Path) -> None:
    """Jupyter shows the last expression of a cell only: what stands above needs `display`."""
    for cell in nbformat.read(path, as_version=4).cells:
        for one in ast.parse(cell.source).body[:-1] if cell.cell_type == "code" else []:
            called = (
                ast.unparse(one.value.func)
                if isinstance(one, ast.Expr) and isinstance(one.value, ast.Call)
                else ""
            )
            assert called not in ("Markdown", "HTML", "show", "draw_lines", "course.check"), (
                cell.id,
                called,
            )


@pytest.mark.parametrize(
    "path", CHAPTERS, ids=[f"{path.parent.name}-{path.stem}" for path in CHAPTERS]
)
def test_no_figure_is_cut_at_a_border(path: Path) -> None:
    """A title or label that is too long runs over the picture's edge: there its first column of
    pixels is not plain.
    """
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            for picture in re.findall(
                r"base64,([A-Za-z0-9+/=]+)", output.get("data", {}).get("text/html", "")
            ):
                grey = np.asarray(Image.open(BytesIO(b64decode(picture))).convert("L"), dtype=int)
                for border in (grey[0], grey[-1], grey[:, 0], grey[:, -1]):
                    assert np.ptp(border) < 60, cell.id


def html(page: str) -> Callable[[NotebookNode], None]:
    return output(new_output("display_data", {"text/html": page}))


def output(one: NotebookNode) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.cells.append(new_code_cell("1", id="new", outputs=[one]))


def text(words: str) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.cells.append(new_markdown_cell(words, id="new"))


def code(words: str) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.cells.append(new_code_cell(words, id="new"))


def replaced(old: str, new: str) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        assert any(old in cell.source for cell in notebook.cells)
        for cell in notebook.cells:
            cell.source = cell.source.replace(old, new)

    return change


def untagged(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell.metadata.pop("tags", None)


IMAGE = '<img src="data:," alt="{}">'
ALT = "A figure of three bars, of which the last is the tallest."
BROKEN: list[tuple[Callable[[NotebookNode], None], str]] = [
    (replaced(". *", ". "), "0 objectives that start with a verb"),
    (replaced("**Memory:**", "Memory:"), "'title': '**Memory:**' is missing"),
    (replaced("**Time:**", "Time:"), "'**Time:**' is missing"),
    (text("# Another"), "one heading of the first level"),
    (text("#### Deep"), "'new': a heading of level 4 follows one of level 2"),
    (untagged, "no cell has the tag 'parameters'"),
    (replaced("seed = 0  #", "sed = 0  #"), "seed: each chapter has these"),
    (replaced("check_parameters(", "look_at("), "no cell calls check_parameters"),
    (replaced("· easy · objective 4", "· easy"), "no exercise covers objective 4"),
    (replaced("*Hint:*", "Hint:"), "each exercise has a '*Hint:*'"),
    (replaced('check("00-2"', 'check("00-1"'), "exercise 00-2 has no self-check"),
    (replaced("· medium ·", "· fair ·"), "of 3 kinds"),
    (html("<img src='data:,'>"), "'new': a figure's text must say"),
    (html(IMAGE.format("short")), "40 characters or more"),
    (html(IMAGE.format(ALT) * 2), "as no other"),
    (
        output(new_output("display_data", {"image/png": "aaaa"})),
        "'new': a figure without a text: use show()",
    ),
    (text("[there](missing.ipynb)"), "'new': the link 'missing.ipynb' leads nowhere"),
    (text("[there](#No-such-heading)"), "this chapter has no heading 'No-such-heading'"),
    (output(new_output("stream", name="stderr", text="oh")), "'new': it complained: oh"),
    (output(new_output("stream", text="UserWarning: old")), "it complained: UserWarning"),
    (
        output(new_output("error", ename="ValueError", evalue="x", traceback=[])),
        "it complained: ValueError",
    ),
    (output(new_output("stream", text="saved in /home/me/x")), "a path of the machine"),
    (html("<p>saved in /home/me/x</p>"), "a path of the machine"),
    (text("## 99 Far"), "sections are numbered"),
    (output(new_output("stream", text="x" * 1_100_000)), "1,000,000 is the most"),
    (code("import requests"), "'new': it reaches for the network"),
    (code("!ls"), "it reaches for network or shell"),
    (code('warnings.simplefilter("ignore")'), "'new': a filter that hides all warnings"),
    (code("warnings.filterwarnings('ignore')"), "it hides all warnings"),
    (text("This is just so."), "'new': a word that belittles a difficulty: 'just'"),
]


@pytest.mark.parametrize(("change", "finding"), BROKEN)
def test_each_rule_finds_what_breaks_it(
    change: Callable[[NotebookNode], None], finding: str, tmp_path: Path
) -> None:
    notebook = copy.deepcopy(QUICKSTART)
    change(notebook)
    path = tmp_path / "00_quickstart.ipynb"
    nbformat.write(notebook, path)
    found = lint(path)
    assert found
    assert any(part in one for one in found for part in finding.split("|")), found
    assert all(one.startswith("00_quickstart.ipynb: cell '") for one in found)


@pytest.mark.parametrize(
    "change",
    [
        text("`just` code, and a link [here](#1-Load-the-images,-and-leave-the-labels-sealed)"),
        html(IMAGE.format(ALT)),
    ],
)
def test_what_is_fine_is_left_alone(change: Callable[[NotebookNode], None], tmp_path: Path) -> None:
    notebook = copy.deepcopy(QUICKSTART)
    change(notebook)
    for file in (course_folder() / "glossary.md", *CHAPTERS[1:6]):
        shutil.copy(file, tmp_path)  # what it links to
    path = tmp_path / "00_quickstart.ipynb"
    nbformat.write(notebook, path)
    assert lint(path) == []
