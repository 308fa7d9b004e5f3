"""`mtlkit course list | run | sweep | build | lint`: chapters, their parameters, and the machinery that makes them."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from mtlkit.cli.shell import AsJson, tell
from mtlkit.errors import InputError

course = typer.Typer(
    help="The course: list chapters, run one with other parameters, or over a grid of them.", no_args_is_help=True
)
MANY = 100  # runs of a sweep that are asked about
Chapter = Annotated[str, typer.Argument(metavar="CHAPTER", help="A number (05), a name, or the path of a copy.")]
Given = Annotated[
    list[str] | None, typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="A parameter of the chapter.")
]


@contextmanager
def needs_extra() -> Iterator[None]:
    """Say which extra to install, if a library of the course is not there."""
    try:
        yield
    except ModuleNotFoundError as fault:
        raise InputError(f"{fault.name} is not installed: pip install 'mtlkit[course]'.") from fault


@course.command("list")
def list_chapters(
    chapter: Annotated[str | None, typer.Argument(metavar="CHAPTER")] = None, as_json: AsJson = False
) -> None:
    """List the chapters, or one chapter's parameters with what they may be and their defaults."""
    with needs_extra():
        from mtlkit.course.chapters import PATTERN, course_folder, find_chapter
        from mtlkit.course.parameters import parameters_of
    if chapter is None:
        names = [path.stem for path in sorted(course_folder().glob(PATTERN))]
        print(json.dumps(names) if as_json else "\n".join(names))
        return
    known = parameters_of(find_chapter(chapter)).values()
    if as_json:
        print(json.dumps([one.__dict__ for one in known]))
        return
    for one in known:
        print(f"{one.name:12} {one.default!r:12} {one.allowed}: {one.help}")


