"""Encoders take any side; the model shares one among its heads."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mtlkit.errors import InputError
from mtlkit.multitask import (
    MLP,
    MultiTaskModel,
    SmallCNN,
    Teacher,
    TrainingOptions,
    fit,
    load_encoder,
    make_encoder,
)
from mtlkit.multitask.tasks import Contrast, Regression


@pytest.mark.parametrize("side", range(8, 65))
def test_any_side_gives_the_shared_features_through_a_small_last_map(side: int) -> None:
    encoder = SmallCNN(channels=1 + 2 * (side % 2), side=side, width=10)
    images = torch.rand(2, 1 + 2 * (side % 2), side, side)
    assert encoder(images).shape == (2, 10)
    assert encoder.layers[:-2](images).shape[2:] in {(2, 2), (3, 3)}


def test_the_width_and_the_settings_make_the_same_encoder_again() -> None:
    for encoder in (SmallCNN(3, 20, 32), MLP(7, 32)):
        again = type(encoder)(**encoder.settings)
        assert again.width == 32
        assert [p.shape for p in again.parameters()] == [p.shape for p in encoder.parameters()]
    assert MLP(inputs=7, width=32)(torch.rand(5, 7)).shape == (5, 32)


@pytest.mark.parametrize("side", [7, 1, 0])
def test_too_small_a_side_is_refused(side: int) -> None:
    with pytest.raises(InputError, match=f"{side} px: .* 8 px or more"):
        SmallCNN(side=side)


def model() -> MultiTaskModel:
    return MultiTaskModel(
        SmallCNN(width=16), {"views": Contrast(size=5), "descriptors": Regression(np.zeros((9, 4)))}
    )


def test_each_head_answers_for_each_view() -> None:
    views, shared = torch.rand(3, 6, 1, 8, 8), model().eval()
    outputs = shared(views)
    assert {name: tuple(out.shape) for name, out in outputs.items()} == {
        "views": (3, 6, 5),
        "descriptors": (3, 6, 4),
    }
    for view in range(3):
        alone = shared.heads["descriptors"](shared.encoder(views[view]))
        torch.testing.assert_close(outputs["descriptors"][view], alone)


def test_tasks_come_and_go() -> None:
    shared = model()
    shared.remove("views")
    assert list(shared.tasks) == list(shared.heads) == ["descriptors"]
    before = shared.heads["descriptors"]
    shared.add("descriptors", Regression(np.zeros((9, 2))))
    assert (
        shared.heads["descriptors"] is not before and shared.heads["descriptors"].out_features == 2
    )
    with pytest.raises(InputError, match=r"'descriptors' is a Linear: .*Task"):
        shared.add("descriptors", torch.nn.Linear(2, 2))  # type: ignore[arg-type]


@pytest.mark.parametrize("training", [True, False])
def test_features_are_those_of_clean_images_in_evaluation_mode(training: bool) -> None:
    shared, images = model().train(training), torch.rand(9, 1, 8, 8)
    state = {name: value.clone() for name, value in shared.state_dict().items()}
    features = shared.features(images, batch_size=4)
    assert shared.training is training and not features.requires_grad
    # BatchNorm too.
    assert all(torch.equal(value, state[name]) for name, value in shared.state_dict().items())
    torch.testing.assert_close(features, shared.eval().encoder(images))
    probabilities = shared.predict(images, "descriptors")
    torch.testing.assert_close(probabilities, shared.heads["descriptors"](features).softmax(1))


@pytest.mark.parametrize(
    ("name", "side", "width"),
    [
        ("small-cnn", 8, 20),
        ("SmallCNN", 8, 20),
        ("mlp", 8, 20),
        ("resnet18", 16, 512),
        ("squeezenet1_1", 32, 512),
        ("ShuffleNet-v2-x0-5", 32, 1024),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_encoders_by_name_train_and_are_made_again_by_their_settings(
    name: str, side: int, width: int, channels: int
) -> None:
    encoder: Any = make_encoder(name, channels, side, width=20)
    assert encoder.training and encoder.width == width
    assert encoder.settings == {"channels": channels, "side": side, "width": width}
    again = make_encoder(encoder.name, **encoder.settings)
    assert [p.shape for p in again.parameters()] == [p.shape for p in encoder.parameters()]
    shared = MultiTaskModel(encoder, {"views": Contrast(size=5)})
    teacher = Teacher(shared)
    fit(
        shared,
        torch.rand(4, channels, side, side),
        epochs=1,
        weighting="upgrad",
        options=TrainingOptions(teacher=teacher),
    )
    assert teacher.module.features(torch.rand(3, channels, side, side)).shape == (3, width)
    # As scikit-learn's users do with what they made themselves.
    assert pickle.loads(pickle.dumps(encoder)).width == width


def test_a_grey_image_is_repeated_to_three_channels() -> None:
    torch.manual_seed(0)
    encoder, image = make_encoder("resnet18", 1, 16).eval(), torch.rand(2, 1, 16, 16)
    torch.testing.assert_close(encoder(image), encoder(image.repeat(1, 3, 1, 1)))


def test_torchvisions_features_are_what_its_classifier_is_given() -> None:
    from torchvision.models import resnet18

    torch.manual_seed(0)
    theirs = resnet18(weights=None, num_classes=7).eval()
    encoder, images = make_encoder("resnet18", 3, 32).eval(), torch.rand(2, 3, 32, 32)
    encoder.load_state_dict(
        {k: v for k, v in theirs.state_dict().items() if not k.startswith("fc.")}
    )
    torch.testing.assert_close(theirs.fc(encoder(images)), theirs(images))


@pytest.mark.parametrize(
    ("name", "side", "message"),
    [
        ("resnet19", 16, "'resnet19' .*small-cnn, mlp, .*'resnet18'"),
        ("smal-cn", 16, "Did you mean 'small-cnn'"),
        ("fasterrcnn_resnet50_fpn", 16, "is not known"),  # no classifier
        ("small-cnn", 4, "4 px: .* 8 px or more"),
        ("squeezenet1_1", 8, "'squeezenet1_1' cannot take 8 px"),
        ("vit_b_32", 32, "'vit_b_32' .* 32 px .*image height"),
    ],
)
def test_encoders_that_cannot_be_are_refused_in_one_sentence(
    name: str, side: int, message: str
) -> None:
    with pytest.raises(InputError, match=message) as fault:
        make_encoder(name, 1, side)
    assert "\n" not in str(fault.value)


def other(encoder: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Weights that differ from the encoder's."""
    return {
        key: torch.full_like(value, 3) if value.dtype == torch.int64 else torch.rand(value.shape)
        for key, value in encoder.state_dict().items()
    }


