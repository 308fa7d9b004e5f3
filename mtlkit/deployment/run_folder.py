"""What a run folder is known by, without torch: the files of its model, and their format."""

import json
from pathlib import Path
from typing import Any

from mtlkit.errors import InputError, as_input_error

FORMAT = 1  # of model.json; a higher number is from a newer mtlkit
MODEL_FILES = ("model.safetensors", "model.json")
DAMAGED = "the model is damaged or was changed"
REMEDY = "copy the run again, or make it again"


def check_format(run: Path) -> dict[str, Any]:
    """Return what model.json says, if this is a run and one that this version can read.

    Raises:
        InputError: it is not.
    """
    for name in MODEL_FILES:
        if not (run / name).is_file():
            raise InputError(
                f"{run}: is no run folder (it has no {name}): give the folder that `mtlkit fit` "
                "has made."
            )
    with as_input_error(f"{run}: {DAMAGED}", REMEDY):
        settings = dict(json.loads((run / "model.json").read_text(encoding="utf-8")))
        number = int(settings["format"])
    if number > FORMAT:
        raise InputError(
            f"{run}/model.json: is from a newer mtlkit (format {number}, this one reads {FORMAT}): "
            "update by `pip install --upgrade mtlkit`."
        )
    return settings
