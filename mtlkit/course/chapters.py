"""Where the chapters lie: in a clone's `notebooks/`, or where the wheel installed them."""

import json
import re
import sysconfig
from collections import defaultdict
from pathlib import Path
from typing import Any

import mtlkit
from mtlkit.errors import InputError, as_input_error, look_up

PATTERN = "[0-9][0-9]_*.ipynb"
SOURCES = "source/[0-9][0-9]_*.py"
REMEDY = "take a fresh copy of the chapter"
ROOT = Path(mtlkit.__file__).parents[1]  # of the clone, if the package lies in one


def course_folder() -> Path:
    """Return the folder of the chapters: `notebooks/` of a clone, else the installed copy."""
    clone = ROOT / "notebooks"
    if (clone / "source").is_dir():
        return clone
    installed = []
    for scheme in (
        sysconfig.get_default_scheme(),
        sysconfig.get_preferred_scheme("user"),  # of `pip install --user`
    ):
        data = sysconfig.get_path("data", scheme)
        installed.append(Path(data, "share", "mtlkit", "notebooks"))
    return next(filter(Path.is_dir, installed), installed[0])


def results_folder() -> Path:
    """Return the folder of the stored results, JSON files that commands in `benchmarks/` made."""
    clone = ROOT / "benchmarks" / "results"
    if clone.is_dir():
        return clone
    return course_folder().parent / "results"


def find_chapter(name: str, pattern: str = PATTERN) -> Path:
    """Return a chapter's notebook (or with `SOURCES` its source) by number, name, or a copy's path.

    Raises:
        InputError: there is no such chapter.

    >>> find_chapter("00").name
    '00_quickstart.ipynb'
    """
    if name.endswith(".ipynb"):
        if not Path(name).is_file():
            raise InputError(f"{name}: there is no such notebook.")
        return Path(name).absolute()
    chapters = {path.stem: path for path in find_chapters(None, pattern)}
    for stem, path in chapters.items():
        number = stem[:2]
        if name in (stem, number, number.removeprefix("0")):
            return path
    return look_up("chapter", name, chapters)


def find_chapters(names: list[str] | None, pattern: str = PATTERN) -> list[Path]:
    """Return the chapters of these names; without any, all of them."""
    if names:
        return [find_chapter(name, pattern) for name in names]
    return sorted(course_folder().glob(pattern))


def describe(chapter: Path) -> dict[str, Any]:
    """Return a chapter's name, and its first cell's title, minutes, needs, memory and network.

    What the cell does not say is "".

    Raises:
        InputError: the notebook cannot be read.

    >>> describe(find_chapter("01"))["minutes"]
    60
    """
    with as_input_error(f"{chapter}: is no notebook that can be read", REMEDY):
        notebook = json.loads(chapter.read_bytes())
        first = "".join(notebook["cells"][0]["source"])
    title = re.match(r"# (?:\d\d · )?(.+)", first)
    text = " ".join(first.split())
    facts = re.findall(r"\*\*(You need|Time|Memory|Network):\*\* (.+?)(?= \*\*|$)", text)
    says = defaultdict[str, str](str, facts)
    minutes = re.match(r"\d+", says["Time"])
    return {
        "name": chapter.stem,
        "title": title[1] if title else "",
        "minutes": int(minutes[0]) if minutes else "",
        "needs": says["You need"],
        "memory": says["Memory"].rstrip("."),
        "network": says["Network"].rstrip("."),
    }


def stored(name: str) -> dict[str, Any]:
    """Return a stored result, `benchmarks/results/NAME.json`; its `command` says how it was made.

    Raises:
        InputError: nothing of that name is stored.

    >>> stored("digits")["command"].split()[1]
    'benchmarks/accuracy.py'
    """
    files = {path.stem: path for path in sorted(results_folder().glob("*.json"))}
    return json.loads(look_up("stored result", name, files).read_bytes())
