"""A chapter that takes a second and does what a test asks for, and one that is handed out."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from mtlkit.course.building import read_source

from .helpers import call

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
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}

HANDED_OUT = """# ---
# jupyter:
#   kernelspec:
#     name: python3
#     display_name: P
#     language: python
# ---

# %% [markdown] id="title"
# # 07 · Tiny: is this a chapter?

# %% id="imports"
from mtlkit import course

# %% id="parameters" tags=["parameters"]
seed = 0  # 0 to 9 — where chance starts

# %% id="exercise-1" tags=["solution"]
my_accuracy = None  # a number from 0 to 1
### BEGIN SOLUTION
my_accuracy = 19 / 30
### END SOLUTION

# %% id="check-1" tags=["check"]
assert seed == 4  # as it was handed out, whatever the learner made of it
course.check("00-1", my_accuracy)

# %% id="exercise-5" tags=["solution"]
def my_report(first, second):
    ### BEGIN SOLUTION
    return (sum(first) / len(first), min(first)), (sum(second) / len(second), min(second))
    ### END SOLUTION

# %% id="check-5" tags=["check"] points=2
course.check("00-5", my_report)
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A chapter whose parameter `trouble` says what goes wrong in it."""
    cells = [
        new_markdown_cell("# A tiny chapter", id="title"),
        new_code_cell(PARAMETERS, id="parameters", metadata={"tags": ["parameters"]}),
        new_code_cell(RECORD, id="imports"),
        new_code_cell(TROUBLE, id="trouble"),
        new_code_cell(RESULT, id="result"),
    ]
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    nbformat.write(new_notebook(cells=cells, metadata=metadata), tmp_path / "tiny.ipynb")
    return tmp_path / "tiny.ipynb"


@pytest.fixture(scope="session")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher's folder: a chapter with its solutions, and `handed out`, a release with seed 4."""
    folder = tmp_path_factory.mktemp("a room")
    (folder / "tiny.py").write_text(HANDED_OUT, encoding="utf-8")
    chapter, release = folder / "07_tiny.ipynb", folder / "handed out"
    nbformat.write(read_source(folder / "tiny.py"), chapter)
    result = call("release", chapter, "--out", release, "-p", "seed=4")
    assert result.exit_code == 0, result.output
    assert Path(result.stdout.strip()) == release / "release" / "07_tiny" / "07_tiny.ipynb"
    return folder
