"""What is done with a run that is there: `mtlkit score | predict | compare`."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mtlkit.cli.shell import AsJson, DataRoot, MaxPixels, Run, Source, Threads, load, show, tell, tell_notes
from mtlkit.errors import InputError


def score(
    run: Run,
    source: Source,
    data_root: DataRoot = None,
    max_pixels: MaxPixels = None,
    threads: Threads = 1,
    as_json: AsJson = False,
) -> None:
    """Classify a labelled source with a run's model, and say how well that agrees with the labels."""
    from mtlkit.deployment import encoder_settings, image_scale, load_model, what_compares
    from mtlkit.deployment.comparison import read_report
    from mtlkit.evaluation import score as score_of

    model = load_model(run)
    how = {"scale": image_scale(run), "max_pixels": max_pixels}
    images = load(source, encoder_settings(model)["side"], data_root, **how)
    tell_notes(images)
    if not images.has_labels:
        raise InputError(f"{source}: has no labels to score against: give a folder with a subfolder for each class, an .npz "
                         "with `labels`, or a catalogue set.")  # fmt: skip
    found = probabilities(model, images.images, threads)
    labels = images.open_labels()
    scores, kinds = score_of(found.argmax(axis=1), labels), len(set(labels.tolist()))
    told = (run / "report.json").is_file()  # the two files of the model are enough to score
    said = what_compares(read_report(run), images.name, kinds) if told else []
    result = {"source": images.name} | scores.as_dict() | {"comparable": said}
    show(result, as_json, [score_lines(scores), *said])


def compare(first: Run, second: Run, as_json: AsJson = False) -> None:
    """Say on one page what moved from one run to another: settings, scores, and images that changed their class."""
    from mtlkit.deployment import compare_runs, comparison_lines

    found = compare_runs(first.expanduser(), second.expanduser())
    show(found, as_json, comparison_lines(found))


Paths = Annotated[list[str], typer.Argument(metavar="PATH...", help="Images, folders, .npz files, catalogue names.")]


def predict(
    run: Run,
    paths: Paths,
    data_root: DataRoot = None,
    max_pixels: MaxPixels = None,
    threads: Threads = 1,
    as_json: AsJson = False,
) -> None:
    """Tell the class of images with a run's model: path,class,confidence as CSV."""
    from mtlkit.data import read_image
    from mtlkit.deployment import assignments, encoder_settings, image_scale, load_model
    from mtlkit.evaluation import write_rows

    model = load_model(run)
    settings = encoder_settings(model)
    how: dict[str, Any] = {"scale": image_scale(run), "max_pixels": max_pixels}
    rows: list[dict[str, Any]] = []
    for path in paths:
        if Path(path).is_file() and Path(path).suffix.lower() != ".npz":
            names, images = (path,), read_image(path, settings["side"], settings["channels"], **how)[None]
        else:
            loaded = load(path, settings["side"], data_root, **how)
            tell_notes(loaded)
            names, images = loaded.paths, loaded.images
            for item in loaded.skipped:
                tell(f"skipped {item.path}: {item.reason}")
        rows += assignments(names, probabilities(model, images, threads))
    if as_json:
        show([row | {"confidence": float(row["confidence"])} for row in rows], as_json, [])
    else:
        write_rows(sys.stdout, rows, line_end="\n")


def probabilities(model: Any, images: Any, threads: int) -> Any:
    """Classify N x C x H x W images, brought to the channels that the model was trained on."""
    import numpy as np
    import torch

    from mtlkit.deployment import encoder_settings
    from mtlkit.multitask.training import threads as in_threads
    from mtlkit.preprocessing import grey

    channels = encoder_settings(model)["channels"]
    if images.shape[1] != channels:
        images = grey(images)[:, None] if channels == 1 else np.repeat(images, 3, axis=1)
    with in_threads(threads):
        return model.predict(torch.as_tensor(images, dtype=torch.float32), "classes").numpy()


def score_lines(scores: Any) -> str:
    return (f"accuracy    {scores.accuracy:.3f} (classes matched to labels by the Hungarian method)\n"
            f"balanced    {scores.balanced_accuracy:.3f}\nNMI         {scores.nmi:.3f}\n"
            f"ARI         {scores.ari:.3f}")  # fmt: skip
