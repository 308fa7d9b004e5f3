"""A chapter that takes a second, and does what a test asks for."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PARAMETERS = """seed = 0  # 0 to 99 — where chance starts
method = "plain"  # plain | fancy — a way
size = 1.0  # 0.5 to 4 — how large
trouble = ""  # what goes wrong
run_folder = ""  # where the chapter writes its own files
"""
RECORD = """import os, random, time
from pathlib import Path


def record(**numbers):  # as mtlkit.course.record does, whose import takes seconds
    display({"text/plain": "recorded", "application/vnd.mtlkit.record+json": numbers}, raw=True)
"""
TROUBLE = """if trouble == "raise" or trouble == "odd" and seed % 2:
    raise ValueError("no\\nluck")
if trouble == "die":
    os._exit(3)
if trouble == "sleep":
    time.sleep(600)
if trouble == "slow":
    time.sleep(3)
if run_folder:
    Path(run_folder, "own.txt").write_text(os.environ["OMP_NUM_THREADS"])
    Path(run_folder, "report.json").write_text('{"settings": {"seed": 1}, "created": "before"}')
"""
RESULT = 'record(score=random.Random(seed).random() + (method == "fancy"), size=size, way=method)'


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    cells = [
        new_markdown_cell("# A tiny chapter", id="title"),
        new_code_cell(PARAMETERS, id="parameters", metadata={"tags": ["parameters"]}),
        new_code_cell(RECORD, id="imports"),
        new_code_cell(TROUBLE, id="trouble"),
        new_code_cell(RESULT, id="result"),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = tmp_path / "tiny.ipynb"
    nbformat.write(
        new_notebook(
            cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}}
        ),
        path,
    )
    return path
