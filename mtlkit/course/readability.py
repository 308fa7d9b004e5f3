"""What holds for chapters from 06 on: code for reading, pictures for people, plain English.

The chapters before follow with their second edition.
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from nbformat import NotebookNode

from mtlkit.course.execution import output_data

Findings = Iterator[tuple[str, str]]  # (cell's id, or "" for the first cell; what is wrong there)
Patterns = Mapping[str, Mapping[str, str]]  # by a cell's kind: what is not there, and what is said
CODE = re.compile(r"```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$", re.DOTALL)
FIRST = "06"
MOST_LINES = 10  # of code in a cell
MORE_LINES = 20  # of a solution, of what the chapter is about, of a folded cell that draws
LONG = {"solution", "subject"}  # tags of cells that may have MORE_LINES
LINE = re.compile(r"^[ \t]*[^\s#]", re.MULTILINE)  # that has code
MOST_DRAWN = 0.15  # of a chapter's lines
DRAWS = re.compile(r"\b(?:matplotlib|seaborn|plt|Figure|add_subplot|subplots|imshow|axes)\b")
LETTER = r'(?:\{[^}\n]*\}|[^"{\n])'  # of a text as ruff writes it; what is computed is one
PIECE = rf'f?"{LETTER}*"\s*'
UNREADABLE: Patterns = {
    "code": {
        r"[\"']#[0-9a-f]{3,8}[\"']": "a colour as hex (take it from seaborn's palette)",
        r"\b(?:c=|\w*colou?rs?\s?=\s?)[\[(]?[\"']": "a colour by name (take the palette's)",
        rf'title(?:\s?=\s?|\()\(?\s*(?:{PIECE}{PIECE}|f?"{LETTER}{{71}})': (
            "a title of more than 70 characters (say one finding)"
        ),
        rf'\bprint\(\s*(?:{PIECE}f?"|f"{LETTER}{{81}})': (
            "a printed paragraph (show a small table or a figure)"
        ),
        rf'\bMarkdown\(\s*\(?\s*{PIECE}{PIECE}f?"': (
            "a computed paragraph (show a small table or a figure)"
        ),
        r"\bprint\((?s:.)*\bprint\(": "two prints in a cell (show a small table)",
        r"^(?:bars|contact_sheet|dots|heat_map|lines)\(": "a figure that is not shown (show(...))",
        r"(?:^(?:import|from) (?s:.)*?){6}": "six imports in a cell (import where it is needed)",
    },
    "markdown": {
        r"\bby lot\b": "say 'at random' for",
        r"\banew\b": "say 'again' for",
        r"\bdear\b": "say 'expensive' for",
        r"\btells of\b": "say 'shows' for",
        r"\bwhoever\b": "say 'anyone who' for",
        r"\bit counts\b": "say 'what counts is' for",
    },
}
QUOTE = re.compile(r"(?:^>.*\n?)+", re.MULTILINE)
ARTICLE = re.compile(r"(?=.*[\u4e00-\u9fff])(?=.*[A-Za-z]+ [a-z]+ [a-z]+)", re.DOTALL)
VERDICT = re.compile(r"\*\*(?:Shown|Corrected|Not testable here)\b")


def applies(path: Path) -> bool:
    """Is it a chapter from 06 on?"""
    return FIRST <= path.stem[:2] <= "99"


def prose(notebook: NotebookNode) -> dict[str, str]:
    """Return the text cells by id, without code and formulas."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    return {cell.id: CODE.sub("", cell.source) for cell in cells}


def search(patterns: Patterns, notebook: NotebookNode, path: Path) -> Findings:
    """Find what matches a pattern, whatever its case, in cells of a kind; not in prose's code."""
    texts = prose(notebook)
    for cell in notebook.cells:
        for pattern, what in patterns.get(cell.cell_type, {}).items():
            text = texts.get(cell.id, cell.source)
            if match := re.search(pattern, text, re.MULTILINE | re.IGNORECASE):
                yield cell.id, f"{what}: {match[0][:60]!r}"


def lines(notebook: NotebookNode, path: Path) -> Findings:
    total = 0
    drawn = dict[str, int]()
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        count = len(LINE.findall(cell.source))
        total += count
        most = MOST_LINES
        if LONG.intersection(cell.metadata.get("tags", [])):
            most = MORE_LINES
        if DRAWS.search(cell.source):
            if cell.metadata.get("jupyter", {}).get("source_hidden"):
                most = MORE_LINES
            else:
                drawn[cell.id] = count
        if count > most:
            yield cell.id, f"{count} lines of code: split it, or call mtlkit ({most} at most)"
    share = sum(drawn.values()) / max(total, 1)
    if share > MOST_DRAWN:
        remedy = "call mtlkit.course.figures, or fold the cell's source"
        yield max(drawn, key=drawn.__getitem__), f"{share:.0%} of the lines draw: {remedy}"


def article(notebook: NotebookNode, path: Path) -> Findings:
    first = "\n\n".join(cell.source for cell in notebook.cells[:2])
    if not any(map(ARTICLE.match, QUOTE.findall(first))):
        told = "its Chinese and its English, in lines that begin with '>'"
        yield "", f"no sentence of the article in the first two cells: give {told}"
    verdict = False
    for cell in notebook.cells:
        if "check" in cell.metadata.get("tags", []):
            verdict = False  # it stands after the last exercise
        if VERDICT.search(f"{cell.source}{output_data(cell)}"):
            verdict = True
    if not verdict:
        words = "**Shown**, **Corrected** or **Not testable here**"
        yield notebook.cells[-1].id, f"no verdict on the article's sentence: end with {words}"


RULES = (partial(search, UNREADABLE), lines, article)
