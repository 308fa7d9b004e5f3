"""A sweep of chapter 05: two runs at a time against one after the other, a stop half-way, and a
cluster.

    python benchmarks/sweep.py

Four runs with other seeds, each in one thread. First serial, then two at a time, each on a folder
of its own; then a third sweep is killed once two runs are whole, and started again; then a Dask
scheduler with two workers does all four. All four ways must give the same table. Needs two idle
cores. `results/sweep.json` holds the seconds and their ratio (bound: .65).
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from accuracy import RESULTS

from mtlkit.deployment.run_folder import versions

CALL = [
    sys.executable,
    "-m",
    "mtlkit.cli",
    "course",
    "sweep",
    "05",
    "--grid",
    "seed=0..3",
    "-p",
    "effort=0.1",
    "--out",
]


def sweep(folder: Path, *options: str) -> float:
    """Run the sweep into a folder; return its seconds."""
    started = time.monotonic()
    subprocess.run(
        [*CALL, str(folder), *options],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.monotonic() - started


def whole(folder: Path) -> dict[str, int]:
    """The runs that are whole: name -> when its report was written, so that a run made anew is
    noticed.
    """
    return {
        path.parent.name: path.stat().st_mtime_ns
        for path in folder.glob("seed=*/report.json")
        if not path.parent.name.endswith(".partial")
    }


def killed_and_restarted(folder: Path) -> int:
    """Kill a sweep once two runs are whole, start it again; return how many runs the second start
    made.
    """
    with subprocess.Popen(
        [*CALL, str(folder), "--jobs", "2"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as one:
        while one.poll() is None and len(whole(folder)) < 2:
            time.sleep(0.1)
        one.kill()
    before = whole(folder)
    sweep(folder, "--jobs", "2")
    after = whole(folder)
    assert before.items() <= after.items(), "a finished run was made anew"
    return len(after) - len(before)


def on_a_cluster(folder: Path) -> float:
    """Let a scheduler with two workers, each started by its own command, do the sweep; return its
    seconds.
    """
    with ExitStack() as stack:

        def start(*call: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-m", "distributed.cli." + call[0], *call[1:]],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
            return process

        scheduler = start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        assert scheduler.stderr
        address = next(
            found[0] for line in scheduler.stderr if (found := re.search(r"tcp://[\d.]+:\d+", line))
        )
        for _ in range(2):
            start("dask_worker", address, "--nthreads", "1", "--no-dashboard")
        time.sleep(10)  # until both workers are known
        return sweep(folder, "--cluster", address)


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    with tempfile.TemporaryDirectory() as place:
        folders = {
            name: Path(place, name) for name in ("serial", "parallel", "restarted", "cluster")
        }
        seconds = {
            "serial": sweep(folders["serial"], "--jobs", "1"),
            "parallel": sweep(folders["parallel"], "--jobs", "2"),
        }
        ratio = round(seconds["parallel"] / seconds["serial"], 3)
        print(
            f"serial {seconds['serial']:.0f} s, two at a time {seconds['parallel']:.0f} s: {ratio}",
            flush=True,
        )
        made = killed_and_restarted(folders["restarted"])
        print(f"killed when two were whole; the second start made {made}", flush=True)
        seconds["cluster"] = on_a_cluster(folders["cluster"])
        tables = {
            name: (folder / "results" / "summary.csv").read_text()
            for name, folder in folders.items()
        }
        same = len(set(tables.values())) == 1
        print(f"cluster {seconds['cluster']:.0f} s; the same table in all four ways: {same}")
    content = {
        "command": "python benchmarks/sweep.py",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": versions(),
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "ratio": ratio,
        "runs": 4,
        "made_after_the_kill": made,
        "same_table": same,
    }
    (RESULTS / "sweep.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
