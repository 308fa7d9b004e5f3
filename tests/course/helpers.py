"""Commands that tests call, in this process or in another, and what they leave and say."""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from typer.testing import CliRunner, Result

from mtlkit.cli import app

Change = Callable[[NotebookNode], None]


def command(*arguments: str | Path, flags: tuple[str, ...] = ("-W", "error")) -> list[str]:
    """Return a command for a process of its own, in which warnings are errors."""
    return [sys.executable, *flags, "-m", "mtlkit.cli", "course", *map(str, arguments)]


def call(*arguments: str | Path, **more: str) -> Result:
    """Call `mtlkit course` in this process."""
    return CliRunner().invoke(app, ["course", *map(str, arguments)], **more)


def assert_refused(result: Result, *words: str) -> None:
    """A wrong call ends with status 2 and one sentence, in which the words stand."""
    assert result.exit_code == 2, result.output
    assert result.stdout.strip() == ""  # a question leaves a blank there
    assert "Traceback" not in result.stderr
    last = result.stderr.strip().splitlines()[-1]
    for word in words:
        assert word in last, last


def assert_stopped(stderr: str) -> None:
    """Ctrl-C ends in one sentence."""
    assert "Traceback" not in stderr and "ResourceWarning" not in stderr
    assert stderr.strip().splitlines()[-1] == "stopped: nothing was left half-written."


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))


def finished(out: Path) -> dict[str, int]:
    """Return the folders of runs that are whole, and when their reports were written."""
    return {path.parent.name: path.stat().st_mtime_ns for path in out.glob("*/report.json")}


def begun(notebook: Path, cell_id: str) -> bool:
    """Has a run begun to execute this cell?"""
    try:
        cells = nbformat.read(notebook, 4).cells
    except (OSError, ValueError):  # not there, or being written
        return False
    return any(cell.id == cell_id and cell.metadata.papermill.start_time for cell in cells)


def wait_until(happens: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
    """Wait until something happens; fail after two minutes, or if the process ends before."""
    deadline = time.monotonic() + 120
    while not happens():
        assert time.monotonic() < deadline
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.05)


def edit(chapter: Path, cell: int, change: Callable[[str], str]) -> None:
    """Change the source of one cell of a notebook."""
    notebook = nbformat.read(chapter, 4)
    notebook.cells[cell].source = change(notebook.cells[cell].source)
    nbformat.write(notebook, chapter)


def replaced(old: str, new: str) -> Change:
    """Return what changes a text wherever it stands in a notebook's cells."""

    def change(notebook: NotebookNode) -> None:
        assert any(old in cell.source for cell in notebook.cells)
        for cell in notebook.cells:
            cell.source = cell.source.replace(old, new)

    return change


def handed_out(teacher: Path, **answers: str) -> NotebookNode:
    """Return the notebook of the fixture `teacher` as it is handed out, with answers by cell id."""
    released = teacher / "handed out" / "release" / "07_tiny" / "07_tiny.ipynb"
    notebook = nbformat.read(released, as_version=4)
    for cell in notebook.cells:
        cell.source = answers.get(cell.id.replace("-", "_"), cell.source)
    return notebook
