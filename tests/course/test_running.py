"""`mtlkit course run`: a whole folder with a report, or one sentence.

What was executed before a fault is kept.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from jupyter_core.utils import ensure_event_loop

from mtlkit.course import figures
from mtlkit.course.execution import kill_kernels, recorded, run_chapter
from mtlkit.deployment.runs import RunFailed

from .helpers import assert_refused, assert_stopped, begun, call, command, edit, wait_until


def test_a_run_leaves_a_whole_folder_with_a_report(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "a {place}"
    result = call("run", tiny, "-p", "seed=3", "-p", "size=2", "--out", out)
    assert result.exit_code == 0, result.output
    assert "100%" in result.stderr
    assert "size         2.0" in result.stdout
    assert re.search(r"^score        0\.\d{1,6}$", result.stdout, re.MULTILINE)
    assert f"notebook     {out / 'notebook.ipynb'}" in result.stdout
    assert {path.name for path in out.iterdir()} == {"notebook.ipynb", "report.json", "own.txt"}
    assert not out.with_name("a {place}.partial").exists()
    report = json.loads((out / "report.json").read_text())
    assert report["chapter"] == "tiny"
    assert report["parameters"] == {"seed": 3, "method": "plain", "size": 2.0, "trouble": ""}
    assert set(report["recorded"]) == {"score", "size", "way"}
    # What the chapter itself reports stays.
    assert report["settings"] == {"seed": 1} and report["created"] == "before"
    assert "torch" in report["versions"]
    notebook = nbformat.read(out / "notebook.ipynb", 4)
    assert not any("papermill" in part.metadata for part in (notebook, *notebook.cells))
    assert str(tmp_path) not in (out / "notebook.ipynb").read_text()
    assert (out / "own.txt").read_text() == "1"  # one thread


def test_a_finished_run_is_replaced_only_when_asked(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert json.loads(call("run", tiny, "--out", out, "--json").stdout)["run"] == str(out)
    assert_refused(call("run", tiny, "--out", out), str(out), "--overwrite")
    assert call("run", tiny, "--out", out, "--overwrite", "-p", "seed=4").exit_code == 0
    assert json.loads((out / "report.json").read_text())["parameters"]["seed"] == 4


@pytest.mark.parametrize("name", ["mine", "mine.partial"])
def test_a_folder_of_something_else_is_left_alone(tiny: Path, tmp_path: Path, name: str) -> None:
    letter = tmp_path / name / "letter.txt"
    letter.parent.mkdir()
    letter.write_text("dear")
    result = call("run", tiny, "--out", tmp_path / "mine", "--overwrite")
    assert_refused(result, str(tmp_path / name), "another --out")
    assert letter.read_text() == "dear"


@pytest.mark.parametrize(
    ("trouble", "words"), [("raise", "failed with ValueError: no luck"), ("die", "kernel died")]
)
def test_what_was_executed_before_a_fault_is_kept(
    tiny: Path, tmp_path: Path, trouble: str, words: str
) -> None:
    out = tmp_path / "out"
    result = call("run", tiny, "-p", f"trouble={trouble}", "--out", out)
    assert result.exit_code == 1
    last = result.stderr.strip().splitlines()[-1]
    for word in ("error: tiny.ipynb: cell 'trouble' (In [4])", f"{out}.partial", words):
        assert word in last
    assert not out.exists()
    kept = nbformat.read(tmp_path / "out.partial" / "notebook.ipynb", 4)
    assert next(cell for cell in kept.cells if cell.id == "imports").execution_count
    assert call("run", tiny, "--out", out).exit_code == 0  # a run that failed makes way
    assert not (tmp_path / "out.partial").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("sed=1", ["'sed' is not known", "Did you mean 'seed'"]),
        ("run_folder=x", ["'run_folder' is not known"]),
        ("seed", ["NAME=VALUE"]),
        ("seed=x", ["seed is 'x'", "a whole number", "0 to 99"]),
        ("seed=1.5", ["seed is 1.5"]),
        ("seed=True", ["seed is True"]),
        ("seed=-1", ["seed is -1"]),
        ("size=nan", ["size is 'nan'", "a number", "0.5 to 4"]),
        ("size=5", ["size is 5"]),
        ("method=fency", ["Did you mean 'fancy'"]),
    ],
)
def test_a_wrong_parameter_ends_in_one_sentence(
    tiny: Path, tmp_path: Path, given: str, words: list[str]
) -> None:
    assert_refused(call("run", tiny, "-p", given, "--out", tmp_path / "out"), *words)
    assert not list(tmp_path.glob("out*"))


def test_a_parameter_is_given_once(tiny: Path) -> None:
    assert_refused(call("run", tiny, "-p", "seed=1", "-p", "seed=2"), "seed: is given twice")


def test_an_unknown_chapter_is_named() -> None:
    assert_refused(call("run", "00_quikstart"), "'00_quikstart'", "'00_quickstart'")
    assert_refused(call("run", "/not/there.ipynb"), "/not/there.ipynb", "no such notebook")


def test_an_edited_notebook_says_what_it_lacks(tiny: Path) -> None:
    edit(tiny, 1, lambda source: "seed = 1 + 1")
    assert_refused(call("run", tiny), "tiny.ipynb", "seed, 1 + 1", "a number")
    notebook = nbformat.read(tiny, 4)
    notebook.cells[1].metadata.tags = []
    nbformat.write(notebook, tiny)
    assert_refused(call("run", tiny), "tiny.ipynb", "the tag 'parameters'")
    tiny.write_text("no notebook")
    assert_refused(call("run", tiny), "tiny.ipynb", "is no notebook")


def test_record_is_what_a_run_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    displayed: list[dict[str, object]] = []
    monkeypatch.setattr(figures, "display", lambda data, raw: displayed.append(data))
    figures.record(accuracy=1, way="plain", test_gap=0.12345)
    assert displayed[0]["text/plain"] == "accuracy 1, way plain, test gap 0.123"
    output = nbformat.v4.new_output("display_data", data=displayed[0])
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[output])])
    assert recorded(notebook) == {"accuracy": 1.0, "way": "plain", "test_gap": 0.12345}


def test_only_kernels_of_the_runs_that_are_named_are_killed(tiny: Path, tmp_path: Path) -> None:
    folder, other = tmp_path / "run", tmp_path / "other"
    folder.mkdir()

    def sleep() -> None:
        try:
            run_chapter(tiny, {"trouble": "sleep"}, folder, progress=False)
        finally:
            ensure_event_loop().close()  # a thread's own

    kernel = [sys.executable, "-m", "ipykernel_launcher", "-f", str(tmp_path / "host.json")]
    with ThreadPoolExecutor() as pool, subprocess.Popen(kernel) as host:
        sleeping = pool.submit(sleep)
        try:
            wait_until(lambda: begun(folder / "notebook.ipynb", "trouble"))
            kill_kernels([other])
            assert not sleeping.done()
            kill_kernels([folder, other])
            with pytest.raises(RunFailed, match="kernel died"):
                sleeping.result(timeout=60)
            assert host.poll() is None
        finally:
            host.kill()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to a whole console")
def test_ctrl_c_leaves_nothing(tiny: Path, tmp_path: Path) -> None:
    run = command("run", tiny, "-p", "trouble=sleep", "--out", "out")
    with subprocess.Popen(run, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: begun(tmp_path / "out.partial" / "notebook.ipynb", "trouble"), process)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 2
    assert_stopped(stderr)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.ipynb"]
