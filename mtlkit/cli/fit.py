"""`mtlkit fit`: a source in, a run folder out."""

import os
import warnings
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from mtlkit.cli.shell import (
    AsJson,
    DataRoot,
    MaxPixels,
    Out,
    Overwrite,
    Resume,
    Source,
    Threads,
    load,
    notes_to_stderr,
    roughly,
    show,
    to_stderr,
)
from mtlkit.cli.use import score_lines
from mtlkit.errors import InputError

NO_NUMBER = "{}: nothing tells how many classes to find: add --classes K."


def fit(
    source: Source,
    classes: Annotated[
        int | None, typer.Option(help="How many classes; sets by name bring their own.")
    ] = None,
    out: Out = None,
    labels: Annotated[
        str | None, typer.Option(help="folders: subfolders are the classes, to score against.")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**31 - 10, help="The same seed gives the same classes.")
    ] = 0,
    class_sizes: Annotated[
        str, typer.Option(help="equal: of about one size; free: any; auto: equal if it fits.")
    ] = "auto",
    descriptors: Annotated[
        str, typer.Option(help="What images are told apart by, as hog,stain; auto: chosen.")
    ] = "auto",
    weighting: Annotated[
        str, typer.Option(help="uncertainty, equal, or torchjd's, as UPGrad.")
    ] = "uncertainty",
    cosines: Annotated[
        bool, typer.Option("--cosines", help="Record how far the tasks' gradients agree.")
    ] = False,
    encoder: Annotated[
        str, typer.Option(help="auto, small-cnn, mlp, or torchvision's, as resnet18.")
    ] = "auto",
    weights: Annotated[
        Path | None, typer.Option(help="A .safetensors file for the encoder to start from.")
    ] = None,
    clustering: Annotated[
        bool, typer.Option("--clustering", help="Train a head of many small groups, too.")
    ] = False,
    size: Annotated[
        int | None, typer.Option(help="Bring images to SIZE x SIZE px; default: chosen.")
    ] = None,
    max_pixels: MaxPixels = None,
    effort: Annotated[
        float, typer.Option(help="Scales the length of training; 0.1 for a quick look.")
    ] = 1.0,
    batch_size: Annotated[
        int | None, typer.Option(help="Images a step; default: 128, or fewer of few.")
    ] = None,
    flip: Annotated[
        bool, typer.Option("--flip", help="Mirror images leave the class as it is.")
    ] = False,
    rotation: Annotated[
        float, typer.Option(min=0, max=180, help="Turns up to so many degrees leave it, too.")
    ] = 15.0,
    light: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="How far light and colours may vary; default: 1 for colour images, 0 for grey.",
        ),
    ] = None,
    tracks: Annotated[
        str | None,
        typer.Option(
            help="What of a path names the thing shown, as '.*_' of a/3_12.png: images of one name "
            "are taken to show one thing. auto: as the catalogue has it."
        ),
    ] = None,
    threads: Threads = 1,
    device: Annotated[str, typer.Option(help="cpu, or as torch names a GPU: cuda, mps.")] = "cpu",
    resume: Resume = False,
    overwrite: Overwrite = False,
    data_root: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """Find classes in images without labels; leave a run folder."""
    from mtlkit import MultiTaskClusterer
    from mtlkit.deployment.run_folder import write_run
    from mtlkit.deployment.runs import CHECKPOINT, cut_off_run, new_run, run_name
    from mtlkit.evaluation import score
    from mtlkit.multitask import Recipe, Schedule, usual_augmentation

    _check_classes(source, classes)
    recipe = Recipe(
        class_sizes=class_sizes,
        descriptors=descriptors if descriptors == "auto" else tuple(descriptors.split(",")),
        encoder=encoder,
        weights=weights,
        weighting=weighting,
        cosines=cosines,
        clustering=clustering,
        device=device,
        schedule=Schedule(effort=effort, batch_size=batch_size),
    )
    with ExitStack() as stack:
        if out is not None:  # what is wrong with it is said before the pictures are read
            folder = stack.enter_context(new_run(out, overwrite, resume))
        images = _square_images(
            source, size, data_root, {"labels": labels, "max_pixels": max_pixels}
        )
        keys = None if tracks is None else images.tracks(tracks)
        k = classes or images.n_clusters
        if k is None:
            raise InputError(NO_NUMBER.format(source))
        if k > len(images):
            raise InputError(
                f"--classes {k}: {source} has {len(images)} images: ask for so many at most."
            )
        usual = usual_augmentation(images.images.shape[1:])
        if light is not None:
            usual = replace(usual, light=light, colour=light)
        recipe = replace(recipe, augmentation=replace(usual, flip=flip, rotation=rotation))
        if out is None:
            runs, name = Path("runs"), images.name
            out = cut_off_run(runs, name, seed) if resume else runs / run_name(name, seed)
            folder = stack.enter_context(new_run(out, overwrite, resume))
        given_by = "user" if classes else "catalogue"
        clusterer = MultiTaskClusterer(
            k,
            recipe=recipe,
            side=images.images.shape[-1],
            random_state=seed,
            n_threads=threads,
            checkpoint=folder / CHECKPOINT,
            verbose=True,
        )
        to_stderr(
            f"{len(images):,} images of {images.images.shape[-1]} px, {k} classes "
            f"(number given by the {given_by})."
        )
        seconds = clusterer.estimate_seconds(images.images)
        to_stderr(f"This takes {roughly(seconds)} on this machine.")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            clusterer.fit(images.images, tracks=keys)
        messages = [str(warning.message) for warning in caught]
        for message in messages:
            to_stderr(f"warning: {message}")
        truth = images.open_labels()  # for the first time, after training
        scores = None if truth is None else score(clusterer.labels_, truth)
        report = write_run(
            folder,
            images,
            clusterer.result_,
            scores,
            {
                "title": f"{k} classes found in {images.name}",
                "source": images.name,
                "classes": k,
                "classes_given_by": given_by,
                "assumptions": clusterer.result_.assumptions(given_by),
                "warnings": messages,
                "settings": {
                    "seed": seed,
                    "class sizes": class_sizes,
                    "descriptors": descriptors,
                    "weighting": weighting,
                    "encoder": encoder,
                    "weights": str(weights or "none"),
                    "clustering": clustering,
                    "effort": effort,
                    "batch size": recipe.schedule.batch(len(images)),
                    "flip": flip,
                    "rotation": rotation,
                    "light": usual.light,
                    "tracks": tracks or "none",
                    "threads": threads,
                    "device": device,
                },
            },
        )
    finished = folder.with_name(folder.name.removesuffix(".partial"))
    show(report | {"run": str(finished)}, as_json, _summary(report, scores, finished))


