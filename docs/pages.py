"""Render the package's docstrings as pages in build/docs/, and the chapters in build/docs/course/,
without a network.

python docs/pages.py [FOLDER]

Formulas are typeset where the reader's browser can reach MathJax, and stand as TeX where it cannot.
"""

from __future__ import annotations

import pkgutil
import re
import sys
from pathlib import Path

import nbformat
import pdoc
from nbconvert import HTMLExporter
from nbformat.v4 import new_markdown_cell, new_notebook

import mtlkit
from mtlkit.course.chapters import PATTERN, course_folder


def page(notebook: nbformat.NotebookNode, theme: str = "light") -> str:
    """Return a notebook as one page of HTML, in colours that can be read, with links to the other
    pages.
    """
    templates = [str(Path(__file__).parent)]
    exporter = HTMLExporter(
        template_name="template", extra_template_basedirs=templates, theme=theme
    )
    html, _ = exporter.from_notebook_node(notebook)
    return re.sub(r'href="([\w/]+)\.(?:ipynb|md)', r'href="\1.html', html)


def course(folder: Path) -> None:
    """Write a page for each chapter, and the glossary."""
    folder.mkdir(parents=True, exist_ok=True)
    notebooks = {
        path.stem: nbformat.read(path, 4) for path in sorted(course_folder().glob(PATTERN))
    }
    glossary = (course_folder() / "glossary.md").read_text(encoding="utf-8")
    for name, notebook in (
        notebooks | {"glossary": new_notebook(cells=[new_markdown_cell(glossary)])}
    ).items():
        (folder / f"{name}.html").write_text(page(notebook), encoding="utf-8")
    print(f"Open {folder / min(notebooks)}.html")


def main(folder: Path) -> None:
    vars(mtlkit)["MultiTaskClusterer"] = (
        mtlkit.MultiTaskClusterer
    )  # imported when asked for, which pdoc does not
    modules = [module.name for module in pkgutil.walk_packages(mtlkit.__path__, "mtlkit.")]
    pdoc.render.configure(docformat="google", math=True, footer_text="mtlkit")
    pdoc.pdoc(
        "mtlkit",
        *(name for name in modules if not name.startswith("mtlkit.cli.")),
        output_directory=folder,
    )
    print(f"Open {folder / 'index.html'}")
    course(folder / "course")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/docs"))
