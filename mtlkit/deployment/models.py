"""Models in and out of a run folder. What comes as a file from elsewhere is looked at before it costs anything."""

import hashlib
import json
import math
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load as load_weights
from safetensors.torch import save as save_weights

from mtlkit.data.images import Scale
from mtlkit.errors import InputError, explained
from mtlkit.multitask import MultiTaskModel, make_encoder
from mtlkit.multitask.encoders import usual_bytes
from mtlkit.multitask.tasks import Classification

FORMAT = 1  # of model.json; a higher number is from a newer mtlkit
LIMITS = {"channels": (1, 3), "side": (8, 512), "width": (1, 4096), "classes": (2, 10_000)}  # of a file from elsewhere
MODEL_FILES = ("model.safetensors", "model.json")
SLACK = 20_000_000  # bytes: a classifier that was taken off, and heads for training alone
DAMAGED = "the model is damaged or was changed"
REMEDY = "copy the run again, or make it anew"


def save_model(folder: Path, model: MultiTaskModel, scale: Scale | None = None) -> None:
    """Write the encoder and the classification head: model.safetensors, and model.json that says what they are.

    `scale` is that of the images (see `ImageSet`), for later ones to be brought to the same.
    """
    weights = {name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()
               if name.startswith(("encoder.", "heads.classes."))}  # fmt: skip
    content = save_weights(weights)
    (folder / "model.safetensors").write_bytes(content)
    about = {
        "format": FORMAT, "encoder": getattr(model.encoder, "name", type(model.encoder).__name__),
        "settings": encoder_settings(model), "classes": model.heads["classes"].out_features,
        "images": "N x channels x side x side in [0, 1]", "scale": scale, "sha256": hashlib.sha256(content).hexdigest(),
        "versions": versions(),
    }  # fmt: skip
    (folder / "model.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def check_format(run: Path) -> dict[str, Any]:
    """Return what model.json says, after a look whether this is a run, and one that this version can read.

    Raises:
        InputError: it is not.
    """
    for name in MODEL_FILES:
        if not (run / name).is_file():
            raise InputError(f"{run}: is no run folder (it has no {name}): give the folder that `mtlkit fit` has made.")
    with explained(f"{run}: {DAMAGED}", REMEDY):
        about = dict(json.loads((run / "model.json").read_text(encoding="utf-8")))
        if int(about["format"]) > FORMAT:
            raise InputError(f"{run}/model.json: is from a newer mtlkit (format {about['format']}, this one reads {FORMAT}): "
                             "update by `pip install --upgrade mtlkit`.")  # fmt: skip
    return about


def load_model(run: Path) -> MultiTaskModel:
    """Return the model of a run folder, ready to predict with its head `classes`. Nothing is unpickled.

    No network is built that is far larger than the weights: else model.json could name any, and take the memory.

    Raises:
        InputError: not a run, from a newer mtlkit, or a file that was cut short or changed.
    """
    run = run.expanduser()
    about = check_format(run)
    with explained(f"{run}: {DAMAGED}", REMEDY):
        settings = {name: int(value) for name, value in about["settings"].items()}
        classes = int(about["classes"])
        for name, value in (settings | {"classes": classes}).items():
            if not LIMITS[name][0] <= value <= LIMITS[name][1]:
                raise ValueError(f"{name} is {value}")
        content = (run / "model.safetensors").read_bytes()
        if hashlib.sha256(content).hexdigest() != about["sha256"]:
            raise ValueError("the weights are not those that were saved")
        try:
            if usual_bytes(about["encoder"]) > 2 * len(content) + SLACK:
                raise ValueError(f"the weights are too few for {about['encoder']}")
            encoder = make_encoder(about["encoder"], **settings)
        except InputError as fault:
            raise InputError(f"{run / 'model.json'}: {fault}") from fault
        model = MultiTaskModel(encoder, {"classes": Classification(np.eye(classes))})
        model.load_state_dict(load_weights(content))
    return model.eval()


def image_scale(run: Path) -> Scale | None:
    """Return the scale of the images that a run was trained on, where they had more than 8 bits.

    Raises:
        InputError: as `check_format`, or the scale is not two numbers.
    """
    run = run.expanduser()
    found = check_format(run).get("scale")
    with explained(f"{run}: {DAMAGED}", REMEDY):
        if found is None:
            return None
        low, high = map(float, found)
        if not -math.inf < low <= high < math.inf:
            raise ValueError(f"scale is {found}")
    return low, high


def encoder_settings(model: MultiTaskModel) -> dict[str, int]:
    """Return what the encoder was made with: channels, side and width."""
    settings: Any = model.encoder.settings
    return dict(settings)


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    names = ("mtlkit", "torch", "numpy", "scikit-learn", "scikit-image")
    return {"python": platform.python_version()} | {name: version(name) for name in names}