def _check_classes(source: str, classes: int | None) -> None:
    """Refuse a number of classes that cannot work, before a picture is read."""
    from mtlkit.data.catalogue import is_name

    if classes is None and not is_name(source) and os.path.exists(os.path.expanduser(source)):
        raise InputError(NO_NUMBER.format(source))
    if classes is not None and classes < 2:
        raise InputError(f"--classes {classes}: one class would hold all; ask for 2 or more.")


def _square_images(
    source: str, size: int | None, data_root: Path | None, how: dict[str, Any]
) -> Any:
    """Load a source as squares, as `score` and `predict` do, and say what the loader decided."""
    import numpy as np

    from mtlkit.data.catalogue import check_trainable
    from mtlkit.inputs import SIZES

    images = load(source, size, data_root, **how)
    check_trainable(source, images)
    side = int(np.clip(max(images.images.shape[2:]), *SIZES))
    if images.images.shape[2:] != (side, side):
        images = load(source, side, data_root, **how)
    notes_to_stderr(images)
    return images


def _summary(report: dict[str, Any], scores: Any, run: Path) -> list[str]:
    sizes = [f"{number}: {size:,}" for number, size in enumerate(report["sizes"])]
    lines = [f"classes     {', '.join(sizes)}"]
    if report["skipped"]:
        what = f"{len(report['skipped'])} that could not be decoded (see the report)"
        lines.append(f"skipped     {what}")
    if report["fit_nowhere"]:
        lines.append(f"novel       {report['fit_nowhere']:,} fit nowhere (see the report)")
    unknown = "accuracy    not known: there are no labels; look at the contact sheet in the report"
    return [
        *lines,
        score_lines(scores) if scores else unknown,
        f"report      {run / 'report.html'}",
    ]
