"""`mtlkit doctor`: can this machine run mtlkit, and what to do if not?"""

import os
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import typer
from packaging.requirements import Requirement

from mtlkit.cli.shell import AsJson, DataRoot, show
from mtlkit.data import load
from mtlkit.data.root import data_root as root_of

DISK = 1_000_000_000  # bytes: a run takes far less, but a full disk fails late


@dataclass(frozen=True)
class Finding:
    """What was looked at, whether it is fine, and what was found or what to do."""

    what: str
    ok: bool
    text: str


def doctor(data_root: DataRoot = None, as_json: AsJson = False) -> None:
    """Look at Python, packages, disk and data; print OK, or what to do."""
    findings = examine(data_root)
    lines = []
    for finding in findings:
        mark = "OK  " if finding.ok else "LOOK"
        lines.append(f"{mark}  {finding.what:9} {finding.text}")
    show([asdict(finding) for finding in findings], as_json, lines)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def examine(data_root: Path | None = None) -> list[Finding]:
    """Return the findings, those on data for this data root.

    >>> [finding.what for finding in examine()]
    ['Python', 'packages', 'disk', 'data']
    """
    return [_python(), _packages(), _disk(), _data(data_root)]


def _python() -> Finding:
    number = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info >= (3, 11)
    remedy = "" if ok else " is too old: install Python 3.11 or newer."
    return Finding("Python", ok, number + remedy)


def _packages() -> Finding:
    needed = [Requirement(text) for text in requires("mtlkit") or [] if "extra ==" not in text]
    wrong = []
    for requirement in needed:
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            wrong.append(f"{requirement.name} {installed} does not fit {requirement}")
    if not wrong:
        return Finding("packages", True, f"all {len(needed)} fit")
    remedy = "run `pip install --upgrade mtlkit`, or `make` in the clone."
    return Finding("packages", False, f"{'; '.join(wrong)}: {remedy}")


def _disk() -> Finding:
    temporary = tempfile.gettempdir()
    free = min(shutil.disk_usage(folder).free for folder in (Path.cwd(), temporary))
    text = f"{free / 1e9:.1f} GB free"
    if free >= DISK:
        return Finding("disk", True, text)
    return Finding("disk", False, f"{text}: make room for 1 GB here and in {temporary}.")


def _data(data_root: Path | None) -> Finding:
    root = root_of(data_root)
    chosen = data_root or os.environ.get("MTLKIT_DATA")
    if chosen and not root.is_dir():
        remedy = "make the folder, or correct --data-root or MTLKIT_DATA."
        return Finding("data", False, f"the data root {root} is not there: {remedy}")
    text = f"{len(load('digits')):,} digits are embedded and need no network; data root: {root}"
    return Finding("data", True, text)
