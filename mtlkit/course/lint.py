"""The contract of a chapter, rule by rule: each finds what is wrong, in which cell."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup
from nbformat import NotebookNode

from mtlkit.course.checks import EXERCISES, load_exercises
from mtlkit.course.parameters import parameters_of
from mtlkit.errors import InputError

Findings = Iterator[tuple[str, str]]  # (cell's id, what is wrong there)
CODE = re.compile(r"```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$", re.DOTALL)
MOST = 1_000_000  # bytes of a notebook
OBJECTIVE = re.compile(r"^(\d)\. \*\w+\*", re.MULTILINE)
EXERCISE = re.compile(
    r"^### Exercise (\d+) · (compute|predict|mend|design) · (?:easy|medium|hard) · "
    r"objectives? ([\d, ]+)$",
    re.MULTILINE,
)
HARMFUL = {  # in the source of a cell of that kind
    "code": {
        r"https?://|urllib|requests|pooch|pip install|^[!%]": "it reaches for network or shell",
        r"(?:simplefilter|filterwarnings)\(\s*['\"]ignore['\"]\s*\)": "it hides all warnings",
    },
    "markdown": {
        r"\b(?:simply|just|obviously|of course|easily)\b": "a word that belittles a difficulty"
    },
}


def lint(path: Path) -> list[str]:
    """Return what is wrong with a chapter, a sentence each: `cell 'title': no objectives`."""
    notebook = nbformat.read(path, as_version=4)
    return [
        f"{path.name}: cell {cell!r}: {what}"
        for rule in RULES
        for cell, what in rule(notebook, path)
    ]


def prose(notebook: NotebookNode) -> Iterator[tuple[str, str]]:
    """Yield (id, text without code and formulas) of each text cell."""
    yield from (
        (cell.id, CODE.sub("", cell.source))
        for cell in notebook.cells
        if cell.cell_type == "markdown"
    )


def opening(notebook: NotebookNode, path: Path) -> Findings:
    first = notebook.cells[0]
    objectives = OBJECTIVE.findall(first.source)
    if not 3 <= len(objectives) <= 5:
        yield (
            first.id,
            f"{len(objectives)} objectives that start with a verb, as in '1. "
            "*explain* ...': give 3 to 5",
        )
    for word in ("You need:", "Time:", "Memory:", "Network:"):
        if f"**{word}**" not in first.source:
            yield first.id, f"'**{word}**' is missing"


def headings(notebook: NotebookNode, path: Path) -> Findings:
    found = [
        (cell, len(marks))
        for cell, text in prose(notebook)
        for marks in re.findall("(?m)^(#+) ", text)
    ]
    if [level for _, level in found].count(1) != 1 or found[0][1] != 1:
        yield notebook.cells[0].id, "a chapter has one heading of the first level, at its top"
    for (_, level), (cell, deeper) in itertools.pairwise(found):
        if deeper > level + 1:
            yield cell, f"a heading of level {deeper} follows one of level {level}"
    numbers = [
        int(one)
        for _, text in prose(notebook)
        for one in re.findall(r"^## (\d+) ", text, re.MULTILINE)
    ]
    if numbers != list(range(1, len(numbers) + 1)):
        yield notebook.cells[0].id, f"sections are numbered {numbers}"


def parameters(notebook: NotebookNode, path: Path) -> Findings:
    try:
        missing = [name for name in ("seed", "source", "quick") if name not in parameters_of(path)]
    except InputError as fault:
        yield notebook.cells[0].id, str(fault)
        return
    if missing:
        yield "parameters", f"{', '.join(missing)}: each chapter has these"
    if not any("check_parameters(" in cell.source for cell in notebook.cells):
        yield "parameters", "no cell calls check_parameters"


def exercises(notebook: NotebookNode, path: Path) -> Findings:
    load_exercises()
    first, covered = notebook.cells[0], set[str]()
    text = "\n".join(cell.source for cell in notebook.cells)
    heads = EXERCISE.findall(text)
    kinds = {kind for _, kind, _ in heads}
    if len(heads) < 3 or len(kinds) < 3:
        yield (
            first.id,
            "give 3 exercises or more, of 3 kinds: '### Exercise 1 · compute · easy · objective 2'",
        )
    if len(re.findall(r"^\*Hint:\*", text, re.MULTILINE)) < len(heads):
        yield first.id, "each exercise has a '*Hint:*'"
    for number, _, objectives in heads:
        covered |= set(re.findall(r"\d", objectives))
        name = f"{path.stem[:2]}-{number}"
        if name not in EXERCISES or f'check("{name}"' not in text:
            yield first.id, f"exercise {name} has no self-check"
    for objective in set(OBJECTIVE.findall(first.source)) - covered:
        yield first.id, f"no exercise covers objective {objective}"


def figures(notebook: NotebookNode, path: Path) -> Findings:
    seen = set[str]()
    for cell in notebook.cells:
        shown = [output.get("data", {}) for output in cell.get("outputs", [])]
        if any("image/png" in data for data in shown):
            yield cell.id, "a figure without a text: use show()"
        for image in BeautifulSoup(
            "".join(data.get("text/html", "") for data in shown), "html.parser"
        ).find_all("img"):
            alt = str(image.get("alt", ""))
            if len(alt) < 40 or alt in seen:
                yield (
                    cell.id,
                    "a figure's text must say what it shows, in 40 characters or "
                    f"more, as no other: {alt!r}",
                )
            seen.add(alt)


def links(notebook: NotebookNode, path: Path) -> Findings:
    for cell, text in prose(notebook):
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            file, _, anchor = target.partition("#")
            if re.match(r"https?:", target):
                continue
            there = path.parent / file if file else path
            if not there.is_file():
                yield cell, f"the link {target!r} leads nowhere"
            elif anchor and anchor not in anchors(there):
                yield cell, f"{file or 'this chapter'} has no heading {anchor!r}"


def anchors(path: Path) -> set[str]:
    """Return the names by which headings of a notebook or page can be linked to, as JupyterLab
    makes them.
    """
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = "\n".join(
            cell.source for cell in nbformat.reads(text, 4).cells if cell.cell_type == "markdown"
        )
    return {head.strip().replace(" ", "-") for head in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


def outputs(notebook: NotebookNode, path: Path) -> Findings:
    if path.stat().st_size > MOST:
        yield (
            notebook.cells[0].id,
            f"the notebook has {path.stat().st_size:,} bytes; {MOST:,} is the most",
        )
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            said = output.get("text", "") + str(output.get("data", {}).get("text/plain", ""))
            if output.output_type == "error" or output.get("name") == "stderr" or "Warning" in said:
                yield (
                    cell.id,
                    f"it complained: {' '.join(said.split())[:80] or output.get('ename')}",
                )
    text = re.sub(r"base64,[A-Za-z0-9+/=]+", "", path.read_text(encoding="utf-8"))
    if place := re.search(
        r"(?<![\w.\"'=<])/(?:home|root|work|tmp|usr|Users|mnt)/|[A-Z]:\\\\", text
    ):
        yield (
            notebook.cells[0].id,
            f"a path of the machine that built it: {text[place.start() :][:40]!r}",
        )


def sources(notebook: NotebookNode, path: Path) -> Findings:
    for cell in notebook.cells:
        text = CODE.sub("", cell.source) if cell.cell_type == "markdown" else cell.source
        for pattern, what in HARMFUL.get(cell.cell_type, {}).items():
            if found := re.search(pattern, text, re.MULTILINE | re.IGNORECASE):
                yield cell.id, f"{what}: {found[0]!r}"


RULES = (opening, headings, parameters, exercises, figures, links, outputs, sources)
