"""The multi-task model: one shared encoder and a head for each task."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mtlkit.errors import InputError
from mtlkit.multitask.tasks.base import Task
from mtlkit.preprocessing.novelty import Reference


class MultiTaskModel(nn.Module):
    """One encoder whose features all tasks share.

    `scaling` is for plain features: the means and scales (2 x D) by which `features` and `predict`
    standardise rows. None, as in training, takes rows as they are: standardised already.
    `reference` is what the model remembers of its training images, to tell novel ones; None:
    nothing. `exponent` brings what two witnesses say to the right size, see `judge`.

    Args:
        encoder: a module from B x ... to B x width with the attribute `width` (`SmallCNN`, `MLP`,
            or your own).
        tasks: the tasks by name; each gets a head on the shared features.

    >>> from mtlkit.multitask import SmallCNN
    >>> from mtlkit.multitask.tasks import Contrast
    >>> model = MultiTaskModel(SmallCNN(channels=1), {"views": Contrast()})
    >>> model(torch.zeros(2, 5, 1, 8, 8))["views"].shape             # 2 views of 5 images
    torch.Size([2, 5, 64])
    """

    def __init__(self, encoder: nn.Module, tasks: Mapping[str, Task]) -> None:
        super().__init__()
        self.encoder = encoder
        self.scaling: Tensor | None = None
        self.reference: Reference | None = None
        self.exponent = 1.0
        self.tasks: dict[str, Task] = {}
        self.heads = nn.ModuleDict()
        for name, task in tasks.items():
            self.add(name, task)

    def add(self, name: str, task: Task) -> None:
        """Add a task with a fresh head, or put it in the place of the task of that name."""
        if not isinstance(task, Task):
            kind = type(task).__name__
            raise InputError(f"task {name!r} is a {kind}: give an object that extends Task.")
        width: Any = self.encoder.width
        self.tasks[name] = task
        self.heads[name] = task.head(width).to(self.device)

    @property
    def device(self) -> torch.device:
        """Where the encoder is; heads and batches go there, targets and results stay in memory."""
        return next(self.encoder.parameters()).device

    def remove(self, name: str) -> None:
        """Take a task and its head away."""
        del self.tasks[name], self.heads[name]

    def forward(self, views: Tensor) -> dict[str, Tensor]:
        """Return each head's outputs, V x B x K, for V views of B images (V x B x C x H x W)."""
        features = self.encoder(views.flatten(0, 1))
        features = features.unflatten(0, views.shape[:2])  # V x B x width
        return {name: head(features) for name, head in self.heads.items()}

    def losses(self, views: Tensor, rows: Tensor) -> dict[str, Tensor]:
        """Return each task's loss on a batch: V views of the B training images at `rows`."""
        outputs = self(views)
        return {name: task.batch_loss(outputs[name], rows) for name, task in self.tasks.items()}

    @torch.no_grad()
    def features(self, images: Tensor, batch_size: int = 1024) -> Tensor:
        """Return the shared features of N clean images, N x width, in evaluation mode."""
        training = self.training
        self.eval()
        batches = self.standardised(images).split(batch_size)
        features = [self.encoder(batch.to(self.device)).cpu() for batch in batches]
        self.train(training)
        return torch.cat(features)

    def standardised(self, images: Tensor) -> Tensor:
        """Return plain features as the encoder takes them; images are returned as they are."""
        return images if self.scaling is None else standardised(images, self.scaling)

    def predict(self, images: Tensor, task: str) -> Tensor:
        """Return the softmax of one task's head for N clean images: N x K, rows sum to one."""
        return self.probabilities(self.features(images), task)

    @torch.no_grad()
    def probabilities(self, features: Tensor, task: str = "classes") -> Tensor:
        """Return the softmax of one task's head for N x width shared features: N x K."""
        outputs = self.heads[task](features.to(self.device))
        return outputs.softmax(-1).cpu()


def standardised(features: Tensor, scaling: Tensor) -> Tensor:
    """Return N x D features less their means, over their scales: `scaling`, 2 x D.

    >>> standardised(torch.tensor([[2.0], [6.0]]), torch.tensor([[4.0], [2.0]])).tolist()
    [[-1.0], [1.0]]
    """
    means, scales = scaling
    return (features - means) / scales
