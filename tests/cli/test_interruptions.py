"""Runs that cannot be written, are stopped or killed: what is left, and how they go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .helpers import QUICK, assert_refused, call, succeed


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_outputs_that_are_taken_or_cannot_be_written(run: Path, tmp_path: Path) -> None:
    before = names_in(run)
    assert_refused(call("fit", "digits:small", "--out", run, *QUICK), "finished run", "--overwrite")
    (tmp_path / "file").write_text("mine")
    assert_refused(call("fit", "digits:small", "--out", tmp_path, *QUICK), "not a finished run")
    below_a_file = tmp_path / "file" / "run"
    result = call("fit", "digits:small", "--out", below_a_file, *QUICK)
    assert_refused(result, "cannot be written")
    assert names_in(run) == before
    succeed("fit", "digits:small", "--out", run, "--overwrite", *QUICK)


def test_a_full_disk_is_said_and_what_was_learnt_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "run.partial" / "report.html"))

    monkeypatch.setattr("mtlkit.deployment.run_folder.write_report", full)
    result = call("fit", "digits:small", "--out", out, *QUICK)
    assert result.exit_code == 1
    assert "No space left" in result.stderr
    assert "Traceback" not in result.stderr
    assert f"--out {out} --resume" in result.stderr
    assert "half-written" not in result.stderr
    assert names_in(tmp_path) == ["run.partial"]
    monkeypatch.undo()
    succeed("fit", "digits:small", "--out", out, "--resume", *QUICK)
    assert names_in(tmp_path) == ["run"]


def test_a_ctrl_c_that_met_an_import_ends_with_its_status_too(tmp_path: Path) -> None:
    """Of `python -m`: CPython remembers the interrupt of an `exec`, and ended by the signal."""
    (tmp_path / "interrupted.py").write_text(
        "import sys, mtlkit.cli.fit\n"
        "def stopped(*_): exec('raise KeyboardInterrupt')\n"
        "sys.modules['mtlkit.cli.fit']._check_classes = stopped\n"
        "sys.argv[1:] = ['fit', 'digits']\n"
        "mtlkit.cli.main()\n"
    )
    command = [sys.executable, "-m", "interrupted"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr == "stopped.\n"


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    """`mtlkit fit digits` with these arguments, in a process of its own."""
    # A file that an import had open when Ctrl-C came is closed by the garbage collector, which
    # Python says nothing of by default.
    warnings = ("-W", "error", "-W", "ignore::ResourceWarning")
    command = [sys.executable, *warnings, "-m", "mtlkit.cli", "fit", "digits", *map(str, arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)


def stop(process: subprocess.Popen[str]) -> str:
    """Stop a process by Ctrl-C; its last words."""
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "Traceback" not in stderr
    return stderr


@pytest.mark.slow
def test_ctrl_c_before_a_checkpoint_ends_with_one_sentence_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    process = start("--out", tmp_path / "run")
    # The training has begun: while packages are imported, one of them may swallow a Ctrl-C.
    wait_for(tmp_path / "run.partial" / "checkpoint" / "about.json", process)
    stderr = stop(process)
    last = stderr.strip().splitlines()[-1]
    assert last.startswith("stopped")
    assert "is kept" not in last
    assert "half-written" in stderr
    assert names_in(tmp_path) == []


@pytest.mark.slow
def test_ctrl_c_after_a_checkpoint_ends_with_one_sentence_and_keeps_it(tmp_path: Path) -> None:
    process = start("--out", tmp_path / "run")
    wait_for(tmp_path / "run.partial" / "checkpoint" / "features.pt", process)
    stderr = stop(process)
    last = stderr.strip().splitlines()[-1]
    assert last.startswith("stopped")
    assert "is kept" in last
    assert "half-written" not in stderr
    assert names_in(tmp_path) == ["run.partial"]
    assert f"--out {tmp_path / 'run'} --resume" in stderr


@pytest.mark.slow
def test_a_killed_run_is_resumed_to_the_same_end(tmp_path: Path) -> None:
    effort = ("--effort", "0.2")
    unbroken, out = tmp_path / "unbroken", tmp_path / "run"
    succeed("fit", "digits", *effort, "--seed", "3", "--out", unbroken)
    process = start(*effort, "--seed", "3", "--out", out)
    wait_for(tmp_path / "run.partial" / "checkpoint" / "features.pt", process)
    process.kill()
    process.communicate()
    again = call("fit", "digits", *effort, "--seed", "3", "--out", out)
    assert_refused(again, "was cut off", "--resume")
    other = call("fit", "digits", *effort, "--seed", "4", "--out", out, "--resume")
    assert_refused(other, "seed 3, not 4")
    succeed("fit", "digits", *effort, "--seed", "3", "--out", out, "--resume")
    assert names_in(out) == names_in(unbroken)
    classes = [(folder / "assignments.csv").read_bytes() for folder in (out, unbroken)]
    assert classes[0] == classes[1]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no quota for one process")
def test_a_quota_that_takes_no_checkpoint_costs_the_run_and_is_said(tmp_path: Path) -> None:
    quota = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); from "
        "mtlkit.cli import main; main()"
    )
    arguments = ["fit", "digits:small", "--out", str(tmp_path / "run"), *QUICK]
    full = subprocess.run([sys.executable, "-c", quota, *arguments], capture_output=True, text=True)
    assert full.returncode == 1, full.stderr
    assert "Traceback" not in full.stderr
    assert "no checkpoint" in full.stderr
    last = full.stderr.strip().splitlines()[-1]
    for words in ("File too large", "half-written", "Make room"):
        assert words in last
    assert names_in(tmp_path) == []


def test_a_resume_without_a_name_looks_for_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_refused(call("fit", "digits:small", "--resume"), "digits:small", "seed 0", "cut off")
