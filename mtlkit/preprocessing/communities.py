"""Communities: many small groups, merged along how alike they are until K classes of any size are
left.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.special import entr
from scipy.stats import rankdata
from sklearn.cluster import KMeans
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from mtlkit.preprocessing.label_vectors import check_clusters, fewer_groups_are_fine, smooth

# One narrow graph takes writing styles for classes, one wide graph swallows small classes: so
# several are added.
NEIGHBOURS = (10, 25, 50, 100)
# Images a class, in the mean, that such widths need; with fewer, widths get smaller in proportion.
ROOM = 180


def volume(between: np.ndarray) -> np.ndarray:
    """Return the weight of all links at each group: G numbers of which no square is zero."""
    return np.maximum(between.sum(axis=1), 1e-150)


LINKS: dict[
    str, Callable[..., np.ndarray]
] = {  # of the weight between two groups and the mass of each
    "cosine": lambda weight, first, second: weight / np.sqrt(first * second),
    "mean": lambda weight, first, second: weight * (1 / first + 1 / second),
    "average": lambda weight, first, second: weight / (first * second),
}


class Communities(NamedTuple):
    """What `find_communities` found.

    classes: N class numbers, below K.
    stability: from 0 to 1, how much the partitions that were tried agree with each other (mean
        NMI).
    """

    classes: np.ndarray
    stability: float


def community_vectors(
    features: np.ndarray,
    n_clusters: int,
    seed: int = 0,
    n_groups: int | None = None,
    tries: int = 10,
    links: tuple[str, ...] = tuple(LINKS),
) -> np.ndarray:
    r"""Classes of any size, as label vectors: `find_communities`, softened by each image's
    neighbours (`smooth`).

    Args:
        features: N x D; only their directions count.
        n_clusters: K.
        seed, n_groups, tries, links: see `find_communities`.

    Returns:
        N x K label vectors.

    >>> noise = np.random.default_rng(0).normal(0, 0.05, (48, 2))
    >>> blobs = np.repeat(np.eye(2), [40, 8], axis=0) + noise
    >>> sorted(np.bincount(community_vectors(blobs, 2).argmax(1)).tolist())
    [8, 40]
    """
    check_clusters(n_clusters, len(features))
    features = normalize(features)
    graph = neighbour_graph(features, graph_widths(len(features), n_clusters))
    found = find_communities(features, graph, n_clusters, seed, n_groups, tries, links)
    return smooth(np.eye(n_clusters)[found.classes], features)


@fewer_groups_are_fine()
def find_communities(
    features: np.ndarray,
    graph: sparse.csr_array,
    n_clusters: int,
    seed: int = 0,
    n_groups: int | None = None,
    tries: int = 10,
    links: tuple[str, ...] = tuple(LINKS),
) -> Communities:
    r"""Find classes of any size: k-means into many small groups, merged by how they are linked
    until K are left.

    A large class is then many groups and a small class few: no size is assumed. Links are measured
    in two ways. A graph of shared neighbours (`neighbour_graph`) follows a class along whatever
    shape it has; the likeness of all pairs (`likeness`) has no neighbourhood that a small class
    would have to fill. K-means places the groups by luck, and each way of merging (`LINKS`) makes
    its own mistakes, so a pool of partitions is made. Three scores choose among them by the sum of
    their ranks, and none needs a label: how well the classes hold their own neighbours
    (`held_together`), how far the two most alike classes are apart (`apart`), and how much the
    partition agrees with the others (mean NMI, as in Strehl and Ghosh 2002).

    Args:
        features: N x D, rows of unit length.
        graph: N x N, their `neighbour_graph`.
        n_clusters: K.
        seed: for k-means.
        n_groups: groups that k-means starts with; default 3 K and 5 K in turn.
        tries: runs of k-means for each number of groups.
        links: ways of merging, of those in `LINKS`.
    """
    members = []
    for number in [n_groups] if n_groups else [3 * n_clusters, 5 * n_clusters]:
        for attempt in range(tries):
            k_means = KMeans(min(number, len(features)), n_init=1, random_state=seed + attempt)
            names, groups = np.unique(k_means.fit_predict(features), return_inverse=True)
            members.append(np.eye(len(names), dtype=np.float32)[groups])  # N x G
    pool, scores = [], []
    for member, alike in zip(members, likeness(features, members), strict=True):
        shared, sizes = member.T @ (graph @ member), member.sum(axis=0)  # G x G, G
        for link in links:
            owner = merge(alike if link == "average" else shared, sizes, n_clusters, link)
            joined = np.eye(n_clusters)[owner]  # G x K
            pool.append(owner[member.argmax(axis=1)])
            scores.append(
                (
                    held_together(joined.T @ shared @ joined),
                    apart(joined.T @ alike @ joined, sizes @ joined),
                )
            )
    agreed = agreement(pool, n_clusters)
    best = np.argmax(sum(rankdata(score) for score in (*zip(*scores, strict=True), agreed)))
    return Communities(pool[best], float(agreed.mean()))


def agreement(partitions: list[np.ndarray], n_clusters: int) -> np.ndarray:
    """Return how much each of P partitions agrees with the others: its mean normalised mutual
    information, P numbers.

    All P x P tables of common members come from one product (scikit-learn's function takes one pair
    at a time).

    >>> same = [np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0])]
    >>> agreement([*same, np.array([0, 1, 0, 1])], 2).round(2).tolist()
    [0.67, 0.67, 0.33]
    """
    count, total = len(partitions), len(partitions[0])
    member = np.concatenate(
        [np.eye(n_clusters)[classes] for classes in partitions], axis=1
    )  # N x P K
    joint = (member.T @ member / total).reshape(count, n_clusters, count, n_clusters)
    joint = joint.transpose(0, 2, 1, 3)  # P x P x K x K
    share = member.mean(axis=0).reshape(count, n_clusters)
    entropy = entr(share).sum(axis=1)
    information = entropy[:, None] + entropy - entr(joint).sum(axis=(2, 3))
    mean_entropy = (entropy[:, None] + entropy) / 2
    return np.divide(
        information, mean_entropy, out=np.ones_like(information), where=mean_entropy > 1e-12
    ).mean(axis=1)


def neighbour_graph(
    features: np.ndarray, neighbours: tuple[int, ...] = NEIGHBOURS
) -> sparse.csr_array:
    r"""Return the graph W, N x N: images are linked as far as they share neighbours, seen at
    several widths.

    For each width m, two images of which one is among the other's m nearest are linked by the
    Jaccard index of their neighbour sets, $|A \cap B| / |A \cup B|$. Each width's graph is scaled
    to a total of one, and they are added.

    Source: Jarvis, Patrick 1973, "Clustering using a similarity measure based on shared near
        neighbors".
    """
    total = len(features)
    # A wide graph of few images would link all to all.
    widths = sorted({max(1, min(width, total // 10)) for width in neighbours})
    nearest = (
        NearestNeighbors(n_neighbors=widths[-1] + 1)
        .fit(features)
        .kneighbors(features, return_distance=False)
    )
    graph = sparse.csr_array((total, total))
    for width in widths:
        columns = nearest[:, : width + 1]  # an image counts among its own neighbours
        ends = np.arange(0, columns.size + 1, width + 1)
        member = sparse.csr_array(
            (np.ones(columns.size), columns.ravel(), ends), shape=(total, total)
        )
        shared = (
            (member @ member.T) * member.maximum(member.T)
        ).tocsr()  # counts, where one knows the other
        shared.setdiag(0)
        shared.eliminate_zeros()
        shared.data /= 2 * (width + 1) - shared.data
        graph = graph + shared / max(shared.sum(), 1e-12)
    return graph


def graph_widths(n_images: int, n_clusters: int) -> tuple[int, ...]:
    """Return the widths of the neighbour graph: `NEIGHBOURS`, or less where classes are small.

    Neighbours beyond an image's own class say nothing of that class. They hide how much is cut.

    >>> graph_widths(1800, 10), graph_widths(3315, 43)
    ((10, 25, 50, 100), (4, 11, 21, 43))
    """
    scale = min(1, n_images / n_clusters / ROOM)
    return tuple(sorted({max(2, round(width * scale)) for width in NEIGHBOURS}))


def likeness(
    features: np.ndarray, members: list[np.ndarray], temperature: float = 0.2, chunk: int = 1024
) -> list[np.ndarray]:
    r"""Return how alike the images of any two groups are: $\sum_{i \in a, j \in b, i \ne j}
    \exp((x_i \cdot x_j - 1) / \tau)$.

    A Gaussian of the distance between two rows, as $x_i \cdot x_j - 1 = -\|x_i - x_j\|^2 / 2$. The
    N x N pairs are never held at once, and one pass serves all P divisions into groups.

    Args:
        features: N x D, rows of unit length.
        members: P arrays N x G_p: a one in each row, in the column of its group.
        temperature: $\tau$.
        chunk: images at a time.

    Returns:
        P tables G_p x G_p.
    """
    ends = np.cumsum([member.shape[1] for member in members])
    member = np.concatenate(members, axis=1)
    table = np.zeros((ends[-1], ends[-1]))
    for start in range(0, len(features), chunk):
        rows = slice(start, start + chunk)
        pairs = np.exp((features[rows] @ features.T - 1) / temperature)  # chunk x N
        table += member[rows].T @ (pairs @ member)
    table = np.maximum(
        table - np.diag(member.sum(axis=0)), 0
    )  # an image's likeness to itself is one, and says nothing
    return [
        table[end - one.shape[1] : end, end - one.shape[1] : end]
        for one, end in zip(members, ends, strict=True)
    ]


def merge(
    between: np.ndarray, sizes: np.ndarray, n_clusters: int, link: str = "cosine"
) -> np.ndarray:
    r"""Join the two groups with the strongest link until `n_clusters` are left.

    Args:
        between: G x G, symmetric: $W_{ab}$, the weight of all links between two groups.
        sizes: images in each group, $n_a$.
        n_clusters: K.
        link: with vol the weight of all links at a group, `"cosine"` is $W_{ab} /
            \sqrt{\mathrm{vol}_a \mathrm{vol}_b}$; `"mean"` is $W_{ab} (1/\mathrm{vol}_a +
            1/\mathrm{vol}_b)$ and joins a small group to a large one sooner; `"average"` is $W_{ab}
            / n_a n_b$, the mean of all pairs, and sees no size.

    Returns:
        The class of each group, G numbers from 0.

    >>> merge(np.array([[0, 5, 1], [5, 0, 1], [1, 1, 0]]), np.ones(3), 2).tolist()
    [0, 0, 1]
    """
    owner, between = np.arange(len(between)), between.astype(float)
    mass = sizes.astype(float) if link == "average" else volume(between)
    links = LINKS[link](between, mass[:, None], mass)
    np.fill_diagonal(links, -1)
    for _ in range(len(between) - n_clusters):
        keep, gone = sorted(np.unravel_index(links.argmax(), links.shape))
        between[keep] += between[gone]
        between[:, keep] += between[:, gone]
        mass[keep] += mass[gone]
        # A link below 0 is to itself, or to a group that is no more there.
        row = np.where(links[keep] < 0, -1, LINKS[link](between[keep], mass[keep], mass))
        links[keep], links[:, keep] = row, row
        links[gone], links[:, gone] = -1, -1
        owner[owner == gone] = keep
    return np.unique(owner, return_inverse=True)[1]


def held_together(between: np.ndarray) -> float:
    r"""Return how well classes hold their own neighbours: $\sum_a W_{aa} / \mathrm{vol}_a$, K minus
    the normalised cut.

    Source: Shi, Malik 2000, "Normalized cuts and image segmentation".

    >>> held_together(np.array([[3.0, 1.0], [1.0, 1.0]]))
    1.25
    """
    return float((np.diag(between) / volume(between)).sum())


def normalised_cut(graph: sparse.csr_array, classes: np.ndarray, n_clusters: int) -> float:
    r"""Return the share of its links that a class loses to the others, as the mean over K classes:
    from 0 to 1.

    $\frac{1}{K} \sum_a (1 - W_{aa} / \mathrm{vol}_a)$, the normalised cut (see `held_together`) a
    class. An empty class loses all.

    >>> normalised_cut(sparse.csr_array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]), np.array([0, 0, 1]), 2)
    0.6666666666666667
    """
    member = np.eye(n_clusters)[classes]  # N x K
    return max(
        0.0, 1 - held_together(member.T @ (graph @ member)) / n_clusters
    )  # rounding must not make it "-0.0%"


def apart(between: np.ndarray, sizes: np.ndarray) -> float:
    r"""Return how far the two most alike classes are apart: minus the largest $A_{ab} /
    \sqrt{A_{aa} A_{bb}}$.

    Here A is the mean over pairs of images, so that neither size nor spread of a class counts.

    >>> apart(np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([2, 2]))
    -0.25
    """
    own = np.diag(between) / np.maximum(sizes * (sizes - 1), 1)
    links = between / np.maximum(np.outer(sizes, sizes) * np.sqrt(np.outer(own, own)), 1e-150)
    np.fill_diagonal(links, 0)
    return -float(links.max())
