"""`mtlkit course list | start | run | sweep | build | lint | release | mark`.

Chapters, for a learner, an author, a teacher.
"""

import json
import math
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from mtlkit.cli.shell import AsJson, progress_bar, show, to_stderr
from mtlkit.errors import InputError


class NeedsExtra(TyperGroup):
    """Says which extra to install, if a library of the course is not there."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as fault:
            missing = f"{fault.name} is not installed"
            raise InputError(f"{missing}: pip install 'mtlkit[course]'.") from fault


def _find(chapter: Path) -> Path:
    from mtlkit.course.chapters import find_chapter

    return find_chapter(str(chapter))


course = typer.Typer(
    cls=NeedsExtra,
    no_args_is_help=True,
    help=(
        "The course: take chapters along, run one with other parameters or over a grid of them, "
        "hand one out and mark it."
    ),
)
MANY = 100  # runs of a sweep that are asked about
TRUST = (
    "Anyone who reaches a scheduler can run anything on its workers: it must stand in a trusted "
    "network."
)
SCOREBOARD = {"name": "", "mean": "ACC", "nmi": "NMI", "runs": "runs"}  # columns and their titles
Chapter = Annotated[
    Path, typer.Argument(metavar="CHAPTER", callback=_find, help="Its number (05), name, or path.")
]
Chapters = Annotated[list[str] | None, typer.Argument(metavar="CHAPTER...")]
Given = Annotated[
    list[str] | None,
    typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="Set a parameter."),
]
Grid = Annotated[
    list[str],
    typer.Option(metavar="NAME=VALUES", help="seed=0..4, or class_sizes=free,equal. Repeat it."),
]


def table(rows: list[dict[str, Any]]) -> str:
    """Return rows with the same keys as aligned text."""
    from pandas import DataFrame

    if not rows:
        return ""
    return DataFrame(rows).to_string(index=False, float_format="{:.4g}".format, na_rep="")


@course.command("list")
def list_chapters(
    chapter: Annotated[str | None, typer.Argument(metavar="CHAPTER")] = None,
    as_json: AsJson = False,
) -> None:
    """List the chapters and what they need, or one chapter's parameters and what they may be."""
    from mtlkit.course import chapters, parameters

    if chapter is None:
        rows = [chapters.describe(path) for path in chapters.find_chapters(None)]
        lines = [
            f"{row['name']:18} {row['title']}\n"
            f"{'':18} {row['minutes']} min, {row['memory']}, network: {row['network']}\n"
            f"{'':18} You need: {row['needs']}"
            for row in rows
        ]
    else:
        values = parameters.open_parameters(chapters.find_chapter(chapter)).values()
        rows = [vars(value) for value in values]
        lines = [f"{p.name:12} {p.default!r:12} {p.allowed}: {p.help}" for p in values]
    show(rows, as_json, lines)


@course.command()
def start(folder: Annotated[Path, typer.Argument(metavar="DIR", file_okay=False)]) -> None:
    """Copy the chapters and their solutions into your own folder, made if need be.

    What you edited there stays: new versions stand beside it.
    """
    from mtlkit.course import handout

    print("\n".join(handout.start(folder)))


