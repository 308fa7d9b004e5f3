"""A course in class: a made-up chapter is handed out, made-up submissions are marked, a folder gets
new versions.
"""

from __future__ import annotations

import copy
import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from typer.testing import CliRunner, Result

from mtlkit.cli import app
from mtlkit.course import classroom
from mtlkit.course.building import read_source

ROOT = Path(__file__).parents[2]
SOURCE = """
# %% [markdown] id="title"
# # 07 · Tiny: is this a chapter?

# %% id="imports"
from mtlkit import course

# %% id="parameters" tags=["parameters"]
seed = 0  # 0 to 9 — where chance starts

# %% id="exercise-1" tags=["solution"]
my_accuracy = None  # a number from 0 to 1
### BEGIN SOLUTION
my_accuracy = 19 / 30
### END SOLUTION

# %% id="check-1" tags=["check"]
assert seed == 4  # as it was handed out, whatever the learner made of it
course.check("00-1", my_accuracy)

# %% id="exercise-5" tags=["solution"]
def my_report(first, second):
    ### BEGIN SOLUTION
    return (sum(first) / len(first), min(first)), (sum(second) / len(second), min(second))
    ### END SOLUTION

# %% id="check-5" tags=["check"] points=2
course.check("00-5", my_report)
"""
HEADER = (
    "# ---\n# jupyter:\n#   kernelspec:\n#     name: python3\n#     display_name: P\n#   "
    "  language: python\n# ---\n"
)


NFC, NFD = "Jos\u00e9", "Jose\u0301"  # one name, written in two ways


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["course", *map(str, arguments)])


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a chapter, `solved.ipynb` of it, and a release of it with another seed."""
    folder = tmp_path_factory.mktemp("a room")
    (folder / "tiny.py").write_text(HEADER + SOURCE, encoding="utf-8")
    nbformat.write(read_source(folder / "tiny.py"), folder / "07_tiny.ipynb")
    result = call(
        "release", folder / "07_tiny.ipynb", "--out", folder / "handed out", "-p", "seed=4"
    )
    assert result.exit_code == 0, result.output
    assert (
        Path(result.stdout.strip())
        == folder / "handed out" / "release" / "07_tiny" / "07_tiny.ipynb"
    )
    return folder


def handed_out(room: Path, **answers: str) -> NotebookNode:
    notebook = nbformat.read(
        room / "handed out" / "release" / "07_tiny" / "07_tiny.ipynb", as_version=4
    )
    for cell in notebook.cells:
        cell.source = answers.get(cell.id.replace("-", "_"), cell.source)
    return notebook


def copied(cell: NotebookNode, source: str | None = None) -> NotebookNode:
    """A copy as a notebook's editor makes it: the metadata stay, the id is new."""
    twin = copy.deepcopy(cell)
    twin.id = nbformat.v4.new_code_cell().id
    twin.source = cell.source if source is None else source
    return twin


def solution(room: Path, cell_id: str) -> str:
    cells = nbformat.read(room / "07_tiny.ipynb", as_version=4).cells
    return next(str(cell.source) for cell in cells if cell.id == cell_id)


def test_a_release_has_stubs_and_no_solution(room: Path) -> None:
    sources = [cell.source for cell in handed_out(room).cells]
    assert "seed = 4  # 0 to 9 — where chance starts" in sources
    assert "my_accuracy = None  # a number from 0 to 1\n# your answer here" in sources
    assert "SOLUTION" not in "".join(sources)
    again = call("release", room / "07_tiny.ipynb", "--out", room / "handed out")
    assert again.exit_code == 2 and "--overwrite" in again.stderr
    assert str(room / "handed out") in again.stderr
    assert (
        call("release", room / "07_tiny.ipynb", "--out", room / "other", "-p", "seed=44").exit_code
        == 2
    )
    assert call("release", room / "07_tiny.ipynb", "--out", room / "a [b]").exit_code == 2
    assert not (room / "other").exists() and not list(room.glob("*.partial"))


def test_a_release_is_replaced_only_when_asked_and_marks_are_never(
    room: Path, tmp_path: Path
) -> None:
    again = ("release", room / "07_tiny.ipynb", "--out", tmp_path / "out", "--overwrite")
    shutil.copytree(room / "handed out", tmp_path / "out")
    result = call(*again, "-p", "seed=6")
    assert result.exit_code == 0, result.output
    assert "seed = 6" in Path(result.stdout.strip()).read_text(encoding="utf-8")
    (tmp_path / "out" / "marks.csv").touch()  # as in a folder that `mark` made
    result = call(*again)
    assert result.exit_code == 2 and "marks.csv" in result.stderr
    assert "another --out" in result.stderr and (tmp_path / "out" / "marks.csv").exists()


