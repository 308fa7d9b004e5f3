"""The report: one HTML page to mail, print or read on a phone, which says how far to believe it."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader

from mtlkit.data import ImageSet
from mtlkit.evaluation.galleries import contact_sheet, embedding
from mtlkit.evaluation.plots import Rows, confusion, losses, to_png
from mtlkit.evaluation.scores import Scores, accuracy_interval

LONGEST_LIST = 100  # files left out that the page names; report.json holds them all


@dataclass(frozen=True)
class ReportFigure:
    """A figure of the report: `title` says the finding, `alt` what is seen, `caption` how to read
    it.
    """

    title: str
    alt: str
    png: bytes
    caption: str

    @property
    def uri(self) -> str:
        """The picture as a data URI, so that the page needs no second file."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode("ascii")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, from the file's header: so the page does not jump as it
        loads.
        """
        return int.from_bytes(self.png[16:20], "big"), int.from_bytes(self.png[20:24], "big")


def write_report(
    path: str | Path, report: Mapping[str, Any], figures: Sequence[ReportFigure]
) -> None:
    """Write the page for `report` (the content of report.json; keys that are missing are left out)
    to `path`.

    The page holds everything itself: pictures, style, no script. All texts from outside are
    escaped.

    Args:
        path: the HTML file to write.
        report: "title", "source", "images", "shape" (C, H, W), "classes", "classes_given_by"
            ("user" or "catalogue"), "assumptions", "notes", "warnings" (sentences), "settings",
            "seconds" (by stage), "sizes" (by class), "scores" (of `Scores.as_dict`, or None: then
            the page says what can be judged without labels), "skipped" (mappings with "path" and
            "reason"), "versions", "created".
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
    page = template.render(
        {**report, **_rows(report), "figures": figures, "longest_list": LONGEST_LIST}
    )
    # File names need not be valid text on every system; what cannot be encoded is shown as an
    # escape.
    Path(path).write_bytes(page.encode("utf-8", "backslashreplace"))


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
        found = zip(
            *(scores[key] for key in ("classes", "columns", "confusion", "recalls")), strict=False
        )
        rows["found_rows"] = [
            (label, "none" if cluster is None else cluster, f"{sum(counts):,}", f"{recall:.1%}")
            for label, cluster, counts, recall in found
        ]
        rows["interval"] = accuracy_interval(scores["accuracy"], scores["n"])
    return rows


def run_figures(
    images: ImageSet,
    probabilities: np.ndarray,
    features: np.ndarray,
    history: Rows,
    scores: Scores | None,
) -> list[ReportFigure]:
    """Draw what the report of a run shows; each title says a finding.

    Args:
        images: N of them; labels are not touched.
        probabilities: N x K.
        features: N x D, the shared features.
        history: a row an epoch.
        scores: against labels that were opened after training, or None without any.
    """
    classes, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    k = len(np.unique(classes))
    figures = [
        ReportFigure(
            "What each class looks like",
            f"A sheet with a row for each of {k} classes: the images that the "
            "network is surest of stand at the left, "
            "the most doubtful ones at the right end.",
            to_png(contact_sheet(images.images, classes, confidence, title="")),
            "A class is a number, not a name. Judge a row by its right end: that is "
            "where mistakes gather.",
        ),
        ReportFigure(
            "How the network sees the images",
            f"A map of the images by their shared features, each of {k} classes with "
            "a colour, a marker and its number.",
            to_png(embedding(features, classes, title="")),
            "Near points are alike to the network. Distances between far islands, "
            "and the islands' areas, mean nothing.",
        ),
        ReportFigure(
            "What was learnt, stage by stage",
            "Curves of each task's loss over the epochs of training, with a line "
            "where one stage follows another.",
            to_png(losses(history, title="")),
            "A loss that falls says that the task is learnt, not that the classes are right.",
        ),
    ]
    if scores:
        figures += [
            ReportFigure(
                f"Against labels opened after training: {scores.accuracy:.1%} agree",
                "A table of true classes against found classes; matched pairs lie on "
                "the diagonal, mistakes beside it.",
                to_png(confusion(scores, images.class_names or None, title="")),
                "Found classes were matched to true ones so that most images agree "
                "(Hungarian matching).",
            )
        ]
    return figures
