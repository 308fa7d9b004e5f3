"""The contract of a chapter: all chapters keep it, and each rule finds what breaks it."""

from __future__ import annotations

import ast
import copy
import re
import shutil
from base64 import b64decode
from io import BytesIO
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from PIL import Image

from mtlkit.course.chapters import PATTERN, course_folder, find_chapter
from mtlkit.course.execution import output_data
from mtlkit.course.lint import OBJECTIVE, lint

from .helpers import Change, replaced

FOLDERS = course_folder(), course_folder() / "solutions"
CHAPTERS = [path for folder in FOLDERS for path in sorted(folder.glob(PATTERN))]
QUICKSTART = nbformat.read(find_chapter("00"), as_version=4)
FORGETFUL = ("Markdown", "HTML", "show", "draw_lines", "course.check")  # what they return is seen
PICTURE = re.compile(r"base64,([A-Za-z0-9+/=]+)")
each_chapter = pytest.mark.parametrize(
    "path", CHAPTERS, ids=[f"{path.parent.name}-{path.stem}" for path in CHAPTERS]
)


@each_chapter
def test_every_chapter_keeps_the_contract(path: Path) -> None:
    assert lint(path) == []


@each_chapter
def test_no_cell_throws_away_what_it_would_show(path: Path) -> None:
    """Jupyter shows the last expression of a cell only: what stands above needs `display`."""
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        for statement in ast.parse(cell.source).body[:-1]:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
                assert ast.unparse(statement.value.func) not in FORGETFUL, cell.id


@each_chapter
def test_no_figure_is_cut_at_a_border(path: Path) -> None:
    """What runs over a picture's edge leaves a row or column of pixels there that is not plain."""
    for cell in nbformat.read(path, as_version=4).cells:
        pages = [data.get("text/html", "") for data in output_data(cell)]
        for picture in PICTURE.findall("".join(pages)):
            grey = np.asarray(Image.open(BytesIO(b64decode(picture))).convert("L"), dtype=int)
            for border in (grey[0], grey[-1], grey[:, 0], grey[:, -1]):
                assert np.ptp(border) < 60, cell.id


def html(page: str) -> Change:
    return output(new_output("display_data", {"text/html": page}))


def output(new: NotebookNode) -> Change:
    return lambda notebook: notebook.cells.append(new_code_cell("1", id="new", outputs=[new]))


def text(words: str) -> Change:
    return lambda notebook: notebook.cells.append(new_markdown_cell(words, id="new"))


def code(words: str) -> Change:
    return lambda notebook: notebook.cells.append(new_code_cell(words, id="new"))


def objectives(number: int) -> Change:
    def change(notebook: NotebookNode) -> None:
        title = notebook.cells[0]
        there = len(OBJECTIVE.findall(title.source))
        title.source += "".join(f"\n{n}. *see* more" for n in range(there + 1, number + 1))

    return change


def untagged(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell.metadata.pop("tags", None)


IMAGE = '<img src="data:," alt="{}">'
ALT = "A figure of three bars, of which the last is the tallest."
FAILED = new_output("error", ename="ValueError", evalue="x", traceback=[])
BROKEN: list[tuple[Change, str, str]] = [  # what breaks a rule, the cell that is named, a finding
    (replaced(". *", ". "), "title", "0 objectives"),
    (objectives(6), "title", "6 objectives"),
    (replaced("**Memory:**", "Memory:"), "title", "'**Memory:**' is missing"),
    (replaced("**Time:**", "Time:"), "title", "'**Time:**' is missing"),
    (text("# Another"), "title", "one heading of the first"),
    (text("#### Deep"), "new", "level 4 follows one of level 2"),
    (untagged, "title", "the tag 'parameters'"),
    (replaced("seed = 0  #", "sed = 0  #"), "parameters", "seed: each chapter"),
    (replaced("check_parameters(", "look_at("), "parameters", "calls check_parameters"),
    (replaced("· easy · objective 4", "· easy"), "title", "covers objective 4"),
    (replaced("*Hint:*", "Hint:"), "title", "'*Hint:*'"),
    (replaced('check("00-2"', 'check("00-1"'), "title", "00-2 has no self-check"),
    (replaced("· medium ·", "· fair ·"), "title", "of 3 kinds"),
    (html("<img src='data:,'>"), "new", "text must say"),
    (html(IMAGE.format("short")), "new", "40 characters or more"),
    (html(IMAGE.format(ALT) * 2), "new", "as no other"),
    (output(new_output("display_data", {"image/png": "aaaa"})), "new", "use show()"),
    (text("[there](missing.ipynb)"), "new", "'missing.ipynb' leads nowhere"),
    (text("[there](#No-such-heading)"), "new", "'No-such-heading'"),
    (output(new_output("stream", name="stderr", text="oh")), "new", "complained: oh"),
    (output(new_output("stream", text="UserWarning: old")), "new", "complained: UserWarning"),
    (output(FAILED), "new", "complained: ValueError"),
    (output(new_output("stream", text="saved in /home/me/x")), "title", "'/home/me/x"),
    (html("<p>saved in /home/me/x</p>"), "title", "'/home/me/x"),
    (text("## 99 Far"), "title", "sections are numbered"),
    (output(new_output("stream", text="x" * 1_100_000)), "title", "1,000,000 is the most"),
    (code("import requests"), "new", "it reaches for network"),
    (code("!ls"), "new", "it reaches for network"),
    (code('warnings.simplefilter("ignore")'), "new", "it hides all warnings"),
    (code("warnings.filterwarnings('ignore')"), "new", "it hides all warnings"),
    (text("This is just so."), "new", "a difficulty: 'just'"),
]


@pytest.mark.parametrize(("change", "cell", "finding"), BROKEN)
def test_each_rule_finds_what_breaks_it(
    change: Change, cell: str, finding: str, tmp_path: Path
) -> None:
    notebook = copy.deepcopy(QUICKSTART)
    change(notebook)
    path = tmp_path / "00_quickstart.ipynb"
    nbformat.write(notebook, path)
    findings = lint(path)
    start = f"00_quickstart.ipynb: cell '{cell}': "
    assert any(line.startswith(start) and finding in line for line in findings), findings
    assert all(line.startswith("00_quickstart.ipynb: cell '") for line in findings)


@pytest.mark.parametrize(
    "change",
    [
        text("`just` code, and a link [here](#1-Load-the-images,-and-leave-the-labels-sealed)"),
        html(IMAGE.format(ALT)),
    ],
)
def test_what_is_fine_is_left_alone(change: Change, tmp_path: Path) -> None:
    notebook = copy.deepcopy(QUICKSTART)
    change(notebook)
    for file in (course_folder() / "glossary.md", *CHAPTERS[1:6]):
        shutil.copy(file, tmp_path)  # what it links to
    path = tmp_path / "00_quickstart.ipynb"
    nbformat.write(notebook, path)
    assert lint(path) == []
