"""Models in and out of a run folder. What comes from elsewhere is checked before it costs much."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load as load_weights
from safetensors.torch import save as save_weights
from torch import Tensor, nn
from torch.nn import functional

from mtlkit.data.scaling import Scale
from mtlkit.deployment.run_folder import (
    COPY_AGAIN,
    DAMAGED,
    FORMAT,
    read_inputs,
    read_model_json,
    versions,
)
from mtlkit.errors import InputError, as_input_error
from mtlkit.inputs import InputSpec
from mtlkit.multitask import MLP, Judgement, MultiTaskModel, SmallCNN, judge, make_encoder
from mtlkit.multitask.compute import threads as in_threads
from mtlkit.multitask.encoders import usual_bytes
from mtlkit.multitask.tasks import Classification
from mtlkit.preprocessing.novelty import Reference, spaces_of

LIMITS = {"features": 10_000_000, "width": 100_000, "classes": 1_000_000}  # of a file's numbers
REFERENCE = "reference."  # before the number of a space, in model.safetensors
LARGER = 5  # times: the most that a network of torchvision's is larger than without its classifier


def save_model(folder: Path, model: MultiTaskModel, scale: Scale | None = None) -> None:
    """Write encoder, classification head and reference to model.safetensors, and what they are to
    model.json.

    `scale` is that of the images (see `ImageSet`), for later ones to be brought to the same.

    Raises:
        InputError: `load_model` could not make it again: your own encoder, or no head `classes`.
    """
    encoder: Any = model.encoder
    name = getattr(encoder, "name", type(encoder).__name__)
    can_be_made = hasattr(encoder, "name") or type(encoder) in (MLP, SmallCNN)
    if not can_be_made or "classes" not in model.heads:
        what = f"a model of {name} with the heads {', '.join(model.heads)}"
        remedy = "give it an encoder that `make_encoder` makes, and a head `classes`"
        raise InputError(f"{folder}: {what} cannot be loaded again: {remedy}.")
    kept = {
        key: tensor.cpu().contiguous()
        for key, tensor in model.state_dict().items()
        if key.startswith(("encoder.", "heads.classes."))
    }
    reference = model.reference
    if reference:
        kept[f"{REFERENCE}classes"] = torch.as_tensor(reference.classes)
        for number, space in enumerate(reference.spaces):
            kept[f"{REFERENCE}{number}"] = torch.as_tensor(space)
    content = save_weights(kept)
    (folder / "model.safetensors").write_bytes(content)
    description = {
        "format": FORMAT,
        "encoder": name,
        "width": encoder.width,
        "classes": model.heads["classes"].out_features,
        "inputs": _inputs(model, scale),
        "novelty_units": reference.units if reference else None,
        "confidence_exponent": model.exponent,
        "sha256": hashlib.sha256(content).hexdigest(),
        "versions": versions(),
    }
    (folder / "model.json").write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")


def _inputs(model: MultiTaskModel, scale: Scale | None) -> dict[str, Any]:
    settings: Any = model.encoder.settings
    if "side" in settings:
        return InputSpec(settings["channels"], settings["side"], scale).as_dict()
    scaling = None if model.scaling is None else model.scaling.tolist()
    return {"features": settings["inputs"], "standardisation": scaling}


def load_model(run: Path) -> MultiTaskModel:
    """Return the model of a run folder, ready to predict with its head `classes`.

    Nothing is unpickled, and nothing is built that the weights do not fill: model.json could name
    any network.

    Raises:
        InputError: not a run, of another format, or a file that was cut short or changed.
    """
    run = run.expanduser()
    description = read_model_json(run)
    with as_input_error(f"{run}: {DAMAGED}", COPY_AGAIN):
        content = (run / "model.safetensors").read_bytes()
        if hashlib.sha256(content).hexdigest() != description["sha256"]:
            raise ValueError("the weights are not those that were saved")
        weights = load_weights(content)
        classes = _number(description, "classes")
        encoder = _encoder(run, description, weights)
        if weights["heads.classes.weight"].shape != (classes, encoder.width):
            raise ValueError(f"the weights are of another head than one of {classes} classes")
        model = MultiTaskModel(encoder, {"classes": Classification(np.zeros((1, classes)))})
        model.reference = _reference(description, weights)
        model.exponent = float(description["confidence_exponent"])
        if not 0 < model.exponent < np.inf:
            raise ValueError(f"the exponent of confidence is {model.exponent}")
        model.load_state_dict(
            {key: value for key, value in weights.items() if not key.startswith(REFERENCE)}
        )
        model.scaling = _standardisation(description["inputs"])
    return model.eval()


def _number(values: Mapping[str, Any], name: str) -> int:
    number = int(values[name])
    if not 1 <= number <= LIMITS[name]:
        raise ValueError(f"{name} is {number}")
    return number


def _encoder(run: Path, description: dict[str, Any], weights: dict[str, Tensor]) -> nn.Module:
    """Return a fresh encoder for these weights, which takes about as much memory as they do."""
    name, width = description["encoder"], _number(description, "width")
    plain_features = "features" in description["inputs"]
    try:
        needed = 0 if plain_features else usual_bytes(name)  # 0 for our own
    except InputError as fault:
        raise InputError(f"{run / 'model.json'}: {fault}") from fault
    if needed > LARGER * sum(tensor.nbytes for tensor in weights.values()):
        raise ValueError(f"the weights are too few for {name}")
    with nullcontext() if needed else torch.device("meta"):  # there, shapes take no memory
        if plain_features:
            encoder: nn.Module = MLP(_number(description["inputs"], "features"), width)
        else:
            inputs = read_inputs(run)
            encoder = make_encoder(name, inputs.channels, inputs.side, width)
    shapes = {f"encoder.{key}": tensor.shape for key, tensor in encoder.state_dict().items()}
    given = {key: tensor.shape for key, tensor in weights.items() if key.startswith("encoder.")}
    if shapes != given:
        raise ValueError(f"the weights are of another network than {name} of width {width}")
    return encoder if needed else encoder.to_empty(device="cpu")


def _reference(description: dict[str, Any], weights: dict[str, Tensor]) -> Reference | None:
    """Return what the model remembers of its training images, from the weights."""
    units = description["novelty_units"]
    if units is None:
        return None
    spaces = [weights[f"{REFERENCE}{number}"].numpy() for number in range(len(units))]
    classes = weights[f"{REFERENCE}classes"].numpy()
    _check_spaces(spaces, description)
    if classes.shape != (len(spaces[0]),) or classes.dtype.kind != "i":
        raise ValueError("the classes that it remembers are of other images")
    if not all(0 < float(unit) < np.inf for unit in units):
        raise ValueError(f"the units of novelty are {units}")
    return Reference(tuple(spaces), tuple(map(float, units)), classes)


def _check_spaces(spaces: list[np.ndarray], description: dict[str, Any]) -> None:
    """Raise `ValueError` unless spaces are like those that `spaces_of` makes for this model."""
    inputs, count = description["inputs"], len(spaces[0])
    shape = (inputs["channels"], 8, 8) if "channels" in inputs else (inputs["features"],)
    expected = spaces_of(np.ones((1, description["width"])), np.ones((1, *shape), np.float32))
    if [space.shape for space in spaces] != [(count, like.shape[1]) for like in expected]:
        raise ValueError("what it remembers of its training images is of another shape")
    if not count or not all(np.isfinite(space).all() for space in spaces):
        raise ValueError("what it remembers of its training images is empty or not finite")


def _standardisation(inputs: dict[str, Any]) -> Tensor | None:
    """Return the means and deviations of plain features (2 x D); models of images have none."""
    rows = inputs.get("standardisation")
    if rows is None:
        return None
    scaling = torch.tensor(rows, dtype=torch.float32)
    good = scaling.isfinite().all() and (scaling[1:] > 0).all()
    if scaling.shape != (2, int(inputs["features"])) or not good:
        raise ValueError("the standardisation is of other columns")
    return scaling


def shared_features(model: MultiTaskModel, images: np.ndarray) -> np.ndarray:
    """Return the features of N x C x H x W images, brought to what the model takes: N x width.

    Each row is of unit length.
    """
    settings: Any = model.encoder.settings
    inputs = InputSpec(settings["channels"], settings["side"])
    features = model.features(torch.as_tensor(inputs.bring(images)))
    return functional.normalize(features).numpy()


def classify(
    model: MultiTaskModel, inputs: InputSpec, images: np.ndarray, threads: int = 1
) -> Judgement:
    """Return what a model says of N x C x H x W images of any size."""
    with in_threads(threads):
        return judge(model, torch.as_tensor(inputs.bring(images)))
