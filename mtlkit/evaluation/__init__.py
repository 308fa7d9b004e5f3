"""Honest scores, figures and the report: what came out, and how far to believe it."""

from mtlkit.evaluation.galleries import contact_sheet, embedding
from mtlkit.evaluation.plots import confusion, losses, scoreboard, to_png
from mtlkit.evaluation.report import (
    ReportFigure,
    run_figures,
    safe_cell,
    safe_path,
    write_csv,
    write_report,
    write_rows,
)
from mtlkit.evaluation.scores import Scores, match, score

__all__ = [
    "ReportFigure",
    "Scores",
    "confusion",
    "contact_sheet",
    "embedding",
    "losses",
    "match",
    "run_figures",
    "safe_cell",
    "safe_path",
    "score",
    "scoreboard",
    "to_png",
    "write_csv",
    "write_report",
    "write_rows",
]
