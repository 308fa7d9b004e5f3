"""The neighbour graph of images, and how well classes keep together on it."""

import numpy as np
from numpy import ndarray
from scipy import sparse

from mtlkit.preprocessing.label_vectors import nearest_rows

# One narrow graph takes writing styles for classes, one wide graph swallows small classes: so
# several are added.
NEIGHBOURS = (10, 25, 50, 100)
IMAGES_A_CLASS = 180  # in the mean, that NEIGHBOURS need; with fewer they shrink in proportion


def graph_widths(n_images: int, n_clusters: int | None = None) -> list[int]:
    """Return the widths of the neighbour graph: `NEIGHBOURS`, or less for two reasons.

    Neighbours beyond an image's own class say nothing of that class, and hide how much is cut: so
    small classes, where K is known, get a narrow graph. And a graph as wide as few images are would
    link all to all, whatever K is: so none is wider than a tenth of the images.

    >>> graph_widths(1800, 10), graph_widths(3315, 43), graph_widths(60)
    ([10, 25, 50, 100], [4, 11, 21, 43], [6])
    """
    scale = 1.0
    if n_clusters:
        scale = min(1, n_images / n_clusters / IMAGES_A_CLASS)
    widths = [max(2, round(width * scale)) for width in NEIGHBOURS]
    widest = max(1, n_images // 10)
    return sorted({min(width, widest) for width in widths})


def neighbour_graph(features: ndarray, n_clusters: int | None = None) -> sparse.csr_array:
    r"""Return the graph W, N x N: images are linked as far as they share neighbours.

    For each width m of `graph_widths`, two images of which one is among the other's m nearest are
    linked by the Jaccard index of their neighbour sets, $|A \cap B| / |A \cup B|$. Each width's
    graph is scaled to a total of one, and they are added.

    Source: Jarvis, Patrick 1973, "Clustering using a similarity measure based on shared near
        neighbors".
    """
    total = len(features)
    widths = graph_widths(total, n_clusters)
    nearest = nearest_rows(features, features, widths[-1] + 1)  # each image's first is itself
    graph = sparse.csr_array((total, total))
    for width in widths:
        size = width + 1
        columns = nearest[:, :size].ravel()
        ends = np.arange(0, columns.size + 1, size)
        ones = np.ones(columns.size)
        member = sparse.csr_array((ones, columns, ends), shape=graph.shape)
        either = member.maximum(member.T)  # pairs of which one has the other among its neighbours
        shared = (member @ member.T) * either
        shared = shared.tocsr()
        shared.setdiag(0)
        shared.eliminate_zeros()
        shared.data /= 2 * size - shared.data
        graph += shared / max(shared.sum(), 1e-12)
    return graph


def volume(between: ndarray) -> ndarray:
    """Return the weight of all links at each group: G numbers of which no square is zero."""
    return np.maximum(between.sum(axis=1), 1e-150)


def normalised_association(between: ndarray) -> float:
    r"""Return how well K classes hold their own neighbours: $\sum_a W_{aa} / \mathrm{vol}_a$.

    It is K minus the normalised cut.

    Source: Shi, Malik 2000, "Normalized cuts and image segmentation".

    >>> normalised_association(np.array([[3.0, 1.0], [1.0, 1.0]]))
    1.25
    """
    held = np.diag(between) / volume(between)
    return float(held.sum())


def modularity(between: ndarray) -> float:
    """Return the modularity of K classes, by the weight of all links between two of them, K x K.

    >>> modularity(np.eye(2))
    0.5
    """
    share = between / between.sum()
    by_chance = share.sum(axis=0) ** 2
    return float(np.trace(share) - by_chance.sum())


def normalised_cut(graph: sparse.csr_array, classes: ndarray, n_clusters: int) -> float:
    r"""Return the share of its links that a class loses to others, 0 to 1: the mean over K.

    $\frac{1}{K} \sum_a (1 - W_{aa} / \mathrm{vol}_a)$, the normalised cut a class. An empty class
    loses all.

    >>> normalised_cut(sparse.csr_array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]), np.array([0, 0, 1]), 2)
    0.6666666666666667
    """
    member = np.eye(n_clusters)[classes]  # N x K
    between = member.T @ (graph @ member)
    association = normalised_association(between)
    return max(0.0, 1 - association / n_clusters)  # rounding must not make it "-0.0%"
