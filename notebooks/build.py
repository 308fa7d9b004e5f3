"""From a chapter's source to its notebook: executed, with outputs, and the same cell ids each time.

python notebooks/build.py            # every chapter
python notebooks/build.py 00_quickstart
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

HERE = Path(__file__).resolve().parent
ENVIRONMENT = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")} | {
    "JUPYTER_PREFER_ENV_PATH": "1",  # the kernel of this Python, not one of the same name in the home folder
}


def prepare_environment() -> None:
    """Set what the kernel inherits: one thread, where the user has not said otherwise."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def read_source(path: Path) -> NotebookNode:
    """Return the notebook of a source, not executed. Each cell of the source names its own id, as in `id="load"`."""
    notebook = jupytext.read(path, fmt="py:percent")
    for cell in notebook.cells:
        cell.id = cell.metadata.pop("id")
    ids = [cell.id for cell in notebook.cells]
    if bad := [i for i in ids if not re.fullmatch("[a-z0-9-]{1,64}", i) or ids.count(i) > 1]:
        raise ValueError(
            f"{path.name}: ids must be unique, of lower-case letters, digits and dashes, not {bad}"
        )
    notebook.metadata = {"kernelspec": notebook.metadata.kernelspec, "language_info": {"name": "python"}}
    return notebook


def build(path: Path) -> Path:
    """Execute a source and write its notebook beside the folder of sources."""
    notebook = read_source(path)
    language = dict(notebook.metadata.language_info)
    NotebookClient(notebook, kernel_name="python3", record_timing=False, timeout=600).execute(cwd=str(HERE))
    notebook.metadata.language_info = language  # executing adds the version of Python
    target = HERE / f"{path.stem}.ipynb"
    nbformat.write(notebook, target)
    return target


if __name__ == "__main__":
    prepare_environment()
    names = sys.argv[1:] or sorted(path.stem for path in (HERE / "source").glob("*.py"))
    for name in names:
        print(build(HERE / "source" / f"{name}.py"))
