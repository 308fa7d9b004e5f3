"""Made-up submissions of a made-up chapter are marked."""

from __future__ import annotations

import copy
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from mtlkit.course import marking

from .helpers import (
    assert_refused,
    assert_stopped,
    call,
    command,
    handed_out,
    read_table,
    wait_until,
)

NFC, NFD = "Jos\u00e9", "Jose\u0301"  # one name, written in two ways


def copied(cell: NotebookNode, source: str | None = None) -> NotebookNode:
    """A copy as a notebook's editor makes it: the metadata stay, the id is new."""
    twin = copy.deepcopy(cell)
    twin.id = nbformat.v4.new_code_cell().id
    twin.source = cell.source if source is None else source
    return twin


def solution(teacher: Path, cell_id: str) -> str:
    cells = nbformat.read(teacher / "07_tiny.ipynb", as_version=4).cells
    return next(str(cell.source) for cell in cells if cell.id == cell_id)


def feedback(marks: Path, name: str) -> str:
    page = marks / "feedback" / name / "07_tiny" / "07_tiny.html"
    return page.read_text(encoding="utf-8")


def rows_by_name(stdout: str) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in json.loads(stdout)}


def test_a_submission_is_marked(teacher: Path, tmp_path: Path) -> None:
    """One of the many below, quick enough for `make test-fast`."""
    (tmp_path / "sent").mkdir()
    half = handed_out(teacher, exercise_1="my_accuracy = 19 / 30")
    nbformat.write(half, tmp_path / "sent" / "anna.ipynb")
    marks = tmp_path / "marks"
    result = call("mark", teacher / "handed out", tmp_path / "sent", "--out", marks, "--json")
    row = rows_by_name(result.stdout)["anna"]
    assert [row[column] for column in ("check-1", "check-5", "total", "of")] == [1, 0, 1, 3]
    assert row["note"] == "no answer in exercise-5"
    assert read_table(marks / "marks.csv")[0]["total"] == "1.0"


