"""Where the chapters lie: in a clone's `notebooks/`, or where the wheel installed them."""

import json
import re
import sysconfig
from pathlib import Path
from typing import Any

import mtlkit
from mtlkit.errors import InputError, as_input_error, look_up

PATTERN = "[0-9][0-9]_*.ipynb"
SOURCES = "source/[0-9][0-9]_*.py"


def course_folder() -> Path:
    """Return the folder of the chapters: `notebooks/` of a clone, else the copy that came with the
    package.
    """
    clone = Path(mtlkit.__file__).parents[1] / "notebooks"
    if (clone / "source").is_dir():
        return clone
    schemes = (
        sysconfig.get_default_scheme(),
        sysconfig.get_preferred_scheme("user"),
    )  # the second: pip install --user
    installed = [
        Path(sysconfig.get_path("data", scheme), "share", "mtlkit", "notebooks")
        for scheme in schemes
    ]
    return next((folder for folder in installed if folder.is_dir()), installed[0])


def results_folder() -> Path:
    """Return the folder of the stored results, JSON files that commands in `benchmarks/` made."""
    clone = Path(mtlkit.__file__).parents[1] / "benchmarks" / "results"
    return clone if clone.is_dir() else course_folder().parent / "results"


def find_chapter(name: str, pattern: str = PATTERN) -> Path:
    """Return the notebook (or with `SOURCES` the source) of a chapter by its number, its name, or
    the path of a copy.

    Raises:
        InputError: there is no such chapter.

    >>> find_chapter("00").name
    '00_quickstart.ipynb'
    """
    if name.endswith(".ipynb"):
        if not Path(name).is_file():
            raise InputError(f"{name}: there is no such notebook.")
        return Path(name).absolute()
    chapters = {path.stem: path for path in sorted(course_folder().glob(pattern))}
    found = [
        path
        for stem, path in chapters.items()
        if name in (stem, stem[:2], stem[:2].removeprefix("0"))
    ]
    return found[0] if found else look_up("chapter", name, chapters)


def chosen(names: list[str] | None, pattern: str = PATTERN) -> list[Path]:
    """Return the chapters of these names, or without any all of them."""
    return (
        [find_chapter(name, pattern) for name in names]
        if names
        else sorted(course_folder().glob(pattern))
    )


def opening(chapter: Path) -> dict[str, Any]:
    """Return a chapter's name, and what its first cell says: title, minutes, needs, memory,
    network.

    What it does not say is "".

    Raises:
        InputError: the notebook cannot be read.

    >>> opening(find_chapter("01"))["minutes"]
    60
    """
    with as_input_error(
        f"{chapter}: is no notebook that can be read", "take a fresh copy of the chapter"
    ):
        cells = json.loads(chapter.read_text(encoding="utf-8"))["cells"]
        first = "".join(cells[0]["source"])
    title = re.match(r"# (?:\d\d · )?(.+)", first)
    text = " ".join(first.split())
    said = dict(re.findall(r"\*\*(You need|Time|Memory|Network):\*\* (.+?)(?= \*\*|$)", text))
    minutes = re.match(r"\d+", said.get("Time", ""))
    return {
        "name": chapter.stem,
        "title": title[1] if title else "",
        "minutes": int(minutes[0]) if minutes else "",
        "needs": said.get("You need", ""),
        "memory": said.get("Memory", "").rstrip("."),
        "network": said.get("Network", "").rstrip("."),
    }


def stored(name: str) -> dict[str, Any]:
    """Return a stored result, `benchmarks/results/NAME.json`; its `command` says how it was made.

    Raises:
        InputError: nothing of that name is stored.

    >>> stored("digits")["command"].split()[1]
    'benchmarks/accuracy.py'
    """
    files = {path.stem: path for path in sorted(results_folder().glob("*.json"))}
    return json.loads(look_up("stored result", name, files).read_text(encoding="utf-8"))
