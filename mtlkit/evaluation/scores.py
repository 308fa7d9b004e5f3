"""Scores against labels, after the fact: the only place in the package that takes labels.

A cluster's number is not a name, so clusters are first matched one to one with classes, in the way
that is best for the result; what is then off the diagonal of the confusion table is wrong.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.stats import binomtest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.metrics.cluster import contingency_matrix

from mtlkit.errors import InputError


@dataclass(frozen=True, eq=False)
class Scores:
    r"""How well clusters agree with labels.

    $C_{ij}$ of $n$ images are of class $i$ (of $K$), in cluster $j$.

    Attributes:
        n: the number of images.
        accuracy: $\frac1n \sum_i C_{ii}$, the share of images in the cluster that is matched to
            their class.
        balanced_accuracy: $\frac1K \sum_i C_{ii} / \sum_j C_{ij}$, the mean recall: all classes
            count alike.
        nmi: $2 I(L; A) / (H(L) + H(A))$, normalised mutual information of labels and assignments,
            in [0, 1].
        ari: $(S - E) / (M - E)$, adjusted Rand index: $S$ pairs of images are together in both, $E$
            by chance, $M$ at most (the mean of the pairs together in each); 0 by chance, 1 at best.
        confusion: K x max(K, clusters), counts; row i is class `classes[i]`, column i the cluster
            matched to it, and the clusters that match no class come last.
        classes: the label of each row.
        columns: the cluster of each column; None (a column of zeros) where a class has no cluster.
        recalls: the share of each class that its cluster holds.

    Source: Hubert, Arabie 1985, "Comparing partitions" (ARI, adjusted as there); Strehl, Ghosh
        2002, "Cluster ensembles" (NMI; here with the arithmetic mean of the entropies,
        scikit-learn's default).
    """

    n: int
    accuracy: float
    balanced_accuracy: float
    nmi: float
    ari: float
    confusion: NDArray[np.int64]
    classes: tuple[int, ...]
    columns: tuple[int | None, ...]
    recalls: tuple[float, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the scores as plain numbers and lists for a JSON file, rounded to 4 decimals.

        >>> score([1, 1, 0], [5, 5, 5]).as_dict()["accuracy"]
        0.6667
        """
        return {
            "n": self.n,
            "accuracy": round(self.accuracy, 4),
            "balanced_accuracy": round(self.balanced_accuracy, 4),
            "nmi": round(self.nmi, 4),
            "ari": round(self.ari, 4),
            "confusion": self.confusion.tolist(),
            "classes": list(self.classes),
            "columns": list(self.columns),
            "recalls": [round(recall, 4) for recall in self.recalls],
        }


def match(assignments: ArrayLike, labels: ArrayLike) -> dict[int, int]:
    """Return the class of each cluster, one to one, such that the most images agree.

    Where several matchings are equally good, the one with the best balanced accuracy is taken, so
    that scores do not hang on the clusters' numbers. With more clusters than classes, those left
    over match no class.

    Args:
        assignments: N cluster numbers (any integers).
        labels: N labels (any integers).

    Raises:
        InputError: not one-dimensional, empty, of unequal lengths, or not integers.

    Source: Kuhn 1955, "The Hungarian method for the assignment problem"; Munkres 1957 (scipy's
        solver).

    >>> match([7, 7, 8, 8, 9], [0, 0, 1, 1, 1])
    {7: 0, 8: 1}
    """
    result = score(assignments, labels)
    # The columns beyond the classes match none.
    pairs = zip(result.columns, result.classes, strict=False)
    return {cluster: label for cluster, label in pairs if cluster is not None}


def score(assignments: ArrayLike, labels: ArrayLike) -> Scores:
    """Return the scores of N cluster numbers against N labels; errors as in `match`.

    >>> result = score([1, 1, 0, 0, 0], [3, 3, 3, 4, 4])
    >>> result.accuracy, result.columns, result.confusion.tolist()
    (0.8, (1, 0), [[2, 1], [0, 2]])
    """
    assigned = _integers("assignments", assignments)
    truth = _integers("labels", labels)
    n = len(truth)
    if len(assigned) != n:
        raise InputError(
            f"there are {len(assigned)} assignments but {n} labels: give one of each for an image."
        )
    clusters = np.unique(assigned)
    classes = np.unique(truth)
    k = len(classes)
    table = contingency_matrix(truth, assigned)  # classes x clusters
    # An empty column for a class without a cluster.
    missing = max(0, k - len(clusters))
    table = np.pad(table, ((0, 0), (0, missing)))
    recalls = table / table.sum(axis=1, keepdims=True)
    # Recalls sum to at most K, so their share is less than an image: it decides between equal
    # matchings only.
    rows, matched = linear_sum_assignment(table + recalls / (k + 1), maximize=True)
    order = np.concatenate([matched, np.setdiff1d(np.arange(table.shape[1]), matched)])
    diagonal = recalls[rows, matched]
    return Scores(
        n=n,
        accuracy=float(table[rows, matched].sum() / n),
        balanced_accuracy=float(diagonal.mean()),
        nmi=float(normalized_mutual_info_score(truth, assigned)),
        ari=float(adjusted_rand_score(truth, assigned)),
        confusion=table[:, order],
        classes=tuple(classes.tolist()),
        columns=tuple(int(clusters[j]) if j < len(clusters) else None for j in order),
        recalls=tuple(diagonal.tolist()),
    )


def _integers(name: str, values: ArrayLike) -> NDArray[np.int64]:
    """Return `values` as a one-dimensional array of integers, or say what is wrong with them."""
    array = np.asarray(values)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iub":
        raise InputError(
            f"{name} must be one whole number an image, not {array.dtype} of shape {array.shape} "
            "(a NaN or a text among them?): give N integers."
        )
    return array.astype(np.int64)


def accuracy_interval(accuracy: float, n: int) -> tuple[float, float]:
    """Return where the accuracy on very many images lies, with 95 % confidence, given that on n.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".

    >>> low, high = accuracy_interval(0.9, 100)
    >>> f"{low:.3f} to {high:.3f}"
    '0.826 to 0.945'
    """
    interval = binomtest(round(accuracy * n), n).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)
