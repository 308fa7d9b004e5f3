"""nbval runs every chapter and compares what is tagged: it notices each number that is flipped."""

from __future__ import annotations

import copy
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from mtlkit.course.chapters import PATTERN, course_folder
from mtlkit.course.execution import prepare_environment

CHAPTERS = sorted(course_folder().glob(PATTERN))


def compared(cell: NotebookNode) -> bool:
    return "nbval-check-output" in cell.metadata.get("tags", [])


def flipped(cell: NotebookNode) -> Iterator[NotebookNode]:
    """Copies of a cell, each with one number or truth value of its stored output changed."""
    for n, output in enumerate(cell.outputs):
        text = output.text
        for match in re.finditer(r"\d+(?:\.\d+)?|True|False", text):
            other = {"True": "False", "False": "True"}.get(match[0])
            if other is None:
                last = (int(match[0][-1]) + 1) % 10
                other = f"{match[0][:-1]}{last}"
            changed = copy.deepcopy(cell)
            changed.outputs[n].text = text[: match.start()] + other + text[match.end() :]
            yield changed


@pytest.mark.parametrize("path", CHAPTERS, ids=[path.stem for path in CHAPTERS])
def test_there_is_something_to_compare(path: Path) -> None:
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if compared(cell)]
    assert cells
    for cell in cells:
        kinds = [output.output_type for output in cell.outputs]
        assert kinds == ["stream"], "print what is compared"
        assert list(flipped(cell))


@pytest.mark.slow
@pytest.mark.parametrize("path", CHAPTERS, ids=[path.stem for path in CHAPTERS])
def test_nbval_passes_and_notices_each_flipped_number(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    cells, wrong = [], set[int]()
    for cell in notebook.cells:
        cells.append(cell)
        for n, changed in enumerate(flipped(cell) if compared(cell) else ()):
            changed.id = f"{cell.id}-{n}"
            cells.append(changed)
            code = [cell for cell in cells if cell.cell_type == "code"]
            wrong.add(len(code) - 1)  # as nbval counts cells
    notebook.cells = cells
    nbformat.write(notebook, tmp_path / path.name)
    prepare_environment()
    report = tmp_path / "report.xml"
    call = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        "--nbval-cell-timeout=300",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--rootdir={tmp_path}",
        f"--junit-xml={report}",
        str(tmp_path / path.name),
    ]
    done = subprocess.run(
        call, cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False, timeout=550
    )
    failed = {
        int(re.sub(r"\D", "", case.attrib["name"]))
        for case in ElementTree.parse(report).iter("testcase")
        if len(case) and case[0].tag in ("failure", "error")
    }
    assert failed == wrong, done.stdout[-3000:]
