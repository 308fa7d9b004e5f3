"""`mtlkit detect`: objects found without boxes or labels, and found again in other pictures."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from mtlkit.cli.pictures import Part, Pictures
from mtlkit.cli.shell import (
    AsJson,
    DataRoot,
    MaxPixels,
    Out,
    Overwrite,
    Resume,
    Source,
    StageBars,
    Threads,
    load,
    notes_to_stderr,
    show,
    to_stderr,
)
from mtlkit.errors import InputError

detect = typer.Typer(
    help="Find objects in pictures without boxes or labels.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Run = Annotated[
    Path, typer.Argument(metavar="RUN", help="A run folder made by `mtlkit detect fit`.")
]
ASSUMED = (
    "What stands out from its surroundings and recurs over pictures is an object: one that is seen "
    "once, or has the colours of what is round it, is missed, and whatever else recurs is found.",
    "Objects have sides of 2 to 45 % of a picture's longer side.",
)


@detect.command()
def fit(
    source: Source,
    out: Out = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**31 - 10, help="The same seed gives the same detector.")
    ] = 0,
    groups: Annotated[
        int, typer.Option(min=1, max=1000, help="Into how many groups objects are sorted.")
    ] = 16,
    size: Annotated[
        int, typer.Option(min=64, max=512, help="Bring pictures to SIZE x SIZE px.")
    ] = 320,
    effort: Annotated[
        float, typer.Option(help="Scales the length of training; 0.2 for a quick look.")
    ] = 1.0,
    threads: Threads = 1,
    max_pixels: MaxPixels = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
    data_root: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """Learn to detect objects in pictures without boxes or labels; leave a run folder.

    Where a source has boxes, they are opened after training, to score what was found.
    """
    from mtlkit.deployment.detectors import Detector, write_detection_run
    from mtlkit.deployment.runs import CHECKPOINT, cut_off_run, new_run, run_name
    from mtlkit.detection import DetectionRecipe, find_objects, name_groups, score_detections
    from mtlkit.detection import detect as detections_of
    from mtlkit.multitask.checkpoints import Checkpoint
    from mtlkit.multitask.compute import threads as in_threads

    if size % 8:
        raise InputError(f"--size {size}: give a multiple of 8, as {size // 8 * 8}.")
    recipe = DetectionRecipe(n_groups=groups, effort=effort)
    with ExitStack() as stack:
        if out is not None:  # what is wrong with it is said before the pictures are read
            folder = stack.enter_context(new_run(out, overwrite, resume))
        images, squares, inputs = _squares(source, size, data_root, max_pixels)
        if out is None:
            runs, name = Path("runs"), f"{images.name}-detect"
            out = cut_off_run(runs, name, seed) if resume else runs / run_name(name, seed)
            folder = stack.enter_context(new_run(out, overwrite, resume))
        to_stderr(f"{len(images):,} pictures of {size} px; no box and no label is opened yet.")
        about = {
            "seed": seed,
            "threads": threads,
            "recipe": repr(recipe),
            "images": _fingerprint(squares),
        }
        stack.enter_context(in_threads(threads))
        with StageBars() as bars:
            checkpoint = Checkpoint(folder / CHECKPOINT, about)
            result = find_objects(
                squares, recipe, seed=seed, checkpoint=checkpoint, on_step=bars.advance
            )
            found = detections_of(result.model, squares)
        truth = _boxes(images, size)  # for the first time, after training
        names: Sequence[str | None] = [None] * groups
        scores = None
        if truth:
            names = name_groups(found, truth)
            scores = score_detections(found, truth, names)
        report = write_detection_run(
            folder,
            replace(images, images=squares),
            Detector(result.model, inputs, names),
            result,
            found,
            scores,
            {
                "title": f"Objects found in {images.name}",
                "source": images.name,
                "assumptions": list(ASSUMED),
                "settings": {
                    "seed": seed,
                    "groups": groups,
                    "size": size,
                    "effort": effort,
                    "threads": threads,
                },
            },
        )
    finished = folder.with_name(folder.name.removesuffix(".partial"))
    lines = [f"boxes       {report['boxes']:,} in {len(images):,} pictures, in {groups} groups"]
    if report["skipped"]:
        count = len(report["skipped"])
        lines.append(f"skipped     {count} that could not be decoded (see the report)")
    if scores:
        lines += _score_lines(scores)
    else:
        lines.append("AP50        not known: there are no boxes; look at the report")
    lines.append(f"report      {finished / 'report.html'}")
    show(report | {"run": str(finished)}, as_json, lines)


@detect.command()
def score(
    run: Run,
    source: Source,
    data_root: DataRoot = None,
    max_pixels: MaxPixels = None,
    threads: Threads = 1,
    as_json: AsJson = False,
) -> None:
    """Say how well a run's detector finds the annotated boxes of a source."""
    from mtlkit.deployment.detectors import load_detector
    from mtlkit.detection import detect as detections_of
    from mtlkit.detection import score_detections
    from mtlkit.multitask.compute import threads as in_threads

    model, inputs, names = load_detector(run)
    images, squares, _ = _squares(source, inputs.side, data_root, max_pixels)
    truth = _boxes(images, inputs.side)
    if not truth:
        remedy = "give roads:test, bccd:test or another set with boxes"
        raise InputError(f"{source}: has no boxes to score against: {remedy}.")
    with in_threads(threads):
        found = detections_of(model, squares)
    scores = score_detections(found, truth, names if any(names) else None)
    told = {"source": images.name} | scores.as_dict()
    show(told, as_json, _score_lines(scores))


