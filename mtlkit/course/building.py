"""From one source to two notebooks: the learner's with stubs to fill, and the solved one."""

import copy
import hashlib
import re
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
CLIENT = {"record_timing": False, "timeout": 600, **KERNEL}
PYTHON = {"name": "python"}  # a notebook's language, whichever version of Python executed it


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
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "code" and "nbval-check-output" not in tags:  # times, figures
            cell.metadata["tags"] = [*tags, "nbval-ignore-output"]
        if "solution" in tags:
            cell.metadata["nbgrader"] = nbgrader_metadata(name, "solution")
        if "check" in tags:
            points = cell.metadata.pop("points", 1)
            cell.metadata["nbgrader"] = nbgrader_metadata(name, "check", points=points)
    notebook.metadata = {"kernelspec": notebook.metadata.kernelspec, "language_info": PYTHON}
    return notebook


def nbgrader_metadata(cell_id: str, kind: str, **points: int) -> dict[str, Any]:
    """Return what nbgrader wants to know of a cell: a solution, a check with its points, or locked.

    What is locked is put back as it was handed out.
    """
    return {
        "grade_id": cell_id,
        "schema_version": 3,
        "grade": kind == "check",
        "solution": kind == "solution",
        "locked": kind != "solution",
        "task": False,
        **points,
    }


def learners(notebook: NotebookNode) -> NotebookNode:
    """Return a copy with a stub in place of each solution, as nbgrader cuts them out."""
    from nbgrader.preprocessors import ClearSolutions

    cut, _ = ClearSolutions(code_stub={"python": STUB}).preprocess(copy.deepcopy(notebook), {})
    return cut


def solved(notebook: NotebookNode) -> NotebookNode:
    """Return a copy for the folder `solutions/`, from where the glossary is a folder up."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        cell.source = cell.source.replace("](glossary.md", "](../glossary.md")
    return notebook


def digests(source: Path) -> dict[str, str]:
    """Return digests of what a notebook is built from: its source, and the method."""
    text = source.read_text(encoding="utf-8")
    return {"source": _digest(text.encode()), "method": method_digest(text)}


def method_digest(text: str) -> str:
    """Return a digest of the method, and of the stored results that the code in `text` quotes."""
    package = Path(mtlkit.__file__).parent
    content = b""
    for path in sorted(package.rglob("*.py")):
        if path.relative_to(package).parts[0] not in ("cli", "course"):
            content += path.read_bytes()
    for name in sorted(set(re.findall(r'stored\("([a-z0-9_-]+)"\)', text))):
        result = results_folder() / f"{name}.json"
        content += result.read_bytes() if result.is_file() else b""
    return _digest(content)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def built(source: Path) -> list[Path]:
    """Return the paths of a source's notebooks: the learner's, and the solved one."""
    folders = course_folder(), course_folder() / "solutions"
    return [folder / f"{source.stem}.ipynb" for folder in folders]


def is_current(source: Path) -> bool:
    """Are both notebooks there, built from this source and this version of the method?"""
    wanted = digests(source)
    return all(
        path.is_file() and nbformat.read(path, 4).metadata.get("mtlkit") == wanted
        for path in built(source)
    )


def build(source: Path) -> list[Path]:
    """Execute a source's two notebooks, with outputs and the same cell ids each time.

    If a cell fails, the notebooks of before stay. Returns the notebooks' paths.
    """
    from nbclient import NotebookClient

    prepare_environment()
    read = read_source(source)
    digest = digests(source)
    paths = built(source)
    notebooks = learners(read), solved(read)
    before = paths[0].read_bytes() if paths[0].is_file() else None
    nbformat.write(notebooks[0], paths[0])  # where its parameters are looked up
    try:
        for notebook in notebooks:
            NotebookClient(notebook, **CLIENT).execute(cwd=str(course_folder()))
    except BaseException:
        paths[0].unlink() if before is None else paths[0].write_bytes(before)
        raise
    for notebook, path in zip(notebooks, paths, strict=True):
        notebook.metadata |= {"language_info": PYTHON, "mtlkit": digest}
        notebook.metadata.pop("widgets", None)
        for cell in notebook.cells:  # sliders need a kernel; their static twins stay
            if cell.cell_type == "code":
                cell.outputs = [out for out in cell.outputs if WIDGET not in out.get("data", {})]
        path.parent.mkdir(exist_ok=True)
        nbformat.write(notebook, path)
    return paths
