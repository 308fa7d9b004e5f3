"""The course in a class: chapters into a learner's folder, a chapter handed out, submissions marked. nbgrader does the work.

A release is a folder as nbgrader has it: `source/`, `release/`, `gradebook.db`. Marking works on a copy of it, and adds
`submitted/`, `autograded/`, `feedback/` and `marks.csv`. Marking **runs the learners' code**, and nothing here confines it.
"""

import hashlib
import io
import json
import logging
import os
import re
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback, NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from mtlkit.course.building import STUB, nbgrader_metadata
from mtlkit.course.chapters import PATTERN, course_folder
from mtlkit.course.execution import KERNEL, prepare_environment
from mtlkit.course.parameters import parameters_of, read_assignments
from mtlkit.deployment.runs import new_run
from mtlkit.errors import InputError
from mtlkit.evaluation import write_csv

Progress = Callable[[int, int], Any]  # is told how many of how many are done
GIVEN = ".mtlkit-course"  # in a learner's folder: digests of all that was copied there; what has another was edited
MOST = 50_000_000  # bytes of a submission


def start(folder: Path) -> list[str]:
    """Copy the chapters, or their new versions, into a learner's folder; return what was done, a line a file.

    An edited file is never overwritten: the new version is put beside it, as `NAME.new.ipynb`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record, told = folder / GIVEN, []
    given = set(record.read_text(encoding="utf-8").split()) if record.is_file() else set[str]()
    for source in sorted([*course_folder().glob(PATTERN), *course_folder().glob("*.md")]):
        new, target = _digest(source), folder / source.name
        edited = target.exists() and _digest(target) not in given | {new}
        while target.exists() and _digest(target) not in given | {new}:
            target = target.with_suffix(f".new{target.suffix}")
        if edited and new in given:
            told.append(f"{source.name}: yours is edited, and there is no newer version")
            continue
        shutil.copyfile(source, target.with_name(f"{target.name}.partial"))
        os.replace(target.with_name(f"{target.name}.partial"), target)
        given.add(new)
        record.write_text("\n".join(sorted(given)), encoding="utf-8")
        said = f"{source.name}: yours is edited and stays; the new version is {target.name}"
        told.append(said if edited else target.name)
    return told


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def release(path: Path, out: Path, given: list[str]) -> Path:
    """Make a folder for a chapter that is handed out and will be marked; return the notebook to hand out.

    Args:
        path: the chapter. Its version in `solutions/` is taken, and the solutions are cut out.
        out: the folder to be.
        given: values of parameters, as `"seed=7"`. Marking puts the chapter's parameters back to these.

    Raises:
        InputError: no such parameter, nothing to mark in it, or `out` is there already.
    """
    solved = path.parent / "solutions" / path.name
    values = read_assignments(given, parameters_of(path), path.stem)
    notebook = nbformat.read(solved if solved.is_file() else path, as_version=4)
    if not any(_about(cell).get("grade") for cell in notebook.cells) or not re.fullmatch(r"[\w-]+", path.stem):
        raise InputError(f"{path.name}: cannot be marked: it needs a cell with the tag 'check', and a plain name.")
    for cell in notebook.cells:
        if _name(cell) == "parameters":
            cell.metadata["nbgrader"] = nbgrader_metadata("parameters", "locked")
            for key, value in values.items():  # it stands before the comment, or the end of the line
                start, end = next(re.finditer(rf"(?<=^{key} = ).*?(?=  #|$)", cell.source, re.MULTILINE)).span()
                cell.source = f"{cell.source[:start]}{value!r}{cell.source[end:]}"
    with new_run(out) as room:
        task = room / "source" / path.stem
        task.mkdir(parents=True)
        nbformat.write(notebook, task / f"{path.stem}.ipynb")
        for page in path.parent.glob("glossary.md"):
            shutil.copy(page, task)
        _convert(GenerateAssignment, room, path.stem)
    return out / "release" / path.stem / f"{path.stem}.ipynb"


def _about(cell: NotebookNode) -> dict[str, Any]:
    return cell.metadata.get("nbgrader", {})


def _name(cell: NotebookNode) -> str | None:
    return "parameters" if "parameters" in cell.metadata.get("tags", []) else _about(cell).get("grade_id")


def _convert(step: Any, room: Path, task: str, student: str = "*", limit: int = 0) -> None:
    """Take a step of nbgrader in its folder, for one student."""
    if set("[]*?") & set(str(room)):  # patterns, to nbgrader
        raise InputError(f"{room.parent}: choose another --out, with no [ ] * ? in its path.")
    prepare_environment()
    config = Config(KERNEL["config"])
    config.BaseConverter.permissions = 644
    config.ClearSolutions.code_stub = {"python": STUB}
    config.LockCells.lock_readonly_cells = False  # a learner may try other parameters
    config.Execute.update(timeout=limit, iopub_timeout=20, shutdown_kernel="immediate")
    config.IgnorePattern.update(enabled=True, pattern="Warning")  # nbgrader takes what warns for wrong
    course = CourseDirectory(root=str(room), assignment_id=task, student_id=student, config=config)
    log, said = logging.Logger("nbgrader"), io.StringIO()
    log.addHandler(logging.StreamHandler(said))
    try:
        with warnings.catch_warnings():  # of sqlalchemy, on how nbgrader enters a submission: all of them are entered
            warnings.filterwarnings("ignore", "Object of type <Submitted")
            step(coursedir=course, config=config, log=log).start()
    except NbGraderException as fault:  # it has no reason: that is in the log
        reasons = re.findall(r"^(?:\w+\.)*(\w+(?:Error|Exception)\b.*)", said.getvalue(), re.MULTILINE)
        raise InputError(f"look at it by hand: {[str(fault), *reasons][-1]}") from fault


def mark(released: Path, submissions: Path, out: Path, limit: int, progress: Progress) -> list[dict[str, Any]]:
    """Run and mark all submissions of a released chapter; return a row of marks for each, as `marks.csv` has them.

    What cannot be marked (no notebook, code that will not be stopped) has no marks, and a note that says why.

    Args:
        released: the folder that `release` made; it stays as it is.
        submissions: a folder with a notebook, or a folder with one notebook, for each learner, named after the learner.
        out: the folder to be, with `marks.csv` and a page of feedback for each learner.
        limit: seconds that one cell may take.
        progress: is told how many of how many are done.

    Raises:
        InputError: `released` is no release, there are no submissions, or `out` is there already.
    """
    tasks = list(released.glob("release/*/*.ipynb"))
    if len(tasks) != 1 or not (released / "gradebook.db").is_file():
        raise InputError(f"{released}: is no folder that `mtlkit course release` made.")
    paths = sorted(submissions.glob("[!._]*"))
    found = {re.sub(r"[^\w .,-]", "-", path.name.removesuffix(".ipynb")).strip(): path for path in paths}
    if not paths or len(found) < len(paths):
        raise InputError(f"{submissions}: give a notebook for each learner, of the learner's name, no two of one name.")
    with new_run(out) as room:
        shutil.copytree(released, room, dirs_exist_ok=True)
        rows = list[dict[str, Any]]()
        for name, path in found.items():
            progress(len(rows), len(found))
            rows.append(_mark_one(room, tasks[0], name, path, limit))
        progress(len(rows), len(rows))
        write_csv(room / "marks.csv", rows)
    return rows


def _mark_one(room: Path, released: Path, name: str, path: Path, limit: int) -> dict[str, Any]:
    """Mark a submission in `room`, and return its row."""
    task, stem = nbformat.read(released, as_version=4), released.stem
    points = {_about(cell)["grade_id"]: _about(cell)["points"] for cell in task.cells if _about(cell).get("grade")}
    row = {"name": name, **dict.fromkeys(points, ""), "total": "", "of": sum(points.values()), "note": ""}
    try:
        submitted = room / "submitted" / name / stem / f"{stem}.ipynb"
        notebook = _submission(path, task)
        submitted.parent.mkdir(parents=True)
        nbformat.write(notebook, submitted)
        _convert(Autograde, room, stem, name, limit)
        _convert(GenerateFeedback, room, stem, name)
    except InputError as fault:
        return row | {"note": str(fault)}
    with Gradebook(f"sqlite:///{room / 'gradebook.db'}") as book:
        graded = book.find_submission_notebook(stem, stem, name)
        marks = {grade.name: grade.score for grade in graded.grades}
        notes = [f"no answer in {comment.name}" for comment in graded.comments if comment.auto_comment]
    for cell in nbformat.read(room / "autograded" / name / stem / f"{stem}.ipynb", as_version=4).cells:
        if any(output.get("ename") == "CellTimeoutError" for output in cell.get("outputs", [])):
            notes.append(f"{_about(cell).get('grade_id', cell.id)} was stopped after {limit} s")
    return row | marks | {"total": sum(marks.values()), "note": "; ".join(notes)}


def _submission(path: Path, task: NotebookNode) -> NotebookNode:
    """Read a submission and bring it to the form of the release: all cells to be marked are there, and known as such.

    Raises:
        InputError: it cannot be marked, and why.
    """
    files = [file for file in path.rglob("*.ipynb") if ".ipynb_checkpoints" not in file.parts] or [path]
    if len(files) > 1 or not files[0].is_file() or files[0].stat().st_size > MOST:
        raise InputError(f"give one notebook, of {MOST:,} bytes at most")
    try:
        notebook = nbformat.from_dict(json.loads(files[0].read_text(encoding="utf-8-sig")) | {"nbformat_minor": 5})
        for number, cell in enumerate(notebook.cells, 1):
            cell.id = f"cell-{number}"  # not all editors keep ids, or keep them apart
        nbformat.validate(notebook)
        known = {_name(cell): cell for cell in notebook.cells}
        wanted = {_name(cell): cell for cell in task.cells if _about(cell)}
    except Exception as fault:  # what was sent in may be anything
        raise InputError("no notebook") from fault
    if not any(_about(known[name]) for name in wanted if name in known):
        raise InputError("another notebook: no cell of this chapter is in it")
    for name, cell in wanted.items():
        if name in known:
            known[name].metadata["nbgrader"] = _about(cell)
        else:
            notebook.cells.append(cell)
    return notebook
