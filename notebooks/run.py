"""Run chapter 00, the whole way from images to classes, into a run folder: what `make run` calls.

python notebooks/run.py
python notebooks/run.py -p seed 7 -p balance equal --out runs/seven
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from pathlib import Path
from typing import Any

try:  # the imports take seconds, and Ctrl-C may fall among them
    import nbformat
    import papermill
    from build import HERE, KERNEL, prepare_environment
    from papermill.exceptions import PapermillExecutionError

    from mtlkit.deployment.runs import new_run, run_name
    from mtlkit.errors import InputError, nearest
except KeyboardInterrupt:
    print("\nInterrupted: nothing was written.", file=sys.stderr)
    sys.exit(2)

CHAPTER = HERE / "00_quickstart.ipynb"


def parameters(given: list[list[str]]) -> dict[str, Any]:
    """Return the parameters as Python values: `-p seed 7` is a number where the chapter has one."""
    known = {name: about["default"] for name, about in papermill.inspect_notebook(str(CHAPTER)).items()}
    del known["run_folder"]  # --out is the way to it
    values = {name: ast.literal_eval(default) for name, default in known.items()}
    for name, text in given:
        if name not in known:
            hint = nearest(name, known)
            raise InputError(f"-p {name}: there is no such parameter.{hint} Known are {', '.join(known)}.")
        values[name] = text if isinstance(values[name], str) else literal(text)
    return values


def literal(text: str) -> Any:
    """Return the number or truth value that a text writes, or the text: the chapter says what it expects."""
    try:
        return ast.literal_eval({"true": "True", "false": "False"}.get(text, text))
    except (ValueError, SyntaxError):
        return text


def execute(folder: Path, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Execute the chapter into `folder`; return the rows of its scoreboard."""
    chapter = nbformat.read(CHAPTER, as_version=4)
    try:
        done = papermill.execute_notebook(chapter, None, {**values, "run_folder": str(folder)}, **KERNEL)
    except PapermillExecutionError as fault:
        if fault.ename == "InputError":
            raise InputError(fault.evalue) from fault
        cell = next((cell.id for cell in chapter.cells if cell.source == fault.source), "injected-parameters")
        raise RuntimeError(f"cell {cell!r} failed: {fault.ename}: {fault.evalue}") from fault
    del done.metadata["papermill"]  # times and paths of this machine
    nbformat.write(done, folder / "notebook.ipynb")
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))["scoreboard"]


def table(rows: list[dict[str, Any]]) -> str:
    """Return the scoreboard as aligned text."""
    wide = max(len(row["name"]) for row in rows)
    lines = [f"{'':{wide}}    ACC    NMI  runs"]
    lines += [f"{row['name']:{wide}}  {row['mean']:.3f}  {row['nmi']:.3f}  {row['runs']:4}" for row in rows]
    return "\n".join(lines)


def main() -> int:
    """Return 0, 1 (the work failed), 2 (the call was wrong, or interrupted); also when interrupted."""
    parser = argparse.ArgumentParser(description="Run chapter 00 into a run folder.")
    parser.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"),
                        help="a parameter of the chapter: seed, source, quick, balance, effort")  # fmt: skip
    parser.add_argument("--out", type=Path, help="the run folder (default: runs/quickstart-SEED-TIME)")
    parser.add_argument("--overwrite", action="store_true", help="replace a finished run")
    options = parser.parse_args()
    prepare_environment()
    try:
        values = parameters(options.p)
        out = options.out or Path("runs", run_name("quickstart", values["seed"]))
        with new_run(out, options.overwrite) as folder:
            rows = execute(folder, values)
        print(f"\n{table(rows)}\n\nReport: {out / 'report.html'}")
        return 0
    except KeyboardInterrupt:
        print("\nInterrupted: nothing was written.", file=sys.stderr)
        return 2
    except InputError as fault:
        print(f"Error: {fault}", file=sys.stderr)
        return 2
    except (RuntimeError, OSError) as fault:
        print(f"Error: {' '.join(str(fault).split())}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
