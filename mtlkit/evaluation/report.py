"""The report: one HTML page to mail, print or read on a phone, which says how far to believe it."""

from __future__ import annotations

import base64
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from scipy.stats import binomtest

from mtlkit.errors import InputError

SHORTEST_ALT = 40  # letters
LONGEST_LIST = 100  # files left out that the page names; report.json holds them all


@dataclass(frozen=True)
class ReportFigure:
    """A figure of the report: `title` says the finding, `alt` what is seen, `caption` how to read it.

    Raises:
        InputError: `alt` has fewer than 40 letters, or `png` is not a PNG file.

    >>> ReportFigure("Ten classes", "ten rows", b"", "Each row is a class.")
    Traceback (most recent call last):
    mtlkit.errors.InputError: the figure 'Ten classes' has an alt text of 8 letters: say in 40 what it shows.
    """

    title: str
    alt: str
    png: bytes
    caption: str

    def __post_init__(self) -> None:
        if len(self.alt) < SHORTEST_ALT:
            raise InputError(f"the figure {self.title!r} has an alt text of {len(self.alt)} letters: "
                             f"say in {SHORTEST_ALT} what it shows.")  # fmt: skip
        if not self.png.startswith(b"\x89PNG\r\n"):
            raise InputError(f"the figure {self.title!r} does not hold a PNG file: give the bytes that to_png returns.")

    @property
    def uri(self) -> str:
        """The picture as a data URI, so that the page needs no second file."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode("ascii")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, from the file's header: so the page does not jump as it loads."""
        return int.from_bytes(self.png[16:20], "big"), int.from_bytes(self.png[20:24], "big")


def write_report(path: str | Path, report: Mapping[str, Any], figures: Sequence[ReportFigure]) -> None:
    """Write the page for `report` (the content of report.json; keys that are missing are left out) to `path`.

    The page holds everything itself: pictures, style, no script. All texts from outside are escaped.

    Args:
        path: the HTML file to write.
        report: "title", "source", "images", "shape" (C, H, W), "classes", "classes_given_by" ("user" or
            "catalogue"), "assumptions", "notes", "warnings" (sentences), "settings", "seconds" (by stage),
            "sizes" (by class), "scores" (of `Scores.as_dict`, or None: then the page says what can be judged
            without labels), "skipped" (mappings with "path" and "reason"), "versions", "created".
        figures: in the order in which they are to stand.

    >>> import tempfile
    >>> page = Path(tempfile.mkdtemp()) / "report.html"
    >>> write_report(page, {"title": "Cats & dogs", "images": 2}, [])
    >>> "<h1>Cats &amp; dogs</h1>" in page.read_text(encoding="utf-8")
    True
    """
    loader = PackageLoader("mtlkit.evaluation", ".")
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(percent="{:.1%}".format, count_of="{:,}".format)
    template = environment.get_template("report.html.j2")
    page = template.render({**report, **_rows(report), "figures": figures, "longest_list": LONGEST_LIST})
    # File names need not be valid text on every system; what cannot be encoded is shown as an escape.
    Path(path).write_bytes(page.encode("utf-8", "backslashreplace"))


def safe_cell(text: str) -> str:
    """Return `text` for a cell of a CSV file, such that no spreadsheet program runs it as a formula.

    Source: OWASP, "CSV injection".

    >>> safe_cell("=1+1"), safe_cell("cat.png")
    ("'=1+1", 'cat.png')
    """
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], encoding: str = "utf-8") -> None:
    """Write rows as a CSV file with a column for each key; texts are such that no spreadsheet program runs them."""
    with path.open("w", newline="", encoding=encoding) as file:
        table = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        table.writeheader()
        table.writerows({k: safe_cell(v) if isinstance(v, str) else v for k, v in row.items()} for row in rows)


def _rows(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rows of the page's tables, and the interval in which accuracy lies."""
    scores, seconds = report.get("scores"), report.get("seconds") or {}
    sizes, skipped = report.get("sizes") or [], report.get("skipped") or []
    rows: dict[str, Any] = {
        "size_rows": [(k, f"{size:,}", f"{size / sum(sizes):.1%}") for k, size in enumerate(sizes)],
        "second_rows": [(stage, f"{time:.1f}") for stage, time in seconds.items()],
        "skipped_rows": [(file["path"], file["reason"]) for file in skipped[:LONGEST_LIST]],
    }
    if scores:
        found = zip(*(scores[key] for key in ("classes", "columns", "confusion", "recalls")), strict=False)
        rows["found_rows"] = [
            (label, "none" if cluster is None else cluster, f"{sum(counts):,}", f"{recall:.1%}")
            for label, cluster, counts, recall in found
        ]
        test = binomtest(round(scores["accuracy"] * scores["n"]), scores["n"])
        rows["interval"] = test.proportion_ci(method="wilson")
    return rows