@pytest.mark.parametrize("prefix", ["", "encoder."])
def test_weights_come_from_the_encoders_own_keys_or_from_a_runs(
    prefix: str, tmp_path: Path
) -> None:
    encoder = SmallCNN()
    weights = other(encoder)
    head = {"heads.classes.weight": torch.rand(3, 128)} if prefix else {}
    save_file(
        {prefix + key: value for key, value in weights.items()} | head,
        tmp_path / "some.safetensors",
    )
    load_encoder(encoder, tmp_path / "some.safetensors")
    assert all(torch.equal(value, weights[key]) for key, value in encoder.state_dict().items())


def test_a_classifier_in_torchvisions_weights_is_passed_over(tmp_path: Path) -> None:
    encoder = make_encoder("resnet18", 1, 16)
    weights = other(encoder)
    save_file(
        weights | {"fc.weight": torch.rand(1000, 512), "fc.bias": torch.rand(1000)},
        tmp_path / "imagenet",
    )
    load_encoder(encoder, str(tmp_path / "imagenet"))
    assert all(torch.equal(value, weights[key]) for key, value in encoder.state_dict().items())


def changed(how: str) -> dict[str, torch.Tensor]:
    weights = other(SmallCNN())
    if how == "missing":
        del weights["layers.1.bias"]
    elif how == "unexpected":
        weights["layers.99.weight"] = torch.rand(2)
    elif how == "colour":
        weights = other(SmallCNN(channels=3))
    elif how == "resnet18":
        weights = other(make_encoder("resnet18", 1, 16))
    elif how == "nan":
        weights["layers.0.weight"][3, 0, 1, 1] = torch.nan
    return weights


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("missing", r".*Missing key.*layers.1.bias.*"),
        ("unexpected", r".*Unexpected key.*layers.99.weight.*"),
        (
            "colour",
            r".*layers.0.weight: .*\[24, 3, 3, 3\].* the shape in current model is "
            r".*\[24, 1, 3, 3\].*",
        ),
        ("resnet18", r".*Missing key.*layers.0.weight.*"),
        ("nan", r"layers.0.weight holds NaN or infinity"),
    ],
)
def test_weights_of_another_encoder_are_refused_with_what_differs(
    how: str, message: str, tmp_path: Path
) -> None:
    save_file(changed(how), tmp_path / "w.safetensors")
    encoder = SmallCNN()
    before = copy.deepcopy(encoder.state_dict())
    with pytest.raises(InputError, match=rf"w.safetensors: .*\({message}\)") as fault:
        load_encoder(encoder, tmp_path / "w.safetensors")
    assert "\n" not in str(fault.value)
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items())


class Trap:
    """Unpickled, it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.write_text, (self.path, "caught")


@pytest.mark.parametrize(
    "how", ["not there", "folder", "empty", "text", "pickle", "torch", "cut", "header"]
)
def test_a_file_that_is_not_safetensors_is_refused_and_never_unpickled(
    how: str, tmp_path: Path
) -> None:
    path, trap = tmp_path / "w.safetensors", tmp_path / "trap"
    save_file(other(SmallCNN()), path)
    content = path.read_bytes()
    path.unlink()
    if how == "folder":
        path.mkdir()
    elif how == "torch":
        torch.save({"layers": Trap(trap)}, path)
    elif how != "not there":
        contents = {
            "empty": b"",
            "text": b"no weights at all",
            "pickle": pickle.dumps(Trap(trap)),
            "cut": content[:-9],
            "header": b"\xff" * 8 + content[8:],
        }
        path.write_bytes(contents[how])
    with pytest.raises(InputError, match=r"w.safetensors: .* safetensors") as fault:
        load_encoder(SmallCNN(), path)
    assert "\n" not in str(fault.value)
    assert not trap.exists()
