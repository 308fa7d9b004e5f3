"""What comes back: the submissions of a released chapter are marked. nbgrader does the work.

Marking works on a copy of the release, and adds `submitted/`, `autograded/`, `feedback/` and
`marks.csv`. It **runs the learners' code**, and nothing here confines it.
"""

import json
import shutil
import unicodedata
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateFeedback

from mtlkit.course.checks import PASSED
from mtlkit.course.execution import output_data
from mtlkit.course.handout import convert, name_of, nbgrader_of
from mtlkit.data.reading import Progress
from mtlkit.deployment.runs import new_run
from mtlkit.errors import InputError
from mtlkit.tables import write_csv

MAX_SUBMISSION = 50_000_000  # bytes
CHECKPOINTS = ".ipynb_checkpoints"
KEPT = " _.,-'’\u200c\u200d"  # in learners' names, beside letters, numbers and marks; two join


def mark(
    released: Path,
    submissions: Path,
    out: Path,
    limit: int,
    progress: Progress,
    note: Callable[[str], Any] = lambda text: None,
) -> list[dict[str, Any]]:
    """Run and mark all submissions of a released chapter.

    What cannot be marked (no notebook, code that will not be stopped, two of one name) has no
    marks, and a note that says why.

    Args:
        released: the folder that `release` made; it stays as it is.
        submissions: a folder with a notebook, or a folder with one notebook, for each learner,
            named after the learner.
        out: the folder to be, with `marks.csv` and a page of feedback for each learner.
        limit: seconds that one cell may take.
        progress: is given how many of how many are done.
        note: is given a sentence on each file that is left out.

    Returns:
        A row of marks for each submission, as `marks.csv` has them.

    Raises:
        InputError: a folder is missing, `released` is no release, there are no submissions, or
            `out` is there already.
    """
    for folder in (released, submissions):
        if not folder.is_dir():
            what = "there is no such folder"
            if folder.exists():
                what = "this is a file, and a folder is needed"
            raise InputError(
                f"{folder}: {what}: give the folder that `mtlkit course release` made, and the one "
                "with the submissions."
            )
    tasks = list(released.glob("release/*/*.ipynb"))
    if len(tasks) != 1 or not (released / "gradebook.db").is_file():
        raise InputError(f"{released}: is no folder that `mtlkit course release` made.")
    names = {}
    for path in sorted(submissions.iterdir()):
        if path.name.startswith("."):
            note(f"{path.name}: is left out: its name begins with a dot")
        else:
            names[path] = learner_name(path)
    if not names:
        raise InputError(
            f"{submissions}: put a notebook for each learner in there, of the learner's name."
        )
    rows = list[dict[str, Any]]()
    with new_run(out) as folder:
        shutil.copytree(released, folder, dirs_exist_ok=True)
        for path, name in names.items():
            progress(len(rows), len(names))
            alike = [other.name for other in names if names[other].casefold() == name.casefold()]
            rows.append(_mark_one(folder, tasks[0], name, path, limit, alike))
        progress(len(rows), len(rows))
        write_csv(folder / "marks.csv", rows)
    return rows


def learner_name(path: Path) -> str:
    """Return a submission's learner, in letters that nbgrader and all file systems take.

    >>> learner_name(Path("O'Hara, Anna.ipynb")), learner_name(Path("=1+1"))
    ("O'Hara, Anna", '-1-1')
    """
    name = unicodedata.normalize("NFC", path.name.removesuffix(".ipynb"))
    signs = ""
    for sign in name:
        is_kept = sign in KEPT or unicodedata.category(sign)[0] in "LNM"
        signs += sign if is_kept else "-"
    return signs.strip() or "-"


def _mark_one(
    folder: Path, released: Path, name: str, path: Path, limit: int, alike: list[str]
) -> dict[str, Any]:
    """Mark a submission in `folder`, unless several have a name that is `alike`; return its row."""
    task = nbformat.read(released, 4)
    stem = released.stem
    points = {}
    for cell in task.cells:
        if nbgrader_of(cell).get("grade"):
            points[name_of(cell)] = nbgrader_of(cell)["points"]
    row = {"name": name, **dict.fromkeys(points, ""), "total": "", "of": sum(points.values())}
    file = Path(name, stem, released.name)
    try:
        if len(alike) > 1:
            row["name"] = path.name
            raise InputError(f"not marked: {' and '.join(alike)} are of one name: rename one")
        notebook, notes = _submission(path)
        notes += _restore(notebook, task)
        submitted = folder / "submitted" / file
        submitted.parent.mkdir(parents=True)
        nbformat.write(notebook, submitted)
        convert(Autograde, folder, stem, name, limit)
        marked = nbformat.read(folder / "autograded" / file, 4)
        marks, remarks = _grades(folder / "gradebook.db", stem, name, marked)
        convert(GenerateFeedback, folder, stem, name)
    except InputError as fault:
        return row | {"note": str(fault)}
    notes += remarks
    for cell in marked.cells:
        if any(output.get("ename") == "CellTimeoutError" for output in cell.get("outputs", [])):
            notes.append(
                f"{nbgrader_of(cell).get('grade_id', cell.id)} was stopped after {limit} s"
            )
    return row | marks | {"total": sum(marks.values()), "note": "; ".join(notes)}


