"""The report: one HTML page to mail, print or read on a phone, which says how far to believe it."""

import base64
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader
from PIL import Image

from mtlkit.data import ImageSet
from mtlkit.evaluation.galleries import contact_sheet, embedding, gallery
from mtlkit.evaluation.plots import Rows, confusion, losses, put_aside, to_png
from mtlkit.evaluation.scores import Scores, accuracy_interval

SHOWN = 24  # images that are doubtful or novel


@dataclass(frozen=True)
class ReportFigure:
    """A figure: `title` says the finding, `alt` what is seen, `caption` how to read it."""

    title: str
    alt: str
    png: bytes
    caption: str

    @property
    def uri(self) -> str:
        """The picture as a data URI, so that the page needs no second file."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, so that the page does not jump as it loads."""
        return Image.open(BytesIO(self.png)).size


def write_report(
    path: Path,
    report: dict[str, Any],
    figures: list[ReportFigure],
    page_template: str = "report.html.j2",
) -> None:
    """Write the page for `report`, the content of report.json, to `path`.

    The page holds everything itself: pictures, style, no script. All texts from outside are
    escaped. What belongs to a key that is missing is left out.

    Args:
        path: the HTML file to write.
        report: "title", "source", "images", "shape" (C, H, W), "classes", "classes_given_by"
            ("user" or "catalogue"), "assumptions", "notes", "warnings" (sentences), "settings",
            "seconds" (by stage), "sizes" (by class), "scores" (of `Scores.as_dict`, or None: then
            the page says what can be judged without labels), "skipped" (mappings with "path" and
            "reason"), "versions", "created".
        figures: in the order in which they are to stand.
        page_template: detection.html.j2 speaks of objects and boxes; its "scores" are those of
            `DetectionScores.as_dict`.

    >>> import tempfile
    >>> page = Path(tempfile.mkdtemp()) / "report.html"
    >>> write_report(page, {"title": "Cats & dogs", "images": 2}, [])
    >>> "<h1>Cats &amp; dogs</h1>" in page.read_text(encoding="utf-8")
    True
    """
    environment = Environment(
        loader=PackageLoader("mtlkit.evaluation", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent="{:.1%}".format, count_of="{:,}".format)
    environment.globals["accuracy_interval"] = accuracy_interval
    template = environment.get_template(page_template)
    page = template.render(report | {"rows": _table_rows(report), "figures": figures})
    # Not every file name can be encoded; what cannot is shown as an escape.
    path.write_bytes(page.encode("utf-8", "backslashreplace"))


def _table_rows(report: dict[str, Any]) -> dict[str, Any]:
    """Return the rows of the page's tables by the key of the report that they show."""
    sizes = report.get("sizes") or []
    seconds = report.get("seconds") or {}
    scores = report.get("scores") or {}
    return {
        "sizes": [(k, f"{size:,}", f"{size / sum(sizes):.1%}") for k, size in enumerate(sizes)],
        "seconds": [(stage, f"{time:.1f}") for stage, time in seconds.items()],
        "recalls": _recall_rows(scores) if "recalls" in scores else [],
    }


def _recall_rows(scores: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return label, cluster, number of images and share found of each labelled class."""
    rows = []
    for i, label in enumerate(scores["classes"]):
        cluster = scores["columns"][i]
        if cluster is None:
            cluster = "none"
        images = sum(scores["confusion"][i])
        rows.append((label, cluster, f"{images:,}", f"{scores['recalls'][i]:.1%}"))
    return rows


def run_figures(
    images: ImageSet,
    classes: np.ndarray,
    confidence: np.ndarray,
    novelty: np.ndarray,
    features: np.ndarray,
    history: Rows,
    scores: Scores | None,
) -> list[ReportFigure]:
    """Draw what the report of a run shows; each title says a finding.

    Args:
        images: N of them; labels are not touched.
        classes: N class numbers.
        confidence: N, how likely each is right.
        novelty: N; above 1 an image fits nowhere.
        features: N x D, the shared features.
        history: a row an epoch.
        scores: against labels that were opened after training, or None without any.
    """
    k = len(np.unique(classes))
    doubtful = np.argsort(confidence, kind="stable")[:SHOWN]
    captions = [f"class {classes[row]}\n{confidence[row]:.0%}" for row in doubtful]
    figures = [
        ReportFigure(
            "What each class looks like",
            f"A sheet with a row for each of {k} classes: the images that the network is surest of "
            "stand at the left, the most doubtful ones at the right end.",
            to_png(contact_sheet(images.images, classes, confidence, title="")),
            "A class is a number, not a name. Judge a row by its right end: that is where mistakes "
            "gather.",
        ),
        ReportFigure(
            "Not sure: look at these first",
            f"The {len(doubtful)} images with the lowest confidence, each with its class and how "
            "sure the network is of it.",
            to_png(gallery(images.images[doubtful], captions, title="")),
            "Sort assignments.csv by its column `confidence` for more of them.",
        ),
        ReportFigure(
            f"{1 - confidence.mean():.1%} of the classes may be wrong: what looking again saves",
            "A curve that falls: the more of the least sure images are put aside, the fewer "
            "mistakes are expected among the rest.",
            to_png(put_aside(confidence, title="")),
            "A confidence of .9 is meant to be right nine times in ten. It cannot know of a kind "
            "of thing that was cut in two, or of two that were taken for one.",
        ),
    ]
    novel = np.argsort(-novelty, kind="stable")[: (novelty > 1).sum()]
    if len(novel):
        shown = novel[:SHOWN]
        captions = [f"{novelty[row]:.2f}" for row in shown]
        figures.append(
            ReportFigure(
                f"Fits nowhere: the most novel of {len(novel):,} images",
                f"The {len(shown)} images that are least like the others, each with its novelty, "
                "which is above 1.",
                to_png(gallery(images.images[shown], captions, title="")),
                "Of any set, about 3 images in 100 are above 1. See whether these are what "
                "you meant to sort: a novel image has a class, too, and it means little.",
            )
        )
    figures += [
        ReportFigure(
            "How the network sees the images",
            f"A map of the images by their shared features, each of {k} classes with a colour, a "
            "marker and its number.",
            to_png(embedding(features, classes, title="")),
            "Near points are alike to the network. Distances between far islands, and the islands' "
            "areas, mean nothing.",
        ),
        ReportFigure(
            "What was learnt, stage by stage",
            "Curves of each task's loss over the epochs of training, with a line where one stage "
            "follows another.",
            to_png(losses(history, title="")),
            "A loss that falls says that the task is learnt, not that the classes are right.",
        ),
    ]
    if scores:
        figures.append(
            ReportFigure(
                f"Against labels opened after training: {scores.accuracy:.1%} agree",
                "A table of true classes against found classes; matched pairs lie on the diagonal, "
                "mistakes beside it.",
                to_png(confusion(scores, images.class_names or None, title="")),
                "Found classes were matched to true ones so that most images agree (Hungarian "
                "matching).",
            )
        )
    return figures
