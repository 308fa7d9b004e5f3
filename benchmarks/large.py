"""What do 60,000 images cost? `mtlkit fit mnist`, both parts scored, beside a fit on the first
10,000 of them.

    python benchmarks/large.py --data-root FOLDER

FOLDER holds MNIST as `mtlkit data fetch mnist` lays it. Both fits have equal epochs (a third of
what 10,000 images would have by themselves) and one thread. Said are wall and CPU time, the peak of
memory, and CPU time an image, which must not grow with the number of images. Results go to
`results/large.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from accuracy import RESULTS

from mtlkit import load
from mtlkit.deployment.run_folder import versions


def call(*arguments: str) -> tuple[dict[str, Any], dict[str, float]]:
    """Run a command of mtlkit's; return what it prints as JSON, and what it cost."""
    command = [sys.executable, "-m", "mtlkit.cli", *arguments, "--json"]
    started = time.perf_counter()
    reader, writer = os.pipe()
    process = os.posix_spawn(
        command[0],
        command,
        os.environ | {"OMP_NUM_THREADS": "1"},
        file_actions=[(os.POSIX_SPAWN_DUP2, writer, 1)],
    )
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as file:
        told = file.read()
    _, status, used = os.wait4(process, 0)  # of this child alone
    if status:
        sys.exit(f"{' '.join(command)} failed")
    cost = {
        "wall seconds": time.perf_counter() - started,
        "CPU seconds": used.ru_utime + used.ru_stime,
        "peak megabytes": used.ru_maxrss / 1024,
    }
    return json.loads(told), {name: round(value, 1) for name, value in cost.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-root", required=True)
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument(
        "--effort",
        type=float,
        default=1.0,
        help="as of `mtlkit fit`; the result is kept for 1.0 only",
    )
    parser.add_argument(
        "--images",
        choices=("few", "all", "both"),
        default="both",
        help="the other row stays as stored",
    )
    options = parser.parse_args()
    root, rows = ["--data-root", options.data_root], []
    with tempfile.TemporaryDirectory() as name:
        mnist = load("mnist", data_root=options.data_root)
        labels = mnist.open_labels()
        assert labels is not None
        few = Path(name) / "first-10000.npz"
        np.savez(
            few,
            images=(mnist.images[:10_000] * 255).round().astype(np.uint8),
            labels=labels[:10_000],
        )
        plan = {"few": (str(few), options.effort / 3), "all": ("mnist", options.effort)}
        for source, effort in [plan[name] for name in plan if options.images in (name, "both")]:
            run = Path(name) / f"run-{len(rows)}"
            settings = [
                "--classes",
                "10",
                "--seed",
                str(options.seed),
                "--effort",
                str(effort),
                "--out",
                str(run),
            ]
            report, cost = call("fit", source, *settings, *root)
            test, _ = call("score", str(run), "mnist:test", *root)
            row = {"images": report["images"], "seed": options.seed} | cost
            row |= {
                "CPU milliseconds an image": round(1e3 * cost["CPU seconds"] / report["images"], 2)
            }
            row |= {f"{score}, train": report["scores"][score] for score in ("accuracy", "nmi")}
            row |= {f"{score}, test": test[score] for score in ("accuracy", "nmi")}
            rows.append(row | {"seconds by stage": report["seconds"], "effort": effort})
            print(json.dumps(rows[-1], indent=1), flush=True)
    stored = (
        json.loads((RESULTS / "large.json").read_text())["rows"] if options.images != "both" else []
    )
    rows = sorted(
        [row for row in stored if row["images"] != rows[0]["images"]] + rows,
        key=lambda row: row["images"],
    )
    ratio = rows[1]["CPU milliseconds an image"] / rows[0]["CPU milliseconds an image"]
    print(f"CPU time an image: {ratio:.2f} times that at 10,000")
    content = {
        "command": "python benchmarks/large.py --data-root FOLDER",
        "assumed": "k known",
        "ratio": round(ratio, 3),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": versions(),
        "rows": rows,
    }
    if options.effort == 1:
        (RESULTS / "large.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
