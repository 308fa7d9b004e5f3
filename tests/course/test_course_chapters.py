"""Where chapters and stored results are found, and what `mtlkit course list` says of them."""

from __future__ import annotations

import json

import nbformat
import pytest

from mtlkit.course import stored
from mtlkit.course.chapters import PATTERN, course_folder, find_chapter
from mtlkit.errors import InputError

from .helpers import call


def test_the_list_tells_what_the_chapters_say_of_themselves() -> None:
    rows = json.loads(call("list", "--json").stdout)
    assert [row["name"] for row in rows] == sorted(
        path.stem for path in course_folder().glob(PATTERN)
    )
    for row in rows:
        chapter = course_folder() / f"{row['name']}.ipynb"
        text = " ".join(nbformat.read(chapter, as_version=4).cells[0].source.split())
        assert row["title"] and text.startswith(f"# {row['name'][:2]} · {row['title']} ")
        assert f"**Time:** {row['minutes']} minutes" in text
        for key in ("needs", "memory", "network"):
            assert row[key] and row[key] in text
    output = call("list").stdout
    for row in rows:
        for text in (row["name"], row["title"], f"{row['minutes']} min", row["needs"]):
            assert text in output


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("99", "chapter '99'"),
        ("00_quikstart", "Did you mean '00_quickstart'"),
        ("", "chapter ''"),
        ("no/such.ipynb", "no/such.ipynb"),
    ],
)
def test_an_unknown_chapter(name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        find_chapter(name)


@pytest.mark.parametrize("name", ["0", "00", "00_quickstart", str(find_chapter("00"))])
def test_a_chapter_has_several_names(name: str) -> None:
    assert find_chapter(name).name == "00_quickstart.ipynb"


@pytest.mark.parametrize("name", ["digit", "../digits", "digits.json", ""])
def test_an_unknown_result(name: str) -> None:
    with pytest.raises(InputError, match=r"use one of .*digits"):
        stored(name)
