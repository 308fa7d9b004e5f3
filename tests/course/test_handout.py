"""A chapter is released to be handed out; a learner's folder gets chapters and new versions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import pytest

from mtlkit.course import handout

from .helpers import assert_refused, call, handed_out

ROOT = Path(__file__).parents[2]


def test_a_release_has_stubs_and_no_solution(teacher: Path) -> None:
    sources = [cell.source for cell in handed_out(teacher).cells]
    assert "seed = 4  # 0 to 9 — where chance starts" in sources
    assert "my_accuracy = None  # a number from 0 to 1\n# your answer here" in sources
    assert "SOLUTION" not in "".join(sources)


def test_a_release_that_cannot_be_made_is_refused(teacher: Path) -> None:
    release = ("release", teacher / "07_tiny.ipynb", "--out")
    assert_refused(
        call(*release, teacher / "handed out"), str(teacher / "handed out"), "--overwrite"
    )
    assert_refused(call(*release, teacher / "other", "-p", "seed=44"), "seed is 44")
    assert_refused(call(*release, teacher / "a [b]"), "--out", "[ ] * ?")
    assert not (teacher / "other").exists() and not list(teacher.glob("*.partial"))


def test_a_release_is_replaced_only_when_asked_and_marks_are_never(
    teacher: Path, tmp_path: Path
) -> None:
    again = ("release", teacher / "07_tiny.ipynb", "--out", tmp_path / "out", "--overwrite")
    shutil.copytree(teacher / "handed out", tmp_path / "out")
    result = call(*again, "-p", "seed=6")
    assert result.exit_code == 0, result.output
    assert "seed = 6" in Path(result.stdout.strip()).read_text(encoding="utf-8")
    (tmp_path / "out" / "marks.csv").touch()  # as in a folder that `mark` made
    assert_refused(call(*again), "marks.csv", "another --out")
    assert (tmp_path / "out" / "marks.csv").exists()


def test_an_edited_chapter_stays_and_the_new_version_is_put_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course, mine = tmp_path / "course", tmp_path / "my course"
    course.mkdir()
    monkeypatch.setattr(handout, "course_folder", lambda: course)

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
    assert "no newer version" in publish("1")
    assert "00_a.new.ipynb" in publish("2")
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


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.ipynb")}


def test_solutions_are_copied_where_the_chapters_say(tmp_path: Path) -> None:
    result = call("start", tmp_path / "mine")
    assert result.exit_code == 0, result.output
    for folder in ("", "solutions"):
        wanted = contents(ROOT / "notebooks" / folder)
        assert wanted and contents(tmp_path / "mine" / folder) == wanted
    assert "solutions/00_quickstart.ipynb" in result.stdout
    edited = tmp_path / "mine" / "solutions" / "00_quickstart.ipynb"
    edited.write_text("edited", encoding="utf-8")
    result = call("start", tmp_path / "mine")
    assert "solutions/00_quickstart.ipynb: yours is edited" in result.stdout
    assert edited.read_text(encoding="utf-8") == "edited"


@pytest.mark.slow
def test_the_wheel_brings_the_course_along(tmp_path: Path) -> None:
    copy = tmp_path / "a copy"
    hidden = shutil.ignore_patterns("__pycache__", ".*")
    for name in ("mtlkit", "notebooks", "benchmarks"):
        shutil.copytree(ROOT / name, copy / name, ignore=hidden)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    venv.create(tmp_path / "an environment", with_pip=False)
    python = tmp_path / "an environment" / ("Scripts" if os.name == "nt" else "bin") / "python"
    offline = ["-q", "--no-deps", "--no-index"]
    run("-m", "pip", "wheel", *offline, "--no-build-isolation", "-w", tmp_path, copy)
    run("-m", "pip", "--python", python, "install", *offline, *tmp_path.glob("*.whl"))
    (site,) = (tmp_path / "an environment").rglob("site-packages")
    packages = [path for path in sys.path if path.endswith("-packages")]
    (site / "ours.pth").write_text("\n".join(packages), encoding="utf-8")
    output = run("-m", "mtlkit.cli", "course", "start", tmp_path / "my course", python=python)
    chapters = {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
    for folder in ("", "solutions"):
        assert chapters == contents(tmp_path / "my course" / folder).keys()
    assert "00_quickstart.ipynb" in output
    tries = (
        "from mtlkit.course import check, stored; print(bool(check('00-1', 19 / 30)), "
        "stored('digits')['command'])"
    )
    assert run("-c", tries, python=python).startswith("True python benchmarks/accuracy.py")


def run(*arguments: str | Path, python: str | Path = sys.executable) -> str:
    """Run Python outside the clone, where only the installed is found; return what it prints."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [python, *arguments],
        cwd=tempfile.gettempdir(),
        env=clean,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout
