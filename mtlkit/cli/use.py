"""What is done with a run that is there: `mtlkit score | predict | compare`."""

import sys
from typing import Annotated, Any

import typer

from mtlkit.cli.pictures import Pictures
from mtlkit.cli.shell import (
    AsJson,
    DataRoot,
    MaxPixels,
    Run,
    Source,
    Threads,
    load,
    show,
    to_stderr,
)
from mtlkit.errors import InputError


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
    pictures = Pictures(inputs, len(paths) > 1, data_root, how, inputs.side)
    rows: list[dict[str, Any]] = []
    novel = 0
    for names, images, _ in pictures.read(paths):
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


def score_lines(scores: Any) -> str:
    return (
        f"accuracy    {scores.accuracy:.3f} (classes matched to labels by the Hungarian method)\n"
        f"balanced    {scores.balanced_accuracy:.3f}\nNMI         {scores.nmi:.3f}\n"
        f"ARI         {scores.ari:.3f}"
    )
