"""`mtlkit course run`: a whole folder with a report, or one sentence; what was executed before a
fault is kept.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from jupyter_core.utils import ensure_event_loop
from typer.testing import CliRunner, Result

from mtlkit.cli import app
from mtlkit.course import figures
from mtlkit.course.execution import kill_kernels, recorded, run_chapter
from mtlkit.deployment.run_folder import RunFailed


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["course", "run", *map(str, arguments)])


def refused(result: Result, *words: str) -> None:
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    last = result.stderr.strip().splitlines()[-1]
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in last, last


def test_a_run_leaves_a_whole_folder_with_a_report(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "a {place}"
    result = run(tiny, "-p", "seed=3", "-p", "size=2", "--out", out)
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
    assert (
        report["settings"] == {"seed": 1} and report["created"] == "before"
    )  # what the chapter itself reports stays
    assert "torch" in report["versions"]
    notebook = nbformat.read(out / "notebook.ipynb", 4)
    assert not any("papermill" in where.metadata for where in (notebook, *notebook.cells))
    assert str(tmp_path) not in (out / "notebook.ipynb").read_text()
    assert (out / "own.txt").read_text() == "1"  # one thread


def test_a_finished_run_is_replaced_only_when_asked(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert json.loads(run(tiny, "--out", out, "--json").stdout)["run"] == str(out)
    refused(run(tiny, "--out", out), "holds a finished run", "--overwrite")
    assert run(tiny, "--out", out, "--overwrite", "-p", "seed=4").exit_code == 0
    assert json.loads((out / "report.json").read_text())["parameters"]["seed"] == 4
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    refused(run(tiny, "--out", tmp_path / "mine", "--overwrite"), "not a finished run")
    (tmp_path / "other.partial").mkdir()
    (tmp_path / "other.partial" / "letter.txt").write_text("dear")
    refused(run(tiny, "--out", tmp_path / "other"), "other.partial", "another --out")  # not ours
    assert (tmp_path / "other.partial" / "letter.txt").exists()


@pytest.mark.parametrize(
    ("trouble", "words"),
    [("raise", ["failed with ValueError: no luck"]), ("die", ["the kernel died"])],
)
def test_what_was_executed_before_a_fault_is_kept(
    tiny: Path, tmp_path: Path, trouble: str, words: list[str]
) -> None:
    out = tmp_path / "out"
    result = run(tiny, "-p", f"trouble={trouble}", "--out", out)
    assert result.exit_code == 1
    last = result.stderr.strip().splitlines()[-1]
    for word in ("error: tiny.ipynb: cell 'trouble' (In [4])", f"{out}.partial", *words):
        assert word in last
    assert not out.exists()
    kept = nbformat.read(tmp_path / "out.partial" / "notebook.ipynb", 4)
    assert next(cell for cell in kept.cells if cell.id == "imports").execution_count
    assert run(tiny, "--out", out).exit_code == 0  # a run that failed makes way
    assert not (tmp_path / "out.partial").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("sed=1", ["parameter 'sed' is not known", "Did you mean 'seed'"]),
        ("run_folder=x", ["parameter 'run_folder' is not known"]),
        ("seed", ["NAME=VALUE"]),
        ("seed=x", ["seed is 'x': give a whole number from 0 to 99"]),
        ("seed=1.5", ["seed is 1.5"]),
        ("seed=True", ["seed is True"]),
        ("seed=-1", ["seed is -1"]),
        ("size=nan", ["size is 'nan': give a number from 0.5 to 4"]),
        ("size=5", ["size is 5"]),
        ("method=fency", ["Did you mean 'fancy'"]),
    ],
)
def test_a_wrong_parameter_ends_in_one_sentence(
    tiny: Path, tmp_path: Path, given: str, words: list[str]
) -> None:
    refused(run(tiny, "-p", given, "--out", tmp_path / "out"), *words)
    assert not list(tmp_path.glob("out*"))


def test_a_parameter_is_given_once(tiny: Path) -> None:
    refused(run(tiny, "-p", "seed=1", "-p", "seed=2"), "seed: is given twice")


def test_an_unknown_chapter_is_named() -> None:
    refused(
        run("00_quikstart"), "chapter '00_quikstart' is not known", "Did you mean '00_quickstart'"
    )
    refused(run("/not/there.ipynb"), "/not/there.ipynb", "no such notebook")


def test_an_edited_notebook_says_what_it_lacks(tiny: Path) -> None:
    notebook = nbformat.read(tiny, 4)
    notebook.cells[1].source = "seed = 1 + 1"
    nbformat.write(notebook, tiny)
    refused(run(tiny), "the default of seed, 1 + 1, must be a number")
    notebook.cells[1].metadata.tags = []
    nbformat.write(notebook, tiny)
    refused(run(tiny), "tiny.ipynb", "no cell has the tag 'parameters'")
    tiny.write_text("no notebook")
    refused(run(tiny), "tiny.ipynb", "is no notebook")


def test_record_is_what_a_run_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, object]] = []
    monkeypatch.setattr(figures, "display", lambda data, raw: shown.append(data))
    figures.record(accuracy=1, way="plain")
    output = nbformat.v4.new_output("display_data", data=shown[0])
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[output])])
    assert recorded(notebook) == {"accuracy": 1.0, "way": "plain"}


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
            deadline = time.monotonic() + 60
            while not begun(folder / "notebook.ipynb", "trouble"):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            kill_kernels([other])
            assert not sleeping.done()
            kill_kernels([folder, other])
            with pytest.raises(RunFailed, match="the kernel died"):
                sleeping.result(timeout=60)
            assert host.poll() is None
        finally:
            host.kill()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to a whole console")
def test_ctrl_c_leaves_nothing(tiny: Path, tmp_path: Path) -> None:
    call = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "mtlkit.cli",
        "course",
        "run",
        str(tiny),
        "-p",
        "trouble=sleep",
        "--out",
        "out",
    ]
    with subprocess.Popen(call, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 90
        while not begun(tmp_path / "out.partial" / "notebook.ipynb", "trouble"):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=30)[1]
    assert process.returncode == 2
    assert told.strip().splitlines()[-1] == "stopped: nothing was left half-written."
    assert "Traceback" not in told
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.ipynb"]


def begun(notebook: Path, cell: str) -> bool:
    try:
        cells = nbformat.read(notebook, 4).cells
    except (OSError, ValueError):  # not there, or being written
        return False
    return any(one.id == cell and one.metadata.papermill.start_time for one in cells)
