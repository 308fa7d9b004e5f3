"""Augmentation: a draw for each image, geometry that moves pixels the right way, nothing else."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mtlkit.multitask import Augmentation, usual_augmentation
from mtlkit.multitask.augmentation import background

NONE: dict[str, Any] = {
    "rotation": 0,
    "scale": 0,
    "shift": 0,
    "shear": 0,
    "gain": 0,
    "noise": 0,
    "light": 0,
    "colour": 0,
}


def only(**settings: Any) -> Augmentation:
    return Augmentation(**NONE | settings)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def at_its_limit(monkeypatch: pytest.MonkeyPatch, images: Tensor, **settings: Any) -> Tensor:
    """The images changed by exactly the largest change that the settings allow."""
    monkeypatch.setattr(torch, "rand", lambda size, generator: torch.ones(size))
    return only(**settings)(images, generator())


def centre(image: Tensor) -> tuple[float, float]:
    """Centre of mass, right and down of the middle."""
    side = image.shape[-1]
    place = torch.arange(side) - (side - 1) / 2
    mass = image.sum()
    return float((image * place).sum() / mass), float((image * place[:, None]).sum() / mass)


@pytest.mark.parametrize("shape", [(6, 1, 8, 8), (3, 3, 11, 11), (5, 7)])
def test_zero_settings_change_nothing(shape: tuple[int, ...]) -> None:
    images = torch.rand(shape)
    torch.testing.assert_close(only()(images, generator()), images, atol=1e-5, rtol=0)


@pytest.mark.parametrize("setting", list(NONE))
def test_each_image_gets_a_draw_of_its_own(setting: str) -> None:
    image = torch.rand(1, 3, 12, 12).expand(2, 3, 12, 12)
    first, second = only(**{setting: 20 if setting == "rotation" else 0.2})(image, generator())
    assert not torch.allclose(first, second, atol=1e-3)


def test_the_same_generator_seed_gives_the_same_views() -> None:
    images = torch.rand(4, 3, 8, 8)
    views = [Augmentation(flip=True)(images, generator(seed)) for seed in (5, 5, 6)]
    assert torch.equal(views[0], views[1]) and not torch.equal(views[0], views[2])


def test_the_callers_random_numbers_and_images_are_left_alone() -> None:
    images = torch.rand(4, 1, 8, 8)
    copy, state = images.clone(), torch.get_rng_state()
    Augmentation(flip=True)(images, generator())
    assert torch.equal(images, copy) and torch.equal(torch.get_rng_state(), state)


def test_constant_images_stay_constant_without_gain_and_noise() -> None:
    grey = torch.tensor([0.2, 0.5, 0.9]).view(1, 3, 1, 1).expand(4, 3, 10, 10)
    changed = Augmentation(rotation=180, scale=0.5, shift=0.5, shear=1, gain=0, noise=0, flip=True)(
        grey, generator()
    )
    torch.testing.assert_close(changed, grey)


def test_what_comes_in_from_outside_is_background(monkeypatch: pytest.MonkeyPatch) -> None:
    image = torch.full((1, 1, 8, 8), 0.7)
    image[..., 3:5, 3:5] = 0.1
    assert background(image).item() == pytest.approx(0.7)
    shifted = at_its_limit(monkeypatch, image, shift=0.25)
    expected = torch.full((1, 1, 8, 8), 0.7)
    expected[..., 1:3, 1:3] = 0.1
    torch.testing.assert_close(shifted, expected)


def test_background_is_the_median_of_the_border_for_each_channel() -> None:
    images = torch.rand(2, 3, 5, 7)
    found = background(images)
    assert found.shape == (2, 3, 1, 1)
    for n in range(2):
        for c in range(3):
            image = images[n, c].tolist()
            border = sorted(
                image[0] + image[-1] + [row[0] for row in image] + [row[-1] for row in image]
            )
            assert found[n, c].item() == pytest.approx(border[(len(border) - 1) // 2])


def test_a_quarter_turn_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    image = torch.rand(1, 2, 9, 9)
    image[..., 0, :] = image[..., -1, :] = image[..., 0] = image[..., -1] = 0
    turned = at_its_limit(monkeypatch, image, rotation=90)
    torch.testing.assert_close(turned, torch.rot90(image, 1, (2, 3)), atol=1e-5, rtol=0)


def test_rotation_turns_without_shear(monkeypatch: pytest.MonkeyPatch) -> None:
    for right, down in ((8, 0), (0, 8), (6, -5)):
        image = torch.zeros(1, 1, 33, 33)
        image[..., 15 + down : 18 + down, 15 + right : 18 + right] = 1
        found = centre(at_its_limit(monkeypatch, image, rotation=30)[0, 0])
        cos, sin = math.cos(math.radians(30)), math.sin(math.radians(30))
        assert found == pytest.approx(
            (cos * right + sin * down, -sin * right + cos * down), abs=0.05
        )


def test_a_turn_goes_with_scale_and_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    image = torch.zeros(1, 1, 33, 33)
    image[..., 15:18, 19:22] = 1  # 4 px right of the middle
    large = at_its_limit(monkeypatch, image, rotation=30, scale=1)
    cos, sin = math.cos(math.radians(30)), math.sin(math.radians(30))
    assert centre(large[0, 0]) == pytest.approx((8 * cos, -8 * sin), abs=0.05)
    draws = iter([1, 1, 1, 0, 1, 1, 1])  # angle, shear, scale, mirror, twice shift, gain
    monkeypatch.setattr(
        torch, "rand", lambda size, generator: torch.full((size,), float(next(draws)))
    )
    mirrored = only(rotation=30, scale=1, flip=True)(image, generator())
    torch.testing.assert_close(mirrored, large.flip(-1), atol=1e-4, rtol=0)


def test_scale_and_shear(monkeypatch: pytest.MonkeyPatch) -> None:
    image = torch.zeros(1, 1, 32, 32)
    image[..., 12:20, 12:20] = 1
    # Half of each side, or twice: a quarter or four times the mass.
    smaller = at_its_limit(monkeypatch, image, scale=1)
    ratio = float(smaller.sum() / image.sum())
    assert ratio == pytest.approx(4, rel=0.1)
    high = torch.zeros(1, 1, 33, 33)
    high[..., 7:10, 15:18] = 1  # 8 px above the middle
    right, down = centre(at_its_limit(monkeypatch, high, shear=0.5)[0, 0])
    assert (right, down) == pytest.approx((4, -8), abs=0.1)


def test_a_turn_follows_the_shear(monkeypatch: pytest.MonkeyPatch) -> None:
    image = torch.zeros(1, 1, 33, 33)
    image[..., 8:11, 19:22] = 1  # 4 px right of the middle and 7 above it
    cos, sin = math.cos(math.radians(30)), math.sin(math.radians(30))
    turn, shear = np.array([[cos, -sin], [sin, cos]]), np.array([[1, 0.5], [0, 1]])
    changed = at_its_limit(monkeypatch, image, rotation=30, shear=0.5)
    assert centre(changed[0, 0]) == pytest.approx(np.linalg.solve(turn @ shear, [4, -7]), abs=0.1)


def test_flip_mirrors_about_half_of_a_batch() -> None:
    image = torch.rand(1, 1, 8, 8)
    flipped = only(flip=True)(image.expand(400, 1, 8, 8), generator())
    mirrored = [torch.allclose(view, image[0].flip(-1), atol=1e-5) for view in flipped]
    same = [torch.allclose(view, image[0], atol=1e-5) for view in flipped]
    assert 160 < sum(mirrored) < 240
    assert sum(mirrored) + sum(same) == 400


def test_gain_and_noise_have_the_size_asked_for() -> None:
    for shape in ((500, 1, 8, 8), (500, 64)):
        ones = torch.ones(shape)
        gains = only(gain=0.3)(ones, generator()).flatten(1)
        assert (gains == gains[:, :1]).all()
        assert 0.7 <= gains.min() < 0.72 and 1.28 < gains.max() <= 1.3
        noisy = only(noise=0.1)(ones, generator())
        assert noisy.mean() == pytest.approx(1, abs=0.005) and noisy.std() == pytest.approx(
            0.1, rel=0.05
        )


def test_plain_features_know_no_geometry() -> None:
    features = torch.rand(5, 9)
    moved = only(rotation=90, scale=0.5, shift=0.5, shear=1, flip=True)(features, generator())
    np.testing.assert_allclose(moved, features, rtol=1e-6)


def test_light_changes_brightness_and_contrast_by_up_to_a_factor() -> None:
    image = torch.rand(1, 3, 8, 8) * 0.5 + 0.25
    views = only(light=1)(image.expand(800, 3, 8, 8), generator())
    brightness = views.mean((1, 2, 3)) / image.mean()
    contrast = views.std((1, 2, 3)) / image.std()
    for factors in (brightness, contrast):
        assert 0.5 - 1e-4 <= factors.min() < 0.51 and 1.97 < factors.max() <= 2 + 1e-4
        assert 0.45 < (factors < 1).float().mean() < 0.55  # as often darker as lighter
    assert abs(np.corrcoef(brightness, contrast)[0, 1]) < 0.15  # a draw for each
    shape = (views - views.mean((1, 2, 3), keepdim=True)) / views.std((1, 2, 3), keepdim=True)
    # And nothing else is changed.
    torch.testing.assert_close(shape, shape[:1].expand_as(shape), atol=1e-3, rtol=0)


def test_colours_get_weaker_or_stronger_and_tinted(monkeypatch: pytest.MonkeyPatch) -> None:
    image = torch.rand(1, 3, 8, 8)
    grey = image.mean(1, keepdim=True)
    strong = at_its_limit(monkeypatch, image, colour=1)
    torch.testing.assert_close(strong, (grey + 2 * (image - grey)) * 1.2)
    monkeypatch.setattr(torch, "rand", lambda size, generator: torch.zeros(size))
    torch.testing.assert_close(only(colour=1)(image, generator()), (grey * 0.8).expand(1, 3, 8, 8))


def test_a_grey_picture_is_tinted_evenly_and_gets_no_pattern_of_colour() -> None:
    grey = torch.rand(40, 1, 8, 8).expand(40, 3, 8, 8) * 0.8 + 0.1
    factors = only(colour=1)(grey, generator()) / grey
    tint = factors[..., :1, :1]
    torch.testing.assert_close(factors, tint.expand_as(factors), atol=1e-5, rtol=0)
    assert tint.min() >= 0.8 - 1e-5 and tint.max() <= 1.2 + 1e-5
    alone = grey[:, :1]
    changed = only(colour=1)(alone, generator()) / alone
    torch.testing.assert_close(changed, changed[..., :1, :1].expand_as(changed), atol=1e-5, rtol=0)


@pytest.mark.parametrize("setting", ["light", "colour"])
def test_plain_features_know_neither_light_nor_colour(setting: str) -> None:
    features = torch.rand(5, 9)
    assert torch.equal(only(**{setting: 1.0})(features, generator()), only()(features, generator()))


def test_light_and_colour_are_for_colour_pictures_alone() -> None:
    assert Augmentation().light == Augmentation().colour == 0
    for shape in ((1, 8, 8), (1, 64, 48)):
        assert usual_augmentation(shape) == Augmentation()
    assert usual_augmentation((3, 32, 32)).light > 0 and usual_augmentation((3, 32, 32)).colour > 0
    plain = usual_augmentation((7,))
    assert plain.light == plain.colour == 0 and plain.gain < Augmentation().gain