@course.command()
def run(
    chapter: Chapter,
    given: Given = None,
    out: Annotated[
        Path | None, typer.Option(help="The run's folder (default: runs/CHAPTER-SEED-TIME).")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a finished run of that name.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a chapter with other parameters: a folder with the notebook and report.json."""
    from mtlkit.course import execution, parameters
    from mtlkit.deployment.runs import RunFailed, new_run, run_name

    known = parameters.open_parameters(chapter)
    values = parameters.read_assignments(given, known, chapter.stem)
    out = out or Path("runs", run_name(chapter.stem, values.get("seed", 0)))
    try:
        with new_run(out, overwrite, files=execution.FILES, anew=True) as folder:
            report = execution.run_chapter(chapter, values, folder)
    except RunFailed as fault:
        to_stderr(f"error: {fault}. What was executed until then is in {out}.partial.")
        raise typer.Exit(1) from None
    lines = [f"{name:12} {execution.rounded(value)}" for name, value in report["recorded"].items()]
    board = report.get("scoreboard", [])
    lines += [
        table([{title: row[name] for name, title in SCOREBOARD.items()} for row in board]),
        f"notebook     {out / execution.NOTEBOOK}",
    ]
    if (out / "report.html").is_file():
        lines.append(f"report       {out / 'report.html'}")
    show(report | {"run": str(out)}, as_json, lines)


@course.command()
def sweep(
    chapter: Chapter,
    grid: Grid,
    given: Given = None,
    pairs: Annotated[
        bool, typer.Option("--zip", help="Pair the values of grids, in place of each with each.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="The sweep's folder (default: runs/sweep-CHAPTER).")
    ] = None,
    jobs: Annotated[int, typer.Option(min=-1, help="Runs at a time; -1: one a core.")] = -1,
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds that a run may take; 0: no limit.")
    ] = 0,
    cluster: Annotated[
        str, typer.Option(help=f"A Dask scheduler to do the runs, as tcp://HOST:8786. {TRUST}")
    ] = "",
    yes: Annotated[
        bool, typer.Option("--yes", help=f"Do not ask before more than {MANY} runs.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a chapter over a grid of parameters: a folder a run, a table and a figure over all.

    Each run has one thread. What is finished is not run again: after a stop, the same command goes
    on. After a change of the chapter, the method, the packages or the data, the runs are made
    again. Mean and spread are over the seeds; results/ in the sweep's folder has them, with a row a
    run (runs.csv) and a figure.
    """
    from tqdm import tqdm

    from mtlkit.course import parameters, sweeps
    from mtlkit.course.sweep_results import numbers, summary

    known = parameters.open_parameters(chapter)
    values = parameters.read_assignments(grid, known, chapter.stem, many=True)
    out = out or Path("runs", f"sweep-{chapter.stem}")
    lengths = [len(column) for column in values.values()]
    many = max(lengths) if pairs else math.prod(lengths)
    if many > MANY and not yes:
        typer.confirm(f"These are {many:,} runs. Go on? (--yes does not ask)", abort=True, err=True)
    fixed = parameters.read_assignments(given, known, chapter.stem)
    runs = sweeps.plan(chapter, parameters.grid_points(values, pairs), fixed, out)
    by = [name for name in values if name != "seed"]
    before = sum(run.recorded is not None for run in runs)
    failed = 0
    if outdated := sum(run.is_outdated for run in runs):
        to_stderr(
            f"{outdated} of {len(runs)} runs were finished with another version of the chapter, "
            "the method, the packages or the data: they are made again, and the old folders stay."
        )
    try:
        with tqdm(
            desc=f"sweep {chapter.stem}",
            unit="run",
            total=len(runs),
            initial=before,
            smoothing=0,  # the time left is that of the mean run
            file=sys.stderr,
        ) as bar:
            for run, wrong in sweeps.sweep(chapter, runs, by, out, jobs, timeout, cluster):
                bar.update()
                if wrong:
                    failed += 1
                    bar.write(f"failed: {run.folder.name}: {wrong}", file=sys.stderr)
    except KeyboardInterrupt as fault:
        finished = sum(run.recorded is not None for run in runs)
        fault.add_note(
            f"{finished} of {len(runs)} runs are finished: the same command goes on with the "
            "others."
        )
        raise
    groups = summary(numbers(runs, by))
    rows = json.loads(groups.to_json(orient="records", double_precision=15))
    result = {"sweep": str(out), "runs": len(runs), "failed": failed, "summary": rows}
    counts = f"{len(runs)} runs: {before} were finished before, {failed} failed"
    show(result, as_json, [table(rows), f"{counts}. See {out / 'results'}."])
    if failed:
        to_stderr(
            f"error: {failed} of {len(runs)} runs failed; what they executed is in their .partial "
            "folders."
        )
        raise typer.Exit(1)


@course.command()
def build(chapters: Chapters = None) -> None:
    """Build notebooks from `notebooks/source/` in a clone; what is current is left alone."""
    from mtlkit.course import building
    from mtlkit.course.chapters import SOURCES, find_chapters

    sources = find_chapters(chapters, SOURCES)
    if not sources:
        raise InputError("the sources are in a clone of the project only: build there.")
    for source in sources:
        if building.is_current(source):
            to_stderr(f"{source.stem}: current")
        else:
            to_stderr("\n".join(map(str, building.build(source))))


@course.command()
def lint(chapters: Chapters = None) -> None:
    """Hold chapters against the contract; print what is wrong, cell by cell."""
    from mtlkit.course import lint as contract
    from mtlkit.course.chapters import find_chapters

    paths = find_chapters(chapters)
    wrong = [finding for path in paths for finding in contract.lint(path)]
    print("\n".join(wrong) or f"{len(paths)} chapters keep the contract.")
    if wrong:
        raise typer.Exit(1)


@course.command()
def release(
    chapter: Chapter,
    out: Annotated[Path, typer.Option(help="The release's folder, for `mark`.")],
    given: Given = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a release that lies there.")
    ] = False,
) -> None:
    """Make a chapter ready to be handed out and marked; print the notebook to hand out."""
    from mtlkit.course import handout

    print(handout.release(chapter, out, given, overwrite))


@course.command()
def mark(
    released: Annotated[
        Path, typer.Argument(metavar="RELEASE", help="The folder that `release` made.")
    ],
    submissions: Annotated[
        Path, typer.Argument(help="A notebook, or a folder with one, for each learner.")
    ],
    out: Annotated[Path, typer.Option(help="The folder for marks.csv and the pages of feedback.")],
    limit: Annotated[int, typer.Option(min=1, help="Seconds that one cell may take.")] = 300,
    as_json: AsJson = False,
) -> None:
    """Run and mark submissions. This runs the learners' code: do it where nothing can be lost."""
    from mtlkit.course import marking

    with progress_bar("marking") as progress:
        rows = marking.mark(released, submissions, out, limit, progress, to_stderr)
    lines = [f"{row['name']:20} {row['total']:>5} of {row['of']:g}  {row['note']}" for row in rows]
    show(rows, as_json, [*lines, f"marks        {out / 'marks.csv'}"])
