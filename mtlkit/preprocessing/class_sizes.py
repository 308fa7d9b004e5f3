"""Class sizes: label vectors of classes of equal or of any size, whichever the images speak for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy import ndarray
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.preprocessing import normalize

from mtlkit.errors import look_up
from mtlkit.preprocessing.communities import find_communities
from mtlkit.preprocessing.graphs import neighbour_graph, normalised_cut
from mtlkit.preprocessing.label_vectors import (
    check_clusters,
    equal_size_vectors,
    fit_kmeans,
    smooth,
    spread,
)

CLASS_SIZES = ("auto", "equal", "free")
DESCRIPTOR_WEIGHTS = (0.5, 1.0, 2.0)  # beside the network's features, to choose from
MARGIN = 0.02  # how much more stable a larger weight must make the communities
THRESHOLD = 0.03  # the share of its links that a class may lose by being of equal size
WIDTH = 64  # principal components that are kept of the descriptors
LARGEST = 10_000  # images among which neighbours are looked for; of more, a sample is taken
ASSUMPTIONS = {  # by what was asked and what was taken
    ("auto", "equal"): (
        "Classes of about equal size were assumed, since the images do not speak against it"
    ),
    ("auto", "free"): (
        "The classes' sizes were left free, since the images speak against equal ones"
    ),
    ("equal", "equal"): "Classes of about equal size were assumed, as asked",
    ("free", "free"): "Nothing was assumed of the classes' sizes, as asked",
}


@dataclass(frozen=True)
class SizeEvidence:
    """What was weighed when label vectors were made.

    asked: "auto", "equal" or "free".
    taken: "equal" or "free".
    equal_cut, free_cut: the share of its links in the neighbour graph that a class loses with
        either sizes, the mean over classes.
    weight: of the descriptors beside the network's features.
    """

    asked: str
    taken: str
    equal_cut: float
    free_cut: float
    weight: float

    def __str__(self) -> str:
        return (
            f"{ASSUMPTIONS[self.asked, self.taken]}: equal sizes cut {self.equal_cut:.1%} of a "
            f"class's links to its neighbours, free sizes {self.free_cut:.1%}."
        )


def sized_vectors(
    network: ndarray,
    descriptors: ndarray,
    n_clusters: int,
    seed: int = 0,
    class_sizes: str = "auto",
    weights: Sequence[float] = DESCRIPTOR_WEIGHTS,
    classes: ndarray | None = None,
) -> tuple[ndarray, SizeEvidence]:
    r"""Make label vectors from the network's features and the descriptors beside them.

    The two make different mistakes, so both are looked at together: each image's rows have unit
    length, and the descriptors are weighed. They weigh as is usual, or more where that makes the
    communities clearly more stable: many partitions are made with each weight, and agree the better
    with each other (mean NMI), the clearer the classes are.

    Two partitions are made of the joined features: one of free sizes (`find_communities`) and one
    of equal sizes (`equal_size_vectors`, from several starts). Equal sizes are simpler and, where
    they are true, far more exact. So `"auto"` takes them *unless the images speak against it*:
    unless a class loses more of its links to its neighbours (`normalised_cut`) with equal sizes
    than with free ones, by more than `THRESHOLD`.

    Of more than 10,000 images this is done on a random sample, and the others follow their
    neighbours there (`spread`).

    Args:
        network: N x D, features that were learnt; only their directions count.
        descriptors: N x T, descriptors of the same images; likewise.
        n_clusters: K.
        seed: for k-means, and for the sample.
        class_sizes: `"auto"`, `"equal"` or `"free"`.
        weights: of the descriptors, to choose from: the usual one first, then larger ones.
        classes: N class numbers of a partition of free sizes, where there is one already. It is
            taken where it cuts less than the communities do, unless some class of it is empty.

    Returns:
        N x K label vectors, softened by each image's neighbours (`smooth`), and what was weighed.

    Raises:
        InputError: n_clusters below 1 or above N, or an unknown `class_sizes`.

    Source: Shi, Malik 2000, "Normalized cuts and image segmentation"; Lange, Roth, Braun, Buhmann
        2004, "Stability-based validation of clustering solutions". The weights and bounds were
        chosen on draws of the kinds of sets that `benchmarks/development.py` measures.

    >>> noise = np.random.default_rng(0).normal(0, 0.05, (48, 2))
    >>> blobs = np.repeat(np.eye(2), [40, 8], axis=0) + noise
    >>> vectors, sizes = sized_vectors(blobs, blobs, 2)
    >>> sizes.taken, sorted(np.bincount(vectors.argmax(1)).tolist())
    ('free', [8, 40])
    """
    check_clusters(n_clusters, len(network))
    check_class_sizes(class_sizes)
    if len(network) > LARGEST:
        rows = np.random.default_rng(seed).choice(len(network), LARGEST, replace=False)
        classes = None if classes is None else classes[rows]
        sample = network[rows], descriptors[rows]
        vectors, evidence = sized_vectors(*sample, n_clusters, seed, class_sizes, weights, classes)
        return spread(vectors, network[rows], network), evidence
    stability = -np.inf
    for candidate in joined_views(network, descriptors, n_clusters, weights):
        features, graph = candidate.features, candidate.graph
        communities = find_communities(features, graph, n_clusters, seed, tries=5)
        if communities.stability > stability + MARGIN:
            view = candidate
            free, stability = communities
    cut = partial(normalised_cut, view.graph, n_clusters=n_clusters)
    if classes is not None and len(np.unique(classes)) == n_clusters:
        free = min(free, classes, key=cut)
    partitions = equal_partitions(view.features, n_clusters, seed, free)
    equal = min(partitions, key=cut, default=free)
    free_cut = cut(free)
    equal_cut = cut(equal)
    taken = class_sizes
    if class_sizes == "auto":
        taken = "equal" if equal_cut - free_cut <= THRESHOLD else "free"
    chosen = equal if taken == "equal" else free
    vectors = smooth(np.eye(n_clusters)[chosen], view.features)
    return vectors, SizeEvidence(class_sizes, taken, equal_cut, free_cut, view.weight)


def check_class_sizes(name: str) -> None:
    """Raise `InputError` unless it is one of `CLASS_SIZES`."""
    look_up("class_sizes", name, dict.fromkeys(CLASS_SIZES))


def usual_weights(shape: Sequence[int], later: bool = False) -> Sequence[float]:
    """Return the weights that the descriptors may have, for rows of this shape (D, or C x H x W).

    Beside strokes they help while the network is young, and later rounds ask the network alone. A
    small network learns less of photographs than descriptors tell: beside it they weigh twice as
    much, in all rounds.

    >>> usual_weights((1, 8, 8)), usual_weights((1, 8, 8), later=True)
    ((0.5, 1.0, 2.0), (0.0,))
    >>> usual_weights((3, 32, 32), later=True)
    (2.0,)
    """
    if len(shape) == 3 and shape[0] == 3:
        return DESCRIPTOR_WEIGHTS[-1:]
    return (0.0,) if later else DESCRIPTOR_WEIGHTS


class View(NamedTuple):
    """Network and descriptors at one weight: joined features, N x D of unit length, and graph."""

    weight: float
    features: ndarray
    graph: sparse.csr_array


def joined_views(
    network: ndarray, descriptors: ndarray, n_clusters: int, weights: Sequence[float]
) -> Iterator[View]:
    """Yield the two beside each other, with each weight of the descriptors."""
    network = normalize(network)
    main_parts = np.zeros((len(descriptors), 0))
    varied = np.ptp(descriptors, axis=0).any()  # else all images are described alike
    if any(weights) and varied:
        pca = PCA(min(WIDTH, *descriptors.shape), random_state=0)
        main_parts = normalize(pca.fit_transform(descriptors))
    for weight in weights:
        features = network
        if weight:
            features = np.concatenate([network, weight * main_parts], axis=1)
        features = normalize(features).astype(np.float32)
        graph = neighbour_graph(features, n_clusters)
        yield View(weight, features, graph)


def equal_partitions(
    features: ndarray, n_clusters: int, seed: int, free: ndarray
) -> Iterator[ndarray]:
    """Yield classes of equal size, from three runs of k-means and from the free classes.

    None, where fewer images differ than there are to be classes.
    """
    starts = [fit_kmeans(features, n_clusters, seed + n).labels_ for n in range(3)]
    for start in (*starts, free):
        if len(np.unique(start)) == n_clusters:
            vectors = equal_size_vectors(features, n_clusters, start=start)
            yield vectors.argmax(axis=1)
