"""Training: one loop for every stage. Two views in, the tasks' losses weighted, one step; no label
anywhere.
"""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from mtlkit.errors import InputError
from mtlkit.multitask.augmentation import Augmentation
from mtlkit.multitask.compute import seeded
from mtlkit.multitask.model import MultiTaskModel
from mtlkit.multitask.weighting import Weigher, Weighting

History = list[dict[str, Any]]
State = dict[str, Any]


class Teacher(AveragedModel):
    """A slowly moving average of the model: calmer than the model itself, so it makes the next
    label vectors.

    After step t the average keeps `min(decay, (1 + t) / (10 + t))` of itself: the first steps,
    which start from a random head, are soon forgotten. BatchNorm's running statistics are averaged
    too.

    Source: Tarvainen, Valpola 2017, "Mean teachers are better role models".
    """

    module: MultiTaskModel

    def __init__(self, model: MultiTaskModel, decay: float = 0.97) -> None:
        def average(averages: Any, current: Any, steps: Tensor | int) -> None:
            keep = min(decay, (1 + int(steps)) / (10 + int(steps)))
            for old, new in zip(averages, current, strict=True):
                old.lerp_(new, 1 - keep) if old.is_floating_point() else old.copy_(new)

        super().__init__(model, multi_avg_fn=average, use_buffers=True)
        self.eval()


def fit(
    model: MultiTaskModel,
    images: Any,
    *,
    epochs: int,
    batch_size: int = 256,
    weighting: Weighting = "uncertainty",
    cosines: bool = False,
    augmentation: Augmentation | None = None,
    learning_rate: float = 3e-3,
    seed: int = 0,
    stage: str = "training",
    teacher: Teacher | None = None,
    state: State | None = None,
    on_epoch: Callable[[int, Callable[[], State]], None] | None = None,
    on_step: Callable[[], None] | None = None,
) -> History:
    """Train all tasks of the model together, on two augmented views of every image.

    Args:
        model: its tasks' targets are rows in the order of `images`.
        images: N x C x H x W in [0, 1], or N x D standardised features.
        epochs: passes over the images. The last few images of a pass that do not fill a batch wait
            for the next one.
        batch_size: images a step; each is seen twice.
        weighting: how the losses become one step, see `weighting.make_weigher`.
        cosines: record how far the tasks' gradients agree. It costs a backward pass a task.
        augmentation: how views are made; default `Augmentation()`.
        learning_rate: the highest of a one-cycle schedule (Smith, Topin 2018) for AdamW.
        seed: for the order of the images and the views. The same seed gives the same weights on the
            same machine with the same number of threads.
        stage: a name for the rows of the history.
        teacher: an average to be moved along after each step.
        state: where an earlier call with the same arguments stood, to go on from there: the weights
            will be the same.
        on_epoch: called with the number of the epoch that has just ended, and a function that
            returns the `state` then; a round makes label vectors anew here.
        on_step: called after each step, for a progress bar.

    Returns:
        A row an epoch: stage, epoch, seconds, and for each task `loss/NAME` (the mean) and
        `weight/NAME` (in the last step); with `cosines`, for each two tasks `cosine/NAME/NAME` (the
        mean), see `weighting.Weigher.end_epoch`.

    Raises:
        InputError: no tasks, fewer than 2 images, NaN among them, or a loss that the weighting
            cannot bear.

    >>> from mtlkit.multitask import SmallCNN
    >>> from mtlkit.multitask.tasks import Contrast
    >>> model = MultiTaskModel(SmallCNN(), {"views": Contrast()})
    >>> history = fit(model, torch.rand(20, 1, 8, 8), epochs=2, batch_size=10)
    >>> [row["epoch"] for row in history], list(history[0])
    ([0, 1], ['stage', 'epoch', 'seconds', 'loss/views', 'weight/views'])
    """
    images = as_tensor(images)
    if not model.tasks or len(images) < 2 or epochs < 1:
        raise InputError(
            f"nothing to train: {len(model.tasks)} tasks, {len(images)} images, {epochs} epochs; "
            "give at least one task, two images and one epoch."
        )
    augmentation = augmentation or Augmentation()
    generator = torch.Generator().manual_seed(seed)
    names, steps, batch_size = list(model.tasks), *steps_an_epoch(len(images), batch_size)
    weigher = Weigher(weighting, names, cosines)
    parameters = [*model.parameters(), *weigher.method.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, total_steps=max(steps * epochs, 4)
    )
    parts: dict[str, Any] = {
        "model": model,
        "optimizer": optimizer,
        "schedule": schedule,
        "weigher": weigher,
    }
    if teacher is not None:
        parts["teacher"] = teacher
    history: History = []

    def snapshot() -> State:
        saved = {name: part.state_dict() for name, part in parts.items()}
        return saved | {"random": generator.get_state(), "history": history}

    model.train()
    if state is not None:
        for name, part in parts.items():
            part.load_state_dict(state[name])
        generator.set_state(state["random"])
        history = list(state["history"])
    for epoch in range(len(history), epochs):
        started, total = time.perf_counter(), torch.zeros(len(names))
        for rows in torch.randperm(len(images), generator=generator)[: steps * batch_size].split(
            batch_size
        ):
            batch = images[rows].to(model.device)
            views = augmentation(torch.cat([batch, batch]), generator).unflatten(
                0, (2, -1)
            )  # 2 x B x C x H x W
            with seeded(
                seed + schedule.last_epoch
            ):  # what draws in there (dropout, PCGrad's order) is repeatable, too
                losses = model.losses(views, rows)
                optimizer.zero_grad()
                total += weigher.backward(model, losses)
                optimizer.step()
                weigher.after_step(lambda: model.losses(views, rows))  # noqa: B023  # called at once
            schedule.step()
            if teacher is not None:
                teacher.update_parameters(model)
            if on_step is not None:
                on_step()
        row = {"stage": stage, "epoch": epoch, "seconds": time.perf_counter() - started}
        means = {
            f"loss/{name}": value / steps for name, value in zip(names, total.tolist(), strict=True)
        }
        history.append(row | means | weigher.end_epoch())
        if on_epoch is not None:
            on_epoch(epoch, snapshot)
    model.eval()
    return history


def steps_an_epoch(n_images: int, batch_size: int) -> tuple[int, int]:
    """Return the steps in one pass over the images, and the size of its batches (no larger than the
    set).

    >>> steps_an_epoch(1797, 256), steps_an_epoch(40, 256)
    ((7, 256), (1, 40))
    """
    return max(1, n_images // batch_size), min(batch_size, n_images)


def as_tensor(images: Any) -> Tensor:
    """Return images (an array or a tensor) as float32, after a look for NaN."""
    images = torch.as_tensor(images, dtype=torch.float32)
    if not torch.isfinite(images).all():
        bad = int((~torch.isfinite(images.flatten(1)).all(1)).nonzero()[0])
        raise InputError(
            f"the images hold NaN or infinity, first in row {bad}: remove or repair such rows."
        )
    return images
