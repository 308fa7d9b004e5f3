"""What a task is: a head on the shared features, a target for each image, and their loss."""

from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from mtlkit.errors import InputError


class Task:
    """Base of all tasks. A subclass has `loss`, and `head` if one linear layer is not enough.

    Args:
        targets: N x K, one row an image in the order of the training images; None for a task
            that needs only the views themselves (contrast).
        mask: N booleans: the images that have a target. The others pass through the encoder for the
            other tasks and add nothing to this loss. None: all have one.

    Raises:
        InputError: targets that are not finite, or a mask of another length.
    """

    def __init__(self, targets: Any = None, mask: Any = None) -> None:
        self.targets: Tensor | None = None
        self.mask: Tensor | None = None
        if targets is not None:
            self.set_targets(targets)
        if mask is not None:
            self.mask = torch.as_tensor(np.asarray(mask), dtype=torch.bool)
            if self.targets is None or len(self.mask) != len(self.targets):
                raise InputError(
                    f"mask has {len(self.mask)} entries: give one for each row of targets."
                )

    def set_targets(self, targets: Any) -> None:
        """Replace the targets (N x K), as a round does when it makes label vectors again."""
        self.targets = torch.as_tensor(np.asarray(targets), dtype=torch.float32)
        if not torch.isfinite(self.targets).all():
            raise InputError("targets hold NaN or infinity: mask the images that have no target.")

    def head(self, width: int) -> nn.Module:
        """Make the layer or layers from the shared features (width) to this task's outputs (K)."""
        if self.targets is None:
            raise NotImplementedError
        return nn.Linear(width, self.targets.shape[1])

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return one number for a batch: outputs V x B x K (V views of B images), targets B x K."""
        raise NotImplementedError

    def batch_loss(self, outputs: Tensor, rows: Tensor) -> Tensor:
        """Pick the batch's targets, leave out the images that have none, and call `loss`.

        Args:
            outputs: V x B x K, the head's answer for V views of B images.
            rows: B, the images' places in the training set.
        """
        if self.mask is not None:
            has_target = self.mask[rows]
            if not has_target.any():
                return outputs.sum() * 0.0  # it teaches nothing, and must still have a gradient
            outputs = outputs[:, has_target]
            rows = rows[has_target]
        if self.targets is None:
            return self.loss(outputs, outputs.new_empty(len(rows), 0))
        return self.loss(outputs, self.targets[rows].to(outputs.device))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # a model's copy (the teacher) shares the targets: they never change in place
