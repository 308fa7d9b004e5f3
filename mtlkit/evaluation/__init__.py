"""Honest scores, figures and the report: what came out, and how far to believe it."""

from mtlkit.evaluation.plots import class_sizes, confusion, contact_sheet, embedding, losses, scoreboard, to_png
from mtlkit.evaluation.report import ReportFigure, safe_cell, write_csv, write_report
from mtlkit.evaluation.scores import Scores, match, score

__all__ = [
    "ReportFigure", "Scores", "class_sizes", "confusion", "contact_sheet", "embedding", "losses", "match",
    "safe_cell", "score", "scoreboard", "to_png", "write_csv", "write_report",
]  # fmt: skip
