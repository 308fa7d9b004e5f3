"""Right and planted wrong answers to the exercises of chapter 04, with a fragment of what each must
be told.
"""

import copy

import numpy as np
import torch


def _right(encoder, heads, losses, images):
    features = encoder(images)
    return sum(losses[name](head(features)) for name, head in heads.items())


def _detached(encoder, heads, losses, images):
    features = encoder(images)
    return losses["views"](heads["views"](features)) + losses["descriptors"](
        heads["descriptors"](features.detach())
    )


def _heads_only(encoder, heads, losses, images):
    with torch.no_grad():
        features = encoder(images)
    return sum(losses[name](head(features)) for name, head in heads.items())


def _two_networks(encoder, heads, losses, images):
    return sum(losses[name](head(copy.deepcopy(encoder)(images))) for name, head in heads.items())


def _mean(encoder, heads, losses, images):
    return _right(encoder, heads, losses, images) / 2


def _one_task(encoder, heads, losses, images):
    return losses["views"](heads["views"](encoder(images)))


def _stops(encoder, heads, losses, images):
    return heads["colour"](encoder(images))


def _in_pairs(with_task, without):
    gain = np.subtract(with_task, without)
    return "helps" if (gain > 0).all() else "hurts" if (gain < 0).all() else "not established"


def _by_means(with_task, without):
    return "helps" if np.mean(with_task) > np.mean(without) else "hurts"


def _by_best_runs(with_task, without):
    return "helps" if max(with_task) > max(without) else "hurts"


def _by_ranges(with_task, without):
    if min(with_task) > max(without):
        return "helps"
    return "hurts" if max(with_task) < min(without) else "not established"


def _never_hurts(with_task, without):
    return "helps" if np.subtract(with_task, without).min() > 0 else "not established"


ANSWERS = {
    "04-1": {
        "right": [(0.97, 0.57), (0.95, 0.5)],
        "wrong": [
            ((0.9, 0.98), "expect more turning to help"),
            ((0.8, 0.8), "expect more turning to help"),
            ((0.98, 0.0), "much below 0.5"),
            ((0.98, 0.9), "may be partners there"),
            ((0.7, 0.55), "right order"),
            ((98, 55), "from 0 to 1"),
            (0.98, "two accuracies"),
        ],
        "given": {"measured": (0.99, 0.56)},
    },
    "04-2": {
        "right": [np.log(2 + np.exp(-2)), 0.758, 0.76],
        "wrong": [
            (np.log(2 + np.exp(-0.6)), "τ = 1"),
            (np.log(1 + np.exp(-2)), "partner is missing"),
            (np.log(2 + np.exp(-2) + np.exp(4 / 3)), "compared with itself"),
            (-np.log(2 + np.exp(-2)), "minus before it"),
            (3.0, "partner's share"),
            ("0.76", "a number"),
            ([0.76, 0.1], "a number"),
        ],
    },
    "04-3": {
        "right": [_right],
        "wrong": [
            (_detached, "`detach` cuts its gradient"),
            (_heads_only, "Nothing reaches the encoder"),
            (_two_networks, "Nothing reaches the encoder"),
            (_mean, "plain sum was asked for"),
            (_one_task, "not the sum of the two losses"),
            (lambda *_: 1.0, "as a tensor"),
            (_stops, "KeyError"),
            (3.0, "a function"),
        ],
    },
    "04-4": {
        "right": [(0.75, 1.25), np.array([0.75, 1.25])],
        "wrong": [
            ((2, 1), "plain sum or mean"),
            ((1, 0.5), "plain sum or mean"),
            ((1.5, 2.5), "as PCGrad does"),
            ((0.25, 1.25), "left as it was"),
            ((1.5, 0.5), "left as it was"),
            ((1.5, 1.5), "one gradient, mended"),
            ((0, 1), "one gradient, mended"),
            ((9, 9), "Take away from each"),
            (0.75, "two numbers"),
            ((0.75, 1.25, 0), "two numbers"),
        ],
    },
    "04-5": {
        "right": [_in_pairs],
        "wrong": [
            (_by_means, "One seed of five"),
            (_by_best_runs, "One seed of five"),
            (_by_ranges, "was not found"),
            (_never_hurts, "never says that a task hurts"),
            (lambda more, less: True, "the three answers are"),
            ("helps", "a function"),
        ],
    },
}
