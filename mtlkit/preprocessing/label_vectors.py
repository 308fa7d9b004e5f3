"""Label vectors: features (N x D) become soft labels (N x K, rows sum to one) that nobody gave.

Here are the plain ways: `kmeans_vectors` takes the nearest of K centres, and `equal_size_vectors` does so if the classes are
known to be about the same size. What the default needs, classes of any size, is `communities.community_vectors`.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import logsumexp, softmax
from sklearn.cluster import KMeans
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from mtlkit.errors import InputError

MakeVectors = Callable[[np.ndarray, int, int], np.ndarray]  # features N x D, classes, seed -> N x K


def check_clusters(n_clusters: int, n_images: int) -> None:
    """Raise `InputError` unless n_clusters is a whole number and 1 <= n_clusters <= n_images."""
    if not isinstance(n_clusters, (int, np.integer)) or not 1 <= n_clusters <= n_images:
        raise InputError(f"the number of classes is {n_clusters!r}: it must be a whole number between 1 and the number "
                         f"of images, {n_images}.")  # fmt: skip


def kmeans_vectors(features: np.ndarray, n_clusters: int, seed: int = 0, n_init: int = 4) -> np.ndarray:
    r"""Soft k-means: $q_{ik} \propto \exp(-d_{ik}^2 / \tau)$ with $d$ the distance to centre $k$.

    $\tau$ is the mean squared distance of a member to its own centre, so features of any scale give soft rows.

    >>> two = kmeans_vectors(np.array([[0.0], [1.0], [9.0], [10.0]]), 2)
    >>> bool(two.argmax(1)[0] == two.argmax(1)[1] != two.argmax(1)[2])
    True
    """
    check_clusters(n_clusters, len(features))
    model = KMeans(n_clusters, n_init=n_init, random_state=seed).fit(features)
    squared = model.transform(features) ** 2  # N x K
    return softmax(-squared / max(squared.min(axis=1).mean(), 1e-12), axis=1).astype(np.float32)


def equal_size_vectors(
    features: np.ndarray, n_clusters: int, seed: int = 0, temperature: float = 0.05, rounds: int = 20
) -> np.ndarray:
    r"""K-means whose classes all have the same share, N / K, of the label vectors: the assumption `class_sizes="equal"` makes.

    Centres and assignments take turns. The assignment is the optimal transport from images to classes of equal
    size, softened by an entropy and found by Sinkhorn's iteration: rows of $\exp(-d^2/\tau)$ are scaled to sum to one,
    columns to N / K, in turn. So the totals of the shares are equal; how many rows have their largest share in a class may
    differ. Features are first centred and given unit length (nearly collinear ones would collapse).

    Args:
        features: N x D.
        n_clusters: K.
        temperature: $\tau$ as a share of the mean squared distance.

    Source: Cuturi 2013, "Sinkhorn distances"; Asano, Rupprecht, Vedaldi 2020, "Self-labelling".

    >>> sizes = equal_size_vectors(np.random.default_rng(0).normal(size=(60, 4)), 3).sum(0)
    >>> sizes.round().tolist()
    [20.0, 20.0, 20.0]
    """
    check_clusters(n_clusters, len(features))
    features = normalize(features - features.mean(axis=0))
    centres = KMeans(n_clusters, n_init=4, random_state=seed).fit(features).cluster_centers_
    for _ in range(rounds):
        squared = ((features**2).sum(1)[:, None] - 2 * features @ centres.T + (centres**2).sum(1)).clip(min=0)
        vectors = sinkhorn(-squared / (temperature * squared.mean()))
        centres = vectors.T @ features / vectors.sum(0)[:, None]
    return vectors.astype(np.float32)


def sinkhorn(scores: np.ndarray, iterations: int = 50) -> np.ndarray:
    """Scale exp(scores), N x K, until rows sum to one and columns to N / K (rows exactly, columns nearly).

    >>> sinkhorn(np.zeros((4, 2))).tolist()[0]
    [0.5, 0.5]
    """
    size = np.log(len(scores) / scores.shape[1])
    for _ in range(iterations):
        scores = scores - logsumexp(scores, axis=0, keepdims=True) + size
        scores = scores - logsumexp(scores, axis=1, keepdims=True)
    return np.exp(scores)


def smooth(vectors: np.ndarray, features: np.ndarray, neighbours: int = 10) -> np.ndarray:
    """Make label vectors hard, then half an image's own class, half the classes of its nearest neighbours: N x K.

    An image that sits among strangers gets an unsure label vector, so that it teaches less.

    >>> smooth(np.eye(2)[[0, 0, 1]], np.array([[1.0, 0], [1, 0.1], [0, 1]]), neighbours=1).tolist()[0]
    [1.0, 0.0]
    """
    neighbours = min(neighbours, len(vectors) - 1)
    hard = np.eye(vectors.shape[1], dtype=np.float32)[vectors.argmax(axis=1)]
    nearest = NearestNeighbors(n_neighbors=neighbours).fit(features).kneighbors(return_distance=False)  # without itself
    return (hard + hard[nearest].mean(axis=1)) / 2


def on_a_sample(
    make_vectors: MakeVectors, features: np.ndarray, n_clusters: int, seed: int = 0, most: int = 10_000,
    neighbours: int = 10,
) -> np.ndarray:  # fmt: skip
    """Make label vectors of any number of images with the memory and the time that `most` of them take.

    Neighbours of all images among all would cost the square of their number. So with more than `most`, vectors are made
    of a random sample, and each image gets the mean of its nearest neighbours' classes in the sample.

    Args:
        make_vectors: such as `equal_size_vectors`: features N x D, classes, seed -> N x K.

    >>> blobs = np.repeat(np.eye(2), [400, 80], axis=0) + np.random.default_rng(0).normal(0, 0.05, (480, 2))
    >>> np.bincount(on_a_sample(kmeans_vectors, blobs, 2, most=100).argmax(1)).tolist() in ([400, 80], [80, 400])
    True
    """
    if len(features) <= most:
        return make_vectors(features, n_clusters, seed)
    sample = features[np.random.default_rng(seed).choice(len(features), most, replace=False)]
    hard = np.eye(n_clusters, dtype=np.float32)[make_vectors(sample, n_clusters, seed).argmax(axis=1)]
    nearest = NearestNeighbors(n_neighbors=neighbours).fit(sample).kneighbors(features, return_distance=False)
    return sum(hard[column] for column in nearest.T) / neighbours  # a column at a time: N x K, never N x 10 x K
