"""Label vectors: features (N x D) become soft labels (N x K, rows sum to one) that nobody gave.

Here are the simple ways: `kmeans_vectors` takes the nearest of K centres, and `equal_size_vectors`
gives all classes the same size. Classes of any size are found by `communities.community_vectors`;
`class_sizes.sized_vectors`, which the recipe calls, weighs both.
"""

import warnings

import numpy as np
from numpy import ndarray
from scipy.optimize import linear_sum_assignment
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
            f"the number of classes is {n_clusters!r}: it must be a whole number between 1 and "
            f"the number of images, {n_images}."
        )


def fit_kmeans(features: ndarray, n_groups: int, seed: int, n_init: int = 1) -> KMeans:
    """Fit k-means, without its warning where fewer images differ than there are to be groups.

    Groups that nobody is in do no harm here, and a class that is empty at the end is warned of
    then, in the user's words.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Number of distinct clusters", ConvergenceWarning)
        return KMeans(n_groups, n_init=n_init, random_state=seed).fit(features)


def nearest_rows(sample: ndarray, features: ndarray | None, count: int) -> ndarray:
    """Return the `count` nearest rows of a sample for each of N features: N x count.

    Without features, of each row of the sample itself, which is not among its own.
    """
    search = NearestNeighbors(n_neighbors=count).fit(sample)
    return search.kneighbors(features, return_distance=False)


def kmeans_vectors(features: ndarray, n_clusters: int, seed: int = 0, n_init: int = 4) -> ndarray:
    r"""Soft k-means: $q_{ik} \propto \exp(-d_{ik}^2 / \tau)$ with $d$ the distance to centre $k$.

    $\tau$ is the mean squared distance of a member to its own centre, so features of any scale give
    soft rows.

    >>> two = kmeans_vectors(np.array([[0.0], [1.0], [9.0], [10.0]]), 2)
    >>> bool(two.argmax(1)[0] == two.argmax(1)[1] != two.argmax(1)[2])
    True
    """
    check_clusters(n_clusters, len(features))
    model = fit_kmeans(features, n_clusters, seed, n_init)
    distances = np.asarray(model.transform(features))  # N x K
    squared = distances**2
    tau = squared.min(axis=1).mean()
    vectors = softmax(-squared / max(tau, 1e-12), axis=1)
    return vectors.astype(np.float32)


def equal_size_vectors(
    features: ndarray,
    n_clusters: int,
    seed: int = 0,
    rounds: int = 20,
    start: ndarray | None = None,
) -> ndarray:
    r"""K-means whose classes all have the same share, N / K, of the label vectors.

    Centres and assignments take turns. The assignment is the optimal transport from images to
    classes of equal size, softened by an entropy and found by Sinkhorn's iteration: rows of
    $\exp(-d^2/\tau)$, with $\tau$ 0.05 of the mean squared distance, are scaled to sum to one,
    columns to N / K, in turn. So the totals of the
    shares are equal; how many rows have their largest share in a class may differ. Features are
    first centred and given unit length (nearly collinear ones would collapse).

    Args:
        features: N x D.
        n_clusters: K.
        seed: for the k-means that it starts from.
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
        start = fit_kmeans(features, n_clusters, seed, n_init=4).labels_
    vectors = np.eye(n_clusters)[start]
    centres = np.zeros((n_clusters, features.shape[1]))
    lengths = (features**2).sum(axis=1)[:, None]
    for _ in range(rounds):
        before = centres
        shares = vectors.sum(axis=0)[:, None]
        centres = vectors.T @ features / np.maximum(shares, 1e-12)
        if np.abs(centres - before).max() < 1e-4:
            break
        squared = lengths - 2 * features @ centres.T
        squared = squared + (centres**2).sum(axis=1)
        squared = squared.clip(min=0)
        tau = 0.05 * max(squared.mean(), 1e-12)
        vectors = sinkhorn(-squared / tau)
    return vectors.astype(np.float32)


def sinkhorn(scores: ndarray) -> ndarray:
    """Scale exp(scores), N x K, until rows sum to one and columns, nearly, to N / K.

    >>> sinkhorn(np.zeros((4, 2))).tolist()[0]
    [0.5, 0.5]
    """
    scores = scores - scores.max(axis=1, keepdims=True)
    kernel = np.exp(scores.clip(min=-500))  # no row or column is of zeros alone
    columns = np.ones(scores.shape[1])
    size = len(scores) / scores.shape[1]
    for _ in range(50):
        rows = 1 / (kernel @ columns)
        columns = size / (kernel.T @ rows)
    vectors = kernel * columns
    return vectors / vectors.sum(axis=1, keepdims=True)


def hardened(vectors: ndarray) -> ndarray:
    """Return label vectors whose largest share is all: N x K of 0 and 1."""
    classes = vectors.argmax(axis=1)
    return np.eye(vectors.shape[1], dtype=np.float32)[classes]


def smooth(vectors: ndarray, features: ndarray, neighbours: int = 10) -> ndarray:
    """Make label vectors (N x K) half an image's own class, half those of its nearest neighbours.

    An image that sits among strangers gets an unsure label vector, so that it teaches less.

    >>> features = np.array([[1.0, 0], [1, 0.1], [0, 1]])
    >>> smooth(np.eye(2)[[0, 0, 1]], features, neighbours=1).tolist()[0]
    [1.0, 0.0]
    """
    hard = hardened(vectors)
    count = min(neighbours, len(vectors) - 1)
    nearest = nearest_rows(features, None, count)
    shares = hard[nearest].mean(axis=1)
    return (hard + shares) / 2


def spread(vectors: ndarray, sample: ndarray, features: ndarray, neighbours: int = 10) -> ndarray:
    """Carry label vectors from a sample to all images: the mean of the nearest neighbours' there.

    Neighbours of all images among all would cost the square of their number; so memory and time an
    image stay flat.

    Args:
        vectors: S x K, label vectors of the sample.
        sample: S x D, its features.
        features: N x D, those of all images.

    >>> sample, features = np.array([[0.0], [1.0]]), np.array([[0.1], [0.8], [0.9]])
    >>> spread(np.eye(2), sample, features, neighbours=1).argmax(1).tolist()
    [0, 1, 1]
    """
    hard = hardened(vectors)
    nearest = nearest_rows(sample, features, neighbours)
    # A column at a time: N x K, never N x 10 x K.
    return sum(hard[column] for column in nearest.T) / neighbours


def align(vectors: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Renumber the classes of label vectors N x K so that they agree most with `reference`, N x K.

    Clustering numbers its classes by chance; a head that has learnt number 3 must meet the same
    class there again. Source: Kuhn 1955, "The Hungarian method for the assignment problem".

    >>> align(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[0.9, 0.1], [0.2, 0.8]])).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    mine, theirs = linear_sum_assignment(vectors.T @ reference, maximize=True)
    aligned = np.empty_like(vectors)
    aligned[:, theirs] = vectors[:, mine]
    return aligned
