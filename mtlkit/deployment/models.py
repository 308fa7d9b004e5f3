"""Models in and out of a run folder. What comes as a file from elsewhere is looked at before it
costs anything.
"""

import hashlib
import json
import math
import platform
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load as load_weights
from safetensors.torch import save as save_weights
from torch import Tensor, nn

from mtlkit.data.images import Scale
from mtlkit.deployment.run_folder import DAMAGED, FORMAT, REMEDY, check_format
from mtlkit.errors import InputError, as_input_error
from mtlkit.inputs import SIZES
from mtlkit.multitask import MLP, MultiTaskModel, SmallCNN, make_encoder
from mtlkit.multitask.encoders import usual_bytes
from mtlkit.multitask.tasks import Classification

LIMITS = {  # of a file from elsewhere
    "channels": (1, 3),
    "side": SIZES,
    "inputs": (1, 10_000_000),
    "width": (1, 100_000),
    "classes": (1, 1_000_000),
}
PICTURES = "N x channels x side x side in [0, 1]"
LARGER = 5  # times: the most that a network of torchvision's is larger than without its classifier


def save_model(folder: Path, model: MultiTaskModel, scale: Scale | None = None) -> None:
    """Write encoder and classification head to model.safetensors, and what they are to model.json.

    `scale` is that of the images (see `ImageSet`), for later ones to be brought to the same.

    Raises:
        InputError: `load_model` could not make it again: your own encoder, or no head `classes`.
    """
    encoder: Any = model.encoder
    encoder_name = getattr(encoder, "name", type(encoder).__name__)
    known = hasattr(encoder, "name") or type(encoder) in (MLP, SmallCNN)
    if not known or "classes" not in model.heads:
        what = f"a model of {encoder_name} with the heads {', '.join(model.heads)}"
        remedy = "give it an encoder that `make_encoder` makes, and a head `classes`"
        raise InputError(f"{folder}: {what} cannot be loaded again: {remedy}.")
    weights = {
        name: tensor.cpu().contiguous()
        for name, tensor in model.state_dict().items()
        if name.startswith(("encoder.", "heads.classes."))
    }
    content = save_weights(weights)
    (folder / "model.safetensors").write_bytes(content)
    about = {
        "format": FORMAT,
        "encoder": encoder_name,
        "settings": dict(encoder.settings),
        "classes": model.heads["classes"].out_features,
        "images": "N x inputs" if "inputs" in encoder.settings else PICTURES,
        "scaling": None if model.scaling is None else model.scaling.tolist(),
        "scale": scale,
        "sha256": hashlib.sha256(content).hexdigest(),
        "versions": versions(),
    }
    (folder / "model.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def load_model(run: Path) -> MultiTaskModel:
    """Return the model of a run folder, ready to predict with its head `classes`. Nothing is
    unpickled.

    Nothing is built that the weights do not fill: model.json could name any network.

    Raises:
        InputError: not a run, from a newer mtlkit, or a file that was cut short or changed.
    """
    run = run.expanduser()
    about = check_format(run)
    with as_input_error(f"{run}: {DAMAGED}", REMEDY):
        settings = {name: int(value) for name, value in about["settings"].items()}
        classes = int(about["classes"])
        for name, value in (settings | {"classes": classes}).items():
            if not LIMITS[name][0] <= value <= LIMITS[name][1]:
                raise ValueError(f"{name} is {value}")
        content = (run / "model.safetensors").read_bytes()
        if hashlib.sha256(content).hexdigest() != about["sha256"]:
            raise ValueError("the weights are not those that were saved")
        weights = load_weights(content)
        try:
            encoder = _encoder(about["encoder"], settings, weights)
        except InputError as fault:
            raise InputError(f"{run / 'model.json'}: {fault}") from fault
        if weights["heads.classes.weight"].shape != (classes, encoder.width):
            raise ValueError(f"the weights are of another head than one of {classes} classes")
        model = MultiTaskModel(encoder, {"classes": Classification(np.zeros((1, classes)))})
        model.load_state_dict(weights)
        model.scaling = _scaling(about.get("scaling"), settings)
    return model.eval()


def _encoder(name: str, settings: dict[str, int], weights: dict[str, Tensor]) -> nn.Module:
    """Return a fresh encoder for these weights, which takes about as much memory as they do."""
    plain_features = "inputs" in settings
    needed = 0 if plain_features else usual_bytes(name)  # 0 for our own
    if needed > LARGER * sum(tensor.nbytes for tensor in weights.values()):
        raise ValueError(f"the weights are too few for {name}")
    with nullcontext() if needed else torch.device("meta"):  # there, shapes take no memory
        encoder = MLP(**settings) if plain_features else make_encoder(name, **settings)
    shapes = {f"encoder.{key}": tensor.shape for key, tensor in encoder.state_dict().items()}
    given = {key: tensor.shape for key, tensor in weights.items() if key.startswith("encoder.")}
    if shapes != given:
        raise ValueError(f"the weights are of another network than {name} of {settings}")
    return encoder if needed else encoder.to_empty(device="cpu")


def _scaling(rows: Any, settings: dict[str, int]) -> Tensor | None:
    """Return what plain features are standardised by; models of images have none."""
    if rows is None:
        return None
    scaling = torch.tensor(rows, dtype=torch.float32)
    good = scaling.isfinite().all() and (scaling[1:] > 0).all()
    if scaling.shape != (2, settings["inputs"]) or not good:
        raise ValueError("the scaling is none of so many columns")
    return scaling


def image_scale(run: Path) -> Scale | None:
    """Return the scale of the images that a run was trained on, where they had more than 8 bits.

    Raises:
        InputError: as `check_format`, or the scale is not two numbers.
    """
    run = run.expanduser()
    found = check_format(run).get("scale")
    with as_input_error(f"{run}: {DAMAGED}", REMEDY):
        if found is None:
            return None
        low, high = map(float, found)
        if not -math.inf < low <= high < math.inf:
            raise ValueError(f"scale is {found}")
    return low, high


def encoder_settings(model: MultiTaskModel) -> dict[str, int]:
    """Return what the encoder was made with: channels, side and width.

    Raises:
        InputError: the model takes plain features, not images.
    """
    settings: Any = model.encoder.settings
    if "side" not in settings:
        raise InputError(
            f"the model takes rows of {settings['inputs']} features, and no images: "
            "use load_model(RUN).predict(FEATURES, 'classes') in Python."
        )
    return dict(settings)


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    names = ("mtlkit", "torch", "numpy", "scikit-learn", "scikit-image")
    return {"python": platform.python_version()} | {name: version(name) for name in names}