@detect.command()
def predict(
    run: Run,
    paths: Annotated[
        list[str], typer.Argument(metavar="IMG...", help="Pictures, folders, catalogue names.")
    ],
    out: Annotated[
        Path, typer.Option(help="A folder for detections.json and the pictures with boxes.")
    ] = Path("detections"),
    least: Annotated[
        float, typer.Option("--least", min=0.01, max=1, help="The least score of a box.")
    ] = 0.3,
    draw: Annotated[
        bool, typer.Option("--draw/--no-draw", help="Draw the boxes into copies of the pictures.")
    ] = True,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what an earlier call left there.")
    ] = False,
    data_root: DataRoot = None,
    max_pixels: MaxPixels = None,
    threads: Threads = 1,
    as_json: AsJson = False,
) -> None:
    """Find objects in pictures with a run's detector: boxes drawn, and COCO's JSON.

    Boxes are in pixels of the picture as it is shown. What cannot be read is named on stderr, and
    the status is 1 then.
    """
    from mtlkit.data.boxes import boxes_of_square
    from mtlkit.deployment.detectors import as_coco, load_detector, write_coco
    from mtlkit.deployment.runs import new_run
    from mtlkit.detection import detect as detections_of
    from mtlkit.multitask.compute import threads as in_threads

    model, inputs, names = load_detector(run)
    how = {"scale": inputs.scale, "max_pixels": max_pixels}
    pictures = Pictures(inputs, len(paths) > 1, data_root, how)
    rows: list[tuple[str, tuple[int, int], Any]] = []
    with new_run(out, overwrite, files=("detections.json",)) as folder:
        for part in pictures.read(paths):
            squares = inputs.bring(part.images)
            with in_threads(threads):
                found = detections_of(model, squares, least)
            if draw:
                _draw(folder, part, squares, found, len(rows))
            for name, size, one in zip(part.names, part.sizes, found, strict=True):
                boxes = boxes_of_square(one.boxes, size, inputs.side)
                rows.append((name, size, one._replace(boxes=boxes)))
        files = [name for name, _, _ in rows]
        sizes = [size for _, size, _ in rows]
        content = as_coco(files, sizes, [one for _, _, one in rows], names)
        write_coco(folder / "detections.json", content)
    count = len(content["annotations"])
    where = out / "detections.json"
    show(content, as_json, [f"{count:,} boxes in {len(rows):,} pictures: {where}"])
    if pictures.left_out:
        done = f"{len(rows):,} pictures were searched"
        to_stderr(f"error: {pictures.left_out} left out, as said above; {done}.")
        raise typer.Exit(1)


def _squares(
    source: str, side: int, data_root: Path | None, max_pixels: int | None
) -> tuple[Any, Any, Any]:
    """Load a source, and bring it to what a detector takes."""
    from mtlkit.data.catalogue import check_trainable, is_name
    from mtlkit.inputs import InputSpec

    native = is_name(source) or source.lower().endswith(".npz")  # its boxes are in its own pixels
    images = load(source, None if native else side, data_root, max_pixels=max_pixels)
    check_trainable(source, images)
    notes_to_stderr(images)
    inputs = InputSpec(3, side, images.scale)
    return images, inputs.bring(images.images), inputs


def _boxes(images: Any, side: int) -> list[Any] | None:
    """Open the boxes of a set, as they are in the squares; None where it has none."""
    from mtlkit.data.boxes import boxes_in_square

    photos = images.open_boxes()
    if not photos or not sum(len(photo.boxes) for photo in photos):
        return None
    moved = []
    for photo in photos:
        size = photo.width, photo.height
        boxes = boxes_in_square(photo.boxes, size, side)
        moved.append(replace(photo, boxes=boxes))
    return moved


def _draw(folder: Path, part: Part, squares: Any, found: Sequence[Any], start: int) -> None:
    """Save the pictures, as the detector saw them, with boxes; numbered as in COCO's `images`."""
    from PIL import Image

    from mtlkit.detection.figures import drawn
    from mtlkit.inputs import place_in_square

    for number, square in enumerate(squares):
        framed = 255 * drawn(square, found[number], sure=0)
        pixels = framed.round().astype("uint8")
        left, top, width, height = place_in_square(*part.sizes[number], square.shape[-1])
        rows, columns = slice(top, top + height), slice(left, left + width)
        shown = pixels[:, rows, columns]
        plain = Path(part.names[number]).stem
        Image.fromarray(shown.transpose(1, 2, 0)).save(
            folder / f"{start + number + 1:04d}-{plain}.png"
        )


def _score_lines(scores: Any) -> list[str]:
    lines = [
        f"AP50        {scores.ap50:.3f} (whatever the kind; boxes that overlap by half)",
        f"recall      {scores.recall[10]:.3f} by 10 boxes a picture",
        f"CorLoc      {scores.corloc:.3f}",
    ]
    if scores.map50 is not None:
        lines.append(f"mAP50       {scores.map50:.3f} over {len(scores.kinds)} kinds")
    return lines


def _fingerprint(images: Any) -> str:
    import hashlib

    return hashlib.sha256(images.tobytes()).hexdigest()