@pytest.mark.slow
def test_whole_blank_wrong_and_bad_submissions_are_marked(room: Path) -> None:
    sent = room / "sent in"
    (sent / "whole one").mkdir(parents=True)
    whole = nbformat.read(room / "07_tiny.ipynb", as_version=4)
    whole.cells[2].source = "seed = 1"
    whole.cells[-1].source = "pass"  # a check that was tampered with
    nbformat.write(whole, sent / "whole one" / "any name.ipynb")
    nbformat.write(handed_out(room), sent / "blank.ipynb")
    report = (
        "def my_report(a, b):\n    import warnings\n    warnings.warn('a Warning')\n    "
        "return max(a), max(b)"
    )
    wrong = handed_out(room, exercise_1="my_accuracy = 14 / 30", exercise_5=report)
    nbformat.write(wrong, sent / "=wrong.ipynb")
    lost = handed_out(room, exercise_5="import os; os._exit(1)")
    nbformat.write(lost, sent / "ends Python.ipynb")
    (sent / "text.ipynb").write_text("no notebook", encoding="utf-8")
    (sent / "list.ipynb").write_text("[]", encoding="utf-8")
    (sent / "nothing").mkdir()
    other = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    nbformat.write(other, sent / "another.ipynb")

    result = call(
        "mark", room / "handed out", sent, "--out", room / "marks", "--limit", "200", "--json"
    )
    assert result.exit_code == 0, result.output
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    marks = {
        name: [row["check-1"], row["check-5"], row["total"], row["of"]]
        for name, row in rows.items()
    }
    assert marks["whole one"] == [1, 2, 3, 3]
    assert marks["blank"] == marks["-wrong"] == [0, 0, 0, 3]
    assert marks["text"] == marks["list"] == marks["nothing"] == marks["another"] == ["", "", "", 3]
    notes = {name: row["note"] for name, row in rows.items()}
    assert notes["whole one"] == notes["-wrong"] == ""
    assert notes["blank"] == "no answer in exercise-1; no answer in exercise-5"
    assert notes["ends Python"] == "look at it by hand: DeadKernelError: Kernel died"
    assert notes["text"] == notes["list"] == "no notebook"
    assert "give one notebook" in notes["nothing"] and "no cell of this chapter" in notes["another"]
    page = (room / "marks" / "feedback" / "-wrong" / "07_tiny" / "07_tiny.html").read_text(
        encoding="utf-8"
    )
    assert "as if numbers were names" in page
    with (room / "marks" / "marks.csv").open(encoding="utf-8-sig") as file:
        assert [row["total"] for row in csv.DictReader(file) if row["name"] == "whole one"] == [
            "3.0"
        ]
    assert not list(room.glob("*.partial"))


@pytest.mark.slow
def test_points_are_those_of_the_outputs_and_repeated_cells_cost_nothing(room: Path) -> None:
    sent = room / "tricks"
    sent.mkdir()
    off = "import os\nos.environ.pop('NBGRADER_EXECUTION')\nmy_accuracy = 14 / 30"
    nbformat.write(handed_out(room, exercise_1=off), sent / "cheat.ipynb")
    right = {"exercise_1": "my_accuracy = 19 / 30", "exercise_5": solution(room, "exercise-5")}
    nbformat.write(handed_out(room, **right), sent / "_anna.ipynb")
    chatty = right["exercise_5"].replace("):", "):\n    import sys; sys.stderr.write('.')", 1)
    nbformat.write(handed_out(room, **right | {"exercise_5": chatty}), sent / "chatty.ipynb")
    repeated = handed_out(room, **right)
    for number, cell in enumerate(list(repeated.cells)):
        repeated.cells.insert(2 * number, copied(cell))
    split = handed_out(room, **right | {"exercise_1": "my_accuracy = 19"})
    where = next(i for i, cell in enumerate(split.cells) if "= 19" in cell.source)
    split.cells.insert(where + 1, copied(split.cells[where], "my_accuracy /= 30"))
    nbformat.write(repeated, sent / "copied.ipynb")
    nbformat.write(split, sent / "O'Split.ipynb")
    nbformat.write(handed_out(room), sent / f"{NFD}.ipynb")
    nbformat.write(handed_out(room), sent / "Twin.ipynb")
    (sent / "twin").mkdir()
    nbformat.write(handed_out(room), sent / "twin" / "a.ipynb")
    (sent / ".DS_Store").touch()
    result = call("mark", room / "handed out", sent, "--out", room / "tricks marked", "--json")
    assert result.exit_code == 0, result.output
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert rows.keys() == {
        "cheat",
        "_anna",
        "chatty",
        "copied",
        "O'Split",
        NFC,
        "Twin.ipynb",
        "twin",
    }
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
    pages = room / "tricks marked" / "feedback"
    score = re.compile(r"Score: ([\d.]+) / ([\d.]+)")
    page = (pages / "cheat" / "07_tiny" / "07_tiny.html").read_text(encoding="utf-8")
    assert score.search(page).groups() == ("0.0", "3.0")  # type: ignore[union-attr]


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
    assert classroom.learner_name(Path(file)) == name


