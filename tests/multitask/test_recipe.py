"""The recipe: how long each stage lasts, and what is refused as soon as a recipe is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mtlkit.errors import InputError
from mtlkit.multitask import Augmentation, Recipe, Schedule, usual_augmentation
from mtlkit.preprocessing import describe


@pytest.mark.parametrize(
    ("stage", "n_images", "effort", "epochs"),
    [
        ("features", 1797, 1.0, 120),  # 14 steps an epoch: 1680 / 14
        ("features", 20_000, 1.0, 30),
        ("features", 60_000, 1.0, 10),
        ("features", 1250, 1.0, 187),  # 9 steps an epoch: 1680 / 9
        ("features", 100, 1.0, 84),  # few images: 5 steps an epoch, and a quarter of 1680
        ("features", 490, 1.0, 165),  # 5 steps an epoch, and .7 squared of 1680
        ("features", 707, 1.0, 336),  # 5 steps an epoch, and all of 1680
        ("features", 1797, 0.1, 12),
        ("features", 1797, 1e-9, 1),
        ("groups", 1797, 1.0, 6),
        ("groups", 256, 1.0, 6),
        ("groups", 60_000, 1.0, 2),
        ("classes", 1797, 1.0, 18),
        ("classes", 500, 0.5, 13),  # 5 steps an epoch: 252 * (5 / 7)^2 / 5 are 25.7
    ],
)
def test_epochs(stage: str, n_images: int, effort: float, epochs: int) -> None:
    assert Schedule(effort=effort).epochs(stage, n_images) == epochs


@pytest.mark.parametrize(
    "settings", [{"batch_size": 0}, {"effort": 0}, {"effort": -1}, {"effort": float("nan")}]
)
def test_a_schedule_has_bounds(settings: dict[str, float]) -> None:
    name, value = next(iter(settings.items()))
    with pytest.raises(InputError, match=f"{name} is {value}: give"):
        Schedule(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("n_images", "size"),
    [(2, 2), (4, 2), (10, 2), (14, 2), (15, 3), (320, 64), (640, 128), (60_000, 128)],
)
def test_few_images_are_trained_in_small_batches(n_images: int, size: int) -> None:
    assert Schedule().batch(n_images) == size
    assert Schedule(batch_size=33).batch(n_images) == 33  # what is asked for is taken


def test_below_few_images_the_least_steps_fall_with_their_square_to_a_quarter() -> None:
    for few in (400, 800):
        schedule = Schedule(batch_size=20, features=(1, 1000), few=few)
        sizes = (few * 2, few, few * 3 // 4, few // 2, few // 4)
        assert [schedule.epochs("features", n) * (n // 20) for n in sizes] == [
            pytest.approx(steps, rel=0.05) for steps in (1000, 1000, 562, 250, 250)
        ]
    assert Schedule(few=100).epochs("features", 200) > Schedule(few=1000).epochs("features", 200)


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"class_sizes": "evn"}, ["class_sizes 'evn'", "equal"]),
        ({"descriptors": ("hog", "stian")}, ["descriptors 'stian'", "Did you mean 'stain'"]),
        ({"descriptors": ()}, ["no descriptor was named", "stain"]),
        ({"weighting": "upgrd"}, ["weighting 'upgrd'", "upgrad"]),
        ({"encoder": "resnet17"}, ["encoder 'resnet17'", "resnet"]),
        ({"device": "tpu:9"}, ["device 'tpu:9'", "use cpu"]),
        ({"weights": "/not/there"}, ["weights /not/there", "model.safetensors"]),
    ],
)
def test_what_a_recipe_does_not_know_is_refused_at_once(
    settings: dict[str, Any], parts: list[str]
) -> None:
    with pytest.raises(InputError) as refused:
        Recipe(**settings)
    assert all(part in str(refused.value) for part in parts)


def test_every_setting_tells_recipes_apart(tmp_path: Path) -> None:
    plain = Recipe().as_dict()
    assert Recipe().as_dict() == plain
    others = [
        Recipe(class_sizes="equal"),
        Recipe(descriptors="lbp"),
        Recipe(encoder="mlp"),
        Recipe(augmentation=Augmentation()),
        Recipe(weighting="equal"),
        Recipe(cosines=True),
        Recipe(clustering=True),
        Recipe(schedule=Schedule(effort=0.5)),
        Recipe(schedule=Schedule(rounds=2)),
    ]
    assert all(
        sum(plain[name] != value for name, value in other.as_dict().items()) == 1
        for other in others
    )


@pytest.mark.parametrize(
    ("channels", "descriptors", "expected"),
    [
        (1, "auto", {"hog": 1.0}),
        (3, "auto", {"hog": 1.0, "chromaticity": 0.5}),
        (3, "lbp", ("lbp",)),
        (1, ("hog", "lbp"), ("hog", "lbp")),
        (3, ["hog", "stain"], ("hog", "stain")),
    ],
)
def test_the_regression_is_given_the_descriptors(
    channels: int, descriptors: Any, expected: Any
) -> None:
    images = torch.rand(4, channels, 16, 16)
    found = Recipe(descriptors=descriptors).targets(images)
    np.testing.assert_array_equal(found, describe(images.numpy(), expected))


def test_views_are_usual_unless_others_are_given() -> None:
    colour, given = torch.rand(2, 3, 8, 8), Augmentation(rotation=3)
    assert Recipe().augmentation_of(colour) == usual_augmentation((3, 8, 8)) != Augmentation()
    assert Recipe(augmentation=given).augmentation_of(colour) == given
