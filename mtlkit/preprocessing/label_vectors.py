"""Label vectors: features (N x D) become soft labels (N x K, rows sum to one) that nobody gave.

Three ways, from the plainest to the one the default needs:

- `kmeans_vectors`: the nearest of K centres;
- `equal_size_vectors`: the same, if the classes are known to be about the same size;
- `community_vectors`: many small groups, merged along a graph of neighbours until K are left. Sizes are free.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse
from scipy.special import entr, logsumexp, softmax
from scipy.stats import rankdata
from sklearn.cluster import KMeans
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from mtlkit.errors import InputError

NEIGHBOURS = (
    10,
    25,
    50,
    100,
)  # one narrow graph takes writing styles for classes, one wide graph swallows small classes


def check_clusters(n_clusters: int, n_images: int) -> None:
    """Raise `InputError` unless n_clusters is a whole number and 2 <= n_clusters <= n_images."""
    if not isinstance(n_clusters, (int, np.integer)) or not 2 <= n_clusters <= n_images:
        raise InputError(f"the number of classes is {n_clusters!r}: it must be a whole number between 2 and the number "
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
    r"""K-means whose classes are all of the size N / K: the assumption `balance="equal"` makes.

    Centres and assignments take turns. The assignment is the optimal transport from images to classes of equal
    size, softened by an entropy and found by Sinkhorn's iteration: rows of $\exp(-d^2/\tau)$ are scaled to sum to one,
    columns to N / K, in turn. Features are first centred and given unit length (nearly collinear ones would collapse).

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


def community_vectors(
    features: np.ndarray, n_clusters: int, seed: int = 0, n_groups: int | None = None, tries: int = 10
) -> np.ndarray:
    r"""Classes of any size: k-means into many small groups, merged along a graph of neighbours until K are left.

    A large class is then many groups and a small class few: no size is assumed. K-means places the groups by luck, and
    each way of merging has its own mistakes, so a pool of partitions is made on the one graph. Three scores choose among
    them by the sum of their ranks, and none needs a label: how well the classes hold their own neighbours,
    $\sum_a W_{aa} / \mathrm{vol}_a$ (K minus the normalised cut, Shi and Malik 2000); how far the two nearest classes are
    apart; and how much the partition agrees with the others (mean NMI, as in Strehl and Ghosh 2002).

    Args:
        features: N x D; only their directions count.
        n_clusters: K.
        seed: for k-means.
        n_groups: groups that k-means starts with; default 3 K and 5 K in turn.
        tries: runs of k-means for each number of groups.

    Returns:
        N x K label vectors, softened by each image's neighbours (`smooth`).

    >>> blobs = np.repeat(np.eye(2), [40, 8], axis=0) + np.random.default_rng(0).normal(0, 0.05, (48, 2))
    >>> sorted(np.bincount(community_vectors(blobs, 2).argmax(1)).tolist())
    [8, 40]
    """
    check_clusters(n_clusters, len(features))
    features = normalize(features)
    graph = neighbour_graph(features)
    pool, scores = [], []
    for number in [n_groups] if n_groups else [3 * n_clusters, 5 * n_clusters]:
        for attempt in range(tries):
            k_means = KMeans(min(number, len(features)), n_init=1, random_state=seed + attempt)
            groups = k_means.fit_predict(features)
            for link in LINKS:
                classes, held, apart = merge_groups(graph, groups, n_clusters, link)
                pool.append(classes)
                scores.append((held, apart))
    best = np.argmax(sum(rankdata(score) for score in (*zip(*scores, strict=True), agreement(pool, n_clusters))))
    return smooth(np.eye(n_clusters)[pool[best]], features)


def agreement(partitions: list[np.ndarray], n_clusters: int) -> np.ndarray:
    """Return how much each of P partitions agrees with the others: its mean normalised mutual information, P numbers.

    All P x P tables of common members come from one product (scikit-learn's function takes one pair at a time).

    >>> agreement([np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]), np.array([0, 1, 0, 1])], 2).round(2).tolist()
    [0.67, 0.67, 0.33]
    """
    count, total = len(partitions), len(partitions[0])
    member = np.concatenate([np.eye(n_clusters)[classes] for classes in partitions], axis=1)  # N x P K
    joint = (
        (member.T @ member / total).reshape(count, n_clusters, count, n_clusters).transpose(0, 2, 1, 3)
    )  # P x P x K x K
    share = member.mean(axis=0).reshape(count, n_clusters)
    entropy = entr(share).sum(axis=1)
    information = entropy[:, None] + entropy - entr(joint).sum(axis=(2, 3))
    mean_entropy = (entropy[:, None] + entropy) / 2
    return np.divide(information, mean_entropy, out=np.ones_like(information), where=mean_entropy > 1e-12).mean(axis=1)


