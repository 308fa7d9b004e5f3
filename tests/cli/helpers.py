"""Calls of the command line in this process, and what they must end with."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from mtlkit.cli import app

QUICK = ["--effort", "0.02"]


def call(*arguments: str | Path | int) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def succeed(*arguments: str | Path | int) -> Result:
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    return result


def json_of(*arguments: str | Path | int) -> Any:
    """What a command prints with `--json`: JSON, and nothing else on stdout."""
    return json.loads(succeed(*arguments, "--json").stdout)


def assert_refused(result: Result, *words: str) -> None:
    """Status 2, one sentence on stderr with these words, no traceback, nothing on stdout."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    last = result.stderr.strip().splitlines()[-1]
    for word in words:
        assert word in last, last


def report_of(run: Path) -> dict[str, Any]:
    return json.loads((run / "report.json").read_text(encoding="utf-8"))


def assignments_of(run: Path) -> list[dict[str, str]]:
    text = (run / "assignments.csv").read_text(encoding="utf-8-sig")
    return list(csv.DictReader(text.splitlines()))
