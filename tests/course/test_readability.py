"""Chapters from 06 on are for reading: a made-up one keeps the contract, and each rule finds what
breaks it.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from mtlkit.course import checks
from mtlkit.course.lint import lint

from .helpers import Change, replaced

TITLE = """# 06 · Cells: which fifty of a thousand shall one look at?

1. *explain* the choice.
2. *measure* what it finds.
3. *find* a leak.

**You need:** chapter 05. **Time:** 40 minutes. **Memory:** 1 GB. **Network:** none."""
CHINESE = "多任务学习可以提高医学图像分类的准确性。"
ENGLISH = "Several tasks at once can make the sorting of medical images more accurate."
ARTICLE = f"> {CHINESE}\n> {ENGLISH}\n> [section 6.1](https://example.org/article)"
PARAMETERS = """seed = 0  # 0 to 9 — where chance starts
source = "digits"  # digits | mnist — the images
quick = True  # False looks at more"""
EXERCISE = """### Exercise {} · {} · easy · objective {}

*Hint:* what is scarce?"""
FUNCTION = "def choose(cells):\n" + 18 * "    cells = sorted(cells)\n" + "    return cells"
DRAWING = "axes = figure.add_subplot()\n" + 9 * "axes.plot(x, y)\n"
FOLDED = {"jupyter": {"source_hidden": True}}


