"""Models come back as they were, or are refused in words; a false one takes no memory."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load as load_weights
from safetensors.torch import save
from torch import nn
from typer.testing import CliRunner

from mtlkit import InputError, MultiTaskClusterer, load
from mtlkit.cli import app
from mtlkit.deployment import load_model, read_inputs, save_model
from mtlkit.deployment.run_folder import FORMAT
from mtlkit.inputs import InputSpec
from mtlkit.multitask import MLP, MultiTaskModel, SmallCNN, judge
from mtlkit.multitask.tasks import Classification, Contrast

FEATURES = np.random.default_rng(0).normal(size=(40, 5)) * [1, 10, 100, 0.1, 1] + 7


def quick(n_clusters: int = 2) -> MultiTaskClusterer:
    return MultiTaskClusterer(n_clusters, random_state=0, effort=0.01, class_sizes="equal")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    save_model(tmp_path, quick().fit(FEATURES).model_)
    return tmp_path


def change(run: Path, **values: Any) -> None:
    about = json.loads((run / "model.json").read_text())
    (run / "model.json").write_text(json.dumps(about | values))


def test_a_model_of_plain_features_comes_back_with_their_scale(tmp_path: Path) -> None:
    clusterer = quick().fit(FEATURES)
    save_model(tmp_path, clusterer.model_)
    rows = torch.tensor(FEATURES, dtype=torch.float32)
    found = load_model(tmp_path).predict(rows, "classes").numpy()
    np.testing.assert_array_equal(found, clusterer.predict_proba(FEATURES))
    np.testing.assert_allclose(found, clusterer.probabilities_, atol=1e-6)


def test_a_model_of_one_class_comes_back(tmp_path: Path) -> None:
    images = load("digits:small").images[:30]
    clusterer = quick(1).fit(images)
    save_model(tmp_path, clusterer.model_)
    found = load_model(tmp_path).predict(torch.as_tensor(images), "classes").numpy()
    np.testing.assert_array_equal(found, clusterer.predict_proba(images))


def test_what_pictures_a_model_takes_is_read_without_torch(tmp_path: Path) -> None:
    model = MultiTaskModel(SmallCNN(3, 16), {"classes": Classification(np.eye(3))})
    save_model(tmp_path, model, (100.0, 700.0))
    probe = "import sys\nfrom pathlib import Path\nfrom mtlkit.deployment import read_inputs\n"
    probe += "print(read_inputs(Path(sys.argv[1])), 'torch' in sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", probe, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert ended.stdout == f"{InputSpec(3, 16, (100.0, 700.0))} False\n"


NONE, ONES, NAN = ([value] * 5 for value in (0.0, 1.0, float("nan")))


@pytest.mark.parametrize("rows", [[NONE, NONE], [NONE[1:], ONES[1:]], [NONE], "x", [NAN, ONES]])
def test_a_standardisation_that_was_changed_is_refused(run: Path, rows: Any) -> None:
    change(run, inputs={"features": 5, "standardisation": rows})
    with pytest.raises(InputError, match="damaged or was changed"):
        load_model(run)


def test_commands_for_images_say_that_a_model_takes_none(run: Path) -> None:
    with pytest.raises(InputError, match="5 features"):
        read_inputs(run)
    for command in ("score", "predict"):
        result = CliRunner().invoke(app, [command, str(run), "digits:small"])
        assert result.exit_code == 2 and "5 features" in result.stderr
        assert "Traceback" not in result.stderr


CLASSES = Classification(np.eye(3))


class Own(nn.Module):
    width = 4

    def __init__(self) -> None:
        super().__init__()
        self.settings = {"inputs": 5, "width": 4}
        self.layer = nn.Linear(5, 4)


@pytest.mark.parametrize(
    ("encoder", "tasks", "word"),
    [(Own(), {"classes": CLASSES}, "Own"), (SmallCNN(), {"views": Contrast()}, "views")],
    ids=["encoder", "heads"],
)
def test_what_could_not_be_loaded_is_not_saved(
    encoder: nn.Module, tasks: dict[str, Any], word: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=rf"{word}.* cannot be loaded again"):
        save_model(tmp_path, MultiTaskModel(encoder, tasks))
    assert list(tmp_path.iterdir()) == []


def test_encoders_made_by_hand_come_back(tmp_path: Path) -> None:
    pictures = torch.rand(3, 3, 16, 16)
    for encoder, rows in ((MLP(5, width=7), torch.rand(3, 5)), (SmallCNN(3, 16), pictures)):
        model = MultiTaskModel(encoder, {"classes": Classification(np.eye(3))})
        save_model(tmp_path, model)
        found = load_model(tmp_path).predict(rows, "classes")
        torch.testing.assert_close(found, model.predict(rows, "classes"))


def inputs(side: int) -> dict[str, Any]:
    return {"channels": 3, "side": side, "scale": None}


FALSE = [
    {"encoder": "mlp", "inputs": inputs(512), "width": 4096, "classes": 10_000},
    {"encoder": "mlp", "inputs": {"features": 9_000_000}, "width": 4096, "classes": 10_000},
    {"encoder": "small-cnn", "inputs": inputs(512), "width": 100_000, "classes": 1_000_000},
    {"encoder": "mobilenet_v2", "inputs": inputs(512), "width": 1280, "classes": 1_000_000},
    {"encoder": "resnet18", "inputs": {"features": 9_000_000}, "width": 4096, "classes": 10},
]
PROBE = """
import resource, sys
from pathlib import Path
from torchvision import models
from mtlkit import InputError
from mtlkit.deployment import load_model

