"""Render docstrings as pages in build/docs/ and chapters in build/docs/course/, without a network.

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
    """Return a notebook as a page of HTML with readable colours and links to the other pages."""
    folders = [str(Path(__file__).parent)]
    exporter = HTMLExporter(template_name="template", extra_template_basedirs=folders, theme=theme)
    html, _ = exporter.from_notebook_node(notebook)
    return re.sub(r'href="([\w/]+)\.(?:ipynb|md)', r'href="\1.html', html)


def course(folder: Path) -> None:
    """Write a page for each chapter, and the glossary."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = sorted(course_folder().glob(PATTERN))
    notebooks = {path.stem: nbformat.read(path, 4) for path in paths}
    glossary = (course_folder() / "glossary.md").read_text(encoding="utf-8")
    notebooks["glossary"] = new_notebook(cells=[new_markdown_cell(glossary)])
    for name, notebook in notebooks.items():
        (folder / f"{name}.html").write_text(page(notebook), encoding="utf-8")
    print(f"Open {folder / paths[0].stem}.html")


def main(folder: Path) -> None:
    # It is imported when asked for, which pdoc does not.
    vars(mtlkit)["MultiTaskClusterer"] = mtlkit.MultiTaskClusterer
    names = [module.name for module in pkgutil.walk_packages(mtlkit.__path__, "mtlkit.")]
    documented = [name for name in names if not name.startswith("mtlkit.cli.")]
    pdoc.render.configure(docformat="google", math=True, footer_text="mtlkit")
    pdoc.pdoc("mtlkit", *documented, output_directory=folder)
    print(f"Open {folder / 'index.html'}")
    course(folder / "course")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/docs"))