@course.command()
def run(
    chapter: Chapter,
    given: Given = None,
    out: Annotated[Path | None, typer.Option(help="The run's folder (default: runs/CHAPTER-SEED-TIME).")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a finished run of that name.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a chapter with other parameters into a folder: the executed notebook, and report.json with what it recorded."""
    with needs_extra():
        from mtlkit.course.chapters import find_chapter
        from mtlkit.course.execution import FILES, NOTEBOOK, open_parameters, run_chapter
        from mtlkit.course.parameters import read_assignments
    from mtlkit.deployment.runs import RunFailed, new_run, run_name

    path = find_chapter(chapter)
    values = read_assignments(given or [], open_parameters(path), chapter)
    place = out or Path("runs", run_name(path.stem, values.get("seed", 0)))
    try:
        with new_run(place, overwrite, files=FILES, anew=True) as folder:
            report = run_chapter(path, values, folder)
    except RunFailed as fault:
        tell(f"error: {fault}. What was executed until then is in {place}.partial.")
        raise typer.Exit(1) from None
    if as_json:
        print(json.dumps(report | {"run": str(place)}, ensure_ascii=False))
        return
    for name, value in report["recorded"].items():
        print(f"{name:12} {value}")
    if board := report.get("scoreboard"):
        wide = max(len(row["name"]) for row in board)
        print(f"\n{'':{wide}}    ACC    NMI  runs")
        for row in board:
            print(f"{row['name']:{wide}}  {row['mean']:.3f}  {row['nmi']:.3f}  {row['runs']:4}")
        print()
    print(f"notebook     {place / NOTEBOOK}")
    if (page := place / "report.html").is_file():
        print(f"report       {page}")


@course.command()
def sweep(
    chapter: Chapter,
    grid: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUES", help="Values of a parameter: seed=0..4, or balance=auto,equal. Repeat it."),
    ] = None,
    given: Given = None,
    pairs: Annotated[bool, typer.Option("--zip", help="Pair the values of grids, in place of each with each.")] = False,
    out: Annotated[Path | None, typer.Option(help="The sweep's folder (default: runs/sweep-CHAPTER).")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Runs at a time (default: one a core).")] = None,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds that a run may take; 0: no limit.")] = 0,
    cluster: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Let the workers of a Dask scheduler do the runs, as tcp://HOST:8786. Whoever reaches a scheduler can run "
            "anything on its workers: it must stand in a trusted network.",
        ),
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help=f"Do not ask before more than {MANY} runs.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a chapter over a grid of parameters, side by side: a folder a run, a table and a figure over all.

    Each run has one thread. What is finished is not run again: after a stop, the same command goes on. Mean and spread are
    over the seeds; results/ in the sweep's folder has them, with a row a run (runs.csv) and a figure.
    """
    with needs_extra():
        from joblib import cpu_count
        from tqdm import tqdm

        from mtlkit.course.chapters import find_chapter
        from mtlkit.course.execution import open_parameters
        from mtlkit.course.parameters import grid_points, read_assignments, read_grid
        from mtlkit.course.sweeps import plan, summary
        from mtlkit.course.sweeps import sweep as do_runs

    path = find_chapter(chapter)
    known = open_parameters(path)
    values = read_grid(grid or [], known, chapter)
    if not values:
        raise InputError("a sweep over 0 runs: say over what, as in --grid seed=0..4.")
    place = out or Path("runs", f"sweep-{path.stem}")
    many = max(map(len, values.values())) if pairs else math.prod(map(len, values.values()))
    if many > MANY and not yes:
        _ask(many)
    runs = plan(path, grid_points(values, pairs), read_assignments(given or [], known, chapter), place)
    by, failed = [name for name in values if name != "seed"], 0
    before = sum(run.recorded is not None for run in runs)
    try:
        with tqdm(total=len(runs), initial=before, desc=f"sweep {chapter}", unit="run", file=sys.stderr) as bar:
            for run, wrong in do_runs(path, runs, by, place, jobs or cpu_count(), timeout, cluster):
                failed += bool(wrong)
                bar.update()
                if wrong:
                    bar.write(f"failed: {run.folder.name}: {wrong}", file=sys.stderr)
    except KeyboardInterrupt as fault:
        fault.add_note(f"{sum(run.recorded is not None for run in runs)} of {len(runs)} runs are finished: the same "
                       "command goes on with the others.")  # fmt: skip
        raise
    rows = summary(runs, by)
    if as_json:
        print(
            json.dumps({"sweep": str(place), "runs": len(runs), "failed": failed, "summary": rows}, ensure_ascii=False)
        )
    else:
        print("\n".join(table_lines(rows)))
        print(f"{len(runs)} runs: {before} were finished before, {failed} failed. See {place / 'results'}.")
    if failed:
        tell(f"error: {failed} of {len(runs)} runs failed; what they executed is in their .partial folders.")
        raise typer.Exit(1)


def _ask(many: int) -> None:
    try:
        sure = typer.confirm(f"These are {many:,} runs. Go on?", err=True)
    except typer.Abort:  # nobody is there
        sure = False
    if not sure:
        raise InputError(f"{many:,} runs: nothing was started. Make the grid smaller, or add --yes.")


def table_lines(rows: list[dict[str, Any]]) -> list[str]:
    """Return rows with the same keys as aligned text."""
    cells = [
        [f"{value:.4g}" if isinstance(value, float) else str("" if value is None else value) for value in row.values()]
        for row in rows
    ]
    table = [list(rows[0]), *cells] if rows else []
    wide = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(f"{cell:{width}}" for cell, width in zip(line, wide, strict=True)).rstrip() for line in table]


@course.command()
def build(
    chapters: Annotated[list[str] | None, typer.Argument(metavar="CHAPTER...")] = None,
    force: Annotated[bool, typer.Option(help="Build also what is current.")] = False,
) -> None:
    """Build notebooks from `notebooks/source/` in a clone; what is current is left alone."""
    with needs_extra():
        from mtlkit.course.building import build as build_chapter
        from mtlkit.course.building import is_current
        from mtlkit.course.chapters import course_folder
    sources = sorted((course_folder() / "source").glob("*.py"))
    if not sources:
        raise InputError("the sources are in a clone of the project only: build there.")
    known = {source.stem[:2]: source for source in sources}
    if unknown := [name for name in chapters or [] if name[:2] not in known]:
        raise InputError(f"chapter {unknown[0]!r} has no source. There are {', '.join(known)}.")
    for source in [known[name[:2]] for name in chapters] if chapters else sources:
        if force or not is_current(source):
            build_chapter(source, tell)
        else:
            tell(f"{source.stem}: current")


@course.command()
def lint(chapters: Annotated[list[str] | None, typer.Argument(metavar="CHAPTER...")] = None) -> None:
    """Hold chapters against the contract; print what is wrong, cell by cell."""
    with needs_extra():
        from mtlkit.course.chapters import PATTERN, course_folder, find_chapter
        from mtlkit.course.lint import lint as lint_chapter
    paths = [find_chapter(name) for name in chapters] if chapters else sorted(course_folder().glob(PATTERN))
    wrong = [finding for path in paths for finding in lint_chapter(path)]
    print("\n".join(wrong) or f"{len(paths)} chapters keep the contract.")
    if wrong:
        raise typer.Exit(1)
