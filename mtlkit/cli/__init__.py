"""The door for the shell: `mtlkit fit | score | predict | ...`, a thin face on the rooms.

Exit status: 0 done, 1 the work failed, 2 the call was wrong (or was stopped by Ctrl-C).
"""

from typing import Annotated

import typer

from mtlkit import __version__
from mtlkit.cli.course import course
from mtlkit.cli.data import data
from mtlkit.cli.detect import detect
from mtlkit.cli.doctor import doctor
from mtlkit.cli.fit import fit
from mtlkit.cli.shell import OneSentence
from mtlkit.cli.use import compare, predict, score

app = typer.Typer(
    cls=OneSentence,
    help=(
        "Unsupervised image classification by multi-task learning: unlabelled images in, "
        "classes out."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (fit, score, predict, compare):
    app.command()(command)
app.add_typer(detect, name="detect")
app.add_typer(data, name="data")
app.add_typer(course, name="course")
app.command()(doctor)  # last in the list of commands


def _version(wanted: bool) -> None:
    if wanted:
        print(f"mtlkit {__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
]


@app.callback()
def _options(version: Version = False) -> None:
    pass


main = app  # the entry point of the `mtlkit` command
