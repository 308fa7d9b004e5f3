"""Tables as CSV files whose paths can be joined on and that every program opens."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO


def safe_cell(text: str) -> str:
    """Return `text` for a cell of a CSV file, such that no spreadsheet runs it as a formula.

    Source: OWASP, "CSV injection".

    >>> safe_cell("=1+1"), safe_cell("cat.png")
    ("'=1+1", 'cat.png')
    """
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text


def safe_path(path: str) -> str:
    """Return a path for a cell of a CSV file: the same file, and no formula to a spreadsheet.

    >>> safe_path("=x.png"), safe_path("cats/=x.png")
    ('./=x.png', 'cats/=x.png')
    """
    return path if safe_cell(path) == path else f"./{path}"


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as a CSV file with a column for each key; no spreadsheet program runs its texts.

    It begins with a byte-order mark, so that Excel shows every script: read it as `utf-8-sig`.
    """
    with path.open("w", newline="", encoding="utf-8-sig", errors="backslashreplace") as file:
        write_rows(file, rows)


def write_rows(
    file: TextIO, rows: Sequence[Mapping[str, Any]], line_end: str = "\r\n", header: bool = True
) -> None:
    """Write rows as `write_csv` does, into an open file; what follows other rows needs no header.

    The column `path` is a key to join on, and stays a true path (see `safe_path`). Other texts get
    an apostrophe where they need one (see `safe_cell`).
    """
    table = csv.DictWriter(
        file, list(dict.fromkeys(key for row in rows for key in row)), lineterminator=line_end
    )
    if header:
        table.writeheader()
    for row in rows:
        table.writerow({column: _safe(column, value) for column, value in row.items()})


def _safe(column: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return safe_path(value) if column == "path" else safe_cell(value)
