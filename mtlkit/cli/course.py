"""`mtlkit course list | start | run | build | lint | release | mark`: chapters, for a learner, an author and a teacher."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from mtlkit.cli.shell import AsJson, progress_bar, tell
from mtlkit.errors import InputError

course = typer.Typer(
    help="The course: list chapters, take them along, run one with other parameters, hand one out and mark it.",
    no_args_is_help=True,
)
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
def start(folder: Annotated[Path, typer.Argument(metavar="DIR", help="Your folder; it is made if need be.")]) -> None:
    """Copy the chapters into your own folder. What you edited there stays: a new version is put beside it."""
    with needs_extra():
        from mtlkit.course.classroom import start as start_course
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file: name a folder.")
    print("\n".join(start_course(folder)))


@course.command()
def run(
    chapter: Chapter,
    given: Given = None,
    out: Annotated[Path | None, typer.Option(help="The run's folder (default: runs/CHAPTER-SEED-TIME).")] = None,
) -> None:
    """Run a chapter with other parameters into a folder: the executed notebook, and what it recorded."""
    with needs_extra():
        from mtlkit.course.chapters import find_chapter
        from mtlkit.course.execution import run_chapter
        from mtlkit.course.parameters import parameters_of, read_assignments
    from mtlkit.deployment.runs import run_name

    path = find_chapter(chapter)
    values = read_assignments(given or [], parameters_of(path), chapter)
    folder = out or Path("runs", run_name(path.stem, values.get("seed", 0)))
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: is not empty: choose another --out.")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        report = run_chapter(path, values, folder)
    except RuntimeError as fault:
        tell(f"error: {fault}")
        raise typer.Exit(1) from None
    for name, value in report["recorded"].items():
        print(f"{name:12} {value}")
    print(f"notebook     {folder / 'notebook.ipynb'}")


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


@course.command()
def release(
    chapter: Chapter, out: Annotated[Path, typer.Option(help="The release's folder, for `mark`.")], given: Given = None
) -> None:
    """Make a chapter ready to be handed out and marked; print the notebook to hand out."""
    with needs_extra():
        from mtlkit.course.classroom import release as release_chapter
    print(release_chapter(chapter, out, given or []))


@course.command()
def mark(
    released: Annotated[Path, typer.Argument(metavar="RELEASE", help="The folder that `release` made.")],
    submissions: Annotated[Path, typer.Argument(help="A notebook, or a folder with one, for each learner.")],
    out: Annotated[Path, typer.Option(help="The folder for marks.csv and the pages of feedback.")],
    limit: Annotated[int, typer.Option(min=1, help="Seconds that one cell may take.")] = 300,
    as_json: AsJson = False,
) -> None:
    """Run and mark submissions. This runs the learners' code: do it where nothing can be lost."""
    with needs_extra():
        from mtlkit.course.classroom import mark as mark_chapter
    with progress_bar("marking") as progress:
        rows = mark_chapter(released, submissions, out, limit, progress)
    if as_json:
        print(json.dumps(rows))
        return
    for row in rows:
        print(f"{row['name']:20} {row['total']:>5} of {row['of']:g}  {row['note']}")
    print(f"marks        {out / 'marks.csv'}")
