"""What all commands share: how a mistake ends, arguments, progress, and words on stderr."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Self

import typer
from typer.core import TyperGroup

from mtlkit.errors import InputError, words_of


class OneSentence(TyperGroup):
    """Ends a command with one sentence, not with a traceback, where the user can mend it."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except InputError as fault:
            command = self.get_command(ctx, ctx.invoked_subcommand or "")
            to_stderr(f"error: {_as_typed(str(fault), command)}")
            raise typer.Exit(fault.status) from None
        except (
            KeyboardInterrupt,
            typer.Abort,
        ) as fault:  # the second: a question was answered with no
            notes = notes_of(fault)  # the first is on what the work left, others on how to go on
            last = ": ".join(["stopped", *notes[:1]])
            to_stderr("\n".join([*notes[1:], f"{last}."]))
            # One that came while an import was in `exec` makes CPython end by the signal after all,
            # whatever the status, unless something is executed after it.
            exec("")
            raise typer.Exit(2) from None
        except BrokenPipeError:  # `mtlkit predict ... | head`
            raise
        except OSError as fault:
            what = f"error: {fault.filename or 'the disk'}: {words_of(fault)}"
            text = "; ".join([what, *notes_of(fault)])
            to_stderr(f"{text}. Make room, or choose another place with --out.")
            raise typer.Exit(1) from None


def notes_of(fault: BaseException) -> list[str]:
    """Return what was noted on an error about the work that it ended, each thing once."""
    return list(dict.fromkeys(getattr(fault, "__notes__", ())))


def _as_typed(text: str, command: Any) -> str:
    """Name an option as it was typed where the text begins with its name in code.

    `class_sizes 'evn' is not known` becomes `--class-sizes 'evn' is not known`.
    """
    word, space, rest = text.partition(" ")
    for parameter in getattr(command, "params", ()):
        if parameter.name == word and parameter.opts[0].startswith("--"):
            return f"{parameter.opts[0]}{space}{rest}"
    return text


SOURCE = (
    "A catalogue name (digits, mnist:test; see `mtlkit data list`), a folder of images, or an .npz."
)
Source = Annotated[str, typer.Argument(metavar="SOURCE", help=SOURCE)]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder made by `mtlkit fit`.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON, and nothing else on stdout.")
]
DataRoot = Annotated[Path | None, typer.Option("--data-root", help="Where downloaded sets lie.")]
MaxPixels = Annotated[
    int | None,
    typer.Option(
        "--max-pixels", min=1, help="Pixels of one picture to decode at most; default: 50 million."
    ),
]
Threads = Annotated[
    int, typer.Option(min=1, max=256, help="Threads for torch. One is quickest on a busy machine.")
]


Out = Annotated[
    Path | None, typer.Option(help="The run folder to make; default runs/SOURCE-SEED-TIME.")
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with a cut off run, of --out or the newest.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace a finished run of that name.")
]


@contextmanager
def progress_bar(what: str, hidden: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Show progress(done, total) on stderr as a bar of files; it shows up after two seconds."""
    from tqdm import tqdm

    with tqdm(desc=what, unit="file", delay=2, smoothing=0, file=sys.stderr, disable=hidden) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress


class StageBars:
    """A progress bar on stderr for each stage, shown after two seconds."""

    def __enter__(self) -> Self:
        self.stage = ""
        self.bar: Any = None
        return self

    def advance(self, stage: str, steps: int) -> None:
        from tqdm import tqdm

        if stage != self.stage:
            self.__exit__()
            self.stage = stage
            self.bar = tqdm(desc=stage, total=steps, delay=2, leave=False)
        self.bar.update()

    def __exit__(self, *fault: Any) -> None:
        if self.bar is not None:
            self.bar.close()


def load(source: str, size: int | None, data_root: Path | None, **how: Any) -> Any:
    """Load a source with a progress bar for folders; `how` as in `mtlkit.load`."""
    from mtlkit.data import load as load_source

    with progress_bar("reading") as progress:
        return load_source(source, size=size, data_root=data_root, progress=progress, **how)


def notes_to_stderr(images: Any) -> None:
    """Say what the loader decided, and what it left out."""
    for note in images.notes:
        to_stderr(f"note: {note}")


def roughly(seconds: float) -> str:
    """Say how long something takes.

    >>> roughly(483), roughly(50)
    ('about 8 minutes', 'about 50 seconds')
    """
    size, unit = 1, "second"
    for larger, name in ((60, "minute"), (3600, "hour")):
        if seconds >= 1.5 * larger:
            size, unit = larger, name
    number = max(1, round(seconds / size))
    return f"about {number} {unit}{'s' * (number > 1)}"


def show(result: Any, as_json: bool, lines: Iterable[str]) -> None:
    """Print what a command has found: as JSON and nothing else, or as lines of text."""
    for line in [json.dumps(result, ensure_ascii=False)] if as_json else lines:
        print(line)


def to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
