"""The band of each chapter: what it records with five seeds, all else at its defaults.

    python benchmarks/bands.py 00 05

Each run is `mtlkit course sweep NN --grid seed=0..4`. Bands go to `results/bands.json`, from which
chapters quote; those of chapters that are not asked for stay as they are stored. A chapter's own
score must lie in its band, give or take .02.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from accuracy import RESULTS, band

from mtlkit.course.chapters import PATTERN, course_folder, find_chapter
from mtlkit.course.sweeps import plan, sweep
from mtlkit.deployment.run_folder import versions

SEEDS = (0, 1, 2, 3, 4)  # the first is the chapters' own


def measure(chapter: str) -> dict[str, Any]:
    """Run a chapter with each seed; return the bands of all numbers that it records."""
    with tempfile.TemporaryDirectory() as folder:
        runs = plan(find_chapter(chapter), [{"seed": seed} for seed in SEEDS], {}, Path(folder))
        for run, wrong in sweep(
            find_chapter(chapter), runs, ["seed"], Path(folder), jobs=os.cpu_count() or 1
        ):
            print(f"chapter {chapter}, seed {run.values['seed']}: {wrong or 'done'}", flush=True)
            if wrong:
                raise SystemExit(f"chapter {chapter}: {wrong}")
        recorded = [run.recorded or {} for run in runs]
    return {
        name: band([one[name] for one in recorded])
        for name, value in recorded[0].items()
        if isinstance(value, float)
    }


def main() -> None:
    known = [path.stem[:2] for path in sorted(course_folder().glob(PATTERN))]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "chapters", nargs="*", metavar="NN", help=f"which of {', '.join(known)} (default: all)"
    )
    chapters = parser.parse_args().chapters or known
    if unknown := set(chapters) - set(known):
        parser.error(f"{', '.join(sorted(unknown))}: there are {', '.join(known)}")
    path = RESULTS / "bands.json"
    stored = json.loads(path.read_text())["chapters"] if path.is_file() else {}
    for chapter in chapters:
        about = {
            "command": f"python benchmarks/bands.py {chapter}",
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
        }
        stored[chapter] = about | {"seeds": list(SEEDS), "versions": versions()} | measure(chapter)
        content = {
            "command": "python benchmarks/bands.py",
            "chapters": dict(sorted(stored.items())),
        }
        path.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
