"""`mtlkit course sweep`: side by side, resumed, a fault costs one run; the same table from a
cluster.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from filelock import FileLock
from tqdm import tqdm
from typer.testing import CliRunner, Result

import mtlkit
from mtlkit.cli import app
from mtlkit.course import sweeps
from mtlkit.course.parameters import MOST


def sweep(*arguments: str | Path, **more: str) -> Result:
    return CliRunner().invoke(app, ["course", "sweep", *map(str, arguments)], **more)


def refused(result: Result, *words: str) -> None:
    assert result.exit_code == 2, result.output
    assert result.stdout.strip() == ""  # a question leaves a blank there
    assert "Traceback" not in result.stderr
    last = result.stderr.strip().splitlines()[-1]
    for word in words:
        assert word in last, last


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))


def finished(out: Path) -> dict[str, int]:
    """The folders of runs that are whole, and when their reports were written."""
    return {path.parent.name: path.stat().st_mtime_ns for path in out.glob("*/report.json")}


def test_a_sweep_has_a_folder_a_run_and_one_table_over_all(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    call = (
        tiny,
        "--grid",
        "method=plain,fancy",
        "--grid",
        "seed=0..1",
        "-p",
        "size=2",
        "--out",
        out,
        "--jobs",
        "2",
    )
    result = sweep(*call)
    assert result.exit_code == 0, result.output
    before = finished(out)
    assert len(before) == 4
    assert any(name.startswith("method=plain,seed=0-") for name in before)
    rows = table(out / "results" / "runs.csv")
    assert [(row["method"], row["seed"], row["way"], row["size"]) for row in rows] == [
        ("plain", "0", "plain", "2.0"),
        ("plain", "1", "plain", "2.0"),
        ("fancy", "0", "fancy", "2.0"),
        ("fancy", "1", "fancy", "2.0"),
    ]
    for name in ("runs.csv", "summary.csv"):  # Excel asks for the mark
        assert (out / "results" / name).read_bytes().startswith(b"\xef\xbb\xbf")
    assert {row["folder"] for row in rows} == set(before) and not any(row["failed"] for row in rows)
    scores = [float(row["score"]) for row in rows]
    groups = {(row["method"], row["metric"]): row for row in table(out / "results" / "summary.csv")}
    plain = groups["plain", "score"]
    assert float(plain["mean"]) == pytest.approx((scores[0] + scores[1]) / 2)
    assert float(plain["sd"]) == pytest.approx(abs(scores[0] - scores[1]) / 2**0.5)
    assert (float(plain["min"]), float(plain["max"])) == (min(scores[:2]), max(scores[:2]))
    assert plain["runs"] == "2" and len(groups) == 4
    assert (out / "results" / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert "fancy" in result.stdout and "4 runs: 0 were finished before, 0 failed" in result.stdout

    (out / next(iter(before)) / "report.json").rename(tmp_path / "elsewhere")
    for path in (out / next(iter(before))).iterdir():
        path.unlink()
    again = sweep(*call, "--json")  # only what is missing is run
    assert again.exit_code == 0, again.output
    after = finished(out)
    assert {name for name in before if before[name] != after[name]} == {next(iter(before))}
    assert json.loads(again.stdout)["runs"] == 4 and len(json.loads(again.stdout)["summary"]) == 4
    assert table(out / "results" / "runs.csv") == rows
    wider = sweep(
        *call[:3], "--grid", "seed=0..2", "-p", "size=2", "--grid", "trouble=", "--out", out
    )
    refused(wider, "trouble", "0 values")
    assert {path.name for path in out.iterdir()} == set(before) | {"results"}


def test_tables_have_figures_that_can_be_read(tiny: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(tiny, 4)
    notebook.cells[
        -1
    ].source += "\nrecord(third=(seed + 1) / 3, many=1234567.0, least=seed * 1e-9 / 7)"
    nbformat.write(notebook, tiny)
    call = (tiny, "--grid", "seed=0..1", "--grid", "size=1,1.1", "--out", tmp_path / "out")
    result = sweep(*call, "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)["summary"]
    third = next(row for row in summary if row["metric"] == "third")
    assert third["mean"] == pytest.approx(0.5, rel=1e-5) and third["size"] == 1
    shown = "".join((tmp_path / "out" / "results" / name).read_text() for name in sweeps.RESULTS)
    for text in (shown, json.dumps(summary), sweep(*call).stdout):
        assert "1234567" in text or "1.235e+06" in text
        assert not re.search(r"\d{9}|\d\.\d{7}", text.replace(str(tmp_path), "")), text
    exact = [
        json.loads(path.read_text())["recorded"]
        for path in (tmp_path / "out").glob("*/report.json")
    ]
    assert {run["third"] for run in exact} == {1 / 3, 2 / 3}  # a run's own report has all digits


def test_the_time_left_is_that_of_the_mean_run(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, left = [0.0], list[float]()
    runs = [1, 30, 1, 1, 30, 1]  # seconds

    class Bar(tqdm):  # type: ignore[type-arg]
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            self._time = lambda: now[0]
            self.start_t = self.last_print_t = 0.0

        def update(self, n: float | None = 1) -> bool | None:
            now[0] += runs[int(self.n)]
            told = super().update(n)
            about = self.format_dict
            rate = about["rate"] or about["n"] / about["elapsed"]  # as tqdm shows it
            left.append((about["total"] - about["n"]) / rate)
            return told

    monkeypatch.setattr("tqdm.tqdm", Bar)
    each = [(sweeps.Run({}, Path("a")), "")] * 6
    monkeypatch.setattr("mtlkit.course.sweeps.sweep", lambda *_: iter(each))
    assert sweep(tiny, "--grid", "seed=0..5", "--out", tmp_path / "out").exit_code == 0
    means = [sum(runs[:n]) / n * (6 - n) for n in range(1, 7)]
    assert left == pytest.approx(means)


def add_source(chapter: Path) -> None:
    notebook = nbformat.read(chapter, 4)
    notebook.cells[1].source += "source = 'digits'  # which images\n"
    nbformat.write(notebook, chapter)


def edit_method(chapter: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (place / "mtlkit" / "clusterer.py").open("a") as file:
        file.write("# another line\n")


def upgrade(chapter: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtlkit.course.sweeps.versions", lambda: {"torch": "99.9"})


def change_data(chapter: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "MNIST" / "raw" / "train-images-idx3-ubyte").write_bytes(b"others")


def edit_chapter(chapter: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = nbformat.read(chapter, 4)
    notebook.cells[-1].source += "  # the same"
    nbformat.write(notebook, chapter)


@pytest.mark.parametrize("change", [edit_method, upgrade, change_data, edit_chapter])
def test_runs_of_another_method_version_or_data_are_made_again_and_that_is_said(
    change: Callable[[Path, Path, pytest.MonkeyPatch], None],
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(Path(mtlkit.__file__).parent, tmp_path / "mtlkit")
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    (tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte").write_bytes(b"images")
    package = SimpleNamespace(__file__=str(tmp_path / "mtlkit" / "__init__.py"))
    monkeypatch.setattr("mtlkit.course.building.mtlkit", package)
    monkeypatch.setenv("MTLKIT_DATA", str(tmp_path))
    add_source(tiny)
    call = (tiny, "--grid", "seed=0..1", "-p", "source=mnist", "--out", tmp_path / "out")
    first = sweep(*call)
    assert first.exit_code == 0 and "made again" not in first.stderr, first.output
    before = finished(tmp_path / "out")
    same = sweep(*call)
    assert "2 runs: 2 were finished before" in same.stdout and "made again" not in same.stderr
    change(tiny, tmp_path, monkeypatch)
    again = sweep(*call)
    assert again.exit_code == 0, again.output
    assert "2 runs: 0 were finished before" in again.stdout
    assert "2 of 2 runs" in again.stderr and "made again" in again.stderr
    after = finished(tmp_path / "out")
    assert len(after) == 4 and before.items() <= after.items()  # what was there stays
    rows = table(tmp_path / "out" / "results" / "runs.csv")
    assert {row["folder"] for row in rows} == after.keys() - before.keys()


def test_the_default_source_and_a_folder_are_data_too(tiny: Path, tmp_path: Path) -> None:
    def folder(**fixed: str) -> Path:
        (run,) = sweeps.plan(tiny, [{"seed": 0}], fixed, tmp_path)
        return run.folder

    (tmp_path / "photos" / "a").mkdir(parents=True)
    photo = tmp_path / "photos" / "a" / "1.png"
    photo.write_bytes(b"one")
    add_source(tiny)
    named, default = folder(source=str(tmp_path / "photos")), folder()
    notebook = nbformat.read(tiny, 4)
    notebook.cells[1].source = notebook.cells[1].source.replace("digits", str(tmp_path / "photos"))
    nbformat.write(notebook, tiny)
    other = folder()
    assert other != default
    photo.write_bytes(b"two")
    assert folder() != other and folder(source=str(tmp_path / "photos")) != named


def test_a_fault_costs_one_run_and_is_told(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = sweep(tiny, "--grid", "trouble=raise,die,none", "--out", out, "--jobs", "2")
    assert result.exit_code == 1
    assert "failed with ValueError: no luck" in result.stderr
    assert "the kernel died" in result.stderr
    assert "2 of 3 runs failed" in result.stderr.strip().splitlines()[-1]
    rows = {row["trouble"]: row for row in table(out / "results" / "runs.csv")}
    assert rows["raise"]["failed"].startswith("tiny.ipynb: cell 'trouble' (In [4]) failed")
    assert (
        rows["raise"]["score"] == ""
        and rows["none"]["score"] != ""
        and rows["none"]["failed"] == ""
    )
    (kept,) = out.glob("trouble=raise-*.partial")
    assert "luck" in (kept / "notebook.ipynb").read_text()
    assert [name.rpartition("-")[0] for name in finished(out)] == ["trouble=none"]


def test_a_run_that_takes_too_long_is_stopped(tiny: Path, tmp_path: Path) -> None:
    started = time.monotonic()
    result = sweep(tiny, "--grid", "trouble=sleep", "--out", tmp_path / "out", "--timeout", "8")
    assert result.exit_code == 1
    assert "not done in 8 s, and stopped" in result.stderr
    assert time.monotonic() - started < 60


def test_zip_pairs_the_grids(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    call = (tiny, "--zip", "--grid", "seed=5,5,6", "--out", out)
    refused(sweep(*call, "--grid", "method=plain,fancy"), "--zip pairs values", "seed 3, method 2")
    assert sweep(*call, "--grid", "method=plain,fancy,fancy", "--grid", "size=1,2,3").exit_code == 0
    rows = table(out / "results" / "runs.csv")
    assert [(row["seed"], row["method"], row["size"]) for row in rows] == [
        ("5", "plain", "1.0"),
        ("5", "fancy", "2.0"),
        ("6", "fancy", "3.0"),
    ]
    assert [row["sd"] for row in table(out / "results" / "summary.csv")] == [
        ""
    ] * 6  # one run has no spread


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ["Missing option", "--grid"]),
        (("--grid", "seed=4..0"), ["seed=4..0: holds 0 values", "seed=0..4"]),
        (("--grid", "seed="), ["seed=: holds 0 values", "seed=A,B"]),
        (("--grid", "seed"), ["NAME=VALUE", "--grid seed=0..4"]),
        (("--grid", "sed=1,2"), ["Did you mean 'seed'"]),
        (("--grid", "seed=0..100"), ["seed is 100"]),
        (("--grid", "seed=1,x"), ["seed is 'x'"]),
        (("--grid", "method=plain,fency"), ["Did you mean 'fancy'"]),
        (("--grid", "seed=1", "--grid", "seed=2"), ["seed: is given twice"]),
        (("--grid", "seed=1", "-p", "seed=2"), ["seed: is given twice"]),
        (("--grid", "seed=1", "-p", "sed=2"), ["Did you mean 'seed'"]),
        (("--grid", "seed=0..99", "--grid", "method=plain,fancy"), ["200 runs", "--yes"]),
        (("--grid", "trouble=0..99999999999"), ["100,000,000,000 values", f"1 to {MOST:,}"]),
    ],
)
def test_a_wrong_call_ends_in_one_sentence(
    tiny: Path, tmp_path: Path, arguments: tuple[str, ...], words: list[str]
) -> None:
    refused(sweep(tiny, *arguments, "--out", tmp_path / "out"), *words)
    assert not (tmp_path / "out").exists()


def test_ten_thousand_runs_are_asked_about(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []
    monkeypatch.setattr(
        "mtlkit.course.sweeps.sweep", lambda path, runs, *_: iter(started.append(len(runs)) or ())
    )
    grid = (
        "--grid",
        "seed=0..99",
        "--grid",
        f"trouble={','.join(map(str, range(100)))}",
        "--out",
        tmp_path / "out",
    )
    no = sweep(tiny, *grid, input="n\n")
    assert (
        no.exit_code == 2 and "10,000 runs. Go on? (--yes" in no.stderr and "stopped" in no.stderr
    )
    assert sweep(tiny, *grid, input="y\n").exit_code == 0
    assert sweep(tiny, *grid, "--yes").exit_code == 0
    assert started == [10_000, 10_000]


def test_two_sweeps_do_not_mix(tiny: Path, tmp_path: Path) -> None:
    with FileLock(tmp_path / "results.partial.lock"):
        refused(sweep(tiny, "--grid", "seed=1", "--out", tmp_path), "another run is at work there")


def test_a_cluster_that_is_not_there_is_said(tiny: Path, tmp_path: Path) -> None:
    call = (tiny, "--grid", "seed=1", "--out", tmp_path / "out", "--cluster")
    refused(sweep(*call, "nowhere://x"), "--cluster nowhere://x", "dask scheduler")
    assert "trusted network" in " ".join(sweep("--help").stdout.replace("│", " ").split())


def test_a_worker_with_another_version_is_refused(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import distributed

    class Client:
        def __init__(self, address: str, **_: object) -> None: ...

        def run(self, function: object) -> dict[str, object]:
            return {"tcp://1": sweeps._code(""), "tcp://2": ("another", {"torch": "1.0"})}

    monkeypatch.setattr(distributed, "Client", Client)
    call = (tiny, "--grid", "seed=1", "--out", tmp_path / "out", "--cluster", "tcp://here:1")
    refused(sweep(*call), "--cluster tcp://here:1", "another version of mtlkit", "mtlkit[course]")


# --- stopped, killed, and on a cluster: in processes of their own ---


def start(tiny: Path, out: Path, *arguments: str) -> subprocess.Popen[str]:
    call = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "mtlkit.cli",
        "course",
        "sweep",
        str(tiny),
        "--out",
        str(out),
        *arguments,
    ]
    return subprocess.Popen(call, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def wait_until(there: Callable[[], object], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not there():
        assert time.monotonic() < deadline and process.poll() is None, process.communicate()
        time.sleep(0.05)


def test_a_kernel_is_killed_while_the_folder_of_its_stopped_run_is_there(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def stopped(*_: object, resources: dict[str, dict[str, str]], **more: object) -> None:
        folder = Path(resources["metadata"]["path"])
        kill = "mtlkit.course.execution.kill_kernels"
        monkeypatch.setattr(
            kill, lambda folders: seen.append(folders == [folder] and folder.is_dir())
        )
        raise KeyboardInterrupt

    monkeypatch.setattr("papermill.execute_notebook", stopped)
    with pytest.raises(KeyboardInterrupt):
        sweeps.work("tiny.ipynb", tiny.read_text(), sweeps.Run({}, Path("nowhere")), 0)
    assert seen == [True] and not sweeps.AT_WORK


def test_a_sweep_does_not_wait_for_ever_nor_for_another_sweep(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[Path] = []
    monkeypatch.setattr("mtlkit.course.sweeps.kill_kernels", killed.extend)
    monkeypatch.setattr("mtlkit.course.sweeps.PATIENCE", 0.5)
    stuck = {
        Path("passing"): tmp_path / "out" / "a run",
        Path("other"): tmp_path / "other" / "a run",
    }
    monkeypatch.setattr("mtlkit.course.sweeps.AT_WORK", stuck)
    started = time.monotonic()
    assert list(sweeps.sweep(tiny, [], [], tmp_path / "out")) == []
    assert 0.5 < time.monotonic() - started < 20 and set(killed) == {Path("passing")}
    del stuck[Path("passing")]
    monkeypatch.setattr("mtlkit.course.sweeps.PATIENCE", 600)
    assert list(sweeps.sweep(tiny, [], [], tmp_path / "out")) == []  # at once


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
    _, told = second.communicate(timeout=120)
    assert second.returncode == 2
    stopped = finished(out)
    assert told.strip().splitlines()[-2:] == [
        f"{len(stopped)} of 6 runs are finished: the same command goes on with the others.",
        "stopped: nothing was left half-written.",
    ]
    assert "Traceback" not in told and "ResourceWarning" not in told
    assert {path.name for path in out.iterdir()} == set(stopped)

    third = start(tiny, out, *grid)
    said, told = third.communicate(timeout=120)
    assert third.returncode == 0, told
    assert f"6 runs: {len(stopped)} were finished before, 0 failed" in said
    after = finished(out)
    assert len(after) == 6
    assert all(after[name] == when for name, when in (killed | stopped).items())


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """A scheduler and two workers, each by its own command; gives the scheduler's address."""
    file = folder / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    common = ["--scheduler-file", str(file), "--host", "127.0.0.1", "--no-dashboard"]
    calls = [
        [*dask, "scheduler", "--port", "0", *common],
        *[
            [*dask, "worker", *common, "--nthreads", "1", "--local-directory", str(folder / name)]
            for name in "ab"
        ],
    ]
    processes = []
    try:
        for call in calls:
            processes.append(
                subprocess.Popen(
                    call, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=folder
                )
            )
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
    with cluster(tmp_path / "dask") as address:
        away = start(tiny, tmp_path / "away", *grid, "--cluster", address)
        said, told = away.communicate(timeout=400)  # each process imports torch
    assert "4 runs: 0 were finished before, 2 failed" in said, told
    assert away.returncode == 1
    assert "Traceback" not in told
    home = sweep(tiny, "--out", tmp_path / "home", *grid)
    assert home.exit_code == 1
    for name in ("runs.csv", "summary.csv", "figure.png"):
        assert (tmp_path / "away" / "results" / name).read_bytes() == (
            tmp_path / "home" / "results" / name
        ).read_bytes()
    assert set(finished(tmp_path / "away")) == set(finished(tmp_path / "home"))
    assert len(list((tmp_path / "away").glob("*.partial/notebook.ipynb"))) == 2
