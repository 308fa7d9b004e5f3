"""The door for the shell: `mtlkit fit | score | predict | doctor`, a thin face on the rooms.

Exit status: 0 done, 1 the work failed, 2 the call was wrong (or was stopped by Ctrl-C).
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from mtlkit.errors import InputError


class OneSentence(TyperGroup):
    """Ends a command with one sentence and a status, instead of a traceback, when the user can mend it."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except InputError as fault:
            _tell(f"error: {fault}")
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            _tell("stopped: nothing was left half-written; start the same command again when you like.")
            raise typer.Exit(2) from None
        except BrokenPipeError:  # `mtlkit predict ... | head`
            raise
        except OSError as fault:
            _tell(f"error: {fault.filename or 'the disk'}: {fault.strerror or fault}; nothing was left half-written. "
                  "Make room, or choose another place with --out.")  # fmt: skip
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=OneSentence,
    help="Unsupervised image classification by multi-task learning: unlabelled images in, classes out.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip

Source = Annotated[
    str,
    typer.Argument(metavar="SOURCE", help="A catalogue name (digits, digits:small), a folder of images, or an .npz."),
]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder made by `mtlkit fit`.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else on stdout.")]
DataRoot = Annotated[Path | None, typer.Option("--data-root", help="Where downloaded sets lie.")]
Threads = Annotated[
    int, typer.Option(min=1, max=256, help="Threads for torch. One is quickest for small images on a busy machine.")
]


@app.command()
def fit(
    source: Source,
    classes: Annotated[
        int | None, typer.Option(help="The number of classes to find (catalogue sets bring their own).")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder to make; default runs/SOURCE-SEED-TIME.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 10, help="The same seed gives the same classes.")] = 0,
    balance: Annotated[
        str, typer.Option(help="auto: nothing assumed of the classes' sizes; equal: about one size.")
    ] = "auto",
    balancing: Annotated[str, typer.Option(help="How the tasks are weighed: uncertainty or equal.")] = "uncertainty",
    clustering: Annotated[bool, typer.Option("--clustering", help="Train a head of many small groups, too.")] = False,
    size: Annotated[
        int | None, typer.Option(help="Bring images to SIZE x SIZE px; default: chosen from the folder.")
    ] = None,
    effort: Annotated[float, typer.Option(help="Scales the length of training; 0.1 for a quick look.")] = 1.0,
    batch_size: Annotated[int, typer.Option(help="Images a step.")] = 128,
    flip: Annotated[bool, typer.Option("--flip", help="Mirror images leave the class as it is.")] = False,
    rotation: Annotated[
        float, typer.Option(min=0, max=180, help="Turns up to so many degrees leave the class as it is.")
    ] = 15.0,
    threads: Threads = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a finished run of that name.")] = False,
    data_root: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """Find classes in images without labels; leave a run folder with report, model and assignments."""
    from mtlkit import MultiTaskClusterer
    from mtlkit.deployment.runs import new_run, run_name, write_run
    from mtlkit.evaluation import score
    from mtlkit.multitask import Augmentation, Found

    images = _load(source, size, data_root)
    k = classes if classes is not None else images.n_clusters
    if k is None:
        raise InputError(f"{source}: nothing tells how many classes to find: add --classes K.")
    clusterer = MultiTaskClusterer(
        k, balance=balance, balancing=balancing, clustering=clustering, effort=effort, batch_size=batch_size,
        augmentation=Augmentation(flip=flip, rotation=rotation), random_state=seed, n_threads=threads,
        side=max(images.images.shape[-1], 8), verbose=True,
    )  # fmt: skip
    given_by = "user" if classes is not None else "catalogue"
    with new_run(out or Path("runs") / run_name(images.name, seed), overwrite) as folder:
        _tell(f"{len(images):,} images of {images.images.shape[-1]} px, {k} classes (number given by the {given_by}).")
        _tell(f"This takes about {clusterer.estimate_seconds(images.images):.0f} s on this machine.")
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            clusterer.fit(images.images)
        told = [str(item.message) for item in seen]
        for text in told:
            _tell(f"warning: {text}")
        labels = images.open_labels()  # for the first time, after training
        scores = None if labels is None else score(clusterer.labels_, labels)
        found = Found(clusterer.model_, clusterer.probabilities_, clusterer.history_, clusterer.seconds_)
        report = write_run(folder, images, found, scores, {
            "title": f"{k} classes found in {images.name}", "source": images.name, "classes": k, "classes_given_by": given_by,
            "assumptions": _assumptions(k, given_by, balance, clusterer.augmentation), "warnings": told,
            "settings": {"seed": seed, "balance": balance, "balancing": balancing, "clustering": clustering, "effort": effort,
                         "batch size": batch_size, "flip": flip, "rotation": rotation, "threads": threads},
        })  # fmt: skip
    place = folder.with_name(folder.name.removesuffix(".partial"))
    if as_json:
        print(json.dumps(report | {"run": str(place)}, ensure_ascii=False))
        return
    print(f"classes     {', '.join(f'{n}: {size:,}' for n, size in enumerate(report['sizes']))}")
    if images.skipped:
        print(f"skipped     {len(images.skipped)} files that could not be decoded (see the report)")
    print(
        _score_lines(scores)
        if scores
        else "accuracy    not known: there are no labels; look at the contact sheet in the report"
    )
    print(f"report      {place / 'report.html'}")


