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
    Source,
    Threads,
    load,
    notes_to_stderr,
    roughly,
    show,
    to_stderr,
)
from mtlkit.cli.use import score_lines
from mtlkit.errors import InputError, as_input_error


def fit(
    source: Source,
    classes: Annotated[
        int | None, typer.Option(help="How many classes; sets by name bring their own.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The run folder to make; default runs/SOURCE-SEED-TIME.")
    ] = None,
    labels: Annotated[
        str | None, typer.Option(help="folders: subfolders are the classes, to score against.")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**31 - 10, help="The same seed gives the same classes.")
    ] = 0,
    class_sizes: Annotated[
        str, typer.Option(help="equal: of about one size; free: any; auto: equal if it fits.")
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
    threads: Threads = 1,
    device: Annotated[str, typer.Option(help="cpu, or as torch names a GPU: cuda, mps.")] = "cpu",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a cut off run, of --out or the newest.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a finished run of that name.")
    ] = False,
    data_root: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """Find classes in images without labels; leave a run folder."""
    import numpy as np

    from mtlkit import MultiTaskClusterer
    from mtlkit.deployment.runs import CHECKPOINT, cut_off_run, new_run, run_name, write_run
    from mtlkit.evaluation import score
    from mtlkit.inputs import SIZES
    from mtlkit.multitask import Found, Schedule, usual_augmentation

    schedule = Schedule(batch_size, effort)
    _check_options(source, classes, class_sizes, weighting, encoder, weights, device)
    how = {"labels": labels, "max_pixels": max_pixels}
    with ExitStack() as stack:
        if out is not None:
            folder = stack.enter_context(new_run(out, overwrite, resume))
        images = load(source, size, data_root, **how)
        side = int(np.clip(max(images.images.shape[2:]), *SIZES))
        if images.images.shape[2:] != (side, side):  # as `score` and `predict` do
            images = load(source, side, data_root, **how)
        notes_to_stderr(images)
        k = classes if classes is not None else images.n_clusters
        assert k is not None  # `_check_options` has looked: sets by name bring their own
        if k > len(images):
            there = f"{source} has {len(images)} images"
            raise InputError(f"--classes {k}: {there}: ask for so many at most.")
        augmentation = replace(
            usual_augmentation(images.images.shape[1:]), flip=flip, rotation=rotation
        )
        clusterer = MultiTaskClusterer(
            k,
            class_sizes=class_sizes,
            weighting=weighting,
            cosines=cosines,
            encoder=encoder,
            weights=weights,
            clustering=clustering,
            effort=effort,
            batch_size=batch_size,
            augmentation=augmentation,
            random_state=seed,
            n_threads=threads,
            device=device,
            side=side,
            verbose=True,
        )
        given_by = "user" if classes is not None else "catalogue"
        if out is None:
            runs = Path("runs")
            name = images.name
            out = cut_off_run(runs, name, seed) if resume else runs / run_name(name, seed)
            folder = stack.enter_context(new_run(out, overwrite, resume))
        to_stderr(
            f"{len(images):,} images of {images.images.shape[-1]} px, {k} classes "
            f"(number given by the {given_by})."
        )
        clusterer.checkpoint = folder / CHECKPOINT
        to_stderr(
            f"This takes {roughly(clusterer.estimate_seconds(images.images))} on this machine."
        )
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            clusterer.fit(images.images)
        told = [str(item.message) for item in seen]
        for text in told:
            to_stderr(f"warning: {text}")
        truth = images.open_labels()  # for the first time, after training
        scores = None if truth is None else score(clusterer.labels_, truth)
        found = Found(
            clusterer.model_,
            clusterer.probabilities_,
            clusterer.history_,
            clusterer.seconds_,
            clusterer.sizes_,
        )
        report = write_run(
            folder,
            images,
            found,
            scores,
            {
                "title": f"{k} classes found in {images.name}",
                "source": images.name,
                "classes": k,
                "classes_given_by": given_by,
                "assumptions": _assumptions(k, given_by, found, augmentation, weights),
                "warnings": told,
                "settings": {
                    "seed": seed,
                    "class sizes": class_sizes,
                    "weighting": weighting,
                    "encoder": encoder,
                    "weights": str(weights or "none"),
                    "clustering": clustering,
                    "effort": effort,
                    "batch size": schedule.batch(len(images)),
                    "flip": flip,
                    "rotation": rotation,
                    "threads": threads,
                    "device": device,
                },
            },
        )
    place = folder.with_name(folder.name.removesuffix(".partial"))
    lines = [f"classes     {', '.join(f'{n}: {size:,}' for n, size in enumerate(report['sizes']))}"]
    if images.skipped:
        lines.append(
            f"skipped     {len(images.skipped)} that could not be decoded (see the report)"
        )
    unknown = "accuracy    not known: there are no labels; look at the contact sheet in the report"
    lines += [score_lines(scores) if scores else unknown, f"report      {place / 'report.html'}"]
    show(report | {"run": str(place)}, as_json, lines)


def _check_options(
    source: str,
    classes: int | None,
    class_sizes: str,
    weighting: str,
    encoder: str,
    weights: Path | None,
    device: str,
) -> None:
    """Refuse what cannot work, before a picture is read: that may take minutes."""
    from safetensors import safe_open

    from mtlkit.data.catalogue import is_name
    from mtlkit.multitask.compute import check_device
    from mtlkit.multitask.encoders import check_encoder
    from mtlkit.multitask.weighting import make_weigher
    from mtlkit.preprocessing.class_sizes import check_class_sizes

    if classes is None and not is_name(source) and os.path.exists(os.path.expanduser(source)):
        raise InputError(f"{source}: nothing tells how many classes to find: add --classes K.")
    if classes is not None and classes < 2:
        raise InputError(f"--classes {classes}: one class would hold all; ask for 2 or more.")
    check_class_sizes(class_sizes)
    make_weigher(weighting, ["views", "descriptors"])
    if encoder != "auto":
        check_encoder(encoder)
    check_device(device)
    if weights is not None:
        what = f"--weights {weights}: cannot be read as safetensors"
        with (
            as_input_error(what, "give a run's model.safetensors"),
            safe_open(weights.expanduser(), "pt"),
        ):
            pass  # its header is in order


def _assumptions(
    k: int, given_by: str, found: Any, augmentation: Any, weights: Path | None
) -> list[str]:
    """Say what the result rests on beside the images."""
    changes = (
        f"turning by up to {augmentation.rotation:g} degrees, small shifts, changes of "
        "size, slant and light"
    )
    changes += ", and of colour" * (augmentation.colour > 0)
    start = (
        f"The encoder started from {weights}, trained elsewhere: what that was trained "
        "on is in the classes, too."
    )
    return [
        *([start] if weights else []),
        f"The number of classes, {k}, was given by the {given_by}.",
        str(found.sizes[-1]),
        "These changes were assumed to leave the class as it is: "
        f"{changes}{' and mirroring' * augmentation.flip}.",
    ]
