"""Augmentation: changes that leave an image's class as it was, drawn anew for each image of a
batch.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Augmentation:
    """Random geometry and light; each setting is the largest change to either side. An augmentation
    is an assumption: a digit turned by 180 degrees is another digit, a blood cell is not.

    Args:
        rotation: degrees.
        scale: share of the size (0.2: from 80 % to 120 %).
        shift: share of the side.
        shear: slant, as a tangent.
        gain: share of the brightness.
        noise: standard deviation of Gaussian noise, in units of the image's range [0, 1].
        flip: mirror left and right with probability one half.
        light: brightness and contrast, each by a factor of up to 2^light or down to 2^-light. For
            photographs, where one thing may stand in the sun or in the shade.
        colour: share by which the colours' strength, and a fifth of that by which each channel,
            changes.

    Plain features (B x D) get gain and noise only, the noise in units of each column's spread.

    >>> images = torch.rand(4, 1, 8, 8)
    >>> Augmentation()(images, torch.Generator().manual_seed(0)).shape
    torch.Size([4, 1, 8, 8])
    >>> still = Augmentation(rotation=0, scale=0, shift=0, shear=0, gain=0, noise=0)
    >>> torch.allclose(still(images, torch.Generator()), images, atol=1e-5)
    True
    """

    rotation: float = 15.0
    scale: float = 0.2
    shift: float = 0.15
    shear: float = 0.2
    gain: float = 0.2
    noise: float = 0.05
    flip: bool = False
    light: float = 0.0
    colour: float = 0.0

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return changed copies of B x C x H x W images (or B x D features)."""
        size = len(images)

        def draw(limit: float) -> Tensor:  # B numbers in [-limit, limit]
            return ((torch.rand(size, generator=generator) * 2 - 1) * limit).to(images.device)

        if images.ndim == 4:
            angle, shear = draw(math.radians(self.rotation)), draw(self.shear)
            scale = 1 + draw(self.scale)
            mirror = draw(1.0).sign() if self.flip else torch.ones(size, device=images.device)
            cos, sin = angle.cos() / scale, angle.sin() / scale
            affine = torch.stack(
                [
                    mirror * cos,
                    shear * cos - sin,
                    2 * draw(self.shift),
                    mirror * sin,
                    shear * sin + cos,
                    2 * draw(self.shift),
                ],
                dim=1,
            ).view(size, 2, 3)
            grid = functional.affine_grid(affine, list(images.shape), align_corners=False)
            ground = background(images)  # what comes in from outside is the image's own background
            images = functional.grid_sample(images - ground, grid, align_corners=False) + ground
        shape = (size,) + (1,) * (images.ndim - 1)
        images = images * (1 + draw(self.gain)).view(shape)
        if self.light and images.ndim == 4:
            level = images.mean((1, 2, 3), keepdim=True)  # B x 1 x 1 x 1
            contrast, brightness = (2 ** draw(self.light).view(shape) for _ in range(2))
            images = level * brightness + (images - level) * contrast
        if self.colour and images.ndim == 4:
            grey = images.mean(1, keepdim=True)  # B x 1 x H x W
            tint = torch.stack([draw(self.colour / 5) for _ in range(images.shape[1])], dim=1)[
                ..., None, None
            ]
            images = (grey + (images - grey) * (1 + draw(self.colour)).view(shape)) * (1 + tint)
        return images + self.noise * torch.randn(images.shape, generator=generator).to(
            images.device
        )


def usual_augmentation(shape: Sequence[int]) -> Augmentation:
    """Return what is assumed of rows of this shape (D, or C x H x W) where nobody says otherwise.

    Colour images are taken for photographs, whose light and colours vary.

    >>> usual_augmentation((1, 8, 8)) == Augmentation(), usual_augmentation((3, 32, 32)).light
    (True, 1.0)
    """
    if len(shape) == 1:
        return Augmentation(gain=0.1, noise=0.3)
    return Augmentation(light=1.0, colour=1.0) if shape[0] == 3 else Augmentation()


def background(images: Tensor) -> Tensor:
    """Return each image's background, the median of its border per channel: B x C x 1 x 1."""
    border = torch.cat(
        [images[..., 0, :], images[..., -1, :], images[..., 0], images[..., -1]], dim=-1
    )
    return border.median(dim=-1).values[..., None, None]