def _grades(
    gradebook: Path, stem: str, name: str, marked: NotebookNode
) -> tuple[dict[str, float], list[str]]:
    """Return the points of a submission's checks, and notes.

    nbgrader gives points where no check raised, and an answer can switch that off. So they stand,
    in its book too, only where a check's output says passed.
    """
    cells = {name_of(cell): cell for cell in marked.cells}
    with Gradebook(f"sqlite:///{gradebook}") as book:
        graded = book.find_submission_notebook(stem, stem, name)
        stubs = [comment.name for comment in graded.comments if comment.auto_comment]
        notes = [f"no answer in {name}" for name in stubs]
        for grade in graded.grades:
            cell = cells[grade.name]
            if "check(" not in cell.source:  # another kind of test
                continue
            texts = [data.get("text/markdown", "") for data in output_data(cell)]
            passed = any(text.startswith(PASSED) for text in texts)
            if grade.auto_score and not passed:
                grade.manual_score = 0
                notes.append(
                    f"no points for {grade.name}, whose output does not say passed: "
                    "look at it by hand"
                )
            elif passed and grade.auto_score < grade.max_score:
                notes.append(
                    f"{grade.name} is passed, but has not its points (did the answer write to "
                    "stderr?): look at it by hand"
                )
        book.db.commit()
        return {grade.name: grade.score for grade in graded.grades}, notes


def _submission(path: Path) -> tuple[NotebookNode, list[str]]:
    """Read a submission; return its notebook, and notes.

    Raises:
        InputError: it is no notebook, or not one.
    """
    files = [path] if path.is_file() else sorted(path.rglob("[!.]*"))
    files = [file for file in files if file.is_file() and CHECKPOINTS not in file.parts]
    notebooks = [file for file in files if file.suffix == ".ipynb"] or files[:1]
    if len(notebooks) != 1 or notebooks[0].stat().st_size > MAX_SUBMISSION:
        raise InputError(f"give one notebook, of {MAX_SUBMISSION:,} bytes at most")
    (file,) = notebooks
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
        notebook = nbformat.from_dict(content | {"nbformat_minor": 5})
        for number, cell in enumerate(notebook.cells, 1):
            cell.id = f"cell-{number}"  # not all editors keep ids, or keep them apart
        nbformat.validate(notebook)
    except Exception as fault:  # what was sent in may be anything
        raise InputError("no notebook") from fault
    others = [other.relative_to(path).as_posix() for other in files if other != file]
    return notebook, [f"left out: {other}" for other in others]


def _restore(notebook: NotebookNode, task: NotebookNode) -> list[str]:
    """Bring a submission to the form of the release; return notes.

    All cells to be marked are there, and known as such. Of a cell that was copied or split the last
    one is known; where the text is not the learner's, all have the text of the release.

    Raises:
        InputError: it is a notebook of something else.
    """
    wanted = {name_of(cell): cell for cell in task.cells if nbgrader_of(cell)}
    copies = defaultdict[str, list[NotebookNode]](list)
    is_ours = False
    notes = []
    for cell in notebook.cells:
        copies[name_of(cell)].append(cell)
        is_ours |= nbgrader_of(cell).get("grade_id") in list(wanted)
        cell.metadata.pop("nbgrader", None)
    if not is_ours:
        raise InputError("another notebook: no cell of this chapter is in it")
    for name, cell in wanted.items():
        if name not in copies:
            notebook.cells.append(cell)
            continue
        times = len(copies[name])
        if times > 1:
            notes.append(f"cell {name} is there {'twice' if times == 2 else f'{times} times'}")
        if not nbgrader_of(cell)["solution"]:
            for twin in copies[name]:
                twin.source = cell.source
        copies[name][-1].metadata["nbgrader"] = nbgrader_of(cell)
    return notes
