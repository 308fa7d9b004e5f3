"""How sure a model is of an image, so that .9 means about nine in ten. No label is needed."""

from collections.abc import Callable
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
RANGE = (0.01, 100.0)  # of temperatures and exponents


class Judgement(NamedTuple):
    """What a model says of N images.

    probabilities: N x K, rows sum to one; the class is the largest of a row.
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
    probabilities = _logits(model, features).softmax(-1).numpy()
    largest = probabilities.max(axis=1)
    reference = model.reference
    if reference is None:
        return Judgement(probabilities, largest, np.full(len(images), np.nan))
    spaces = spaces_of(features.numpy(), model.standardised(images).numpy())
    agreement = reference.agreement(spaces, probabilities.argmax(axis=1), rows)
    confidence = _sharpened((largest + agreement / 2) / 1.5, model.exponent)
    return Judgement(probabilities, confidence, reference.novelty(spaces, rows))


def remember(
    model: "MultiTaskModel", images: Tensor, augmentation: "Augmentation", seed: int
) -> Judgement:
    """Calibrate a trained model and give it a reference; return what it says of its N images."""
    chosen = np.random.default_rng(seed).permutation(len(images))[:KEPT]
    some = images[chosen]
    target = calibrate(model, some, augmentation, seed)
    features = model.features(some)
    spaces = spaces_of(features.numpy(), model.standardised(some).numpy())
    model.reference = Reference.of(spaces, _logits(model, features).argmax(dim=1).numpy())
    model.exponent = 1.0
    witnesses = judge(model, some, np.arange(len(some))).confidence
    model.exponent = _solved(
        lambda exponent: float(_sharpened(witnesses, exponent).mean()) - target
    )
    rows = np.full(len(images), -1)
    rows[chosen] = np.arange(len(chosen))
    return judge(model, images, rows)


def calibrate(
    model: "MultiTaskModel", images: Tensor, augmentation: "Augmentation", seed: int
) -> float:
    r"""Make the head `classes` as sure as it is right; return its mean confidence then.

    A network that knows its training images by heart is too sure of them. Changed views of them it
    knows less well, and images that it has not seen lie between the two. So the head is divided by
    the temperature $T$ that brings the mean confidence $\max_k \mathrm{softmax}(z / T)_k$ to the
    middle between that on clean images and that on views. The classes stay as they are.

    Source: Guo, Pleiss, Sun, Weinberger 2017, "On calibration of modern neural networks" (there,
        $T$ is fitted to labels).
    """
    generator = torch.Generator().manual_seed(seed)
    logits = _logits(model, model.features(images))
    clean = logits.softmax(-1)
    of_views = [model.predict(augmentation(images, generator), "classes") for _ in range(VIEWS)]
    between = (clean + torch.stack(of_views).mean(dim=0)) / 2  # N x K
    target = float(between.gather(1, clean.argmax(dim=1, keepdim=True)).mean())

    def missing(temperature: float) -> float:
        return target - float((logits / temperature).softmax(-1).amax(dim=1).mean())

    temperature = _solved(missing)
    with torch.no_grad():
        for parameter in model.heads["classes"].parameters():
            parameter.div_(temperature)
    return target


def _sharpened(share: ndarray, exponent: float) -> ndarray:
    """Move numbers from 0 to 1 away from one half, where the exponent is above 1."""
    return share**exponent / (share**exponent + (1 - share) ** exponent)


def _solved(rising: Callable[[float], float]) -> float:
    """Return where a rising function is 0; 1 where it never is, as with one class."""
    low, high = RANGE
    return float(brentq(rising, low, high)) if rising(low) < 0 < rising(high) else 1.0


@torch.no_grad()
def _logits(model: "MultiTaskModel", features: Tensor) -> Tensor:
    return model.heads["classes"](features.to(model.device)).cpu()  # N x K
