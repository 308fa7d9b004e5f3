"""The runs of a sweep and what they found: mean and spread of each group, and a figure."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import style
from matplotlib.figure import Figure
from pandas import DataFrame

from mtlkit.course.execution import REPORT, rounded
from mtlkit.evaluation import to_png
from mtlkit.evaluation.plots import STYLE
from mtlkit.tables import write_csv

RESULTS = ("runs.csv", "summary.csv")


@dataclass(frozen=True)
class SweepRun:
    """One point of the grid: its parameters, and its folder, which is there once the run is whole.

    The folder is `PARAMETERS-POINT_MADE`: a digest of all parameters, and one of what else counts.
    """

    values: dict[str, Any]
    folder: Path

    @property
    def recorded(self) -> dict[str, Any] | None:
        """What the run recorded, or None if it is not finished."""
        report = self.folder / REPORT
        return json.loads(report.read_bytes())["recorded"] if report.is_file() else None

    @property
    def is_outdated(self) -> bool:
        """Is it finished by another chapter, method, version or data only?"""
        point = self.folder.name.rpartition("_")[0]
        others = self.folder.parent.glob(f"{point}_????????/{REPORT}")
        return self.recorded is None and any(others)


def numbers(runs: list[SweepRun], by: list[str]) -> DataFrame:
    """Return a row for each number that a run recorded: the run's `by`, the metric, its value."""
    rows = []
    for run in runs:
        group = {name: run.values[name] for name in by}
        for metric, value in (run.recorded or {}).items():
            if isinstance(value, float):
                rows.append(group | {"metric": metric, "value": value})
    table = DataFrame(rows, columns=[*by, "metric", "value"])
    return table.sort_values("metric", kind="stable")  # else as in the grid


def summary(table: DataFrame) -> DataFrame:
    """Return mean and spread of the values of `numbers`, a row for each metric and group."""
    keys = list(table.columns[:-1])
    groups = table.groupby(keys, sort=False)["value"]
    spread = groups.agg(runs="count", mean="mean", sd="std", min="min", max="max")
    return spread.map(rounded).reset_index()


def write_results(
    folder: Path, runs: list[SweepRun], by: list[str], failed: dict[Path, str]
) -> None:
    """Write `runs.csv` (a row a run), `summary.csv` (see `summary`), and `figure.png`.

    Numbers have six digits there; all digits are in the runs' own `report.json`.
    """
    rows = []
    for run in runs:
        recorded = {name: rounded(value) for name, value in (run.recorded or {}).items()}
        about = {"failed": failed.get(run.folder, ""), "folder": run.folder.name}
        rows.append(run.values | recorded | about)
    write_csv(folder / "runs.csv", rows)
    table = numbers(runs, by)
    summary(table).to_csv(folder / "summary.csv", index=False, encoding="utf-8-sig")
    if len(table):
        (folder / "figure.png").write_bytes(to_png(sweep_figure(table, by)))


@style.context(STYLE)
def sweep_figure(numbers: DataFrame, by: list[str]) -> Figure:
    """Draw a row for each group, with a dot a run and mean ± standard deviation; a panel a number.

    Args:
        numbers: a row a run and number: the parameters `by`, metric, value.
        by: the parameters that tell groups apart.
    """
    groups = []
    for row in numbers.to_dict("records"):
        texts = [f"{name} {row[name]}" for name in by]
        groups.append(", ".join(texts) or "all runs")
    panels = numbers.assign(group=groups).groupby("metric")
    tall = min(0.8 + 0.3 * len(set(groups)), 10)  # inches a panel
    figure = Figure(figsize=(8, 0.4 + tall * len(panels)), layout="constrained")
    figure.suptitle("Each run, and the mean ± standard deviation of each group")
    subplots = figure.subplots(len(panels), squeeze=False)
    for axes, (metric, rows) in zip(subplots.flat, panels, strict=True):
        axes.plot(rows["value"], rows["group"], "o", alpha=0.5)
        spread = rows.groupby("group", sort=False)["value"].agg(["mean", "std"])
        middle = spread["mean"]
        axes.plot(middle, spread.index, "k|", markersize=12)
        axes.errorbar(middle, spread.index, xerr=spread["std"], fmt="none", color="k", capsize=4)
        axes.set_xlabel(metric)
        axes.margins(y=0.5 / len(spread))
        axes.invert_yaxis()
    return figure