def test_a_repeated_parameters_cell_is_put_back_wherever_it_stands(
    room: Path, tmp_path: Path
) -> None:
    notebook = handed_out(room)
    for cell in [cell for cell in notebook.cells if cell.id in ("parameters", "check-1")]:
        notebook.cells.append(copied(cell, "seed = 9"))
        notebook.cells.insert(0, copied(cell, "seed = 9"))
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna" / "notes.txt").touch()
    nbformat.write(notebook, tmp_path / "anna" / "any.ipynb")
    found, notes = classroom._submission(tmp_path / "anna", handed_out(room))
    assert "seed = 9" not in [cell.source for cell in found.cells]
    names = [cell.metadata.nbgrader.grade_id for cell in found.cells if "nbgrader" in cell.metadata]
    assert sorted(names) == ["check-1", "check-5", "exercise-1", "exercise-5", "parameters"]
    times = ["cell parameters is there 3 times", "cell check-1 is there 3 times"]
    assert notes == ["left out: notes.txt", *times]


@pytest.mark.slow
def test_what_never_ends_is_stopped(room: Path) -> None:
    sent = room / "loops"
    sent.mkdir()
    nbformat.write(handed_out(room, exercise_1="while True: pass"), sent / "loop.ipynb")
    (row,) = classroom.mark(room / "handed out", sent, room / "loop marks", 20, print)
    assert row["check-1"] == 0 and "exercise-1 was stopped after 20 s" in row["note"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to a whole console")
def test_marking_that_is_stopped_leaves_nothing(room: Path, tmp_path: Path) -> None:
    (tmp_path / "sent").mkdir()
    begun = f"open({str(tmp_path / 'begun')!r}, 'w').close()\nwhile True: pass"
    nbformat.write(handed_out(room, exercise_1=begun), tmp_path / "sent" / "loop.ipynb")
    call = [
        sys.executable,
        "-m",
        "mtlkit.cli",
        "course",
        "mark",
        str(room / "handed out"),
        str(tmp_path / "sent"),
    ]
    with subprocess.Popen(
        [*call, "--out", str(tmp_path / "marks")], stderr=subprocess.PIPE, text=True
    ) as marking:
        while not (tmp_path / "begun").exists():
            assert marking.poll() is None
            time.sleep(0.1)
        marking.send_signal(signal.SIGINT)
        _, told = marking.communicate(timeout=120)
    assert marking.returncode == 2 and "Traceback" not in told
    assert told.strip().splitlines()[-1] == "stopped: nothing was left half-written."
    assert {path.name for path in tmp_path.iterdir()} == {"sent", "begun"}


def test_what_cannot_be_marked_is_said(room: Path, tmp_path: Path) -> None:
    def refused(released: Path, sent: Path, *words: str) -> None:
        result = call("mark", released, sent, "--out", tmp_path / "out")
        last = result.stderr.strip().splitlines()[-1]
        assert result.exit_code == 2 and "Traceback" not in result.stderr
        for word in words:
            assert word in last, last
        assert not (tmp_path / "out").exists()

    released, sent = room / "handed out", tmp_path / "sent"
    refused(released, sent, str(sent), "there is no such folder")
    sent.touch()
    refused(released, sent, str(sent), "is a file")
    sent.unlink()
    sent.mkdir()
    refused(tmp_path / "none", sent, str(tmp_path / "none"), "there is no such folder")
    refused(tmp_path, sent, str(tmp_path), "mtlkit course release")
    refused(released, sent, str(sent), "a notebook for each learner")
    (sent / ".anna.ipynb").touch()
    refused(released, sent, str(sent), "a notebook for each learner")


def test_an_edited_chapter_stays_and_the_new_version_is_put_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course, mine = tmp_path / "course", tmp_path / "my course"
    course.mkdir()
    monkeypatch.setattr(classroom, "course_folder", lambda: course)

    def publish(text: str) -> str:
        (course / "00_a.ipynb").write_text(text, encoding="utf-8")
        (course / "01_b.ipynb").write_text(text, encoding="utf-8")
        result = call("start", mine)
        assert result.exit_code == 0, result.output
        return result.stdout

    def files() -> dict[str, str]:
        return {path.name: path.read_text(encoding="utf-8") for path in sorted(mine.glob("*.*ynb"))}

    publish("1")
    assert files() == {"00_a.ipynb": "1", "01_b.ipynb": "1"}
    (mine / "00_a.ipynb").write_text("edited", encoding="utf-8")
    assert "there is no newer version" in publish("1")
    assert "the new version is 00_a.new.ipynb" in publish("2")
    expected = {"00_a.ipynb": "edited", "00_a.new.ipynb": "2", "01_b.ipynb": "2"}
    assert files() == expected
    publish("2")
    assert files() == expected
    publish("3")
    assert files() == expected | {"00_a.new.ipynb": "3", "01_b.ipynb": "3"}
    (mine / "00_a.new.ipynb").write_text("edited too", encoding="utf-8")
    publish("4")
    assert files() == {
        "00_a.ipynb": "edited",
        "00_a.new.ipynb": "edited too",
        "00_a.new.new.ipynb": "4",
        "01_b.ipynb": "4",
    }
    (tmp_path / "file").touch()
    assert call("start", tmp_path / "file").exit_code == 2


def test_solutions_are_copied_where_the_chapters_say(tmp_path: Path) -> None:
    result = call("start", tmp_path / "mine")
    assert result.exit_code == 0, result.output
    for folder in ("", "solutions"):
        wanted = {
            path.name: path.read_bytes() for path in (ROOT / "notebooks" / folder).glob("*.ipynb")
        }
        there = {
            path.name: path.read_bytes() for path in (tmp_path / "mine" / folder).glob("*.ipynb")
        }
        assert wanted and there == wanted
    assert "solutions/00_quickstart.ipynb" in result.stdout
    edited = tmp_path / "mine" / "solutions" / "00_quickstart.ipynb"
    edited.write_text("edited", encoding="utf-8")
    result = call("start", tmp_path / "mine")
    assert "solutions/00_quickstart.ipynb: yours is edited" in result.stdout
    assert edited.read_text(encoding="utf-8") == "edited"


def test_the_list_tells_what_the_chapters_say_of_themselves() -> None:
    rows = json.loads(call("list", "--json").stdout)
    assert [row["name"] for row in rows] == sorted(
        path.stem for path in (ROOT / "notebooks").glob("*.ipynb")
    )
    for row in rows:
        first = (
            nbformat.read(ROOT / "notebooks" / f"{row['name']}.ipynb", as_version=4).cells[0].source
        )
        text = " ".join(first.split())
        assert row["title"] and text.startswith(f"# {row['name'][:2]} · {row['title']} ")
        assert f"**Time:** {row['minutes']} minutes" in text
        for word in ("needs", "memory", "network"):
            assert row[word] and row[word] in text
    told = call("list").stdout
    for row in rows:
        assert row["name"] in told and row["title"] in told and f"{row['minutes']} min" in told
        assert row["needs"] in told


@pytest.mark.slow
def test_the_wheel_brings_the_course_along(tmp_path: Path) -> None:
    copy = tmp_path / "a copy"
    for name in ("mtlkit", "notebooks", "benchmarks"):
        shutil.copytree(
            ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", ".*")
        )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    venv.create(tmp_path / "an environment", with_pip=False)
    python = tmp_path / "an environment" / ("Scripts" if os.name == "nt" else "bin") / "python"
    offline = ["-q", "--no-deps", "--no-index"]
    run("-m", "pip", "wheel", *offline, "--no-build-isolation", "-w", tmp_path, copy)
    run("-m", "pip", "--python", python, "install", *offline, *tmp_path.glob("*.whl"))
    (site,) = (tmp_path / "an environment").rglob("site-packages")
    (site / "ours.pth").write_text(
        "\n".join(path for path in sys.path if path.endswith("-packages")), encoding="utf-8"
    )
    told = run("-m", "mtlkit.cli", "course", "start", tmp_path / "my course", python=python)
    chapters = {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
    for folder in ("", "solutions"):
        assert chapters == {path.name for path in (tmp_path / "my course" / folder).glob("*.ipynb")}
    assert "00_quickstart.ipynb" in told
    tries = (
        "from mtlkit.course import check, stored; print(bool(check('00-1', 19 / 30)), "
        "stored('digits')['command'])"
    )
    assert run("-c", tries, python=python).startswith("True python benchmarks/accuracy.py")


def run(*arguments: str | Path, python: str | Path = sys.executable) -> str:
    """Run Python outside the clone, where only the installed is found; return what it prints."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    folder = tempfile.gettempdir()
    done = subprocess.run(
        [python, *arguments], cwd=folder, env=clean, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout
