"""README tells the truth: its examples print what they say, its links resolve, its tables stand in
the results.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tables", ROOT / "benchmarks" / "tables.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("block", BLOCKS, ids=["clusterer", "by hand"])
def test_examples_print_what_they_say(block: str) -> None:
    said = re.findall(r"^print\(.*\)  # (.*)$", block, re.MULTILINE)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(block, "README.md", "exec"), {"__name__": "readme"})  # the project's own text
    assert said
    assert printed.getvalue().splitlines() == said


def test_a_reader_adds_a_task_in_under_30_lines() -> None:
    (task,) = re.findall(r"class Reconstruction.*?(?=\n\n\n)", BLOCKS[1], re.DOTALL)
    assert len(task.splitlines()) < 30


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_links_resolve(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_the_house_is_as_contributing_says() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    modules = [
        path
        for path in (ROOT / "mtlkit").rglob("*.py")
        if path.name != "__init__.py" and path.parent.name != "tasks"
    ]
    assert [
        path.name
        for path in modules
        if f"`{path.name}`" not in page and f"/{path.name}`" not in page
    ] == []


def test_figures_are_quoted_from_the_results() -> None:
    assert tables().figures() in README
    ours = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert tables().section("tries", "", tables().tries) in ours


def test_every_benchmark_is_on_its_page() -> None:
    page = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    helpers = {"real.py", "folder.py", "figure.py", "tables.py"}  # which measure nothing
    scripts = {path.name for path in (ROOT / "benchmarks").glob("*.py")} - helpers
    assert sorted(name for name in scripts if f"`{name}`" not in page) == []
