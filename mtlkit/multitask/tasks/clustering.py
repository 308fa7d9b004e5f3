"""Clustering: a head of many small groups, which pulls alike images together and is merged into
classes.
"""

import numpy as np

from mtlkit.multitask.tasks.classification import Classification
from mtlkit.preprocessing.communities import community_vectors
from mtlkit.preprocessing.label_vectors import kmeans_vectors


class Clustering(Classification):
    """Several times more groups than classes, found by k-means on the shared features and learnt
    like classes.

    A group is small enough to be pure, and needs no assumption on the classes' sizes. Learning to
    name the group of every view pulls together what augmentation mixes; the groups of one class
    then lie close, and `merge` joins them.

    Args:
        features: N x D, the shared features as they are now.
        n_groups: the number of groups, about five for each class expected.
        seed: for k-means.

    Source: Ji, Henriques, Vedaldi 2019, "Invariant information clustering" (over-clustering heads).

    >>> noise = np.random.default_rng(0).normal(0, 0.05, (48, 2))
    >>> blobs = np.repeat(np.eye(2), [40, 8], axis=0) + noise
    >>> task = Clustering(blobs, n_groups=6)
    >>> task.targets.shape, task.merge(blobs, 2).shape
    (torch.Size([48, 6]), (48, 2))
    """

    def __init__(self, features: np.ndarray, n_groups: int, seed: int = 0) -> None:
        groups = kmeans_vectors(features, n_groups, seed, n_init=1).argmax(axis=1)
        super().__init__(np.eye(n_groups, dtype=np.float32)[groups])
        self.n_groups = n_groups
        self.seed = seed

    def merge(self, features: np.ndarray, n_clusters: int) -> np.ndarray:
        """Return label vectors N x n_clusters: as many groups as this head has, found on
        `features`, merged.
        """
        return community_vectors(features, n_clusters, self.seed, self.n_groups)
