"""Classification: learn the label vectors that were made without labels."""

from torch import Tensor

from mtlkit.multitask.tasks.base import Task


class Classification(Task):
    r"""Cross-entropy between the head's softmax $p$ and soft label vectors $q$: $-\sum_k q_k \log
    p_k$.

    Every view of an image gets the same label vector; that is how a wrong label among alike images
    is outvoted.

    Args:
        targets: N x K label vectors, rows sum to one.
        mask: N booleans, the images that have a label vector.

    Source: Caron, Bojanowski, Joulin, Douze 2018, "Deep clustering for unsupervised learning of
        visual features".

    >>> import torch
    >>> task = Classification([[1.0, 0.0]])
    >>> round(float(task.loss(torch.zeros(1, 1, 2), task.targets)), 4)  # ln 2
    0.6931
    """

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        logarithms = outputs.log_softmax(-1)
        return -(targets * logarithms).sum(-1).mean()
