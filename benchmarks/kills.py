"""Does a run survive kill -9 at any moment? `mtlkit fit digits`, killed and resumed, against the
run that nobody disturbed.

    python benchmarks/kills.py

Each of 20 runs is killed at a random moment of its time, from the first import to the last file,
and started again with `--resume`. Its assignments must be those of the unbroken run, and nothing
else may lie beside the finished run. Results go to `results/kills.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from accuracy import RESULTS
from joblib import Parallel, delayed

from mtlkit.deployment.run_folder import versions


def fit(out: Path, *more: str, kill_after: float | None = None) -> int:
    """Return the exit status; below 0 if it was killed."""
    command = [sys.executable, "-m", "mtlkit.cli", "fit", "digits", "--out", str(out), *more]
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    try:
        return process.wait(kill_after)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def files(run: Path) -> list[str]:
    return sorted(path.name for path in run.iterdir())


def one(folder: Path, number: int, moment: float, effort: str) -> dict[str, float | bool | str]:
    """Kill one run after `moment` seconds, resume it, and compare."""
    out = folder / f"run-{number}"
    killed = fit(out, "--effort", effort, kill_after=moment) < 0
    learnt = sorted(
        path.stem for path in (folder / f"{out.name}.partial" / "checkpoint").glob("*.pt")
    )
    half_written = out.exists() and killed  # the name appears when all is whole, and never before
    status = 0 if out.exists() else fit(out, "--effort", effort, "--resume")
    same = (
        status == 0
        and (out / "assignments.csv").read_bytes()
        == (folder / "unbroken" / "assignments.csv").read_bytes()
    )
    clean = (
        status == 0
        and files(out) == files(folder / "unbroken")
        and not out.with_name(f"{out.name}.partial").exists()
    )
    print(
        f"{number:2}  killed after {moment:5.1f} s  kept: "
        f"{', '.join(learnt) or '-':20} {'same' if same else 'OTHER'}",
        flush=True,
    )
    return {
        "moment": round(moment, 2),
        "killed": killed,
        "kept": ", ".join(learnt),
        "same": same,
        "whole": clean and not half_written,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--effort", default="1.0", help="as of `mtlkit fit`")
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, started = Path(name), time.perf_counter()
        assert fit(folder / "unbroken", "--effort", options.effort) == 0
        whole = time.perf_counter() - started
        moments = np.random.default_rng(0).uniform(0.5, whole, options.kills)
        rows = Parallel(options.jobs, prefer="threads")(
            delayed(one)(folder, number, moment, options.effort)
            for number, moment in enumerate(moments)
        )
    good = sum(bool(row["same"] and row["whole"]) for row in rows)
    print(
        f"{good} of {len(rows)} end as the unbroken run; nothing half-written: "
        f"{all(row['whole'] for row in rows)}"
    )
    content = {
        "command": "python benchmarks/kills.py",
        "seconds of the unbroken run": round(whole, 1),
        "good": good,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": versions(),
        "rows": rows,
    }
    if options.effort == "1.0":
        (RESULTS / "kills.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
