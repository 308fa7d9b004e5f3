"""Render the package's docstrings as pages in build/docs/, without a network.

python docs/build.py [FOLDER]

Formulas are typeset where the reader's browser can reach MathJax, and stand as TeX where it cannot.
"""

from __future__ import annotations

import pkgutil
import sys
from pathlib import Path

import pdoc

import mtlkit


def main(folder: Path) -> None:
    vars(mtlkit)["MultiTaskClusterer"] = mtlkit.MultiTaskClusterer  # imported when asked for, which pdoc does not
    modules = [module.name for module in pkgutil.walk_packages(mtlkit.__path__, "mtlkit.")]
    pdoc.render.configure(docformat="google", math=True, footer_text="mtlkit")
    pdoc.pdoc("mtlkit", *(name for name in modules if not name.startswith("mtlkit.cli.")), output_directory=folder)
    print(f"Open {folder / 'index.html'}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/docs"))
