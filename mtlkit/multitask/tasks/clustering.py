"""Clustering: a head of many small groups, which pulls alike images together."""

import numpy as np
from numpy import ndarray

from mtlkit.multitask.tasks.classification import Classification
from mtlkit.preprocessing.label_vectors import kmeans_vectors


class Clustering(Classification):
    """More groups than classes, found by k-means on the shared features and learnt like classes.

    A group is small enough to be pure, and needs no assumption on the classes' sizes. Learning to
    name the group of every view pulls together what augmentation mixes, so that the groups of one
    class come to lie close.

    Args:
        features: N x D, the shared features as they are now.
        n_groups: the number of groups, about five for each class expected.
        seed: for k-means.

    Source: Ji, Henriques, Vedaldi 2019, "Invariant information clustering" (over-clustering heads).

    >>> noise = np.random.default_rng(0).normal(0, 0.05, (48, 2))
    >>> blobs = np.repeat(np.eye(2), [40, 8], axis=0) + noise
    >>> task = Clustering(blobs, n_groups=6)
    >>> task.targets.shape
    torch.Size([48, 6])
    """

    def __init__(self, features: ndarray, n_groups: int, seed: int = 0) -> None:
        vectors = kmeans_vectors(features, n_groups, seed, n_init=1)
        groups = vectors.argmax(axis=1)
        targets = np.eye(n_groups)[groups]
        super().__init__(targets)
