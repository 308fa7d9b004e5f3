"""Honest scores, figures and the report: what came out, and how far to believe it."""

from mtlkit.evaluation.galleries import contact_sheet, embedding, gallery
from mtlkit.evaluation.plots import confusion, losses, put_aside, scoreboard, to_png
from mtlkit.evaluation.report import ReportFigure, run_figures, write_report
from mtlkit.evaluation.scores import Scores, match, score

__all__ = [
    "ReportFigure",
    "Scores",
    "confusion",
    "contact_sheet",
    "embedding",
    "gallery",
    "losses",
    "match",
    "put_aside",
    "run_figures",
    "score",
    "scoreboard",
    "to_png",
    "write_report",
]