def neighbour_graph(features: np.ndarray, neighbours: tuple[int, ...] = NEIGHBOURS) -> sparse.csr_array:
    r"""Return the graph W, N x N: images are linked as far as they share neighbours, seen at several widths.

    For each width m, two images of which one is among the other's m nearest are linked by the Jaccard index of
    their neighbour sets, $|A \cap B| / |A \cup B|$. Each width's graph is scaled to a total of one, and they are added.

    Source: Jarvis, Patrick 1973, "Clustering using a similarity measure based on shared near neighbors".
    """
    total = len(features)
    widths = sorted(
        {max(1, min(width, total // 10)) for width in neighbours}
    )  # a wide graph of few images links all to all
    nearest = NearestNeighbors(n_neighbors=widths[-1] + 1).fit(features).kneighbors(features, return_distance=False)
    graph = sparse.csr_array((total, total))
    for width in widths:
        columns = nearest[:, : width + 1]  # an image counts among its own neighbours
        ends = np.arange(0, columns.size + 1, width + 1)
        member = sparse.csr_array((np.ones(columns.size), columns.ravel(), ends), shape=(total, total))
        shared = ((member @ member.T) * member.maximum(member.T)).tocsr()  # counts, where one knows the other
        shared.setdiag(0)
        shared.eliminate_zeros()
        shared.data /= 2 * (width + 1) - shared.data
        graph = graph + shared / max(shared.sum(), 1e-12)
    return graph


def merge_groups(
    graph: sparse.csr_array, groups: np.ndarray, n_clusters: int, link: str = "cosine"
) -> tuple[np.ndarray, float, float]:
    r"""Join the two groups with the strongest link until `n_clusters` are left.

    Args:
        graph: N x N, symmetric.
        groups: N group numbers.
        n_clusters: K.
        link: with $W_{ab}$ the weight between two groups and vol the weight of all edges at a group, `"cosine"` is
            $W_{ab} / \sqrt{\mathrm{vol}_a \mathrm{vol}_b}$, and `"mean"` is
            $W_{ab} (1/\mathrm{vol}_a + 1/\mathrm{vol}_b)$: it joins a small group to a large one sooner.

    Returns:
        The classes, N numbers from 0; how well they hold their neighbours, $\sum_a W_{aa} / \mathrm{vol}_a$ (at most
        `n_clusters`); and how far they are apart: minus the strongest cosine link left between two of them.
    """
    names, groups = np.unique(groups, return_inverse=True)
    ends = np.arange(len(groups) + 1)
    member = sparse.csr_array((np.ones(len(groups)), groups, ends), shape=(len(groups), len(names)))
    between = (member.T @ graph @ member).toarray()  # G x G
    owner = np.arange(len(names))  # the class of each group
    while len(between) > n_clusters:
        links = LINKS[link](between, np.maximum(between.sum(axis=1), 1e-150))  # its square is no zero
        np.fill_diagonal(links, -1)
        keep, gone = sorted(np.unravel_index(links.argmax(), links.shape))
        between[keep] += between[gone]
        between[:, keep] += between[:, gone]
        between = np.delete(np.delete(between, gone, axis=0), gone, axis=1)
        owner[owner == gone] = keep
        owner[owner > gone] -= 1
    volume = np.maximum(between.sum(axis=1), 1e-150)
    links = LINKS["cosine"](between, volume)
    np.fill_diagonal(links, 0)
    return owner[groups], float((np.diag(between) / volume).sum()), -float(links.max())


LINKS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "cosine": lambda between, volume: between / np.sqrt(np.outer(volume, volume)),
    "mean": lambda between, volume: between * np.add.outer(1 / volume, 1 / volume),
}


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
