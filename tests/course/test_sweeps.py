"""`mtlkit course sweep`: side by side, a fault costs one run, one table and figure over all."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from tqdm import tqdm

from mtlkit.course import sweeps
from mtlkit.course.parameters import MAX_VALUES
from mtlkit.course.sweep_results import RESULTS, SweepRun

from .helpers import assert_refused, call, edit, finished, read_table


def test_a_sweep_has_a_folder_a_run_and_one_table_over_all(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    grid = ("--grid", "method=plain,fancy", "--grid", "seed=0..1", "-p", "size=2")
    sweep = ("sweep", tiny, *grid, "--out", out, "--jobs", "2")
    result = call(*sweep)
    assert result.exit_code == 0, result.output
    before = finished(out)
    assert len(before) == 4
    assert any(name.startswith("method=plain,seed=0-") for name in before)
    rows = read_table(out / "results" / "runs.csv")
    assert [(row["method"], row["seed"], row["way"], row["size"]) for row in rows] == [
        ("plain", "0", "plain", "2.0"),
        ("plain", "1", "plain", "2.0"),
        ("fancy", "0", "fancy", "2.0"),
        ("fancy", "1", "fancy", "2.0"),
    ]
    for name in RESULTS:  # Excel asks for the mark
        assert (out / "results" / name).read_bytes().startswith(b"\xef\xbb\xbf")
    assert {row["folder"] for row in rows} == set(before) and not any(row["failed"] for row in rows)
    summary = read_table(out / "results" / "summary.csv")
    groups = {(row["method"], row["metric"]): row for row in summary}
    first, second = (float(row["score"]) for row in rows[:2])
    plain = groups["plain", "score"]
    assert float(plain["mean"]) == pytest.approx((first + second) / 2)
    assert float(plain["sd"]) == pytest.approx(abs(first - second) / 2**0.5)
    assert [float(plain["min"]), float(plain["max"])] == sorted([first, second])
    assert plain["runs"] == "2" and len(groups) == 4
    assert (out / "results" / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert "fancy" in result.stdout
    assert "4 runs: 0 were finished before, 0 failed" in result.stdout

    missing = out / next(iter(before))
    for path in missing.iterdir():
        path.unlink()
    again = call(*sweep, "--json")  # only what is missing is run
    assert again.exit_code == 0, again.output
    after = finished(out)
    assert {name for name in before if before[name] != after[name]} == {missing.name}
    assert json.loads(again.stdout)["runs"] == 4 and len(json.loads(again.stdout)["summary"]) == 4
    assert read_table(out / "results" / "runs.csv") == rows
    wider = call("sweep", tiny, "--grid", "seed=0..2", "--grid", "trouble=", "--out", out)
    assert_refused(wider, "trouble", "0 values")
    assert {path.name for path in out.iterdir()} == set(before) | {"results"}


def test_tables_have_figures_that_can_be_read(tiny: Path, tmp_path: Path) -> None:
    more = "\nrecord(third=(seed + 1) / 3, many=1234567.0, least=seed * 1e-9 / 7)"
    edit(tiny, -1, lambda source: source + more)
    out = tmp_path / "out"
    sweep = ("sweep", tiny, "--grid", "seed=0..1", "--grid", "size=1,1.1", "--out", out)
    result = call(*sweep, "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)["summary"]
    third = next(row for row in summary if row["metric"] == "third")
    assert third["mean"] == pytest.approx(0.5, rel=1e-5) and third["size"] == 1
    tables = "".join((out / "results" / name).read_text() for name in RESULTS)
    for text in (tables, json.dumps(summary), call(*sweep).stdout):
        assert "1234567" in text or "1.235e+06" in text
        assert not re.search(r"\d{9}|\d\.\d{7}", text.replace(str(tmp_path), "")), text
    reports = [json.loads(path.read_text()) for path in out.glob("*/report.json")]
    exact = {report["recorded"]["third"] for report in reports}
    assert exact == {1 / 3, 2 / 3}  # a run's own report has all digits


def test_the_time_left_is_that_of_the_mean_run(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, left = [0.0], list[float]()
    seconds = [1, 30, 1, 1, 30, 1]  # of the runs

    class Bar(tqdm):  # type: ignore[type-arg]
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            self._time = lambda: now[0]
            self.start_t = self.last_print_t = 0.0

        def update(self, n: float | None = 1) -> bool | None:
            now[0] += seconds[int(self.n)]
            shown = super().update(n)
            state = self.format_dict
            rate = state["rate"] or state["n"] / state["elapsed"]  # as tqdm shows it
            left.append((state["total"] - state["n"]) / rate)
            return shown

    monkeypatch.setattr("tqdm.tqdm", Bar)
    each = [(SweepRun({}, Path("a")), "")] * 6
    monkeypatch.setattr(sweeps, "sweep", lambda *_: iter(each))
    result = call("sweep", tiny, "--grid", "seed=0..5", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    means = [sum(seconds[:n]) / n * (6 - n) for n in range(1, 7)]
    assert left == pytest.approx(means)


def test_a_fault_costs_one_run_and_is_told(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = call("sweep", tiny, "--grid", "trouble=raise,die,none", "--out", out, "--jobs", "2")
    assert result.exit_code == 1
    assert "ValueError: no luck" in result.stderr and "kernel died" in result.stderr
    assert "2 of 3 runs failed" in result.stderr.strip().splitlines()[-1]
    rows = {row["trouble"]: row for row in read_table(out / "results" / "runs.csv")}
    assert rows["raise"]["failed"].startswith("tiny.ipynb: cell 'trouble' (In [4]) failed")
    assert rows["raise"]["score"] == ""
    assert rows["none"]["score"] != "" and rows["none"]["failed"] == ""
    (kept,) = out.glob("trouble=raise-*.partial")
    assert "luck" in (kept / "notebook.ipynb").read_text()
    assert [name.rpartition("-")[0] for name in finished(out)] == ["trouble=none"]


def test_a_run_that_takes_too_long_is_stopped(tiny: Path, tmp_path: Path) -> None:
    started = time.monotonic()
    out = tmp_path / "out"
    result = call("sweep", tiny, "--grid", "trouble=sleep", "--out", out, "--timeout", "8")
    assert result.exit_code == 1
    assert "not done in 8 s" in result.stderr
    assert time.monotonic() - started < 60


def test_zip_pairs_the_grids(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    sweep = ("sweep", tiny, "--zip", "--grid", "seed=5,5,6", "--out", out)
    shorter = call(*sweep, "--grid", "method=plain,fancy")
    assert_refused(shorter, "--zip", "seed 3, method 2")
    result = call(*sweep, "--grid", "method=plain,fancy,fancy", "--grid", "size=1,2,3")
    assert result.exit_code == 0, result.output
    rows = read_table(out / "results" / "runs.csv")
    assert [(row["seed"], row["method"], row["size"]) for row in rows] == [
        ("5", "plain", "1.0"),
        ("5", "fancy", "2.0"),
        ("6", "fancy", "3.0"),
    ]
    summary = read_table(out / "results" / "summary.csv")
    assert [row["sd"] for row in summary] == [""] * 6  # one run has no spread


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ["Missing option", "--grid"]),
        (("--grid", "seed=4..0"), ["seed=4..0", "0 values", "seed=0..4"]),
        (("--grid", "seed="), ["seed=:", "0 values", "seed=A,B"]),
        (("--grid", "seed"), ["NAME=VALUE", "--grid seed=0..4"]),
        (("--grid", "sed=1,2"), ["Did you mean 'seed'"]),
        (("--grid", "seed=0..100"), ["seed is 100"]),
        (("--grid", "seed=1,x"), ["seed is 'x'"]),
        (("--grid", "method=plain,fency"), ["Did you mean 'fancy'"]),
        (("--grid", "seed=1", "--grid", "seed=2"), ["seed: is given twice"]),
        (("--grid", "seed=1", "-p", "seed=2"), ["seed: is given twice"]),
        (("--grid", "seed=1", "-p", "sed=2"), ["Did you mean 'seed'"]),
        (("--grid", "seed=0..99", "--grid", "method=plain,fancy"), ["200 runs", "--yes"]),
        (("--grid", "trouble=0..99999999999"), ["100,000,000,000", f"1 to {MAX_VALUES:,}"]),
    ],
)
def test_a_wrong_call_ends_in_one_sentence(
    tiny: Path, tmp_path: Path, arguments: tuple[str, ...], words: list[str]
) -> None:
    assert_refused(call("sweep", tiny, *arguments, "--out", tmp_path / "out"), *words)
    assert not (tmp_path / "out").exists()


def test_ten_thousand_runs_are_asked_about(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []

    def begin(path: Path, runs: list[SweepRun], *_: object) -> list[tuple[SweepRun, str]]:
        started.append(len(runs))
        return []

    monkeypatch.setattr(sweeps, "sweep", begin)
    troubles = ",".join(map(str, range(100)))
    grid = ("--grid", "seed=0..99", "--grid", f"trouble={troubles}", "--out", tmp_path / "out")
    no = call("sweep", tiny, *grid, input="n\n")
    assert no.exit_code == 2 and "stopped" in no.stderr
    assert "10,000 runs" in no.stderr and "--yes" in no.stderr
    assert call("sweep", tiny, *grid, input="y\n").exit_code == 0
    assert call("sweep", tiny, *grid, "--yes").exit_code == 0
    assert started == [10_000, 10_000]


def test_two_sweeps_do_not_mix(tiny: Path, tmp_path: Path) -> None:
    with FileLock(tmp_path / "results.partial.lock"):
        again = call("sweep", tiny, "--grid", "seed=1", "--out", tmp_path)
        assert_refused(again, "another run is at work", str(tmp_path / "results.partial"))
