"""Where does the time of a training step go, and what do the tasks cost beside the encoder itself?

    python benchmarks/step.py

Times each part of a step on digits (128 images, two views each, one thread), interleaved with the encoder's own forward and
backward on the same 256 views, and prints medians. Results go to `results/step.json`.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import numpy as np
import torch
from accuracy import RESULTS

from mtlkit import load
from mtlkit.deployment.runs import versions
from mtlkit.multitask import Augmentation, MultiTaskModel, SmallCNN
from mtlkit.multitask.balancing import make_balancer
from mtlkit.multitask.tasks import Contrast, Regression
from mtlkit.preprocessing import describe

REPEATS, BATCH = 60, 128


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    images = torch.as_tensor(load("digits").images)
    model = MultiTaskModel(SmallCNN(), {"views": Contrast(), "shape": Regression(describe(images.numpy()))}).train()
    balancer, augment, generator = (
        make_balancer("uncertainty", list(model.tasks)),
        Augmentation(),
        torch.Generator().manual_seed(0),
    )
    optimizer = torch.optim.AdamW([*model.parameters(), *balancer.parameters()], fused=True)
    times: dict[str, list[float]] = {}
    last = time.perf_counter()

    def lap(part: str | None) -> None:
        nonlocal last
        now = time.perf_counter()
        if part:
            times.setdefault(part, []).append(1e3 * (now - last))
        last = time.perf_counter()

    for _ in range(REPEATS):
        lap(None)
        rows = torch.randperm(len(images), generator=generator)[:BATCH]
        batch = images[rows]
        views = augment(torch.cat([batch, batch]), generator).unflatten(0, (2, -1))
        lap("two views of each image")
        features = model.encoder(views.flatten(0, 1))
        lap("encoder, forward")
        outputs = {name: head(features.unflatten(0, (2, -1))) for name, head in model.heads.items()}
        losses = torch.stack([model.tasks[name].batch_loss(output, rows) for name, output in outputs.items()])
        total = balancer(losses)
        lap("heads, losses, balancing")
        optimizer.zero_grad()
        total.backward()
        lap("backward through all")
        optimizer.step()
        lap("optimiser")
        optimizer.zero_grad()
        lap(None)
        model.encoder(views.flatten(0, 1)).sum().backward()
        lap("encoder alone, forward and backward")
    median = {part: float(np.median(values[10:])) for part, values in times.items()}
    alone = median["encoder alone, forward and backward"]
    parts = [part for part in median if not part.startswith("encoder alone")]
    step = sum(median[part] for part in parts)
    for part in parts:
        print(f"{part:28} {median[part]:7.2f} ms  {median[part] / step:6.1%} of the step")
    print(
        f"{'step':28} {step:7.2f} ms\n{'encoder alone':28} {alone:7.2f} ms\n{'ratio':28} {step / alone:7.2f} (bound 1.3)"
    )
    content = {"command": "python benchmarks/step.py", "date": f"{datetime.now(UTC):%Y-%m-%d}", "versions": versions(),
               "milliseconds": {p: round(m, 2) for p, m in median.items()},
               "step": round(step, 2), "ratio": round(step / alone, 3)}  # fmt: skip
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "step.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
