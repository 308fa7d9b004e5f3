"""The report: whole in one file, escaped, ordered, and honest about what is not known."""

from __future__ import annotations

import base64
import itertools
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from mtlkit.evaluation import ReportFigure, score, scoreboard, to_png, write_report

ALT = "Three bars: class 0 holds one image, class 1 two and class 2 three."
HOSTILE = "<script>alert(1)</script>.png"
REPORT = {
    "title": "Cats & dogs",
    "source": "holiday <photos>",
    "images": 1797,
    "shape": [1, 8, 8],
    "classes": 3,
    "classes_given_by": "catalogue",
    "assumptions": ["Nothing was assumed of the sizes."],
    "notes": ["Read as grey."],
    "warnings": ["Class 2 is small."],
    "settings": {"seed": 0, "class sizes": "auto"},
    "seconds": {"training": 31.92, "figures": 5.1},
    "sizes": [1000, 700, 97],
    "scores": score([0, 0, 1, 1, 1, 0], [0, 0, 1, 1, 2, 1]).as_dict(),
    "skipped": [{"path": HOSTILE, "reason": "the file is cut short: copy it again."}],
    "versions": {"numpy": "2.3"},
    "created": "2025-11-24",
}
VOID = {"meta", "link", "img", "br", "hr"}


class Page(HTMLParser):
    """What a page holds, and that every tag is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self.text += " " if tag in ("td", "th") else ""

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in names]


BOARD = [{"name": "k-means", "mean": 0.8, "min": 0.7, "max": 0.9}]


@pytest.fixture(scope="module")
def figure() -> ReportFigure:
    return ReportFigure(
        "Class 2 is the <largest>", ALT, to_png(scoreboard(BOARD)), "Bars & counts."
    )


@pytest.fixture
def make(tmp_path):
    def write(report, figures=()):
        write_report(tmp_path / "report.html", report, list(figures))
        text = (tmp_path / "report.html").read_text(encoding="utf-8")
        page = Page(text)
        page.text = " ".join(page.text.split())
        return text, page

    return write


@pytest.mark.parametrize(
    "changes", [{}, {"scores": None}, {"skipped": [], "warnings": [], "classes_given_by": "user"}]
)
def test_the_page_is_one_ordered_document(make, figure, changes):
    text, page = make(REPORT | changes, [figure, figure])
    assert text.lstrip().startswith("<!DOCTYPE html>")
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("title")) == len(page.all("main")) == len(page.all("h1")) == 1
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    identities = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(identities) == len(set(identities))
    assert len(page.all("caption")) == len(page.all("table")) == len(page.all("thead"))
    assert all(cell["scope"] in ("col", "row") for cell in page.all("th"))


def test_the_page_loads_nothing_and_runs_nothing(make, figure):
    text, page = make(REPORT, [figure])
    for _, attributes in page.tags:
        for name in ("src", "href", "srcset", "action", "data"):
            assert (attributes.get(name) or "data:").startswith("data:")
        assert not [name for name in attributes if name.startswith("on")]
    assert not page.all("script", "iframe", "object", "form")
    assert not re.search(r"https?://|url\(|@import", text)
    assert "default-src 'none'" in page.all("meta")[-1]["content"]


def test_figures_are_whole_and_described(make, figure):
    _, page = make(REPORT, [figure])
    (image,) = page.all("img")
    assert image["alt"] == ALT
    assert base64.b64decode(image["src"].removeprefix("data:image/png;base64,")) == figure.png
    assert (int(image["width"]), int(image["height"])) == figure.size
    assert figure.size == (880, 211)  # 8 x 1.92 inches at 110 dots
    assert "Class 2 is the <largest>" in page.text
    assert "Bars & counts." in page.text


def test_texts_from_outside_are_escaped_everywhere(make):
    report = REPORT | {
        "title": HOSTILE,
        "source": HOSTILE,
        "notes": [HOSTILE],
        "warnings": [HOSTILE],
        "assumptions": [HOSTILE],
        "settings": {HOSTILE: HOSTILE},
        "seconds": {HOSTILE: 1.0},
        "versions": {HOSTILE: HOSTILE},
        "created": HOSTILE,
        "classes_given_by": HOSTILE,
        "skipped": [{"path": HOSTILE, "reason": HOSTILE}],
    }
    picture = ReportFigure(
        HOSTILE, '"><script>alert(2)</script>' + ALT, to_png(scoreboard(BOARD)), HOSTILE
    )
    text, page = make(report, [picture])
    assert not page.all("script")
    assert "<script" not in text
    assert page.text.count(HOSTILE) >= 15


def test_the_page_says_what_was_found_and_assumed(make):
    _, page = make(REPORT)
    for sentence in [
        "Cats & dogs",
        "holiday <photos>",
        "1,797",
        "8 × 8 pixels, grey",
        "97 to 1,000",
        "Class 2 is small.",
        "3, was given by the catalogue",
        "Nothing was assumed",
        "Read as grey.",
        HOSTILE,
        "cut short",
        "1 file could not be used",
        "37.0",
        "55.6%",
        "2025-11-24",
    ]:
        assert sentence in page.text, sentence
    assert "given by the user" in make(REPORT | {"classes_given_by": "user"})[1].text
    assert "8 × 9 pixels, colour" in make(REPORT | {"shape": [3, 8, 9]})[1].text


def test_scores_are_explained_and_their_interval_is_given(make):
    _, page = make(REPORT)
    for sentence in [
        "66.7%",
        "Balanced accuracy",
        "Normalised mutual information",
        "run several seeds",
        "cluster numbers are not names",
        "none 1 0.0%",
    ]:
        assert sentence in page.text, sentence
    assert "between 30.0% and 90.3%" in page.text


def test_without_labels_no_accuracy_is_given_and_what_to_look_at_is(make):
    _, page = make(REPORT | {"scores": None})
    assert "no accuracy can be given" in page.text
    assert "not known" in page.text
    assert "contact sheet" in page.text
    assert "66.7%" not in page.text
    assert "95% interval" not in page.text


def test_other_keys_of_the_report_do_no_harm(make, figure):
    assert ALT in make({"figures": 3, "name": "x"}, [figure])[0]


def test_missing_keys_leave_their_part_out(make):
    _, page = make({})
    assert "There were no labels" in page.text
    assert "How it was made" not in page.text
    assert "Files left out" not in page.text
    assert "None" not in page.text
    assert make(dict.fromkeys(REPORT))[1].text == page.text


def test_a_long_list_of_files_is_cut_and_says_so(make):
    skipped = [{"path": f"{i:03}.png", "reason": "empty"} for i in range(150)]
    _, page = make({"skipped": skipped})
    assert "150 files" in page.text
    assert "the first 100 are shown" in page.text
    assert "099.png" in page.text
    assert "100.png" not in page.text


def test_a_file_name_that_is_no_text_is_shown_as_an_escape(make):
    _, page = make({"skipped": [{"path": "caf\udce9.png", "reason": "empty"}]})
    assert r"caf\udce9.png" in page.text


def test_the_room_needs_no_torch():
    heavy = ("torch", "matplotlib.pyplot", "seaborn")
    code = f"import sys, mtlkit.evaluation; sys.exit(any(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
