"""What is given out: chapters into a learner's folder, and a chapter that will be marked.

A release is a folder as nbgrader has it: `source/`, `release/`, `gradebook.db`.
"""

import hashlib
import io
import logging
import os
import re
import shutil
import warnings
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.converters import GenerateAssignment, NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from mtlkit.course.building import STUB, nbgrader_metadata
from mtlkit.course.chapters import PATTERN, course_folder
from mtlkit.course.execution import KERNEL, prepare_environment
from mtlkit.course.parameters import parameters_of, read_assignments
from mtlkit.deployment.runs import new_run
from mtlkit.errors import InputError

CHAPTER_FILES = (PATTERN, "*.md", f"solutions/{PATTERN}")
RELEASE = {"source", "release", "gradebook.db"}
# In a learner's folder: digests of all that was copied there; what has another was edited.
GIVEN = ".mtlkit-course"


def start(folder: Path) -> list[str]:
    """Copy chapters and `solutions/`, or their new versions, to a learner; return a line a file.

    An edited file is never overwritten: the new version is put beside it, as `NAME.new.ipynb`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    course = course_folder()
    record = folder / GIVEN
    lines = []
    given = set[str]()
    if record.is_file():
        given.update(record.read_text(encoding="utf-8").split())
    for source in sorted(path for pattern in CHAPTER_FILES for path in course.glob(pattern)):
        name = source.relative_to(course).as_posix()
        new = _digest(source)
        target = folder / name
        while target.exists() and _digest(target) not in given | {new}:
            target = target.with_suffix(f".new{target.suffix}")
        line = name
        if target != folder / name:
            if new in given:
                lines.append(f"{name}: yours is edited, and there is no newer version")
                continue
            line = f"{name}: yours is edited and stays; the new version is {target.name}"
        target.parent.mkdir(exist_ok=True)
        partial = target.with_name(f"{target.name}.partial")
        shutil.copyfile(source, partial)
        os.replace(partial, target)
        given.add(new)
        record.write_text("\n".join(sorted(given)), encoding="utf-8")
        lines.append(line)
    return lines


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def release(path: Path, out: Path, given: list[str] | None, overwrite: bool = False) -> Path:
    """Make a folder for a chapter that is handed out and will be marked.

    Args:
        path: the chapter. Its version in `solutions/` is taken, and the solutions are cut out.
        out: the folder to be.
        given: values of parameters, as `"seed=7"`. Marking puts the chapter's parameters back to
            these.
        overwrite: replace a release of the chapter that is there already, but nothing else.

    Returns:
        The notebook to hand out.

    Raises:
        InputError: no such parameter, nothing to mark in it, or `out` is there already.
    """
    name = path.stem
    solved = path.parent / "solutions" / path.name
    values = read_assignments(given, parameters_of(path), name)
    notebook = nbformat.read(solved if solved.is_file() else path, 4)
    is_marked = any(nbgrader_of(cell).get("grade") for cell in notebook.cells)
    if not is_marked or not re.fullmatch(r"[\w-]+", name):
        raise InputError(
            f"{path.name}: cannot be marked: it needs a cell with the tag 'check', "
            "and a plain name."
        )
    for cell in notebook.cells:
        if name_of(cell) == "parameters":
            cell.metadata["nbgrader"] = nbgrader_metadata("parameters", "locked")
            cell.source = _with_values(cell.source, values)
    others = {file.name for file in out.glob("*")} - RELEASE
    if overwrite and others:
        raise InputError(
            f"{out}: holds {', '.join(sorted(others))}, which no release has: choose another --out."
        )
    released = Path("release", name, path.name)
    with new_run(out, overwrite, files=("gradebook.db", str(released))) as folder:
        source = folder / "source" / name
        source.mkdir(parents=True)
        nbformat.write(notebook, source / path.name)
        for page in path.parent.glob("glossary.md"):
            shutil.copy(page, source)
        convert(GenerateAssignment, folder, name)
    return out / released


def _with_values(source: str, values: dict[str, Any]) -> str:
    """Return a parameters cell with other defaults; its comments stay."""
    lines = []
    for line in source.split("\n"):
        name, _, rest = line.partition(" = ")
        if name in values:
            _, mark, comment = rest.partition("  #")
            line = f"{name} = {values[name]!r}{mark}{comment}"
        lines.append(line)
    return "\n".join(lines)


def nbgrader_of(cell: NotebookNode) -> dict[str, Any]:
    """Return what nbgrader knows of a cell."""
    metadata = cell.metadata.get("nbgrader")
    return metadata if isinstance(metadata, dict) else {}


def name_of(cell: NotebookNode) -> str:
    """Return the name that a cell is marked by, or ""."""
    if "parameters" in cell.metadata.get("tags", []):
        return "parameters"
    return str(nbgrader_of(cell).get("grade_id", ""))


def convert(step: Any, folder: Path, chapter: str, student: str = "*", limit: int = 0) -> None:
    """Take a step of nbgrader in its folder, for one student."""
    if set("[]*?") & set(str(folder)):  # patterns, to nbgrader
        raise InputError(f"{folder.parent}: choose another --out, with no [ ] * ? in its path.")
    prepare_environment()
    config = Config(KERNEL["config"])
    config.BaseConverter.permissions = 644
    config.ClearSolutions.code_stub = {"python": STUB}
    config.LockCells.lock_readonly_cells = False  # a learner may try other parameters
    config.Execute.update(timeout=limit, iopub_timeout=20, shutdown_kernel="immediate")
    # nbgrader takes what warns for wrong.
    config.IgnorePattern.update(enabled=True, pattern="Warning")
    course = CourseDirectory(
        root=str(folder), assignment_id=chapter, student_id=student, config=config
    )
    log = logging.Logger("nbgrader")
    text = io.StringIO()
    log.addHandler(logging.StreamHandler(text))
    try:
        with warnings.catch_warnings():
            # Of sqlalchemy, on how nbgrader enters a submission: all of them are entered.
            warnings.filterwarnings("ignore", "Object of type <Submitted")
            step(coursedir=course, config=config, log=log).start()
    except NbGraderException as fault:  # it has no reason: that is in the log
        pattern = r"^(?:\w+\.)*(\w+(?:Error|Exception)\b.*)"
        reasons = re.findall(pattern, text.getvalue(), re.MULTILINE)
        reason = reasons[-1] if reasons else str(fault)
        raise InputError(f"look at it by hand: {' '.join(reason.split())}") from fault