def intact() -> NotebookNode:
    cells = [
        new_markdown_cell(TITLE, id="title"),
        new_markdown_cell(ARTICLE, id="article"),
        new_code_cell(PARAMETERS, id="parameters", metadata={"tags": ["parameters"]}),
        new_code_cell('course.check_parameters("06", seed=seed)', id="check-parameters"),
        new_markdown_cell("## 1 Look\n\nA cell is dearly seen; `anew` is code.", id="look"),
        new_code_cell(FUNCTION, id="choose", metadata={"tags": ["subject"]}),
        new_code_cell(DRAWING * 2, id="folded", metadata=FOLDED),
        new_code_cell("# why\n\n" + 10 * "look()\n", id="ten"),
        new_code_cell('print(f"{found} of {len(cells)} are found")', id="line"),
        new_code_cell('Markdown(\n    f"One {x}."\n    f"Two {y}."\n)', id="words"),
        new_code_cell(f'title = f"{{names["{70 * "x"}"]}}{69 * "t"}"', id="long-title"),
    ]
    for number, kind in enumerate(("compute", "predict", "mend"), 1):
        text = EXERCISE.format(number, kind, number)
        check = new_code_cell(f'course.check("06-{number}", a)', id=f"check-{number}")
        check.metadata["tags"] = ["check"]
        cells += [new_markdown_cell(text, id=f"exercise-{number}"), check]
    cells.append(new_markdown_cell("## 2 Summary\n\n**Shown**, for 1 of 2.", id="summary"))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def findings(notebook: NotebookNode, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    path = folder / "06_cells.ipynb"
    nbformat.write(notebook, path)
    for number in (1, 2, 3):
        monkeypatch.setitem(checks.EXERCISES, f"06-{number}", None)
    return [line.removeprefix("06_cells.ipynb: cell ") for line in lint(path)]


def code(words: str, **metadata: object) -> Change:
    cell = new_code_cell(words, id="new", metadata=metadata)
    return lambda notebook: notebook.cells.insert(4, cell)


def text(words: str) -> Change:
    return lambda notebook: notebook.cells.insert(4, new_markdown_cell(words, id="new"))


def unfolded(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell.metadata.pop("jupyter", None)


def test_a_chapter_that_keeps_the_contract_has_no_findings(tmp_path, monkeypatch):
    assert findings(intact(), tmp_path, monkeypatch) == []


def test_a_verdict_may_be_computed(tmp_path, monkeypatch):
    notebook = intact()
    verdict = new_output("display_data", {"text/markdown": "**Not testable here.** Too few."})
    notebook.cells[-1] = new_code_cell("answer()", id="answer", outputs=[verdict])
    assert findings(notebook, tmp_path, monkeypatch) == []


BROKEN: list[tuple[Change, str, str]] = [  # what breaks a rule, the cell that is named, a finding
    (code(11 * "look()\n"), "new", "11 lines of code: split it, or call mtlkit (10 at most)"),
    (code(21 * "look()\n", tags=["solution"]), "new", "21 lines of code"),
    (code(21 * "look()\n", tags=["subject"]), "new", "(20 at most)"),
    (code(21 * "axes.plot(x)\n", **FOLDED), "new", "21 lines of code"),
    (code(11 * "look()\n", **FOLDED), "new", "(10 at most)"),
    (unfolded, "folded", "of the lines draw: call mtlkit.course.figures, or fold"),
    (code('look("#0173b2")'), "new", "a colour as hex"),
    (code('look(edgecolor="black")'), "new", "a colour by name"),
    (code('look(c="r")'), "new", "a colour by name"),
    (code('COLOURS = ["red", "blue"]'), "new", "a colour by name"),
    (code(f'bars(x, title="{71 * "t"}")'), "new", "a title of more than 70"),
    (code(f'title = f"{{x}}{70 * "t"}"'), "new", "a title of more than 70"),
    (code(f'title = (\n    "{40 * "t"}"\n    f"{40 * "t"}"\n)'), "new", "a title of more than 70"),
    (code(f'axes.set_title("{71 * "t"}")'), "new", "a title of more than 70"),
    (code(f'print(f"{{x}}{80 * "t"}")'), "new", "a printed paragraph"),
    (code('print(\n    "It is "\n    f"{x}."\n)'), "new", "a printed paragraph"),
    (code('Markdown(\n    f"{x}"\n    "and"\n    f"{y}"\n)'), "new", "a computed paragraph"),
    (code("dots(rows, title)"), "new", "a figure that is not shown"),
    (code("print(x)\ny = 1\nprint(y)"), "new", "two prints in a cell"),
    (code("import a\nimport b\nfrom c import d\n" * 2), "new", "six imports in a cell"),
    (
        replaced("多任务学习可以提高医学图像分类的准确性。", ""),
        "title",
        "no sentence of the article",
    ),
    (replaced(ENGLISH, ""), "title", "no sentence of the article"),
    (replaced("> ", ""), "title", "no sentence of the article"),
    (
        replaced("**Shown**", "Shown"),
        "summary",
        "**Shown**, **Corrected** or **Not testable here**",
    ),
    (text("Drawn by lot."), "new", "say 'at random' for: 'by lot'"),
    (text("Made anew."), "new", "say 'again'"),
    (text("That is dear."), "new", "say 'expensive'"),
    (text("It tells of cells."), "new", "say 'shows'"),
    (text("Whoever looks."), "new", "say 'anyone who' for: 'Whoever'"),
    (text("It counts."), "new", "say 'what counts is'"),
    (text("This is just so."), "new", "a difficulty: 'just'"),
]


@pytest.mark.parametrize(("change", "cell", "finding"), BROKEN)
def test_each_rule_finds_what_breaks_it(change, cell, finding, tmp_path, monkeypatch):
    notebook = intact()
    change(notebook)
    found = findings(notebook, tmp_path, monkeypatch)
    assert any(line.startswith(f"'{cell}': ") and finding in line for line in found), found


def test_the_verdict_stands_after_the_last_exercise(tmp_path, monkeypatch):
    notebook = intact()
    notebook.cells.insert(4, notebook.cells.pop())
    assert "no verdict" in findings(notebook, tmp_path, monkeypatch)[-1]


def test_chapters_before_06_are_not_yet_held_to_it(tmp_path, monkeypatch):
    notebook = intact()
    code(11 * "look()\n")(notebook)
    old = tmp_path / "05_cells.ipynb"
    nbformat.write(notebook, old)
    assert not any("lines of code" in line for line in lint(old))
