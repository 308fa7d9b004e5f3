"""Training: one loop for every stage. Two views in, the tasks' losses weighted, one step."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel

from mtlkit.errors import InputError
from mtlkit.multitask.augmentation import Augmentation
from mtlkit.multitask.compute import seeded
from mtlkit.multitask.model import MultiTaskModel
from mtlkit.multitask.weighting import Weigher, Weighting
from mtlkit.preprocessing.tracks import in_pairs

History = list[dict[str, Any]]
TrainingState = dict[str, Any]


class Teacher(AveragedModel):
    """A slowly moving average of the model, calmer than it is: label vectors are made from it.

    After step t the average keeps `min(decay, (1 + t) / (10 + t))` of itself: the first steps,
    which start from a random head, are soon forgotten. BatchNorm's running statistics are averaged
    too.

    Source: Tarvainen, Valpola 2017, "Mean teachers are better role models".
    """

    module: MultiTaskModel

    def __init__(self, model: MultiTaskModel, decay: float = 0.97) -> None:
        super().__init__(model, multi_avg_fn=partial(_move_average, decay), use_buffers=True)
        self.eval()


def _move_average(decay: float, averages: Any, current: Any, steps: Tensor | int) -> None:
    keep = min(decay, (1 + int(steps)) / (10 + int(steps)))
    for old, new in zip(averages, current, strict=True):
        if old.is_floating_point():
            old.lerp_(new, 1 - keep)
        else:
            old.copy_(new)


@dataclass(frozen=True)
class TrainingOptions:
    """What is asked of a training more rarely.

    Args:
        augmentation: how views are made; None: `Augmentation()`.
        cosines: record how far the tasks' gradients agree. It costs a backward pass a task.
        learning_rate: the highest of a one-cycle schedule (Smith, Topin 2018) for AdamW.
        stage: a name for the rows of the history.
        teacher: an average to be moved along after each step.
        views: how many augmented views of an image are shown in a step.
        groups: N numbers; images of equal numbers, which show one thing, go into batches in pairs,
            so that contrast meets them.
        state: where an earlier call with the same arguments stood, to go on from there: the weights
            will be the same.
        on_epoch: called with the number of the epoch that has just ended, and a function that
            returns the `state` then; label vectors are made again here.
        on_step: called after each step, for a progress bar.
    """

    augmentation: Augmentation | None = None
    cosines: bool = False
    learning_rate: float = 3e-3
    stage: str = "training"
    teacher: Teacher | None = None
    views: int = 2
    groups: np.ndarray | None = None
    state: TrainingState | None = None
    on_epoch: Callable[[int, Callable[[], TrainingState]], None] | None = None
    on_step: Callable[[], Any] | None = None


def fit(
    model: MultiTaskModel,
    images: Any,
    *,
    epochs: int,
    batch_size: int = 256,
    weighting: Weighting = "uncertainty",
    seed: int = 0,
    options: TrainingOptions | None = None,
) -> History:
    """Train all tasks of the model together, on augmented views (two) of every image.

    Args:
        model: its tasks' targets are rows in the order of `images`.
        images: N x C x H x W in [0, 1], or N x D standardised features.
        epochs: passes over the images. The last few images of a pass that do not fill a batch wait
            for the next one.
        batch_size: images a step; each is seen once a view.
        weighting: how the losses become one step, see `weighting.make_weigher`.
        seed: for the order of the images and the views. The same seed gives the same weights on the
            same machine with the same number of threads.
        options: how views are made, what is recorded, where to go on from, ...

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
    steps, batch_size = steps_an_epoch(len(images), batch_size)
    loop = _Loop(model, steps * epochs, weighting, seed, options or TrainingOptions())
    model.train()
    loop.go_on()
    for epoch in range(len(loop.history), epochs):
        started = time.perf_counter()
        total = torch.zeros(len(model.tasks))
        order = torch.randperm(len(images), generator=loop.generator)
        if loop.options.groups is not None:
            order = order[in_pairs(loop.options.groups[order])]
        for rows in order[: steps * batch_size].split(batch_size):
            total += loop.step(images[rows], rows)
        means = [value / steps for value in total.tolist()]
        loop.end_epoch(epoch, means, time.perf_counter() - started)
    model.eval()
    return loop.history


class _Loop:
    """What a training's steps change, and can be saved."""

    def __init__(
        self,
        model: MultiTaskModel,
        total_steps: int,
        weighting: Weighting,
        seed: int,
        options: TrainingOptions,
    ) -> None:
        self.model = model
        self.seed = seed
        self.options = options
        self.augmentation = options.augmentation or Augmentation()
        self.generator = torch.Generator().manual_seed(seed)
        self.history: History = []
        self.weigher = Weigher(weighting, list(model.tasks), options.cosines)
        parameters = [*model.parameters(), *self.weigher.method.parameters()]
        self.optimizer = torch.optim.AdamW(parameters, lr=options.learning_rate, fused=True)
        self.schedule = OneCycleLR(
            self.optimizer, options.learning_rate, total_steps=max(total_steps, 4)
        )
        self.parts: dict[str, Any] = {
            "model": model,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "weigher": self.weigher,
        }
        if options.teacher is not None:
            self.parts["teacher"] = options.teacher

    def go_on(self) -> None:
        """Take up the state that was given, if there is one."""
        state = self.options.state
        if state is None:
            return
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        self.generator.set_state(state["random"])
        self.history = list(state["history"])

    def snapshot(self) -> TrainingState:
        """Return all that `go_on` needs."""
        state = {name: part.state_dict() for name, part in self.parts.items()}
        return state | {"random": self.generator.get_state(), "history": self.history}

    def step(self, batch: Tensor, rows: Tensor) -> Tensor:
        """Train on views of the B images at `rows`; return each task's loss."""
        batch = batch.to(self.model.device)
        number = self.options.views
        views = self.augmentation(torch.cat([batch] * number), self.generator)
        views = views.unflatten(0, (number, -1))  # V x B x C x H x W
        # What draws in here (dropout, PCGrad's order) is repeatable, too.
        with seeded(self.seed + self.schedule.last_epoch):
            losses = self.model.losses(views, rows)
            self.optimizer.zero_grad()
            values = self.weigher.backward(self.model, losses)
            self.optimizer.step()
            self.weigher.after_step(partial(self.model.losses, views, rows))
        self.schedule.step()
        if self.options.teacher is not None:
            self.options.teacher.update_parameters(self.model)
        if self.options.on_step is not None:
            self.options.on_step()
        return values

    def end_epoch(self, epoch: int, means: list[float], seconds: float) -> None:
        """Add the epoch, with each task's mean loss, to the history."""
        row: dict[str, Any] = {"stage": self.options.stage, "epoch": epoch, "seconds": seconds}
        for name, mean in zip(self.model.tasks, means, strict=True):
            row[f"loss/{name}"] = mean
        self.history.append(row | self.weigher.end_epoch())
        if self.options.on_epoch is not None:
            self.options.on_epoch(epoch, self.snapshot)


def steps_an_epoch(n_images: int, batch_size: int) -> tuple[int, int]:
    """Return the steps in one pass over the images, and the batch size (no larger than the set).

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
