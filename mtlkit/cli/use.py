"""What is done with a run that is there: `mtlkit score | predict | compare`."""

import os
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer

from mtlkit.cli.shell import (
    AsJson,
    DataRoot,
    MaxPixels,
    Run,
    Source,
    Threads,
    load,
    progress_bar,
    show,
    to_stderr,
)
from mtlkit.errors import InputError
from mtlkit.inputs import InputSpec


def score(
    run: Run,
    source: Source,
    data_root: DataRoot = None,
    max_pixels: MaxPixels = None,
    threads: Threads = 1,
    as_json: AsJson = False,
) -> None:
    """Classify a labelled source with a run's model, and say how well that agrees with the labels.

    Of a folder, the names of the subfolders are taken for labels.
    """
    from mtlkit.deployment import classify, load_model, read_inputs, what_compares
    from mtlkit.deployment.comparison import read_report
    from mtlkit.evaluation import score as score_of

    run = run.expanduser()
    inputs, model = read_inputs(run), load_model(run)
    how = {"scale": inputs.scale, "max_pixels": max_pixels}
    images = load(source, inputs.side, data_root, labels="folders", **how)
    for item in images.skipped:
        to_stderr(f"left out: {item.path}: {item.reason}")
    if not images.has_labels:
        raise InputError(
            f"{source}: has no labels to score against: give a folder with a "
            "subfolder for each class, an .npz "
            "with `labels`, or a catalogue set."
        )
    classes = classify(model, inputs, images.images, threads).probabilities.argmax(axis=1)
    labels = images.open_labels()
    scores = score_of(classes, labels)
    comparable = []
    if (run / "report.json").is_file():  # the two files of the model are enough to score
        comparable = what_compares(read_report(run), images.name, len(set(labels.tolist())))
    more = {"comparable": comparable, "notes": list(images.notes)}
    result = {"source": images.name} | scores.as_dict() | more
    show(result, as_json, [score_lines(scores), *images.notes, *comparable])


def compare(first: Run, second: Run, as_json: AsJson = False) -> None:
    """Say on one page what moved from one run to another: settings, scores, images' classes."""
    from mtlkit.deployment import compare_runs, comparison_lines

    found = compare_runs(first.expanduser(), second.expanduser())
    show(found, as_json, comparison_lines(found))


Paths = Annotated[
    list[str],
    typer.Argument(metavar="PATH...", help="Images, folders, .npz files, catalogue names."),
]


def predict(
    run: Run,
    paths: Paths,
    data_root: DataRoot = None,
    max_pixels: MaxPixels = None,
    threads: Threads = 1,
    as_json: AsJson = False,
) -> None:
    """Tell the class of images with a run's model: path,class,confidence,novelty as CSV.

    A confidence of .9 is right about nine times in ten. An image of a novelty above 1 fits
    nowhere: little like it was in training. About 3 in 100 of those trained on are above 1, too.

    A row's path is the one that was given; of a folder, it is the path in that folder, as in
    assignments.csv, and where several paths are given the folder stands before it. What cannot be
    read is named on stderr, and the status is 1 then.
    """
    from mtlkit.deployment import assignments, classify, load_model, read_inputs
    from mtlkit.tables import write_rows

    run = run.expanduser()
    inputs, model = read_inputs(run), load_model(run)
    how = {"scale": inputs.scale, "max_pixels": max_pixels}
    pictures = _Pictures(inputs, len(paths) > 1, data_root, how)
    rows: list[dict[str, Any]] = []
    novel = 0
    for names, images in pictures.read(paths):
        judgement = classify(model, inputs, images, threads)
        classes = judgement.probabilities.argmax(axis=1)
        more = assignments(names, classes, judgement.confidence, judgement.novelty)
        novel += int((judgement.novelty > 1).sum())
        if not as_json:
            write_rows(sys.stdout, more, line_end="\n", header=not rows)
            sys.stdout.flush()
        rows += more
    if as_json:
        for row in rows:
            row["confidence"] = float(row["confidence"])
            row["novelty"] = float(row["novelty"]) if row["novelty"] else None
        show(rows, as_json, [])
    if novel:
        to_stderr(
            f"note: {novel:,} of {len(rows):,} images fit nowhere (novelty above 1): little like "
            "them was in training, so check their class (3 in 100 are usual)."
        )
    if pictures.left_out:
        done = f"{len(rows):,} images were classified"
        to_stderr(f"error: {pictures.left_out} left out, as said above; {done}.")
        raise typer.Exit(1)


class _Pictures:
    """Reads what `predict` is given, a part at a time: the rows' names, and N x C x H x W images.

    What it has to leave out is named on stderr, and counted.
    """

    def __init__(
        self, inputs: InputSpec, several: bool, data_root: Path | None, how: dict[str, Any]
    ) -> None:
        self.inputs = inputs
        self.several = several
        self.data_root = data_root
        self.how = how
        self.left_out = 0

    def read(self, paths: list[str]) -> Iterator[tuple[Sequence[str], Any]]:
        for single, group in groupby(paths, _is_picture):
            if single:
                yield from self._files(Path(), list(group))
                continue
            for path in group:
                try:
                    yield from self._set(path)
                except InputError as fault:
                    self._leave_out(str(fault))

    def _leave_out(self, words: str) -> None:
        self.left_out += 1
        to_stderr(f"left out: {words}")

    def _set(self, path: str) -> Iterator[tuple[Sequence[str], Any]]:
        from mtlkit.data.catalogue import is_name
        from mtlkit.data.listing import list_images
        from mtlkit.data.reading import BATCH

        place, named = Path(os.path.expanduser(path)), is_name(path)
        start = f"{path.rstrip('/')}/" if self.several else ""
        if place.is_dir() and not named:
            names, number, notes = list_images(place)
            self.left_out += number
            yield from self._files(place, names, start)
        else:
            found = load(path, self.inputs.side, self.data_root, **self.how)
            rows, notes = found.paths, found.notes
            if self.several and not named:
                rows = [start + row.rpartition("/")[2] for row in rows]
            for first in range(0, len(rows), BATCH):
                part = slice(first, first + BATCH)
                yield rows[part], found.images[part]
        for note in notes:
            to_stderr(f"note: {path}: {note}")

    def _files(
        self, folder: Path, names: Sequence[str], start: str = ""
    ) -> Iterator[tuple[Sequence[str], Any]]:
        from mtlkit.data.reading import ReadOptions, first_of_several, read_batches

        several = 0
        options = ReadOptions(self.inputs.side, self.inputs.channels, **self.how)
        rows_show_it = sys.stdout.isatty()
        with progress_bar("predicting", hidden=rows_show_it) as progress:
            for batch in read_batches(folder, names, options, start, progress):
                several += batch.several
                for name, reason in batch.failed.items():
                    self._leave_out(f"{name}: {reason}")
                if batch.names:
                    yield batch.names, batch.images
        for note in first_of_several(several, len(names)):
            to_stderr(f"note: {note}")


def _is_picture(path: str) -> bool:
    return Path(path).is_file() and Path(path).suffix.lower() != ".npz"


def score_lines(scores: Any) -> str:
    return (
        f"accuracy    {scores.accuracy:.3f} (classes matched to labels by the Hungarian method)\n"
        f"balanced    {scores.balanced_accuracy:.3f}\nNMI         {scores.nmi:.3f}\n"
        f"ARI         {scores.ari:.3f}"
    )
