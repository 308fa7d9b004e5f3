"""Comparison: what differs between two runs, and what a score on another source can be compared
with.
"""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from mtlkit.deployment.run_folder import COPY_AGAIN, read_model_json
from mtlkit.errors import as_input_error
from mtlkit.evaluation import match

SCORES = ("accuracy", "balanced_accuracy", "nmi", "ari")
LONGEST = 12  # lines of a list: a comparison is one page


def compare_runs(first: Path, second: Path) -> dict[str, Any]:
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
    runs = [read_run(run) for run in (first, second)]
    reports, rows = zip(*runs, strict=True)
    paths = [path for path in rows[0] if path in rows[1]]
    classes = np.array([[table[path][0] for table in rows] for path in paths]).reshape(
        -1, 2
    )  # N x 2
    confidence = np.array([[table[path][1] for table in rows] for path in paths]).reshape(-1, 2)
    if len(paths):
        names = match(classes[:, 1], classes[:, 0])
        free = iter(
            range(
                int(classes[:, 0].max()) + 1, 1 + int(classes.max()) + len(np.unique(classes[:, 1]))
            )
        )
        renumbered = {
            old: names[old] if old in names else next(free)
            for old in np.unique(classes[:, 1]).tolist()
        }
        classes[:, 1] = [renumbered[old] for old in classes[:, 1].tolist()]
    moved = np.flatnonzero(classes[:, 0] != classes[:, 1])
    surest = moved[np.argsort(-confidence[moved].min(axis=1), kind="stable")]
    return {
        "runs": [str(first), str(second)],
        "sources": [report.get("source") for report in reports],
        "settings": _different(*[_settings(report) for report in reports]),
        "scores": {
            name: [(report.get("scores") or {}).get(name) for report in reports] for name in SCORES
        },
        "seconds": [round(sum(report.get("seconds", {}).values()), 1) for report in reports],
        "images": {"first": len(rows[0]), "second": len(rows[1]), "both": len(paths)},
        "agree": round(1 - len(moved) / len(paths), 4) if paths else None,
        "moves": [
            [*pair, count]
            for pair, count in Counter(map(tuple, classes[moved].tolist())).most_common()
        ],
        "moved": [
            [paths[row], *classes[row].tolist(), *confidence[row].tolist()] for row in surest
        ],
    }


def comparison_lines(found: dict[str, Any]) -> list[str]:
    """Return the comparison as lines of text, a page at most."""
    both, agree = found["images"]["both"], found["agree"]
    lines = [f"first   {found['runs'][0]}", f"second  {found['runs'][1]}", ""]
    lines += [f"{name:18} {then} -> {now}" for name, (then, now) in found["settings"].items()] or [
        "settings: the same"
    ]
    lines += ["", f"{'seconds':18} {found['seconds'][0]} -> {found['seconds'][1]}"]
    lines += [
        f"{name:18} {then:.3f} -> {now:.3f}  ({now - then:+.3f})"
        for name, (then, now) in found["scores"].items()
        if then is not None and now is not None
    ]
    if not both:
        return [*lines, "", "No image is in both runs (by its path): classes cannot be compared."]
    same = f"{agree:.1%} of the {both:,} images in both runs are in the same class"
    lines += ["", f"{same} (second run renumbered to match)."]
    lines += [
        f"  class {then} -> {now}: {count:,} images"
        for then, now, count in found["moves"][:LONGEST]
    ]
    if found["moved"]:
        lines += [
            "",
            "Both runs are sure of these, and do not agree (class and confidence in each):",
        ]
    lines += [
        f"  {path}  {then} ({a:.2f}) -> {now} ({b:.2f})"
        for path, then, now, a, b in found["moved"][:LONGEST]
    ]
    return lines


def what_compares(report: dict[str, Any], source: str, kinds: int) -> list[str]:
    """Say what a run's score on a source with so many kinds of images can be compared with, and
    what not.

    >>> what_compares({"source": "digits", "classes": 10}, "digits", 10)[0].partition(":")[0]
    'These are the images that the run was trained on, without their labels'
    """
    classes, trained_on = int(report.get("classes", 0)), report.get("source")
    if trained_on == source:
        sentences = [
            "These are the images that the run was trained on, without their labels: "
            "compare with other methods on the "
            "same images."
        ]
    else:
        sentences = [
            f"The run was trained on {trained_on}, not on {source}: the score says "
            "how well its classes carry over, if "
            "both hold the same kinds of things; do not compare it with a fit on these images."
        ]
    start = f"There are {kinds} labels for the run's {classes} classes:"
    if kinds > classes:
        sentences.append(f"{start} accuracy cannot reach 1, compare NMI and ARI.")
    elif kinds < classes:
        sentences.append(f"{start} images in a class without a label count as wrong.")
    return sentences


def read_report(run: Path) -> dict[str, Any]:
    """Return a run's report.json. Raises `InputError` if this is no run, or the file is damaged."""
    read_model_json(run)
    with as_input_error(f"{run}: report.json is damaged", COPY_AGAIN):
        return dict(json.loads((run / "report.json").read_text(encoding="utf-8")))


def read_run(run: Path) -> tuple[dict[str, Any], dict[str, tuple[int, float]]]:
    """Return a run's report.json, and class and confidence by path from its assignments.csv."""
    report = read_report(run)
    path = run / "assignments.csv"
    with (
        as_input_error(f"{path}: is damaged", COPY_AGAIN),
        path.open(newline="", encoding="utf-8-sig") as file,
    ):
        rows = {
            row["path"]: (int(row["class"]), float(row["confidence"]))
            for row in csv.DictReader(file)
        }
    return report, rows


def _settings(report: dict[str, Any]) -> dict[str, Any]:
    about = {name: report.get(name) for name in ("source", "images", "shape", "classes")}
    versions = {f"version of {name}": text for name, text in report.get("versions", {}).items()}
    return about | dict(report.get("settings", {})) | versions


def _different(first: dict[str, Any], second: dict[str, Any]) -> dict[str, list[Any]]:
    names = list(dict.fromkeys([*first, *second]))
    return {
        name: [first.get(name), second.get(name)]
        for name in names
        if first.get(name) != second.get(name)
    }
