"""A look at the machine: can it run mtlkit, and what to do if not?"""

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from joblib import cpu_count
from packaging.requirements import Requirement

from mtlkit.data import load
from mtlkit.data.root import data_root

DISK = 1_000_000_000  # bytes: a run takes far less, but a full disk fails late


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it is fine, and what was found or what to do."""

    what: str
    ok: bool
    text: str


def examine(given: Path | None = None) -> list[Finding]:
    """Return the findings on Python, packages, disk, threads and data (in the data root that is
    `given`), in this order.

    >>> [finding.what for finding in examine()]
    ['Python', 'packages', 'disk', 'threads', 'data']
    """
    return [_python(), _packages(), _disk(), _threads(), _data(given)]


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info >= (3, 11)
    return Finding(
        "Python", ok, found if ok else f"{found} is too old: install Python 3.11 or newer."
    )


def _packages() -> Finding:
    wrong = []
    needed = [Requirement(text) for text in requires("mtlkit") or [] if "extra ==" not in text]
    for requirement in needed:
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            wrong.append(f"{requirement.name} {found} does not fit {requirement}")
    remedy = "run `pip install --upgrade mtlkit`, or `make` in the clone."
    return Finding(
        "packages",
        not wrong,
        f"{'; '.join(wrong)}: {remedy}" if wrong else f"all {len(needed)} fit",
    )


def _disk() -> Finding:
    free = min(shutil.disk_usage(place).free for place in (Path.cwd(), tempfile.gettempdir()))
    text = f"{free / 1e9:.1f} GB free"
    ok = free >= DISK
    return Finding(
        "disk",
        ok,
        text if ok else f"{text}: make room for 1 GB here and in {tempfile.gettempdir()}.",
    )


def _threads() -> Finding:
    cores = cpu_count()  # those that this process may use
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    alone = f"--threads {min(cores, 4)} is quicker for one run alone"
    advice = "keep --threads 1" if load > cores / 2 or cores == 1 else alone
    return Finding("threads", True, f"{cores} cores, load {load:.1f}: {advice}")


def _data(given: Path | None) -> Finding:
    root = data_root(given)
    if (given or os.environ.get("MTLKIT_DATA")) and not root.is_dir():
        text = (
            f"the data root {root} is not there: make the folder, or correct --data-root "
            "or MTLKIT_DATA."
        )
        return Finding("data", False, text)
    return Finding(
        "data",
        True,
        f"{len(load('digits')):,} digits are embedded and need no network; data root: {root}",
    )