def peak():
    unit = 1024 if sys.platform == "linux" else 1024**2
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit

base = peak()
for run in sys.argv[1:]:
    try:
        load_model(Path(run))
    except InputError as fault:
        assert "damaged or was changed" in str(fault), fault
    else:
        raise AssertionError(run)
print(peak() - base)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no getrusage")
def test_a_model_json_that_names_what_the_weights_are_not_takes_no_memory(tmp_path: Path) -> None:
    content = save({"x": torch.zeros(1)})
    assert len(content) < 100
    runs = []
    for number, description in enumerate(FALSE):
        run = tmp_path / str(number)
        run.mkdir()
        (run / "model.safetensors").write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        content_of_json = description | {"format": FORMAT, "sha256": digest}
        (run / "model.json").write_text(json.dumps(content_of_json))
        runs.append(str(run))
    probe = subprocess.run([sys.executable, "-c", PROBE, *runs], capture_output=True, text=True)
    assert probe.returncode == 0, probe.stderr
    assert float(probe.stdout) < 200  # MB


def test_what_a_model_remembers_comes_back(run: Path) -> None:
    clusterer, model = quick().fit(FEATURES), load_model(run)
    new = FEATURES[:3] * [[1], [1.5], [9]]
    judgement = judge(model, torch.tensor(new, dtype=torch.float32))
    for mine, its in zip(judgement, clusterer.judge(new), strict=True):
        np.testing.assert_array_equal(mine, its)
    assert judgement.novelty[2] > 1


def test_a_model_that_remembers_nothing_says_nan(tmp_path: Path) -> None:
    save_model(tmp_path, MultiTaskModel(MLP(5, width=7), {"classes": CLASSES}))
    assert np.isnan(judge(load_model(tmp_path), torch.rand(2, 5)).novelty).all()


@pytest.mark.parametrize(
    "units", [[1.0], [1.0, 0.0], [1.0, float("nan")], [1.0] * 3, "x", [1, "x"]]
)
def test_units_of_novelty_that_were_changed_are_refused(run: Path, units: Any) -> None:
    change(run, novelty_units=units)
    with pytest.raises(InputError, match="damaged or was changed"):
        load_model(run)


@pytest.mark.parametrize("exponent", [0, -1, float("inf"), "x", None])
def test_an_exponent_that_was_changed_is_refused(run: Path, exponent: Any) -> None:
    change(run, confidence_exponent=exponent)
    with pytest.raises(InputError, match="damaged or was changed"):
        load_model(run)


@pytest.mark.parametrize(
    "space", [torch.ones(40, 6), torch.ones(0, 5), torch.ones(39, 5), torch.full((40, 5), np.nan)]
)
def test_memories_that_were_changed_are_refused(run: Path, space: torch.Tensor) -> None:
    weights = load_weights((run / "model.safetensors").read_bytes())
    content = save(weights | {"reference.1": space.half()})
    (run / "model.safetensors").write_bytes(content)
    change(run, sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(InputError, match="remembers of its training images"):
        load_model(run)
