"""The contract of a chapter, rule by rule: each finds what is wrong, in which cell."""

import re
from functools import partial
from itertools import pairwise
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup
from nbformat import NotebookNode

from mtlkit.course import readability
from mtlkit.course.checks import EXERCISES, load_exercises
from mtlkit.course.execution import output_data
from mtlkit.course.parameters import parameters_of
from mtlkit.course.readability import Findings, prose
from mtlkit.errors import InputError

MAX_NOTEBOOK = 1_000_000  # bytes
HEADING = re.compile(r"^(#+) (.+)", re.MULTILINE)
OBJECTIVE = re.compile(r"^(\d)\. \*\w+\*", re.MULTILINE)
EXERCISE = re.compile(
    r"^### Exercise (\d+) · (compute|predict|mend|design) · (?:easy|medium|hard) · "
    r"objectives? ([\d, ]+)$",
    re.MULTILINE,
)
MACHINE = re.compile(r"(?<![\w.\"'=<])/(?:home|root|work|tmp|usr|Users|mnt)/|[A-Z]:\\\\")
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
    notebook = nbformat.read(path, 4)
    rules = RULES + readability.RULES if readability.applies(path) else RULES
    findings = (finding for rule in rules for finding in rule(notebook, path))
    first = notebook.cells[0].id
    return [f"{path.name}: cell {cell or first!r}: {what}" for cell, what in findings]


def opening(notebook: NotebookNode, path: Path) -> Findings:
    text = notebook.cells[0].source
    objectives = len(OBJECTIVE.findall(text))
    if not 3 <= objectives <= 5:
        example = "objectives that start with a verb, as in '1. *explain* ...'"
        yield "", f"{objectives} {example}: give 3 to 5"
    for word in ("**You need:**", "**Time:**", "**Memory:**", "**Network:**"):
        if word not in text:
            yield "", f"{word!r} is missing"


def headings(notebook: NotebookNode, path: Path) -> Findings:
    heads = [
        (cell, len(marks), title)
        for cell, text in prose(notebook).items()
        for marks, title in HEADING.findall(text)
    ]
    levels = [level for _, level, _ in heads]
    if levels.count(1) != 1 or levels[0] != 1:
        yield "", "a chapter has one heading of the first level, at its top"
    for (_, level, _), (cell, deeper, _) in pairwise(heads):
        if deeper > level + 1:
            yield cell, f"a heading of level {deeper} follows one of level {level}"
    starts = [re.match(r"\d+(?= )", title) for _, level, title in heads if level == 2]
    numbers = [int(start[0]) for start in starts if start]
    if numbers != list(range(1, len(numbers) + 1)):
        yield "", f"sections are numbered {numbers}"


def parameters(notebook: NotebookNode, path: Path) -> Findings:
    try:
        missing = {"seed", "source", "quick"} - parameters_of(path).keys()
    except InputError as fault:
        yield "", str(fault)
        return
    if missing:
        yield "parameters", f"{', '.join(sorted(missing))}: each chapter has these"
    if not any("check_parameters(" in cell.source for cell in notebook.cells):
        yield "parameters", "no cell calls check_parameters"


def exercises(notebook: NotebookNode, path: Path) -> Findings:
    load_exercises()
    text = "\n".join(cell.source for cell in notebook.cells)
    heads = EXERCISE.findall(text)
    kinds = {kind for _, kind, _ in heads}
    if len(kinds) < 3:
        example = "'### Exercise 1 · compute · easy · objective 2'"
        yield "", f"give 3 exercises or more, of 3 kinds: {example}"
    if len(re.findall(r"^\*Hint:\*", text, re.MULTILINE)) < len(heads):
        yield "", "each exercise has a '*Hint:*'"
    covered = ""
    for number, _, objectives in heads:
        covered += objectives
        name = f"{path.stem[:2]}-{number}"
        if name not in EXERCISES or f'check("{name}"' not in text:
            yield "", f"exercise {name} has no self-check"
    for objective in OBJECTIVE.findall(notebook.cells[0].source):
        if objective not in covered:
            yield "", f"no exercise covers objective {objective}"


def figures(notebook: NotebookNode, path: Path) -> Findings:
    seen = set[str]()
    for cell in notebook.cells:
        for data in output_data(cell):
            if "image/png" in data:
                yield cell.id, "a figure without a text: use show()"
            page = BeautifulSoup(data.get("text/html", ""), "html.parser")
            for image in page.find_all("img"):
                alt = str(image.get("alt", ""))
                if len(alt) < 40 or alt in seen:
                    rule = "say what it shows, in 40 characters or more, as no other"
                    yield cell.id, f"a figure's text must {rule}: {alt!r}"
                seen.add(alt)


def links(notebook: NotebookNode, path: Path) -> Findings:
    for cell, text in prose(notebook).items():
        for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
            file, _, anchor = target.partition("#")
            page = path.parent / file if file else path
            if not page.is_file():
                yield cell, f"the link {target!r} leads nowhere"
            elif anchor and anchor not in anchors(page):
                yield cell, f"{file or 'this chapter'} has no heading {anchor!r}"


def anchors(path: Path) -> set[str]:
    """Return the names by which JupyterLab links to the headings of a notebook or page."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = nbformat.reads(text, 4).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return {title.strip().replace(" ", "-") for _, title in HEADING.findall(text)}


def outputs(notebook: NotebookNode, path: Path) -> Findings:
    size = path.stat().st_size
    if size > MAX_NOTEBOOK:
        yield "", f"the notebook has {size:,} bytes; {MAX_NOTEBOOK:,} is the most"
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            text = output.get("text", "") + str(data.get("text/plain", ""))
            if output.get("name") == "stderr" or "Warning" in text or "ename" in output:
                words = " ".join(text.split())[:80] or output.get("ename")
                yield cell.id, f"it complained: {words}"
    text = re.sub(r"base64,[A-Za-z0-9+/=]+", "", path.read_text(encoding="utf-8"))
    if place := MACHINE.search(text):
        start = place.start()
        yield "", f"a path of the machine that built it: {text[start : start + 40]!r}"


RULES = (
    opening,
    headings,
    parameters,
    exercises,
    figures,
    links,
    outputs,
    partial(readability.search, HARMFUL),
)
