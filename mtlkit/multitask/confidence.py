"""How sure a model is of an image, so that .9 means about nine in ten. No label is needed."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy import ndarray
from scipy.optimize import brentq
from torch import Tensor

from mtlkit.preprocessing.novelty import Reference, spaces_of

if TYPE_CHECKING:
    from mtlkit.multitask.augmentation import Augmentation
    from mtlkit.multitask.model import MultiTaskModel

KEPT = 1000  # training images that a model remembers
VIEWS = 8  # of each of them, to see how sure the network stays
SECOND = 0.25  # weight of the second witness beside the network


class Judgement(NamedTuple):
    """What a model says of N images.

    probabilities: N x K, the softmax of the head `classes`; the class is the largest of a row. It
        is too sure of itself.
    confidence: N; of images with a confidence of .9, about nine in ten are in the right class.
    novelty: N; above 1 an image fits nowhere. NaN where the model remembers nothing.
    """

    probabilities: ndarray
    confidence: ndarray
    novelty: ndarray


def judge(model: "MultiTaskModel", images: Tensor, rows: ndarray | None = None) -> Judgement:
    """Return what a model with the head `classes` says of images in the shape that it takes.

    Confidence asks two witnesses: the network, and the classes of the training images that look
    alike without it. `rows` is for images that the model remembers, see `Reference.novelty`.
    """
    features = model.features(images)
    probabilities = model.probabilities(features).numpy()
    largest = probabilities.max(axis=1)
    reference = model.reference
    if reference is None:
        return Judgement(probabilities, largest, np.full_like(largest, np.nan))
    spaces = spaces_of(features.numpy(), model.standardised(images).numpy())
    agreement = reference.agreement(spaces, probabilities.argmax(axis=1), rows)
    said = (largest + SECOND * agreement) / (1 + SECOND)
    confidence = _sharpened(said, model.exponent)
    return Judgement(probabilities, confidence, reference.novelty(spaces, rows))


def remember(
    model: "MultiTaskModel", images: Tensor, augmentation: "Augmentation", seed: int
) -> Judgement:
    """Give a trained model a reference and calibrate it; return what it says of its N images."""
    chosen = np.random.default_rng(seed).permutation(len(images))[:KEPT]
    some = images[chosen]
    features = model.features(some)
    classes = model.probabilities(features).argmax(dim=1).numpy()
    spaces = spaces_of(features.numpy(), model.standardised(some).numpy())
    model.reference = Reference.of(spaces, classes)
    calibrate(model, some, augmentation, seed)
    rows = np.full(len(images), -1)
    rows[chosen] = range(len(chosen))
    return judge(model, images, rows)


def calibrate(
    model: "MultiTaskModel", images: Tensor, augmentation: "Augmentation", seed: int
) -> None:
    r"""Set the exponent by which a model is as sure as it is right.

    A network that knows its training images by heart is too sure of them. Changed views of them it
    knows less well, and images that it has not seen lie between the two. So the exponent $a$ in
    $s^a / (s^a + (1 - s)^a)$, with $s$ what the two witnesses say, is the one that brings the mean
    confidence to the middle between the network's on clean images and on views.

    `images` are those of the model's reference.

    Source: Guo, Pleiss, Sun, Weinberger 2017, "On calibration of modern neural networks" (there, a
        temperature is fitted to labels).
    """
    generator = torch.Generator().manual_seed(seed)
    of_views = [model.predict(augmentation(images, generator), "classes") for _ in range(VIEWS)]
    model.exponent = 1.0
    rows = np.arange(len(images))
    probabilities, said, _ = judge(model, images, rows)
    between = (probabilities + np.mean(of_views, axis=0)) / 2  # N x K
    target = between[rows, probabilities.argmax(axis=1)].mean()

    def excess(exponent: float) -> float:
        return _sharpened(said, exponent).mean() - target

    if excess(0.01) < 0 < excess(100):  # of one class all are sure
        model.exponent = brentq(excess, 0.01, 100)


def _sharpened(share: ndarray, exponent: float) -> ndarray:
    """Move numbers from 0 to 1 away from one half, where the exponent is above 1."""
    return share**exponent / (share**exponent + (1 - share) ** exponent)
