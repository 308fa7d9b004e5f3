"""Encoders: from images (B x C x H x W) or plain features (B x D) to the shared features (B x width)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mtlkit.errors import InputError


class SmallCNN(nn.Module):
    """A small convolutional network: 3 x 3 convolutions, each but the first after a halving of the image.

    From 32 px on the first convolution moves in steps of two pixels, which makes it four times as fast.

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
        depth, inputs, stride = 24, channels, 2 if side >= 32 else 1
        while True:
            layers += [nn.Conv2d(inputs, depth, 3, stride, 1, bias=False), nn.BatchNorm2d(depth), nn.ReLU()]
            side, stride = (side - 1) // stride + 1, 1
            if side < 4:
                break
            layers.append(nn.MaxPool2d(2))
            side, inputs, depth = side // 2, depth, min(2 * depth, 96)
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(depth * side * side, width))
        self.to(memory_format=torch.channels_last)  # a third faster on a CPU

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


class MLP(nn.Module):
    """A multilayer perceptron for plain features: two hidden layers with BatchNorm.

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
            nn.Linear(inputs, 256), nn.BatchNorm1d(256), nn.ReLU(),
            nn.Linear(256, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, width),
        )  # fmt: skip

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(features)