@pytest.mark.slow
def test_whole_blank_wrong_and_bad_submissions_are_marked(teacher: Path, tmp_path: Path) -> None:
    sent = tmp_path / "sent in"
    (sent / "whole one").mkdir(parents=True)
    whole = nbformat.read(teacher / "07_tiny.ipynb", as_version=4)
    whole.cells[2].source = "seed = 1"
    whole.cells[-1].source = "pass"  # a check that was tampered with
    nbformat.write(whole, sent / "whole one" / "any name.ipynb")
    nbformat.write(handed_out(teacher), sent / "blank.ipynb")
    report = (
        "def my_report(a, b):\n    import warnings\n    warnings.warn('a Warning')\n    "
        "return max(a), max(b)"
    )
    wrong = handed_out(teacher, exercise_1="my_accuracy = 14 / 30", exercise_5=report)
    nbformat.write(wrong, sent / "=wrong.ipynb")
    lost = handed_out(teacher, exercise_5="import os; os._exit(1)")
    nbformat.write(lost, sent / "ends Python.ipynb")
    (sent / "text.ipynb").write_text("no notebook", encoding="utf-8")
    (sent / "list.ipynb").write_text("[]", encoding="utf-8")
    (sent / "nothing").mkdir()
    other = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    nbformat.write(other, sent / "another.ipynb")

    release, marked = teacher / "handed out", tmp_path / "marks"
    result = call("mark", release, sent, "--out", marked, "--limit", "200", "--json")
    assert result.exit_code == 0, result.output
    rows = rows_by_name(result.stdout)
    columns = ("check-1", "check-5", "total", "of")
    marks = {name: [row[column] for column in columns] for name, row in rows.items()}
    assert marks["whole one"] == [1, 2, 3, 3]
    assert marks["blank"] == marks["-wrong"] == [0, 0, 0, 3]
    assert marks["text"] == marks["list"] == marks["nothing"] == marks["another"] == ["", "", "", 3]
    notes = {name: row["note"] for name, row in rows.items()}
    assert notes["whole one"] == notes["-wrong"] == ""
    assert notes["blank"] == "no answer in exercise-1; no answer in exercise-5"
    assert "by hand" in notes["ends Python"] and "DeadKernelError" in notes["ends Python"]
    assert notes["text"] == notes["list"] == "no notebook"
    assert "one notebook" in notes["nothing"] and "another notebook" in notes["another"]
    assert "as if numbers were names" in feedback(marked, "-wrong")
    totals = {row["name"]: row["total"] for row in read_table(marked / "marks.csv")}
    assert totals["whole one"] == "3.0"
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.slow
def test_points_are_those_of_the_outputs_and_repeated_cells_cost_nothing(
    teacher: Path, tmp_path: Path
) -> None:
    sent, marked = tmp_path / "tricks", tmp_path / "marks"
    sent.mkdir()
    off = "import os\nos.environ.pop('NBGRADER_EXECUTION')\nmy_accuracy = 14 / 30"
    nbformat.write(handed_out(teacher, exercise_1=off), sent / "cheat.ipynb")
    right = {"exercise_1": "my_accuracy = 19 / 30", "exercise_5": solution(teacher, "exercise-5")}
    nbformat.write(handed_out(teacher, **right), sent / "_anna.ipynb")
    chatty = right["exercise_5"].replace("):", "):\n    import sys; sys.stderr.write('.')", 1)
    nbformat.write(handed_out(teacher, **right | {"exercise_5": chatty}), sent / "chatty.ipynb")
    repeated = handed_out(teacher, **right)
    for number, cell in enumerate(list(repeated.cells)):
        repeated.cells.insert(2 * number, copied(cell))
    split = handed_out(teacher, **right | {"exercise_1": "my_accuracy = 19"})
    where = next(i for i, cell in enumerate(split.cells) if "= 19" in cell.source)
    split.cells.insert(where + 1, copied(split.cells[where], "my_accuracy /= 30"))
    nbformat.write(repeated, sent / "copied.ipynb")
    nbformat.write(split, sent / "O'Split.ipynb")
    nbformat.write(handed_out(teacher), sent / f"{NFD}.ipynb")
    nbformat.write(handed_out(teacher), sent / "Twin.ipynb")
    (sent / "twin").mkdir()
    nbformat.write(handed_out(teacher), sent / "twin" / "a.ipynb")
    (sent / ".DS_Store").touch()
    result = call("mark", teacher / "handed out", sent, "--out", marked, "--json")
    assert result.exit_code == 0, result.output
    rows = rows_by_name(result.stdout)
    names = {"cheat", "_anna", "chatty", "copied", "O'Split", NFC, "Twin.ipynb", "twin"}
    assert rows.keys() == names
    marks = {name: [row["check-1"], row["check-5"], row["total"]] for name, row in rows.items()}
    assert marks["cheat"] == [0, 0, 0]
    assert "check-1" in rows["cheat"]["note"] and "by hand" in rows["cheat"]["note"]
    assert marks["_anna"] == marks["copied"] == marks["O'Split"] == [1, 2, 3]
    assert rows["_anna"]["note"] == ""
    assert marks["chatty"] == [1, 0, 1] and "check-5" in rows["chatty"]["note"]
    assert "exercise-1 is there twice" in rows["copied"]["note"]
    assert rows["O'Split"]["note"] == "cell exercise-1 is there twice"
    for name in ("Twin.ipynb", "twin"):
        assert marks[name] == ["", "", ""]
        assert "Twin.ipynb and twin" in rows[name]["note"] and "rename one" in rows[name]["note"]
    (line,) = [line for line in result.stderr.splitlines() if "left out" in line]
    assert ".DS_Store" in line
    score = re.search(r"Score: ([\d.]+) / ([\d.]+)", feedback(marked, "cheat"))
    assert score and score.groups() == ("0.0", "3.0")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("anna.ipynb", "anna"),
        ("_anna", "_anna"),
        (f"{NFD}.ipynb", NFC),
        ("अनिता.ipynb", "अनिता"),
        ("สมหญิง", "สมหญิง"),
        ("D’Arc, J.-P.ipynb", "D’Arc, J.-P"),
        ("=1+1.ipynb", "-1-1"),
        ("a[b]*?.ipynb", "a-b---"),
    ],
)
def test_names_of_learners_are_kept(file: str, name: str) -> None:
    assert marking.learner_name(Path(file)) == name


