"""Each chapter as a page (nbconvert's HTML): axe-core finds no serious fault, in the light theme
and in the dark one.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import nbformat
import pytest

from mtlkit.course.chapters import PATTERN, course_folder

CHAPTERS = sorted(course_folder().glob(PATTERN))


def faults(browser: Any, page_file: Path) -> list[str]:
    """Return the rules that a page breaks badly, with the places; axe-core 4, Deque Systems."""
    from axe_playwright_python.sync_playwright import Axe

    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.set_default_timeout(60_000)
    page.route("http*://**", lambda route: route.abort())  # nothing from outside
    page.goto(page_file.as_uri(), wait_until="load")
    found = Axe().run(page).response["violations"]
    page.close()
    return [
        f"{one['id']}: {node['target']} {node['html'][:120]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("chapter", CHAPTERS, ids=[path.stem for path in CHAPTERS])
def test_a_chapter_is_accessible(
    browser: Any, chapter: Path, theme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "docs"))
    html = importlib.import_module("pages").page(nbformat.read(chapter, 4), theme)
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    assert not faults(browser, tmp_path / "page.html")


@pytest.mark.slow
def test_axe_would_find_a_fault(browser: Any, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '<html lang="en"><title>t</title><main><h1>t</h1><img src="a.png"></main></html>',
        encoding="utf-8",
    )
    assert any(fault.startswith("image-alt") for fault in faults(browser, page))
