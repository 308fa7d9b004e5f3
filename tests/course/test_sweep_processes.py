"""A sweep that is stopped or killed goes on later, and a cluster gives the same table."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mtlkit.course import execution, sweeps
from mtlkit.course.sweep_results import SweepRun

from .helpers import assert_refused, assert_stopped, call, command, finished, wait_until


def test_a_kernel_is_killed_while_the_folder_of_its_stopped_run_is_there(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def stopped(*_: object, resources: dict[str, dict[str, str]], **more: object) -> None:
        folder = Path(resources["metadata"]["path"])

        def kill(folders: list[Path]) -> None:
            seen.append(folders == [folder] and folder.is_dir())

        monkeypatch.setattr(execution, "kill_kernels", kill)
        raise KeyboardInterrupt

    monkeypatch.setattr("papermill.execute_notebook", stopped)
    with pytest.raises(KeyboardInterrupt):
        sweeps.work("tiny.ipynb", tiny.read_text(), SweepRun({}, Path("nowhere")), 0)
    assert seen == [True] and not sweeps.RUNNING


def test_a_sweep_does_not_wait_for_ever_nor_for_another_sweep(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[Path] = []
    monkeypatch.setattr(sweeps, "kill_kernels", killed.extend)
    monkeypatch.setattr(sweeps, "PATIENCE", 0.5)
    ours, other = Path("ours"), Path("other")
    stuck = {ours: tmp_path / "out" / "a run", other: tmp_path / "other" / "a run"}
    monkeypatch.setattr(sweeps, "RUNNING", stuck)
    started = time.monotonic()
    assert list(sweeps.sweep(tiny, [], [], tmp_path / "out")) == []
    assert 0.5 < time.monotonic() - started < 20 and set(killed) == {ours}
    del stuck[ours]
    monkeypatch.setattr(sweeps, "PATIENCE", 600)
    assert list(sweeps.sweep(tiny, [], [], tmp_path / "out")) == []  # at once


def test_a_cluster_that_is_not_there_is_said(tiny: Path, tmp_path: Path) -> None:
    sweep = ("sweep", tiny, "--grid", "seed=1", "--out", tmp_path / "out")
    result = call(*sweep, "--cluster", "nowhere://x")
    assert_refused(result, "--cluster nowhere://x", "dask scheduler")
    assert "trusted network" in " ".join(call("sweep", "--help").stdout.replace("│", " ").split())


def test_a_worker_with_another_version_is_refused(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import distributed

    class Client:
        def __init__(self, address: str, **_: object) -> None: ...

        def run(self, function: object, *_: object) -> dict[str, object]:
            return {"tcp://1": sweeps._installed(""), "tcp://2": ("another", {"torch": "1.0"})}

    monkeypatch.setattr(distributed, "Client", Client)
    sweep = ("sweep", tiny, "--grid", "seed=1", "--out", tmp_path / "out")
    result = call(*sweep, "--cluster", "tcp://here:1")
    assert_refused(result, "--cluster tcp://here:1", "another version", "mtlkit[course]")


def start(tiny: Path, out: Path, *arguments: str) -> subprocess.Popen[str]:
    sweep = command("sweep", tiny, "--out", out, *arguments)
    return subprocess.Popen(sweep, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to a whole console")
def test_a_sweep_that_is_killed_or_stopped_goes_on_with_what_is_missing(
    tiny: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    grid = ("--grid", "seed=0..5", "-p", "trouble=slow", "--jobs", "1")
    first = start(tiny, out, *grid)
    wait_until(lambda: len(finished(out)) == 2, first)
    first.kill()
    first.communicate()
    killed = finished(out)
    left = {"results.partial", "results.partial.lock"}
    assert {path.name for path in out.iterdir()} == {*killed, *left}

    second = start(tiny, out, *grid)
    wait_until(lambda: len(finished(out)) == 4, second)
    second.send_signal(signal.SIGINT)
    _, stderr = second.communicate(timeout=120)
    assert second.returncode == 2
    assert_stopped(stderr)
    stopped = finished(out)
    assert f"{len(stopped)} of 6 runs are finished" in stderr.strip().splitlines()[-2]
    assert {path.name for path in out.iterdir()} == set(stopped)

    third = start(tiny, out, *grid)
    stdout, stderr = third.communicate(timeout=120)
    assert third.returncode == 0, stderr
    assert f"6 runs: {len(stopped)} were finished before, 0 failed" in stdout
    after = finished(out)
    assert len(after) == 6
    assert all(after[name] == when for name, when in (killed | stopped).items())


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """A scheduler and two workers, each by its own command; gives the scheduler's address."""
    file = folder / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    common = ["--scheduler-file", str(file), "--host", "127.0.0.1", "--no-dashboard"]
    calls = [[*dask, "scheduler", "--port", "0", *common]]
    for name in "ab":
        own = ["--nthreads", "1", "--local-directory", str(folder / name)]
        calls.append([*dask, "worker", *common, *own])
    quiet = {"stderr": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    processes: list[subprocess.Popen[str]] = []
    try:
        for arguments in calls:
            processes.append(subprocess.Popen(arguments, cwd=folder, text=True, **quiet))
            wait_until(file.exists, processes[0])
        yield json.loads(file.read_text())["address"]
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(timeout=30)


@pytest.mark.slow
def test_a_cluster_gives_the_same_table(tiny: Path, tmp_path: Path) -> None:
    grid = ("--grid", "seed=0..1", "--grid", "method=plain,fancy", "-p", "trouble=odd")
    (tmp_path / "dask").mkdir()
    away, home = tmp_path / "away", tmp_path / "home"
    with cluster(tmp_path / "dask") as address:
        process = start(tiny, away, *grid, "--cluster", address)
        stdout, stderr = process.communicate(timeout=400)  # each process imports torch
    assert "4 runs: 0 were finished before, 2 failed" in stdout, stderr
    assert process.returncode == 1
    assert "Traceback" not in stderr
    assert call("sweep", tiny, "--out", home, *grid).exit_code == 1
    for name in ("runs.csv", "summary.csv", "figure.png"):
        there, here = ((folder / "results" / name).read_bytes() for folder in (away, home))
        assert there == here
    assert set(finished(away)) == set(finished(home))
    assert len(list(away.glob("*.partial/notebook.ipynb"))) == 2
