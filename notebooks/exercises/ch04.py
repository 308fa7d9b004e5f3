"""Chapter 04: a 6 turned into a 9, a contrast loss, one network for two tasks, UPGrad by hand, a
fair verdict.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from mtlkit.course.checks import exercise, function, near, number, numbers, result_of


@exercise(
    "04-1",
    numbers(2),
    "two accuracies from 0 to 1, such as (0.7, 0.8)",
    "Anyone who turns all the way says that 6 and 9 are one. No training brings back "
    "what views declared equal.",
)
def turned(answer: np.ndarray, measured: tuple[float, float]) -> str | None:
    gentle, full = answer
    if not 0 <= answer.min() <= answer.max() <= 1:
        return "Accuracies go from 0 to 1, and these do not."
    if full < 0.45:
        return (
            "Two groups of equal size matched to two kinds cannot score much below 0.5: "
            "the better of two pairings counts."
        )
    if full >= gentle:
        return "You expect more turning to help. More views are not better views: see section 1."
    if full > measured[1] + 0.15:
        return (
            f"With full turns {measured[1]:.2f} were measured. A 6 and a 9 may be "
            "partners there: see section 1."
        )
    if near(gentle, measured[0], 0.15):
        return None
    return f"The right order; but with gentle turns it was {measured[0]:.2f}."


@exercise(
    "04-2",
    number(),
    "a number",
    "log(2 + e⁻²) = 0.76: a stranger that is as near as the partner costs log 2 alone.",
)
def contrast_loss(answer: float) -> str | None:
    if near(answer, np.log(2 + np.exp(-2))):
        return None
    if near(answer, np.log(2 + np.exp(-0.6))):
        return "That is for τ = 1. Each cosine is divided by the temperature first: section 2."
    if near(answer, np.log(1 + np.exp(-2))):
        return (
            "The partner is missing below the fraction. Only the view itself is left out "
            "there: section 2."
        )
    if near(answer, np.log(2 + np.exp(-2) + np.exp(0.4 / 0.3))):
        return (
            "There the view is compared with itself, at cosine 1. The sum leaves out m = "
            "i: section 2."
        )
    if near(answer, -np.log(2 + np.exp(-2))):
        return (
            "A share below one has a negative logarithm, and the loss has a minus before "
            "it: section 2."
        )
    return (
        "Take exp(cosine / τ) for partner and strangers; the loss is -log of the "
        "partner's share of their sum."
    )


@exercise(
    "04-3",
    function,
    "a function",
    "Encoder and both heads get the gradient of the sum: one network, two tasks.",
)
def one_network(answer: Any) -> str | None:
    def squared(outputs: torch.Tensor) -> torch.Tensor:
        return (outputs - 1).square().mean()

    torch_state = torch.random.get_rng_state()
    torch.default_generator.manual_seed(0)
    encoder, images = nn.Linear(3, 2), torch.rand(5, 3)
    heads = nn.ModuleDict({"views": nn.Linear(2, 2), "descriptors": nn.Linear(2, 3)})
    torch.random.set_rng_state(torch_state)
    losses = {"views": squared, "descriptors": lambda outputs: outputs.abs().mean()}
    each = [losses[name](heads[name](encoder(images))) for name in heads]
    pulls = [torch.autograd.grad(loss, encoder.weight)[0] for loss in each]
    total = result_of(answer, encoder, heads, losses, images)
    if not isinstance(total, torch.Tensor) or total.ndim:
        return "Return one number as a tensor, so that a gradient can be taken of it."
    if near(total.item(), sum(each).item() / 2):
        return "That is the mean of the losses. The plain sum was asked for: section 4."
    if not near(total.item(), sum(each).item()):
        return (
            "The value is not the sum of the two losses: each head gets the encoder's "
            "features, section 4."
        )
    if total.requires_grad:
        total.backward()
    got = torch.zeros_like(pulls[0]) if encoder.weight.grad is None else encoder.weight.grad
    if near(got, sum(pulls), 1e-5):
        return None
    if not got.any():
        return (
            "Nothing reaches the encoder that was given: only heads, or a copy, learn. "
            "One network is shared: section 4."
        )
    if any(near(got, pull, 1e-5) for pull in pulls):
        return (
            "One task alone teaches the encoder, the other its head only: `detach` cuts "
            "its gradient. See section 4."
        )
    return "The encoder's gradient is to be the sum of both tasks' gradients: section 4."


@exercise(
    "04-4",
    numbers(2),
    "two numbers, such as [0.5, 0.5]",
    "(0.75, 1.25): with g₁ it makes 2.25, with g₂ 0.5, so that both losses fall.",
)
def upgrad(answer: np.ndarray) -> str | None:
    if near(answer, [0.75, 1.25]):
        return None
    if near(answer, [2, 1]) or near(answer, [1, 0.5]):
        return (
            "That is the plain sum or mean. With g₂ it makes a negative product: the "
            "second loss rises. See section 7."
        )
    if near(answer, [1.5, 2.5]):
        return (
            "Both are mended rightly, and then added, as PCGrad does. UPGrad takes the "
            "mean: section 7, point 3."
        )
    if near(answer, [0.25, 1.25]) or near(answer, [1.5, 0.5]):
        return (
            "One of the two was mended, the other left as it was. Each is freed of what "
            "it has against the other: section 7."
        )
    if near(answer, [1.5, 1.5]) or near(answer, [0, 1]):
        return (
            "That is one gradient, mended. UPGrad does it for each, and takes the mean: section 7."
        )
    return (
        "Take away from each its part against the other, (g₁·g₂ / |g|²) g, and then take "
        "the mean: section 7."
    )


@exercise(
    "04-5",
    function,
    "a function of two lists",
    "Pairs take out what the seed does to both, and one unlucky run decides nothing.",
)
def fair_verdict(answer: Any) -> str | None:
    base = np.array([0.95, 0.85, 0.93, 0.90, 0.96])
    unlucky = np.array([0.95, 0.50, 0.94, 0.91, 0.97])
    cases = {
        "gain": (base + 0.01, base),
        "loss": (base, base + 0.01),
        "luck": (base - [0.01, -0.1, 0.01, 0.01, 0.01], base),
        "bad luck": (unlucky, base),
    }
    names = ("helps", "hurts", "not established")
    verdicts = {}
    for case, (more, less) in cases.items():
        verdict = result_of(answer, more.tolist(), less.tolist())
        if not isinstance(verdict, str) or verdict not in names:
            return f"It said {verdict!r}: the three answers are {', '.join(map(repr, names))}."
        verdicts[case] = verdict
    if verdicts["luck"] != "not established" or verdicts["bad luck"] != "not established":
        return (
            "One seed of five was enough to decide, as it is for a mean or a best run. "
            "Look at each pair: section 9."
        )
    if verdicts["gain"] != "helps":
        return (
            "A gain of 0.01 on every seed was not found: the seeds differ more than "
            "that, but in pairs it is plain. Section 9."
        )
    if verdicts["loss"] != "hurts":
        return "It never says that a task hurts. The table of section 9 has three verdicts."
    return None
