"""Encoders: from images (B x C x H x W) or rows (B x D) to the shared features (B x width)."""

import copy
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from mtlkit.errors import InputError, as_input_error, nearest, normalised_name

OURS = ("small-cnn", "mlp")  # names; the others are torchvision's


class SmallCNN(nn.Module):
    """A small convolutional network: 3 x 3 convolutions, all but the first after a halving.

    From 32 px on the first convolution moves in steps of two pixels, which makes it four times as
    fast.

    Args:
        channels: C, 1 for grey and 3 for colour.
        side: H = W in pixels, 8 or more. The last map is 2 or 3 pixels wide whatever the side.
        width: the number of shared features.

    >>> SmallCNN(channels=1, side=8)(torch.zeros(5, 1, 8, 8)).shape
    torch.Size([5, 128])
    """

    def __init__(self, channels: int = 1, side: int = 8, width: int = 128) -> None:
        super().__init__()
        if side < 8:
            raise InputError(f"the images' side is {side} px: bring them to 8 px or more.")
        self.settings = {"channels": channels, "side": side, "width": width}
        self.width = width
        layers: list[nn.Module] = []
        inputs, depth = channels, 24
        stride = 2 if side >= 32 else 1
        while True:
            convolution = nn.Conv2d(inputs, depth, 3, stride, 1, bias=False)
            layers += [convolution, nn.BatchNorm2d(depth), nn.ReLU()]
            side, stride = (side - 1) // stride + 1, 1
            if side < 4:
                break
            layers.append(nn.MaxPool2d(2))
            side //= 2
            inputs, depth = depth, min(2 * depth, 96)
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(depth * side * side, width))
        self.to(memory_format=torch.channels_last)  # a third faster on a CPU

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


class MLP(nn.Module):
    """A multilayer perceptron for rows of numbers or pixels: two hidden layers with BatchNorm.

    Args:
        inputs: D, the number of features a row.
        width: the number of shared features.

    >>> MLP(inputs=30)(torch.zeros(5, 30)).shape
    torch.Size([5, 128])
    """

    def __init__(self, inputs: int, width: int = 128) -> None:
        super().__init__()
        self.settings = {"inputs": inputs, "width": width}
        self.width = width
        self.layers = nn.Sequential(
            nn.Linear(inputs, 256),
            nn.BatchNorm1d(256),
            nn.ReLU(),
            nn.Linear(256, 256),
            nn.BatchNorm1d(256),
            nn.ReLU(),
            nn.Linear(256, width),
        )

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(features.flatten(1))


def make_encoder(name: str, channels: int, side: int, width: int = 128) -> nn.Module:
    """Return a fresh encoder, with `name`, `settings` (channels, side, width) and `width`.

    Args:
        name: `"small-cnn"` (`SmallCNN`), `"mlp"` (`MLP` on the pixels), or one of torchvision's
            classifiers, as `"resnet18"`, fresh and with its last layer, the classifier, taken off.
            Nothing is downloaded. Grey images are repeated to the three channels that torchvision's
            take; images go in as they are, in [0, 1].
        channels, side: of the images that it will be given.
        width: of the shared features. Torchvision's have the width of their last features, whatever
            is asked for.

    Raises:
        InputError: an unknown name, or an encoder that cannot take images of that side.

    >>> make_encoder("mlp", channels=1, side=8)(torch.zeros(5, 1, 8, 8)).shape
    torch.Size([5, 128])
    """
    official = check_encoder(name)
    encoder: Any
    if official == "small-cnn":
        encoder = SmallCNN(channels, side, width)
    elif official == "mlp":
        encoder = MLP(channels * side * side, width)
    else:
        encoder = _torchvision(official, channels, side)
    encoder.name = name
    encoder.settings = {"channels": channels, "side": side, "width": encoder.width}
    return encoder


def _torchvision(name: str, channels: int, side: int) -> nn.Module:
    """Return a network of torchvision's whose classifier, `encoder.without`, is taken off."""
    from torchvision import models

    settings = {}
    if name in ("googlenet", "inception_v3"):
        settings = {"aux_logits": False, "init_weights": False}
    encoder: Any = models.get_model(name, weights=None, **settings)
    layers = [
        key for key, layer in encoder.named_modules() if isinstance(layer, (nn.Linear, nn.Conv2d))
    ]
    encoder.without = layers[-1]
    encoder.width = encoder.get_submodule(encoder.without).weight.shape[1]
    encoder.set_submodule(encoder.without, nn.Identity())
    encoder.register_forward_pre_hook(_three_channels)
    what = f"encoder {name!r} cannot take {side} px"
    with as_input_error(what, "take another side or encoder"), torch.no_grad():
        encoder.eval()(torch.zeros(2, channels, side, side))
    return encoder.train()


def check_encoder(name: str) -> str:
    """Return an encoder's name as we or torchvision spell it; `InputError` where there is none.

    >>> check_encoder("SmallCNN"), check_encoder("ResNet-18")
    ('small-cnn', 'resnet18')
    """
    names = {normalised_name(ours): ours for ours in OURS}
    if normalised_name(name) not in names:
        from torchvision import models  # takes two seconds: only who wants it waits

        names |= {normalised_name(model): model for model in models.list_models(module=models)}
    if normalised_name(name) not in names:
        raise InputError(
            f"encoder {name!r} is not known: use small-cnn, mlp, or a classifier of torchvision."
            + nearest(name, names.values())
        )
    return names[normalised_name(name)]


def usual_bytes(name: str) -> int:
    """Return about how many bytes an encoder of torchvision's takes; 0 for our own.

    >>> usual_bytes("small-cnn"), usual_bytes("resnet18")
    (0, 46758048)
    """
    official = check_encoder(name)
    if official in OURS:
        return 0
    from torchvision import models

    return 4 * models.get_model_weights(official).DEFAULT.meta["num_params"]


def _three_channels(_: nn.Module, inputs: tuple[Tensor]) -> Tensor:
    return inputs[0].expand(-1, 3, -1, -1)


def load_encoder(encoder: nn.Module, path: str | Path) -> None:
    """Let an encoder start from features that were trained elsewhere. Nothing is unpickled.

    Args:
        encoder: of the same architecture.
        path: a safetensors file: a run's model.safetensors, of which the keys `encoder.*` are
            taken, or the encoder's own keys. Those of the classifier that was taken off a network
            of torchvision's are passed over.

    Raises:
        InputError: no such file, not safetensors, damaged, with NaN, or of another architecture.
    """
    with as_input_error(f"{path}: cannot be read as safetensors", "give a run's model.safetensors"):
        weights = load_file(Path(path).expanduser())
    if all(key.startswith(("encoder.", "heads.", "reference.")) for key in weights):  # a run's
        weights = {
            key.removeprefix("encoder."): value
            for key, value in weights.items()
            if key.startswith("encoder.")
        }
    off = f"{getattr(encoder, 'without', 'no classifier')}."
    weights = {key: value for key, value in weights.items() if not key.startswith(off)}
    remedy = "give weights of the same encoder, made for as many channels and the same side"
    with as_input_error(f"{path}: does not fit the encoder", remedy):
        # On a copy first: what does not fit must leave the encoder as it was.
        copy.deepcopy(encoder).load_state_dict(weights)
        for key, value in weights.items():
            if not value.isfinite().all():
                raise ValueError(f"{key} holds NaN or infinity")
    encoder.load_state_dict(weights)
