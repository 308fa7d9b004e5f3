"""Communities: many small groups, merged by likeness until K classes of any size are left."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy import ndarray
from scipy import sparse
from scipy.special import entr
from scipy.stats import rankdata
from sklearn.preprocessing import normalize
from sklearn.utils import gen_batches

from mtlkit.preprocessing.graphs import neighbour_graph, normalised_association, volume
from mtlkit.preprocessing.label_vectors import check_clusters, fit_kmeans, smooth

# How strongly two groups are linked, by the weight between them and the mass of each.
LINKS: dict[str, Callable[..., ndarray]] = {
    "cosine": lambda weight, first, second: weight / np.sqrt(first * second),
    "mean": lambda weight, first, second: weight * (1 / first + 1 / second),
    "average": lambda weight, first, second: weight / (first * second),
}


class Communities(NamedTuple):
    """What `find_communities` returns.

    classes: N class numbers, below K.
    stability: from 0 to 1, how much the partitions that were tried agree (mean NMI).
    """

    classes: ndarray
    stability: float


def community_vectors(features: ndarray, n_clusters: int, seed: int = 0) -> ndarray:
    r"""Classes of any size, as label vectors: `find_communities`, softened by `smooth`.

    Args:
        features: N x D; only their directions count.
        n_clusters: K.
        seed: for k-means.

    Returns:
        N x K label vectors.

    >>> noise = np.random.default_rng(0).normal(0, 0.05, (48, 2))
    >>> blobs = np.repeat(np.eye(2), [40, 8], axis=0) + noise
    >>> sorted(np.bincount(community_vectors(blobs, 2).argmax(1)).tolist())
    [8, 40]
    """
    check_clusters(n_clusters, len(features))
    features = normalize(features)
    graph = neighbour_graph(features, n_clusters)
    classes = find_communities(features, graph, n_clusters, seed).classes
    return smooth(np.eye(n_clusters)[classes], features)


def find_communities(
    features: ndarray,
    graph: sparse.csr_array,
    n_clusters: int,
    seed: int = 0,
    tries: int = 10,
    groups_a_class: tuple[int, ...] = (3, 5),
    links: tuple[str, ...] = tuple(LINKS),
) -> Communities:
    r"""Find classes of any size: many small groups, merged by how they are linked until K are left.

    A large class is then many groups and a small class few: no size is assumed. Links are measured
    in two ways. A graph of shared neighbours (`neighbour_graph`) follows a class along whatever
    shape it has; the likeness of all pairs (`likeness`) has no neighbourhood that a small class
    would have to fill. K-means places the groups by luck, and each way of merging (`LINKS`) makes
    its own mistakes, so a pool of partitions is made. Three scores choose among them by the sum of
    their ranks, and none needs a label: how well the classes hold their own neighbours
    (`normalised_association`), how far apart the two most alike classes are (`separation`), and how
    much the partition agrees with the others (mean NMI, as in Strehl and Ghosh 2002).

    Args:
        features: N x D, rows of unit length.
        graph: N x N, their `neighbour_graph`.
        n_clusters: K.
        seed: for k-means.
        tries: runs of k-means for each number of groups.
        groups_a_class: groups that k-means makes, in turn, as multiples of K.
        links: ways of merging, of those in `LINKS`.
    """
    members = []
    for multiple in groups_a_class:
        n_groups = min(multiple * n_clusters, len(features))
        for attempt in range(tries):
            model = fit_kmeans(features, n_groups, seed + attempt)
            groups = model.labels_
            member = groups[:, None] == np.unique(groups)  # N x G, no group is empty
            members.append(member.astype(np.float32))
    all_groups = np.concatenate(members, axis=1)
    all_alike = likeness(features, all_groups)
    pool = []
    scores = []
    end = 0
    for member in members:
        start, end = end, end + member.shape[1]
        alike = all_alike[start:end, start:end]  # G x G
        shared = member.T @ (graph @ member)  # G x G
        sizes = member.sum(axis=0)  # G
        for link in links:
            if link == "average":
                owner = merge(alike, sizes, n_clusters, link)
            else:
                owner = merge(shared, volume(shared), n_clusters, link)
            joined = np.eye(n_clusters)[owner]  # G x K
            pool.append(owner[member.argmax(axis=1)])
            association = normalised_association(joined.T @ shared @ joined)
            distance = separation(joined.T @ alike @ joined, sizes @ joined)
            scores.append([association, distance])
    agreements = agreement(pool, n_clusters)
    ranks = rankdata(np.column_stack([scores, agreements]), axis=0)
    best = ranks.sum(axis=1).argmax()
    return Communities(pool[best], float(agreements.mean()))


def agreement(partitions: list[ndarray], n_clusters: int) -> ndarray:
    """Return each partition's mean normalised mutual information with the others: P numbers.

    All P x P tables of common members come from one product: scikit-learn's function takes one pair
    at a time, and ten times as long.

    >>> same = [np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0])]
    >>> agreement([*same, np.array([0, 1, 0, 1])], 2).round(2).tolist()
    [0.67, 0.67, 0.33]
    """
    member = np.eye(n_clusters)[np.transpose(partitions)]  # N x P x K
    joint = np.tensordot(member, member, axes=(0, 0))  # P x K x P x K
    together = entr(joint / len(member)).sum(axis=(1, 3))  # P x P
    alone = entr(member.mean(axis=0)).sum(axis=1)  # P
    both = alone[:, None] + alone
    information = both - together
    ones = np.ones_like(both)  # two partitions of a single class agree
    shares = np.divide(information, both / 2, out=ones, where=both > 2e-12)
    return shares.mean(axis=1)


def likeness(features: ndarray, member: ndarray, chunk: int = 1024) -> ndarray:
    r"""Return how alike the images of any two groups are: $\sum_{i \in a, j \in b, i \ne j}
    \exp((x_i \cdot x_j - 1) / \tau)$, with $\tau = 0.2$.

    A Gaussian of the distance between two rows, as $x_i \cdot x_j - 1 = -\|x_i - x_j\|^2 / 2$. The
    N x N pairs are never held at once. Groups may be those of several partitions.

    Args:
        features: N x D, rows of unit length.
        member: N x G: a one where an image is in a group.
        chunk: images at a time.

    Returns:
        A table G x G.
    """
    sizes = member.sum(axis=0)
    table = np.zeros((len(sizes), len(sizes)))
    for rows in gen_batches(len(features), chunk):
        cosines = features[rows] @ features.T  # chunk x N
        pairs = np.exp((cosines - 1) / 0.2)
        table += member[rows].T @ (pairs @ member)
    # An image's likeness to itself is one, and says nothing.
    return np.maximum(table - np.diag(sizes), 0)


def merge(between: ndarray, mass: ndarray, n_clusters: int, link: str = "cosine") -> ndarray:
    r"""Join the two groups with the strongest link until `n_clusters` are left.

    With $W_{ab}$ the weight of all links between two groups, `"cosine"` is $W_{ab} / \sqrt{m_a
    m_b}$; `"mean"` is $W_{ab} (1/m_a + 1/m_b)$ and joins a small group to a large one sooner. For
    both, the mass is the group's `volume`. `"average"` is $W_{ab} / m_a m_b$ with the number of
    images as mass: the mean of all pairs, which sees no size. (`AgglomerativeClustering` would take
    each group for one image.)

    Args:
        between: G x G, symmetric, $W$.
        mass: G, $m$.
        n_clusters: K.
        link: one of `LINKS`.

    Returns:
        The class of each group, G numbers from 0.

    >>> between = np.array([[0, 5, 1], [5, 0, 1], [1, 1, 0]])
    >>> merge(between, volume(between), 2).tolist()
    [0, 0, 1]
    """
    strength = LINKS[link]
    owner = np.arange(len(between))
    between = between.astype(float)
    mass = mass.astype(float)
    links = strength(between, mass[:, None], mass)
    np.fill_diagonal(links, -1)
    for _ in range(len(between) - n_clusters):
        keep, gone = sorted(np.unravel_index(links.argmax(), links.shape))
        between[keep] += between[gone]
        between[:, keep] += between[:, gone]
        mass[keep] += mass[gone]
        row = strength(between[keep], mass[keep], mass)
        absent = links[keep] < 0  # itself, or a group that is no longer there
        row[absent] = -1
        links[keep] = links[:, keep] = row
        links[gone] = links[:, gone] = -1
        owner[owner == gone] = keep
    return np.unique(owner, return_inverse=True)[1]


def separation(between: ndarray, sizes: ndarray) -> float:
    r"""Return how far apart the two most alike classes are: minus the largest $A_{ab} /
    \sqrt{A_{aa} A_{bb}}$.

    Here A is the mean over pairs of images, so that neither size nor spread of a class counts.

    >>> separation(np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([2, 2]))
    -0.25
    """
    pairs = sizes * (sizes - 1)
    own = np.diag(between) / np.maximum(pairs, 1)
    scale = np.sqrt(np.outer(own, own))
    scale = np.outer(sizes, sizes) * scale
    links = between / np.maximum(scale, 1e-150)
    np.fill_diagonal(links, 0)
    return -float(links.max())