def test_a_repeated_parameters_cell_is_put_back_wherever_it_stands(
    teacher: Path, tmp_path: Path
) -> None:
    notebook = handed_out(teacher)
    for cell in [cell for cell in notebook.cells if cell.id in ("parameters", "check-1")]:
        notebook.cells.append(copied(cell, "seed = 9"))
        notebook.cells.insert(0, copied(cell, "seed = 9"))
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna" / "notes.txt").touch()
    nbformat.write(notebook, tmp_path / "anna" / "any.ipynb")
    read, notes = marking._submission(tmp_path / "anna")
    notes += marking._restore(read, handed_out(teacher))
    assert "seed = 9" not in [cell.source for cell in read.cells]
    names = [cell.metadata.nbgrader.grade_id for cell in read.cells if "nbgrader" in cell.metadata]
    assert sorted(names) == ["check-1", "check-5", "exercise-1", "exercise-5", "parameters"]
    times = ["cell parameters is there 3 times", "cell check-1 is there 3 times"]
    assert notes == ["left out: notes.txt", *times]


@pytest.mark.parametrize("metadata", [[], "exercise-1", {"grade_id": ["exercise-1"]}, None])
def test_metadata_of_any_kind_are_another_notebook(
    teacher: Path, tmp_path: Path, metadata: object
) -> None:
    cell = nbformat.v4.new_code_cell("1", metadata={"nbgrader": metadata})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "anna.ipynb")
    read, _ = marking._submission(tmp_path / "anna.ipynb")
    with pytest.raises(marking.InputError, match="another notebook"):
        marking._restore(read, handed_out(teacher))


@pytest.mark.slow
def test_what_never_ends_is_stopped(teacher: Path, tmp_path: Path) -> None:
    sent = tmp_path / "loops"
    sent.mkdir()
    nbformat.write(handed_out(teacher, exercise_1="while True: pass"), sent / "loop.ipynb")
    (row,) = marking.mark(teacher / "handed out", sent, tmp_path / "marks", 20, print)
    assert row["check-1"] == 0 and "exercise-1 was stopped after 20 s" in row["note"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to a whole console")
def test_marking_that_is_stopped_leaves_nothing(teacher: Path, tmp_path: Path) -> None:
    sent = tmp_path / "sent"
    sent.mkdir()
    begun = f"open({str(tmp_path / 'begun')!r}, 'w').close()\nwhile True: pass"
    nbformat.write(handed_out(teacher, exercise_1=begun), sent / "loop.ipynb")
    release, out = teacher / "handed out", tmp_path / "marks"
    mark = command("mark", release, sent, "--out", out, flags=())  # nbgrader's libraries warn
    with subprocess.Popen(mark, stderr=subprocess.PIPE, text=True) as process:
        wait_until((tmp_path / "begun").exists, process)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=120)
    assert process.returncode == 2
    assert_stopped(stderr)
    assert {path.name for path in tmp_path.iterdir()} == {"sent", "begun"}


def test_what_cannot_be_marked_is_said(teacher: Path, tmp_path: Path) -> None:
    released, sent, out = teacher / "handed out", tmp_path / "sent", tmp_path / "out"

    def assert_not_marked(release: Path, *words: str) -> None:
        assert_refused(call("mark", release, sent, "--out", out), *words)
        assert not out.exists()

    assert_not_marked(released, str(sent), "no such folder")
    sent.touch()
    assert_not_marked(released, str(sent), "is a file")
    sent.unlink()
    sent.mkdir()
    assert_not_marked(tmp_path / "none", str(tmp_path / "none"), "no such folder")
    assert_not_marked(tmp_path, str(tmp_path), "mtlkit course release")
    assert_not_marked(released, str(sent), "for each learner")
    (sent / ".anna.ipynb").touch()
    assert_not_marked(released, str(sent), "for each learner")
