"""Encoders take any side; the model shares one among its heads."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mtlkit.errors import InputError
from mtlkit.multitask import MLP, MultiTaskModel, SmallCNN
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
    with pytest.raises(InputError, match=f"side is {side} px: bring them to 8 px or more"):
        SmallCNN(side=side)


def model() -> MultiTaskModel:
    return MultiTaskModel(SmallCNN(width=16), {"views": Contrast(size=5), "shape": Regression(np.zeros((9, 4)))})


def test_each_head_answers_for_each_view() -> None:
    views, shared = torch.rand(3, 6, 1, 8, 8), model().eval()
    outputs = shared(views)
    assert {name: tuple(out.shape) for name, out in outputs.items()} == {
        "views": (3, 6, 5),
        "shape": (3, 6, 4),
    }
    for view in range(3):
        alone = shared.heads["shape"](shared.encoder(views[view]))
        torch.testing.assert_close(outputs["shape"][view], alone)


def test_tasks_come_and_go() -> None:
    shared = model()
    shared.remove("views")
    assert list(shared.tasks) == list(shared.heads) == ["shape"]
    before = shared.heads["shape"]
    shared.add("shape", Regression(np.zeros((9, 2))))
    assert shared.heads["shape"] is not before and shared.heads["shape"].out_features == 2
    with pytest.raises(InputError, match="'shape' is a Linear: give an object of a class that extends Task"):
        shared.add("shape", torch.nn.Linear(2, 2))  # type: ignore[arg-type]


@pytest.mark.parametrize("training", [True, False])
def test_features_are_those_of_clean_images_in_evaluation_mode(training: bool) -> None:
    shared, images = model().train(training), torch.rand(9, 1, 8, 8)
    state = {name: value.clone() for name, value in shared.state_dict().items()}
    features = shared.features(images, batch_size=4)
    assert shared.training is training and not features.requires_grad
    assert all(torch.equal(value, state[name]) for name, value in shared.state_dict().items())  # BatchNorm too
    torch.testing.assert_close(features, shared.eval().encoder(images))
    probabilities = shared.predict(images, "shape")
    torch.testing.assert_close(probabilities, shared.heads["shape"](features).softmax(1))
