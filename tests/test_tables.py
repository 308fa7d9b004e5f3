"""CSV files: no spreadsheet program runs a cell, paths stay paths, and every script is shown."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from mtlkit.tables import safe_cell, safe_path, write_csv, write_rows


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_cells_that_a_spreadsheet_would_run_get_an_apostrophe(text):
    assert safe_cell(text) == "'" + text


@pytest.mark.parametrize("text", ["", "cat.png", "a=1", "cats/-1.png", "'=1"])
def test_other_cells_are_left_as_they_are(text):
    assert safe_cell(text) == text


@pytest.mark.parametrize("path", ["=1+1.png", "+1.png", "-1.png", "@SUM(A1)", "\t=1.png"])
def test_a_path_that_a_spreadsheet_would_run_stays_a_path(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(path).write_text("here")
    assert safe_cell(safe_path(path)) == safe_path(path)  # harmless
    assert Path(safe_path(path)).read_text() == "here"  # and true
    write_csv(tmp_path / "table.csv", [{"path": path, "text": "=1"}])
    with (tmp_path / "table.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert Path(row["path"]) == Path(path) and row["text"] == "'=1"


def test_a_table_begins_with_the_mark_by_which_excel_knows_utf_8(tmp_path):
    write_csv(tmp_path / "table.csv", [{"path": "猫/ŝ.png"}, {"path": "caf\udce9.png"}])
    content = (tmp_path / "table.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbfpath")
    assert "猫/ŝ.png" in content.decode("utf-8-sig")


def test_rows_after_other_rows_have_no_header_and_columns_of_all_rows():
    file = io.StringIO()
    write_rows(file, [{"path": "a.png"}, {"class": 1}], line_end="\n")
    write_rows(file, [{"path": "b.png", "class": 2}], line_end="\n", header=False)
    assert file.getvalue() == "path,class\na.png,\n,1\nb.png,2\n"
