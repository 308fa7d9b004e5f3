"""Label vectors: features (N x D) become soft labels (N x K, rows sum to one) that nobody gave.

Here are the plain ways: `kmeans_vectors` takes the nearest of K centres, and `equal_size_vectors`
gives all classes the same size. Classes of any size are found by `communities.community_vectors`;
`class_sizes.sized_vectors`, which the recipe calls, weighs both.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from scipy.special import softmax
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from mtlkit.errors import InputError


def check_clusters(n_clusters: int, n_images: int) -> None:
    """Raise `InputError` unless n_clusters is a whole number and 1 <= n_clusters <= n_images."""
    if not isinstance(n_clusters, (int, np.integer)) or not 1 <= n_clusters <= n_images:
        raise InputError(
            f"the number of classes is {n_clusters!r}: it must be a whole number "
            "between 1 and the number "
            f"of images, {n_images}."
        )


@contextmanager
def fewer_groups_are_fine() -> Iterator[None]:
    """Keep k-means from warning that it found fewer groups than it was asked for: some images are
    copies of each other.

    Groups that nobody is in do no harm here, and a class that is empty at the end is warned of
    then, in the user's words.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Number of distinct clusters", ConvergenceWarning)
        yield


@fewer_groups_are_fine()
def kmeans_vectors(
    features: np.ndarray, n_clusters: int, seed: int = 0, n_init: int = 4
) -> np.ndarray:
    r"""Soft k-means: $q_{ik} \propto \exp(-d_{ik}^2 / \tau)$ with $d$ the distance to centre $k$.

    $\tau$ is the mean squared distance of a member to its own centre, so features of any scale give
    soft rows.

    >>> two = kmeans_vectors(np.array([[0.0], [1.0], [9.0], [10.0]]), 2)
    >>> bool(two.argmax(1)[0] == two.argmax(1)[1] != two.argmax(1)[2])
    True
    """
    check_clusters(n_clusters, len(features))
    model = KMeans(n_clusters, n_init=n_init, random_state=seed).fit(features)
    squared = model.set_output(transform="default").transform(features) ** 2  # N x K
    return softmax(-squared / max(squared.min(axis=1).mean(), 1e-12), axis=1).astype(np.float32)


@fewer_groups_are_fine()
def equal_size_vectors(
    features: np.ndarray,
    n_clusters: int,
    seed: int = 0,
    temperature: float = 0.05,
    rounds: int = 20,
    start: np.ndarray | None = None,
) -> np.ndarray:
    r"""K-means whose classes all have the same share, N / K, of the label vectors: what
    `class_sizes="equal"` assumes.

    Centres and assignments take turns. The assignment is the optimal transport from images to
    classes of equal size, softened by an entropy and found by Sinkhorn's iteration: rows of
    $\exp(-d^2/\tau)$ are scaled to sum to one, columns to N / K, in turn. So the totals of the
    shares are equal; how many rows have their largest share in a class may differ. Features are
    first centred and given unit length (nearly collinear ones would collapse).

    Args:
        features: N x D.
        n_clusters: K.
        seed: for the k-means that it starts from.
        temperature: $\tau$ as a share of the mean squared distance.
        rounds: turns, at most; it ends sooner when the centres stand still.
        start: N class numbers to start from, in the place of k-means. Each of the K must have a
            member.

    Source: Cuturi 2013, "Sinkhorn distances"; Asano, Rupprecht, Vedaldi 2020, "Self-labelling".

    >>> sizes = equal_size_vectors(np.random.default_rng(0).normal(size=(60, 4)), 3).sum(0)
    >>> sizes.round().tolist()
    [20.0, 20.0, 20.0]
    """
    check_clusters(n_clusters, len(features))
    features = normalize(features - features.mean(axis=0))
    if start is None:
        start = KMeans(n_clusters, n_init=4, random_state=seed).fit_predict(features)
    vectors = np.eye(n_clusters)[start]
    centres = np.zeros((n_clusters, features.shape[1]))
    for _ in range(rounds):
        before, centres = (
            centres,
            vectors.T @ features / np.maximum(vectors.sum(axis=0), 1e-12)[:, None],
        )
        if np.abs(centres - before).max() < 1e-4:
            break
        squared = (
            (features**2).sum(1)[:, None] - 2 * features @ centres.T + (centres**2).sum(1)
        ).clip(min=0)
        vectors = sinkhorn(-squared / (temperature * max(squared.mean(), 1e-12)))
    return vectors.astype(np.float32)


def sinkhorn(scores: np.ndarray, iterations: int = 50) -> np.ndarray:
    """Scale exp(scores), N x K, until rows sum to one and columns to N / K (rows exactly, columns
    nearly).

    >>> sinkhorn(np.zeros((4, 2))).tolist()[0]
    [0.5, 0.5]
    """
    kernel = np.exp(
        np.maximum(scores - scores.max(axis=1, keepdims=True), -500)
    )  # no row or column of zeros alone
    columns = np.ones(scores.shape[1])
    for _ in range(iterations):
        rows = 1 / (kernel @ columns)
        columns = len(scores) / scores.shape[1] / (kernel.T @ rows)
    vectors = kernel * columns
    return vectors / vectors.sum(axis=1, keepdims=True)


def smooth(vectors: np.ndarray, features: np.ndarray, neighbours: int = 10) -> np.ndarray:
    """Make label vectors hard, then half an image's own class, half the classes of its nearest
    neighbours: N x K.

    An image that sits among strangers gets an unsure label vector, so that it teaches less.

    >>> features = np.array([[1.0, 0], [1, 0.1], [0, 1]])
    >>> smooth(np.eye(2)[[0, 0, 1]], features, neighbours=1).tolist()[0]
    [1.0, 0.0]
    """
    neighbours = min(neighbours, len(vectors) - 1)
    hard = np.eye(vectors.shape[1], dtype=np.float32)[vectors.argmax(axis=1)]
    nearest = (
        NearestNeighbors(n_neighbors=neighbours).fit(features).kneighbors(return_distance=False)
    )  # without itself
    return (hard + hard[nearest].mean(axis=1)) / 2


def spread(
    vectors: np.ndarray, sample: np.ndarray, features: np.ndarray, neighbours: int = 10
) -> np.ndarray:
    """Carry label vectors from a sample to all images: each gets the mean of its nearest
    neighbours' classes there.

    Neighbours of all images among all would cost the square of their number; so memory and time an
    image stay flat.

    Args:
        vectors: S x K, label vectors of the sample.
        sample: S x D, its features.
        features: N x D, those of all images.

    >>> known, others = np.array([[0.0], [1.0]]), np.array([[0.1], [0.8], [0.9]])
    >>> spread(np.eye(2), known, others, neighbours=1).argmax(1).tolist()
    [0, 1, 1]
    """
    hard = np.eye(vectors.shape[1], dtype=np.float32)[vectors.argmax(axis=1)]
    nearest = (
        NearestNeighbors(n_neighbors=neighbours)
        .fit(sample)
        .kneighbors(features, return_distance=False)
    )
    return (
        sum(hard[column] for column in nearest.T) / neighbours
    )  # a column at a time: N x K, never N x 10 x K
