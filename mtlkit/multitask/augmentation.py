"""Augmentation: changes that leave an image's class as it was, drawn for each image by itself."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Augmentation:
    """Random geometry and light; each setting is the largest change to either side.

    An augmentation is an assumption: a digit turned by 180 degrees is another digit, a blood cell
    is not.

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
        draw = partial(_draw, images, generator)
        pictures = images.ndim == 4
        if pictures:
            images = self._moved(images, draw)
        images = images * (1 + draw(self.gain))
        if self.light and pictures:
            level = images.mean((1, 2, 3), keepdim=True)  # B x 1 x 1 x 1
            contrast = 2 ** draw(self.light)
            brightness = 2 ** draw(self.light)
            images = level * brightness + (images - level) * contrast
        if self.colour and pictures:
            grey = images.mean(1, keepdim=True)  # B x 1 x H x W
            tints = [draw(self.colour / 5) for _ in range(images.shape[1])]
            strength = 1 + draw(self.colour)
            images = (grey + (images - grey) * strength) * (1 + torch.cat(tints, dim=1))
        noise = torch.randn(images.shape, generator=generator)
        return images + self.noise * noise.to(images.device)

    def _moved(self, images: Tensor, draw: Callable[[float], Tensor]) -> Tensor:
        """Return images turned, scaled, sheared, shifted and mirrored."""
        angle = draw(math.radians(self.rotation))
        shear = draw(self.shear)
        scale = 1 + draw(self.scale)
        mirror = draw(1.0).sign() if self.flip else 1
        cos, sin = angle.cos() / scale, angle.sin() / scale
        rows = [
            mirror * cos,
            shear * cos - sin,
            2 * draw(self.shift),
            mirror * sin,
            shear * sin + cos,
            2 * draw(self.shift),
        ]
        affine = torch.cat(rows, dim=1).view(-1, 2, 3)
        grid = functional.affine_grid(affine, list(images.shape), align_corners=False)
        ground = background(images)  # what comes in from outside is the image's own background
        return functional.grid_sample(images - ground, grid, align_corners=False) + ground


def _draw(images: Tensor, generator: torch.Generator, limit: float) -> Tensor:
    """Return a number in [-limit, limit] for each image: B x 1 x ..., as images have dimensions."""
    numbers = torch.rand(len(images), generator=generator)
    numbers = (numbers * 2 - 1) * limit
    shape = [1] * (images.ndim - 1)
    return numbers.to(images.device).view(-1, *shape)


def usual_augmentation(shape: Sequence[int]) -> Augmentation:
    """Return the default for rows of this shape (D, or C x H x W).

    Colour images are taken for photographs, whose light and colours vary.

    >>> usual_augmentation((1, 8, 8)) == Augmentation(), usual_augmentation((3, 32, 32)).light
    (True, 1.0)
    """
    if len(shape) == 1:
        return Augmentation(gain=0.1, noise=0.3)
    return Augmentation(light=1.0, colour=1.0) if shape[0] == 3 else Augmentation()


def background(images: Tensor) -> Tensor:
    """Return each image's background, the median of its border per channel: B x C x 1 x 1."""
    edges = [images[..., 0, :], images[..., -1, :], images[..., 0], images[..., -1]]
    border = torch.cat(edges, dim=-1)
    return border.median(dim=-1).values[..., None, None]
