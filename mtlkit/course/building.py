"""From one source to several notebooks: the learner's, with stubs to fill, and the one with
solutions.
"""

import copy
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode

import mtlkit
from mtlkit.course.chapters import course_folder, results_folder
from mtlkit.course.execution import KERNEL, prepare_environment
from mtlkit.errors import InputError

WIDGET = "application/vnd.jupyter.widget-view+json"
STUB = "# your answer here"


def read_source(path: Path) -> NotebookNode:
    """Return the notebook of a source with its solutions, not executed.

    Each cell names its own id, as in `id="load"`. A cell with the tag `solution` or `check` gets
    nbgrader's metadata, and nbval compares what is tagged `nbval-check-output` only.

    Raises:
        InputError: a cell has no id, a bad one, or that of another.
    """
    notebook = jupytext.read(path, fmt="py:percent")
    ids = [cell.metadata.pop("id", "") for cell in notebook.cells]
    if bad := [i for i in ids if not re.fullmatch("[a-z0-9-]{1,64}", i) or ids.count(i) > 1]:
        raise InputError(
            f"{path.name}: an id is a cell's own, of a-z, 0-9 and -, not "
            f"{', '.join(bad) or 'none'}."
        )
    for cell, name in zip(notebook.cells, ids, strict=True):
        cell.id = name
        if cell.cell_type == "code" and "nbval-check-output" not in cell.metadata.get("tags", []):
            cell.metadata["tags"] = [
                *cell.metadata.get("tags", []),
                "nbval-ignore-output",
            ]  # times, figures
        for kind in {"solution", "check"} & set(cell.metadata.get("tags", [])):
            points = {"points": cell.metadata.pop("points", 1)} if kind == "check" else {}
            cell.metadata["nbgrader"] = nbgrader_metadata(name, kind, **points)
    notebook.metadata = {
        "kernelspec": notebook.metadata.kernelspec,
        "language_info": {"name": "python"},
    }
    return notebook


def nbgrader_metadata(cell_id: str, kind: str, **more: Any) -> dict[str, Any]:
    """Return what nbgrader wants to know of a cell: a solution, a check, or one that is put back as
    it was handed out.
    """
    grade, solution = kind == "check", kind == "solution"
    about = {
        "grade_id": cell_id,
        "schema_version": 3,
        "grade": grade,
        "solution": solution,
        "locked": not solution,
    }
    return about | {"task": False} | more


def learners(notebook: NotebookNode) -> NotebookNode:
    """Return a copy with a stub in place of each solution, as nbgrader cuts them out."""
    from nbgrader.preprocessors import ClearSolutions

    return ClearSolutions(code_stub={"python": STUB}).preprocess(copy.deepcopy(notebook), {})[0]


def solved(notebook: NotebookNode) -> NotebookNode:
    """Return a copy for the folder `solutions/`, from where the glossary is a folder up."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        cell.source = cell.source.replace("](glossary.md", "](../glossary.md")
    return notebook


def versions(source: Path) -> dict[str, str]:
    """Return digests of what a notebook was built from: its source, and the method with the results
    that it quotes.
    """
    text = source.read_text(encoding="utf-8")
    return {"source": hashlib.sha256(text.encode()).hexdigest()[:16], "method": method_digest(text)}


def method_digest(text: str) -> str:
    """Return a digest of the method, and of the stored results that the code in `text` quotes."""
    package = Path(mtlkit.__file__).parent
    modules = sorted(package.rglob("*.py"))
    files = [
        path for path in modules if path.relative_to(package).parts[0] not in ("cli", "course")
    ]
    names = sorted(set(re.findall(r'stored\("([a-z0-9_-]+)"\)', text)))
    files += [results_folder() / f"{name}.json" for name in names]
    there = [path.read_bytes() for path in files if path.is_file()]
    return hashlib.sha256(b"".join(there)).hexdigest()[:16]


def is_current(source: Path) -> bool:
    """Are both notebooks there, built from this source and this version of the method?"""
    targets = (
        course_folder() / f"{source.stem}.ipynb",
        course_folder() / "solutions" / f"{source.stem}.ipynb",
    )
    wanted = versions(source)
    return all(
        target.is_file() and nbformat.read(target, 4).metadata.get("mtlkit") == wanted
        for target in targets
    )


def build(source: Path, tell: Callable[[str], Any] = lambda text: None) -> None:
    """Execute a source into `NN_name.ipynb` and `solutions/NN_name.ipynb`, with outputs and the
    same cell ids each time.

    If a cell fails, the notebooks of before stay.
    """
    from nbclient import NotebookClient

    prepare_environment()
    read = read_source(source)
    about = versions(source)
    mine = course_folder() / f"{source.stem}.ipynb"
    before = mine.read_bytes() if mine.is_file() else None
    both = (solved(read), course_folder() / "solutions"), (learners(read), course_folder())
    nbformat.write(learners(read), mine)  # where its parameters are looked up
    try:
        for notebook, _ in both:
            NotebookClient(notebook, record_timing=False, timeout=600, **KERNEL).execute(
                cwd=str(course_folder())
            )
    except BaseException:
        mine.unlink() if before is None else mine.write_bytes(before)
        raise
    for notebook, folder in both:
        notebook.metadata.language_info = {"name": "python"}  # executing adds the version of Python
        notebook.metadata["mtlkit"] = about
        notebook.metadata.pop("widgets", None)
        for cell in notebook.cells:  # widgets need a kernel; their static twins stay
            if cell.cell_type == "code":
                cell.outputs = [one for one in cell.outputs if WIDGET not in one.get("data", {})]
        folder.mkdir(exist_ok=True)
        nbformat.write(notebook, folder / f"{source.stem}.ipynb")
        tell(f"{folder / source.stem}.ipynb")
