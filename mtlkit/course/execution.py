"""One notebook is executed: with parameters, in one thread, and what goes wrong is told in a sentence."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from traitlets.config import Config

from mtlkit.course.figures import RECORD
from mtlkit.errors import InputError

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
KERNEL: dict[str, Any] = {
    "kernel_name": "python3",
    "config": Config(KernelManager={"transport_encryption": "auto"}),  # it warns of plain text otherwise
    "shutdown_kernel": "immediate",  # nothing is left to be done; a slow end complains when interrupted
}


def prepare_environment() -> None:
    """Set what a kernel inherits, where the user has not: one thread, and the kernel of this very Python."""
    for name in (*THREADS, "JUPYTER_PREFER_ENV_PATH"):
        os.environ.setdefault(name, "1")


def run_chapter(chapter: Path, values: dict[str, Any], folder: Path, progress: bool = True) -> dict[str, Any]:
    """Execute a chapter with other parameters into `folder`: `notebook.ipynb`, and `record.json` with what it recorded.

    Args:
        chapter: the notebook; it stays as it is.
        values: parameters by name. A chapter with a `run_folder` is given `folder`.
        folder: exists; what was executed stays there, also if a cell fails.
        progress: show a bar of cells.

    Returns:
        The report: chapter, parameters, and the recorded numbers.

    Raises:
        InputError: the chapter refused a value.
        RuntimeError: a cell failed (it is named), or the kernel died.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    prepare_environment()
    out = folder / "notebook.ipynb"
    try:
        papermill.execute_notebook(str(chapter), str(out), values, progress_bar=progress, cwd=str(folder), **KERNEL)
    except PapermillExecutionError as fault:
        if fault.ename == "InputError":
            raise InputError(fault.evalue) from fault
        cell = next((cell.id for cell in nbformat.read(chapter, 4).cells if cell.source == fault.source), "parameters")
        raise RuntimeError(f"{chapter.name}: cell {cell!r} failed with {fault.ename}: {fault.evalue} "
                           f"What was executed until then is in {out}.") from fault  # fmt: skip
    except DeadKernelError as fault:
        raise RuntimeError(f"{chapter.name}: the kernel died; was the memory used up? What was executed until then is "
                           f"in {out}.") from fault  # fmt: skip
    done = nbformat.read(out, as_version=4)
    report = {"chapter": chapter.stem, "parameters": values, "recorded": recorded(done)}
    (folder / "record.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def recorded(notebook: NotebookNode) -> dict[str, Any]:
    """Return all numbers that the cells of an executed notebook recorded (see `figures.record`)."""
    found: dict[str, Any] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            found |= output.get("data", {}).get(RECORD, {})
    return found
