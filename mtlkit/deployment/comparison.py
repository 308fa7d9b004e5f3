"""What differs between two runs, and what a score on another source can be compared with."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from jinja2 import Template
from pandas import DataFrame, Series, read_csv

from mtlkit.deployment.run_folder import COPY_AGAIN, read_model_json
from mtlkit.errors import as_input_error
from mtlkit.evaluation.scores import match

Report = dict[str, Any]
SCORES = ("accuracy", "balanced_accuracy", "nmi", "ari")
MOVED = ["path", "class", "class after", "confidence", "confidence after"]


def compare_runs(first: Path, second: Path) -> Report:
    """Return what moved from one run to another.

    Class numbers are chance, so the second run's are first renumbered to agree most with the
    first's (Hungarian method).

    Args:
        first, second: run folders of `mtlkit fit`. Images are the same if their paths in
            assignments.csv are.

    Returns:
        "runs" and "sources" (two each), "settings" (name -> two values, only those that differ),
        "scores" (name -> two), "seconds" (two), "images" (each run's, and "both"), "agree" (a share
        of those in both, None without any), "moves" (from class, to class, images: the largest
        first) and "moved" (path, two classes, two confidences: the surest first).

    Raises:
        InputError: not a run, one of a newer version, or a file of it is damaged.
    """
    reports = [read_report(first), read_report(second)]
    settings, other_settings = map(_settings, reports)
    scores = [report.get("scores") or {} for report in reports]
    before = _read_assignments(first)
    after = _read_assignments(second)
    both = before.merge(after, on="path", suffixes=("", " after"))
    n = len(both)
    if n:
        both["class after"] = _renumbered(both["class after"], both["class"])
    moved = both[both["class"] != both["class after"]]
    moves = Counter(zip(moved["class"], moved["class after"], strict=True))
    doubt = -moved.filter(like="confidence").min(axis=1)
    surest = moved.iloc[doubt.argsort(kind="stable")]
    return {
        "runs": [str(first), str(second)],
        "sources": [report.get("source") for report in reports],
        "settings": {
            name: [settings.get(name), other_settings.get(name)]
            for name in settings | other_settings
            if settings.get(name) != other_settings.get(name)
        },
        "scores": {name: [values.get(name) for values in scores] for name in SCORES},
        "seconds": [round(sum(report.get("seconds", {}).values()), 1) for report in reports],
        "images": {"first": len(before), "second": len(after), "both": n},
        "agree": round(1 - len(moved) / n, 4) if n else None,
        "moves": [[*classes, count] for classes, count in moves.most_common()],
        "moved": surest[MOVED].values.tolist(),
    }


def comparison_lines(comparison: Report) -> list[str]:
    """Return what `compare_runs` has found as lines of text, a page at most."""
    text = Path(__file__).with_name("comparison.txt.j2").read_text(encoding="utf-8")
    template = Template(text, trim_blocks=True, lstrip_blocks=True)
    return template.render(comparison).splitlines()


def what_compares(report: Report, source: str, kinds: int) -> list[str]:
    """Say what a run's score on a source with so many kinds of images can be compared with.

    >>> what_compares({"source": "digits", "classes": 10}, "digits", 10)[0].partition(":")[0]
    'These are the images that the run was trained on, without their labels'
    """
    classes = report["classes"]
    trained_on = report.get("source")
    sentences = [
        f"The run was trained on {trained_on}, not on {source}: the score says how well its "
        "classes carry over, if both hold the same kinds of things; do not compare it with a fit "
        "on these images."
    ]
    if trained_on == source:
        sentences = [
            "These are the images that the run was trained on, without their labels: compare with "
            "other methods on the same images."
        ]
    start = f"There are {kinds} labels for the run's {classes} classes:"
    if kinds > classes:
        sentences.append(f"{start} accuracy cannot reach 1, compare NMI and ARI.")
    elif kinds < classes:
        sentences.append(f"{start} images in a class without a label count as wrong.")
    return sentences


def read_report(run: Path) -> Report:
    """Return a run's report.json. Raises `InputError` if this is no run, or the file is damaged."""
    read_model_json(run)
    with as_input_error(f"{run}: report.json is damaged", COPY_AGAIN):
        return dict(json.loads((run / "report.json").read_bytes()))


def _read_assignments(run: Path) -> DataFrame:
    """Return path, class and confidence of a run's images."""
    path = run / "assignments.csv"
    columns = {"path": str, "class": int, "confidence": float}
    with as_input_error(f"{path}: is damaged", COPY_AGAIN):  # a byte-order mark is no harm
        return read_csv(
            path,
            usecols=list(columns),
            dtype=columns,
            keep_default_na=False,  # a path may be "NA"
        )


def _renumbered(classes: Series, like: Series) -> Series:
    """Return other numbers of the same classes: those that agree most with `like`, and new ones."""
    numbers = match(classes, like)
    unmatched = sorted(set(classes) - set(numbers))
    for free, number in enumerate(unmatched, int(like.max()) + 1):
        numbers[number] = free
    return classes.map(numbers)


def _settings(report: Report) -> Report:
    """Return what may differ between runs, by its name in a comparison."""
    data = {name: report.get(name) for name in ("source", "images", "shape", "classes")}
    versions = report.get("versions", {})
    named = {f"version of {name}": version for name, version in versions.items()}
    return data | report.get("settings", {}) | named
