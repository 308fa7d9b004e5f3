"""The course in a class: chapters into a learner's folder, a chapter handed out, submissions
marked. nbgrader does the work.

A release is a folder as nbgrader has it: `source/`, `release/`, `gradebook.db`. Marking works on a
copy of it, and adds `submitted/`, `autograded/`, `feedback/` and `marks.csv`. Marking **runs the
learners' code**, and nothing here confines it.
"""

import hashlib
import io
import json
import logging
import os
import re
import shutil
import unicodedata
import warnings
from collections import defaultdict
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
from mtlkit.course.checks import PASSED
from mtlkit.course.execution import KERNEL, prepare_environment
from mtlkit.course.parameters import parameters_of, read_assignments
from mtlkit.deployment.run_folder import new_run
from mtlkit.errors import InputError
from mtlkit.tables import write_csv

Progress = Callable[[int, int], Any]  # is told how many of how many are done
RELEASE = {"source", "release", "gradebook.db"}
# In a learner's folder: digests of all that was copied there; what has another was edited.
GIVEN = ".mtlkit-course"
MOST = 50_000_000  # bytes of a submission
CHECKPOINTS = ".ipynb_checkpoints"


def start(folder: Path) -> list[str]:
    """Copy chapters and `solutions/`, or their new versions, to a learner; return a line a file.

    An edited file is never overwritten: the new version is put beside it, as `NAME.new.ipynb`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record, told = folder / GIVEN, []
    given = set(record.read_text(encoding="utf-8").split()) if record.is_file() else set[str]()
    course = course_folder()
    for source in sorted(
        [*course.glob(PATTERN), *course.glob("*.md"), *course.glob(f"solutions/{PATTERN}")]
    ):
        name = source.relative_to(course).as_posix()
        new, target = _digest(source), folder / name
        target.parent.mkdir(exist_ok=True)
        edited = target.exists() and _digest(target) not in given | {new}
        while target.exists() and _digest(target) not in given | {new}:
            target = target.with_suffix(f".new{target.suffix}")
        if edited and new in given:
            told.append(f"{name}: yours is edited, and there is no newer version")
            continue
        shutil.copyfile(source, target.with_name(f"{target.name}.partial"))
        os.replace(target.with_name(f"{target.name}.partial"), target)
        given.add(new)
        record.write_text("\n".join(sorted(given)), encoding="utf-8")
        said = f"{name}: yours is edited and stays; the new version is {target.name}"
        told.append(said if edited else name)
    return told


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def release(path: Path, out: Path, given: list[str], overwrite: bool = False) -> Path:
    """Make a folder for a chapter that is handed out and will be marked; return the notebook to
    hand out.

    Args:
        path: the chapter. Its version in `solutions/` is taken, and the solutions are cut out.
        out: the folder to be.
        given: values of parameters, as `"seed=7"`. Marking puts the chapter's parameters back to
            these.
        overwrite: replace a release of the chapter that is there already, but nothing else.

    Raises:
        InputError: no such parameter, nothing to mark in it, or `out` is there already.
    """
    solved = path.parent / "solutions" / path.name
    values = read_assignments(given, parameters_of(path), path.stem)
    notebook = nbformat.read(solved if solved.is_file() else path, as_version=4)
    if not any(_about(cell).get("grade") for cell in notebook.cells) or not re.fullmatch(
        r"[\w-]+", path.stem
    ):
        raise InputError(
            f"{path.name}: cannot be marked: it needs a cell with the tag 'check', "
            "and a plain name."
        )
    for cell in notebook.cells:
        if _name(cell) == "parameters":
            cell.metadata["nbgrader"] = nbgrader_metadata("parameters", "locked")
            for (
                key,
                value,
            ) in values.items():  # it stands before the comment, or the end of the line
                start, end = next(
                    re.finditer(rf"(?<=^{key} = ).*?(?=  #|$)", cell.source, re.MULTILINE)
                ).span()
                cell.source = f"{cell.source[:start]}{value!r}{cell.source[end:]}"
    others = {one.name for one in out.iterdir()} - RELEASE if overwrite and out.is_dir() else set()
    if others:
        raise InputError(
            f"{out}: holds {', '.join(sorted(others))}, which no release has: choose another --out."
        )
    with new_run(
        out, overwrite, files=("gradebook.db", f"release/{path.stem}/{path.stem}.ipynb")
    ) as room:
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
    return (
        "parameters"
        if "parameters" in cell.metadata.get("tags", [])
        else _about(cell).get("grade_id")
    )


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
    config.IgnorePattern.update(
        enabled=True, pattern="Warning"
    )  # nbgrader takes what warns for wrong
    course = CourseDirectory(root=str(room), assignment_id=task, student_id=student, config=config)
    log, said = logging.Logger("nbgrader"), io.StringIO()
    log.addHandler(logging.StreamHandler(said))
    try:
        with (
            warnings.catch_warnings()
        ):  # of sqlalchemy, on how nbgrader enters a submission: all of them are entered
            warnings.filterwarnings("ignore", "Object of type <Submitted")
            step(coursedir=course, config=config, log=log).start()
    except NbGraderException as fault:  # it has no reason: that is in the log
        reasons = re.findall(
            r"^(?:\w+\.)*(\w+(?:Error|Exception)\b.*)", said.getvalue(), re.MULTILINE
        )
        words = " ".join([str(fault), *reasons][-1].split())
        raise InputError(f"look at it by hand: {words}") from fault


def mark(
    released: Path,
    submissions: Path,
    out: Path,
    limit: int,
    progress: Progress,
    tell: Callable[[str], Any] = lambda text: None,
) -> list[dict[str, Any]]:
    """Run and mark all submissions of a released chapter; return a row of marks for each, as
    `marks.csv` has them.

    What cannot be marked (no notebook, code that will not be stopped, two of one name) has no
    marks, and a note that says why.

    Args:
        released: the folder that `release` made; it stays as it is.
        submissions: a folder with a notebook, or a folder with one notebook, for each learner,
            named after the learner.
        out: the folder to be, with `marks.csv` and a page of feedback for each learner.
        limit: seconds that one cell may take.
        progress: is told how many of how many are done.
        tell: is told of each file that is left out.

    Raises:
        InputError: a folder is missing, `released` is no release, there are no submissions, or
            `out` is there already.
    """
    for folder in (released, submissions):
        if not folder.is_dir():
            what = (
                "this is a file, and a folder is needed"
                if folder.exists()
                else "there is no such folder"
            )
            raise InputError(
                f"{folder}: {what}: give the folder that `mtlkit course release` "
                "made, and the one with "
                "the submissions."
            )
    tasks = list(released.glob("release/*/*.ipynb"))
    if len(tasks) != 1 or not (released / "gradebook.db").is_file():
        raise InputError(f"{released}: is no folder that `mtlkit course release` made.")
    there = sorted(submissions.iterdir())
    names = {path: learner_name(path) for path in there if not path.name.startswith(".")}
    if not names:
        raise InputError(
            f"{submissions}: put a notebook for each learner in there, of the learner's name."
        )
    with new_run(out) as room:
        for path in there:
            if path not in names:
                tell(f"{path.name}: is left out: its name begins with a dot")
        shutil.copytree(released, room, dirs_exist_ok=True)
        rows = list[dict[str, Any]]()
        for path, name in names.items():
            progress(len(rows), len(names))
            alike = [other.name for other in names if names[other].casefold() == name.casefold()]
            rows.append(_mark_one(room, tasks[0], name, path, limit, alike))
        progress(len(rows), len(rows))
        write_csv(room / "marks.csv", rows)
    return rows


def learner_name(path: Path) -> str:
    """Return a submission's learner, in letters that nbgrader and all file systems take.

    >>> learner_name(Path("O'Hara, Anna.ipynb")), learner_name(Path("=1+1"))
    ("O'Hara, Anna", '-1-1')
    """
    name = unicodedata.normalize("NFC", path.name.removesuffix(".ipynb"))
    return "".join(sign if _is_kept(sign) else "-" for sign in name).strip() or "-"


def _is_kept(sign: str) -> bool:
    """Is a sign a letter, a number, a mark or a joiner of letters, or one of a few others?"""
    return unicodedata.category(sign)[0] in "LNM" or sign in " _.,-'’\u200c\u200d"


def _mark_one(
    room: Path, released: Path, name: str, path: Path, limit: int, alike: list[str]
) -> dict[str, Any]:
    """Mark a submission in `room`, unless several have a name that is `alike`; return its row."""
    task, stem = nbformat.read(released, as_version=4), released.stem
    points = {
        _about(cell)["grade_id"]: _about(cell)["points"]
        for cell in task.cells
        if _about(cell).get("grade")
    }
    row = {
        "name": name,
        **dict.fromkeys(points, ""),
        "total": "",
        "of": sum(points.values()),
        "note": "",
    }
    try:
        if len(alike) > 1:
            row["name"] = path.name
            raise InputError(f"not marked: {' and '.join(alike)} are of one name: rename one")
        submitted = room / "submitted" / name / stem / f"{stem}.ipynb"
        notebook, notes = _submission(path, task)
        submitted.parent.mkdir(parents=True)
        nbformat.write(notebook, submitted)
        _convert(Autograde, room, stem, name, limit)
        marked = nbformat.read(room / "autograded" / name / stem / f"{stem}.ipynb", as_version=4)
        marks, found = _grades(room / "gradebook.db", stem, name, marked)
        _convert(GenerateFeedback, room, stem, name)
    except InputError as fault:
        return row | {"note": str(fault)}
    for cell in marked.cells:
        if any(output.get("ename") == "CellTimeoutError" for output in cell.get("outputs", [])):
            found.append(f"{_about(cell).get('grade_id', cell.id)} was stopped after {limit} s")
    return row | marks | {"total": sum(marks.values()), "note": "; ".join([*notes, *found])}


def _grades(
    gradebook: Path, stem: str, name: str, marked: NotebookNode
) -> tuple[dict[str, float], list[str]]:
    """Return the points of a submission's checks, and what is to be noted.

    nbgrader gives points where no check raised, and an answer can switch that off. So they stand,
    in its book too, only where a check's output says passed.
    """
    checks = {_about(cell)["grade_id"]: cell for cell in marked.cells if _about(cell).get("grade")}
    with Gradebook(f"sqlite:///{gradebook}") as book:
        graded = book.find_submission_notebook(stem, stem, name)
        notes = [
            f"no answer in {comment.name}" for comment in graded.comments if comment.auto_comment
        ]
        for grade in graded.grades:
            if "check(" not in checks[grade.name].source:  # another kind of test
                continue
            if grade.auto_score and not _says_passed(checks[grade.name]):
                grade.manual_score = 0
                notes.append(
                    f"no points for {grade.name}, whose output does not say passed: "
                    "look at it by hand"
                )
            elif grade.auto_score < grade.max_score and _says_passed(checks[grade.name]):
                notes.append(
                    f"{grade.name} is passed, but has not its points (did the answer "
                    "write to stderr?): "
                    "look at it by hand"
                )
        book.db.commit()
        return {grade.name: grade.score for grade in graded.grades}, notes


def _says_passed(cell: NotebookNode) -> bool:
    texts = [output.get("data", {}).get("text/markdown", "") for output in cell.outputs]
    return any(text.startswith(PASSED) for text in texts)


def _submission(path: Path, task: NotebookNode) -> tuple[NotebookNode, list[str]]:
    """Read a submission and bring it to the form of the release; return it, and what is to be
    noted.

    All cells to be marked are there, and known as such. Of a cell that was copied or split the last
    one is known; where the text is not the learner's, all have the text of the release.

    Raises:
        InputError: it cannot be marked, and why.
    """
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    files = [
        file
        for file in sorted(files)
        if not file.name.startswith(".") and CHECKPOINTS not in file.parts
    ]
    notebooks = [file for file in files if file.suffix == ".ipynb"] or files[:1]
    if len(notebooks) != 1 or notebooks[0].stat().st_size > MOST:
        raise InputError(f"give one notebook, of {MOST:,} bytes at most")
    notes = [
        f"left out: {file.relative_to(path).as_posix()}" for file in files if file not in notebooks
    ]
    try:
        text = notebooks[0].read_text(encoding="utf-8-sig")
        notebook = nbformat.from_dict(json.loads(text) | {"nbformat_minor": 5})
        for number, cell in enumerate(notebook.cells, 1):
            cell.id = f"cell-{number}"  # not all editors keep ids, or keep them apart
        nbformat.validate(notebook)
        places = defaultdict[str | None, list[NotebookNode]](list)
        for cell in notebook.cells:
            places[_name(cell)].append(cell)
        grade_ids = {_about(cell).get("grade_id") for cell in notebook.cells}
    except Exception as fault:  # what was sent in may be anything
        raise InputError("no notebook") from fault
    wanted = {_name(cell): cell for cell in task.cells if _about(cell)}
    if not grade_ids & wanted.keys():
        raise InputError("another notebook: no cell of this chapter is in it")
    for cell in notebook.cells:
        cell.metadata.pop("nbgrader", None)
    for name, cell in wanted.items():
        found = places[name]
        if not found:
            notebook.cells.append(cell)
            continue
        if len(found) > 1:
            times = "twice" if len(found) == 2 else f"{len(found)} times"
            notes.append(f"cell {name} is there {times}")
        if not _about(cell)["solution"]:
            for one in found:
                one.source = cell.source
        found[-1].metadata["nbgrader"] = _about(cell)
    return notebook, notes
