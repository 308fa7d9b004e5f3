"""From a chapter's source to its notebook: executed, with outputs, and the same cell ids each time.

Usage: python notebooks/build.py [00_quickstart ...]"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

HERE = Path(__file__).resolve().parent
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
KERNEL: dict[str, Any] = {
    "config": Config(KernelManager={"transport_encryption": "auto"}),  # it warns of plain text otherwise
    "shutdown_kernel": "immediate",  # nothing is left to be done; a slow end complains when interrupted
}


def prepare_environment() -> None:
    """Set what a kernel inherits, where the user has not: one thread, and the kernel of this very Python."""
    for name in (*THREADS, "JUPYTER_PREFER_ENV_PATH"):
        os.environ.setdefault(name, "1")


def read_source(path: Path) -> NotebookNode:
    """Return the notebook of a source, not executed; each cell names its own id, as in `id="load"`."""
    notebook = jupytext.read(path, fmt="py:percent")
    for cell in notebook.cells:
        cell.id = cell.metadata.pop("id")
    ids = [cell.id for cell in notebook.cells]
    if bad := [i for i in ids if not re.fullmatch("[a-z0-9-]{1,64}", i) or ids.count(i) > 1]:
        raise ValueError(f"{path.name}: ids are unique, of lower-case letters, digits and dashes, not {bad}")
    notebook.metadata = {"kernelspec": notebook.metadata.kernelspec, "language_info": {"name": "python"}}
    return notebook


def build(path: Path) -> Path:
    """Execute a source and write its notebook beside the folder of sources."""
    notebook = read_source(path)
    client = NotebookClient(notebook, kernel_name="python3", record_timing=False, timeout=600, **KERNEL)
    client.execute(cwd=str(HERE))
    notebook.metadata.language_info = {"name": "python"}  # executing adds the version of Python
    target = HERE / f"{path.stem}.ipynb"
    nbformat.write(notebook, target)
    return target


if __name__ == "__main__":
    prepare_environment()
    for name in sys.argv[1:] or sorted(path.stem for path in (HERE / "source").glob("*.py")):
        print(build(HERE / "source" / f"{name}.py"))
