"""Where does the time of a training step go, and what do the tasks cost beside the encoder itself?

    python benchmarks/step.py
    python benchmarks/step.py --weighting

The first times each part of a step on digits (128 images, two views each, one thread), interleaved
with the encoder's own forward and backward on the same 256 views, and prints medians. The second
times whole steps of three tasks (contrast, regression, classification) by the way they are
weighted, interleaved, 200 steps each. Results go to `results/step.json` and
`results/weighting.json`.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import UTC, datetime

import numpy as np
import torch
from accuracy import RESULTS

from mtlkit import load
from mtlkit.deployment.run_folder import versions
from mtlkit.multitask import Augmentation, MultiTaskModel, SmallCNN
from mtlkit.multitask.tasks import Classification, Contrast, Regression
from mtlkit.multitask.weighting import Weigher, make_weigher
from mtlkit.preprocessing import describe

REPEATS, BATCH = 60, 128
STEPS, WAYS = 200, ("equal", "uncertainty", "UPGrad", "PCGrad", "MGDA")


def weighting() -> None:
    """Time a step of three tasks by each way of weighting."""
    torch.set_num_threads(1)
    images = torch.as_tensor(load("digits").images)
    targets = describe(images.numpy()), np.eye(10, dtype=np.float32)[np.arange(len(images)) % 10]
    augment, generator = Augmentation(), torch.Generator().manual_seed(0)
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    trained = {}
    for way in WAYS:
        torch.manual_seed(0)
        tasks = {
            "views": Contrast(),
            "shape": Regression(targets[0]),
            "classes": Classification(targets[1]),
        }
        model, weigher = MultiTaskModel(SmallCNN(), tasks).train(), Weigher(way, list(tasks))
        optimizer = torch.optim.AdamW(
            [*model.parameters(), *weigher.method.parameters()], fused=True
        )
        trained[way] = model, weigher, optimizer
    for step in range(STEPS + 10):
        rows = torch.randperm(len(images), generator=generator)[:BATCH]
        for way in np.roll(WAYS, step).tolist():  # each comes first in turn
            model, weigher, optimizer = trained[way]
            started = time.perf_counter()
            batch = images[rows]
            views = augment(torch.cat([batch, batch]), generator).unflatten(0, (2, -1))
            losses = model.losses(views, rows)
            optimizer.zero_grad()
            weigher.backward(model, losses)
            optimizer.step()
            times[way].append(1e3 * (time.perf_counter() - started))
    median = {way: float(np.median(values[10:])) for way, values in times.items()}
    ratios = {way: round(value / median["equal"], 3) for way, value in median.items()}
    for way in WAYS:
        bound = " (bound 2.5)" if way == "UPGrad" else ""
        print(f"{way:12} {median[way]:7.2f} ms  {ratios[way]:5.2f} times equal weights{bound}")
    content = {
        "command": "python benchmarks/step.py --weighting",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": versions(),
        "tasks": 3,
        "steps": STEPS,
        "milliseconds": {way: round(value, 2) for way, value in median.items()},
        "ratios": ratios,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "weighting.json").write_text(json.dumps(content, indent=1) + "\n")


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    images = torch.as_tensor(load("digits").images)
    model = MultiTaskModel(
        SmallCNN(), {"views": Contrast(), "shape": Regression(describe(images.numpy()))}
    ).train()
    weigher, augment, generator = (
        make_weigher("uncertainty", list(model.tasks)),
        Augmentation(),
        torch.Generator().manual_seed(0),
    )
    optimizer = torch.optim.AdamW([*model.parameters(), *weigher.parameters()], fused=True)
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
        losses = torch.stack(
            [model.tasks[name].batch_loss(output, rows) for name, output in outputs.items()]
        )
        total = weigher(losses)
        lap("heads, losses, weighting")
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
        f"{'step':28} {step:7.2f} ms\n{'encoder alone':28} {alone:7.2f} "
        f"ms\n{'ratio':28} {step / alone:7.2f} (bound 1.3)"
    )
    content = {
        "command": "python benchmarks/step.py",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": versions(),
        "milliseconds": {p: round(m, 2) for p, m in median.items()},
        "step": round(step, 2),
        "ratio": round(step / alone, 3),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "step.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--weighting", action="store_true", help="time three tasks by the way they are weighted"
    )
    weighting() if parser.parse_args().weighting else main()
