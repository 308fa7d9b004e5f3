"""Confidence after training: as sure as it is right, and the classes as they were."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from mtlkit import load
from mtlkit.multitask import (
    MultiTaskModel,
    Recipe,
    Schedule,
    SmallCNN,
    find_classes,
    judge,
    usual_augmentation,
)
from mtlkit.multitask.confidence import KEPT, calibrate, remember
from mtlkit.multitask.tasks import Classification

SMALL = load("digits:small").images
IMAGES = torch.as_tensor(SMALL)
AUGMENTATION = usual_augmentation((1, 8, 8))


@pytest.fixture(scope="module")
def found():  # type: ignore[no-untyped-def]
    return find_classes(IMAGES, 3, Recipe(schedule=Schedule(effort=0.1)), seed=0)


def sure_of_itself(model: MultiTaskModel) -> float:
    return float(model.predict(IMAGES, "classes").amax(dim=1).mean())


def test_confidence_lies_between_clean_images_and_views(found) -> None:  # type: ignore[no-untyped-def]
    model = copy.deepcopy(found.model)
    with torch.no_grad():
        for parameter in model.heads["classes"].parameters():
            parameter.mul_(20)  # far too sure
    before, classes = sure_of_itself(model), model.predict(IMAGES, "classes").argmax(dim=1)
    generator = torch.Generator().manual_seed(5)
    views = model.predict(AUGMENTATION(IMAGES, generator), "classes")
    on_views = float(views.gather(1, classes[:, None]).mean())
    target = calibrate(model, IMAGES, AUGMENTATION, seed=0)
    assert target == pytest.approx((before + on_views) / 2, abs=0.01)
    assert sure_of_itself(model) == pytest.approx(target, abs=1e-4) and target < before - 0.005
    assert torch.equal(model.predict(IMAGES, "classes").argmax(dim=1), classes)


def test_one_class_stays_as_it_is() -> None:
    model = MultiTaskModel(SmallCNN(channels=1), {"classes": Classification(np.ones((537, 1)))})
    weights = model.heads["classes"].weight.clone()
    judgement = remember(model, IMAGES, AUGMENTATION, seed=0)
    assert torch.equal(model.heads["classes"].weight, weights) and model.exponent == 1
    assert (judgement.confidence == 1).all()


def test_confidence_hears_the_neighbours_and_keeps_its_mean(found) -> None:  # type: ignore[no-untyped-def]
    largest = found.probabilities.max(axis=1)
    assert found.confidence.mean() == pytest.approx(largest.mean(), abs=1e-3)
    model = copy.deepcopy(found.model)
    assert model.reference is not None
    others = np.roll(np.arange(3), 1)[model.reference.classes]  # the neighbours say otherwise
    model.reference = replace(model.reference, classes=others)
    assert judge(model, IMAGES).confidence.mean() < found.confidence.mean() - 0.1


def test_new_images_are_judged_as_the_training_images_were(found) -> None:  # type: ignore[no-untyped-def]
    judgement = judge(found.model, IMAGES)
    np.testing.assert_allclose(judgement.probabilities, found.probabilities, atol=1e-6)
    assert (judgement.novelty <= found.novelty + 1e-5).all()  # there, itself is left out
    assert 0.01 < (found.novelty > 1).mean() < 0.05


def test_white_paper_and_noise_fit_nowhere(found) -> None:  # type: ignore[no-untyped-def]
    noise = np.random.default_rng(0).random((1, 1, 8, 8), np.float32)
    odd = np.concatenate([np.ones_like(noise), np.zeros_like(noise), noise])
    assert (judge(found.model, torch.as_tensor(odd)).novelty > 1).all()


def test_a_model_without_memory_says_so(found) -> None:  # type: ignore[no-untyped-def]
    model = copy.deepcopy(found.model)
    model.reference = None
    assert np.isnan(judge(model, IMAGES).novelty).all()


def test_a_thousand_images_are_remembered_at_most(found) -> None:  # type: ignore[no-untyped-def]
    many = IMAGES.repeat(3, 1, 1, 1)
    model = copy.deepcopy(found.model)
    judgement = remember(model, many, AUGMENTATION, seed=0)
    assert model.reference is not None and len(model.reference.spaces[0]) == KEPT
    assert judgement.novelty.shape == (len(many),)


def test_the_same_seed_remembers_the_same(found) -> None:  # type: ignore[no-untyped-def]
    judgements = [
        remember(copy.deepcopy(found.model), IMAGES, AUGMENTATION, seed) for seed in (1, 1, 2)
    ]
    first, second, other = (judgement.probabilities for judgement in judgements)
    assert (first == second).all() and (first != other).any()
