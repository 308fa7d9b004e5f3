"""What was found says what it rests on, and warns of classes that ran empty."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np

from mtlkit.multitask import Augmentation, ClusteringResult, MultiTaskModel, Recipe, SmallCNN
from mtlkit.multitask.result import warn_of_collapse
from mtlkit.preprocessing.class_sizes import SizeEvidence
from mtlkit.preprocessing.tracks import Tracks

RESULT = ClusteringResult(
    MultiTaskModel(SmallCNN(), {}),
    np.eye(3)[[2, 0, 0]],
    np.array([0.9, 0.8, 0.7]),
    np.array([0.5, 0.2, 1.5]),
    history=[],
    seconds={},
    sizes=[SizeEvidence("auto", "free", 0.3, 0.1, 1.0), SizeEvidence("auto", "equal", 0.1, 0.1, 0)],
    recipe=Recipe(),
    augmentation=Augmentation(rotation=20),
)


def test_classes_are_the_likeliest() -> None:
    assert RESULT.classes.tolist() == [2, 0, 0]


def test_the_assumptions_are_the_number_the_sizes_and_the_changes() -> None:
    number, sizes, changes = RESULT.assumptions("user")
    assert "3" in number and "user" in number
    assert sizes == str(RESULT.sizes[-1])
    assert "20 degrees" in changes and "colour" not in changes and "mirror" not in changes


def test_mirroring_colour_and_weights_from_elsewhere_are_assumptions_too() -> None:
    augmentation = Augmentation(flip=True, colour=1.0)
    recipe = Recipe()
    object.__setattr__(recipe, "weights", "elsewhere.safetensors")  # which is not there
    start, *_, changes = replace(RESULT, augmentation=augmentation, recipe=recipe).assumptions(
        "user"
    )
    assert "elsewhere.safetensors" in start
    assert "colour" in changes and "mirroring" in changes


def test_tracks_are_an_assumption() -> None:
    given = replace(RESULT, tracks=Tracks(["a", "b", "a"], 3)).assumptions("user")
    assert [line for line in given if line not in RESULT.assumptions("user")] == [
        "Images of one track were assumed to show one thing: 3 images, in 2 tracks by names that "
        "were given."
    ]


def test_full_classes_are_not_warned_of() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        warn_of_collapse(np.array([0, 2, 1]), 3)
        full = len(seen)
        warn_of_collapse(np.array([0, 2, 2]), 3)
    assert full == 0 and len(seen) == 1