@app.command()
def score(run: Run, source: Source, data_root: DataRoot = None, threads: Threads = 1, as_json: AsJson = False) -> None:
    """Classify a labelled source with a run's model, and say how well that agrees with the labels."""
    from mtlkit.deployment import encoder_settings, load_model
    from mtlkit.evaluation import score as score_of

    model = load_model(run)
    images = _load(source, encoder_settings(model)["side"], data_root)
    if not images.has_labels:
        raise InputError(f"{source}: has no labels to score against: give a folder with a subfolder for each class, an .npz "
                         "with `labels`, or a catalogue set.")  # fmt: skip
    found = _probabilities(model, images.images, threads)
    scores = score_of(found.argmax(axis=1), images.open_labels())
    print(json.dumps({"source": images.name} | scores.as_dict()) if as_json else _score_lines(scores))


@app.command()
def predict(
    run: Run,
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Image files, folders, .npz files or catalogue names.")
    ],
    data_root: DataRoot = None,
    threads: Threads = 1,
    as_json: AsJson = False,
) -> None:
    """Tell the class of images with a run's model: path,class,confidence as CSV."""
    import csv

    import numpy as np

    from mtlkit.data import read_image
    from mtlkit.deployment import encoder_settings, load_model
    from mtlkit.evaluation import safe_cell

    model = load_model(run)
    settings = encoder_settings(model)
    rows: list[tuple[str, int, float]] = []
    for path in paths:
        if Path(path).is_file() and Path(path).suffix.lower() != ".npz":
            names, images = [path], read_image(Path(path), settings["side"], settings["channels"])[None]
        else:
            loaded = _load(path, settings["side"], data_root)
            names, images = list(loaded.paths), loaded.images
            for item in loaded.skipped:
                _tell(f"skipped {item.path}: {item.reason}")
        found = _probabilities(model, np.asarray(images), threads)
        rows += zip(names, found.argmax(axis=1).tolist(), found.max(axis=1).round(4).tolist(), strict=True)
    if as_json:
        print(
            json.dumps(
                [{"path": path, "class": number, "confidence": sure} for path, number, sure in rows], ensure_ascii=False
            )
        )
        return
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["path", "class", "confidence"])
    table.writerows((safe_cell(path), number, f"{sure:.4f}") for path, number, sure in rows)


@app.command()
def doctor(data_root: DataRoot = None, as_json: AsJson = False) -> None:
    """Look at Python, packages, disk, threads and data; print OK, or what to do."""
    from mtlkit.doctor import examine

    findings = examine(data_root)
    if as_json:
        print(json.dumps([finding.__dict__ for finding in findings]))
    else:
        for finding in findings:
            print(f"{'OK  ' if finding.ok else 'LOOK'}  {finding.what:9} {finding.text}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _load(source: str, size: int | None, data_root: Path | None) -> Any:
    """Load a source with a progress bar for folders; the bar shows up after two seconds."""
    from tqdm import tqdm

    from mtlkit import load

    with tqdm(desc="reading", unit="file", delay=2, file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return load(source, size=size, data_root=data_root, progress=progress)


def _probabilities(model: Any, images: Any, threads: int) -> Any:
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


def _assumptions(k: int, given_by: str, balance: str, augmentation: Any) -> list[str]:
    """Say what the result rests on beside the images."""
    sizes = {
        "auto": "Nothing was assumed of the classes' sizes.",
        "equal": "The classes were assumed to be about the same size.",
    }
    changes = f"turning by up to {augmentation.rotation:g} degrees, small shifts, changes of size, slant and light"
    return [
        f"The number of classes, {k}, was given by the {given_by}.", sizes[balance],
        f"These changes were assumed to leave the class as it is: {changes}{' and mirroring' * augmentation.flip}.",
    ]  # fmt: skip


def _score_lines(scores: Any) -> str:
    return (f"accuracy    {scores.accuracy:.3f} (classes matched to labels by the Hungarian method)\n"
            f"balanced    {scores.balanced_accuracy:.3f}\nNMI         {scores.nmi:.3f}\n"
            f"ARI         {scores.ari:.3f}")  # fmt: skip


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"mtlkit {version('mtlkit')}")
        raise typer.Exit


@app.callback()
def _options(
    show: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


main = app  # the entry point of the `mtlkit` command

if __name__ == "__main__":
    main()
