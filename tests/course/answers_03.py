"""Planted answers to the exercises of chapter 03: right ones, and wrong ones with a fragment of
what is said to them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.special import softmax
from torch import nn

from mtlkit import load
from mtlkit.preprocessing import standardise


def untrained(shown: torch.Tensor, width: int = 4, filters: int = 256) -> np.ndarray:
    torch.manual_seed(0)
    layer = nn.Conv2d(shown.shape[1], filters, 3, padding=1)
    with torch.no_grad():
        return standardise(nn.MaxPool2d(width)(layer(shown).relu()).flatten(1).numpy())


def drawn_anew(shown: torch.Tensor) -> np.ndarray:
    return np.random.default_rng().random((len(shown), 4))


def with_both_faults(squared: np.ndarray, tau: float) -> np.ndarray:
    weights = np.exp(-squared / tau)
    return weights / weights.sum(axis=0)


def with_columns(squared: np.ndarray, tau: float) -> np.ndarray:
    return softmax(-squared / tau, axis=0)


def with_underflow(squared: np.ndarray, tau: float) -> np.ndarray:
    weights = np.exp(-squared / tau)
    return weights / weights.sum(axis=1, keepdims=True)


digits = load("digits:small")
pictures = torch.as_tensor(digits.images)
to_the_right = nn.functional.pad(pictures, (1, 0))[..., :-1]
to_the_left = nn.functional.pad(pictures, (0, 1))[..., 1:]
moved = torch.cat([to_the_right[:300], to_the_left[300:]])
ANSWERS: dict[str, dict[str, Any]] = {
    "03-1": {
        "right": [0.832, 0.83],
        "wrong": [
            (0.638, "before the division"),
            (1.20, "in bits"),
            (-0.832, "sign is missing"),
            (0.0, "exp(-d² / τ)"),
            ("soft", "must be one number"),
            ([0.67, 0.24, 0.09], "must be one number"),
        ],
    },
    "03-2": {
        "right": [0.05792, 0.058],
        "wrong": [
            (0.2, "lets five vote"),
            (0.00032, "all five wrong"),
            (0.0512, "no more and no less"),
            (0.94208, "majority is right"),
            (0.4, "3, 4 and 5"),
            (5.8, "must be a number from 0 to 1"),
        ],
    },
    "03-3": {
        "right": [0.6],
        "wrong": [
            (1.0, "good features make equal sizes safe"),
            (0.9, "Two groups of 50 were asked for"),
            (0.78, "balanced accuracy"),
            (0.5, "do not forget the 10"),
            (0.1, "by hand"),
            (60, "must be a number from 0 to 1"),
        ],
    },
    "03-4": {
        "right": [lambda squared, tau: softmax(-squared / tau, axis=1)],
        "wrong": [
            (with_both_faults, "columns sum to one"),
            (with_columns, "columns sum to one"),
            (with_underflow, "0 / 0"),
            (lambda squared, tau: softmax(squared / tau, axis=1), "not those of exp"),
            (lambda squared, tau: softmax(-squared, axis=1), "not those of exp"),
            (lambda squared, tau: softmax(-squared / tau, axis=1)[0], "of shape"),
            (0.5, "must be a function"),
        ],
    },
    "03-5": {
        "right": [untrained],
        "wrong": [
            (lambda shown: shown.flatten(1).numpy(), "forgive no shift"),
            (lambda shown: untrained(shown, width=2), "forgive no shift"),
            (lambda shown: shown.amax(dim=(1, 2, 3))[:, None].numpy(), "forgive no shift"),
            (lambda shown: untrained(shown, width=8), "forgotten too much"),
            (drawn_anew, "one seed"),
            (lambda shown: shown.numpy(), "one row for each"),
            ("HOG", "must be a function"),
        ],
        "given": {"images": pictures, "moved": moved, "labels": digits.open_labels()},
    },
}
