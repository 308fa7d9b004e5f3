"""Class sizes: label vectors of classes of equal or of any size, whichever the images speak for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.preprocessing import normalize

from mtlkit.errors import look_up
from mtlkit.preprocessing.communities import (
    Communities,
    find_communities,
    graph_widths,
    neighbour_graph,
    normalised_cut,
)
from mtlkit.preprocessing.label_vectors import (
    check_clusters,
    equal_size_vectors,
    fewer_groups_are_fine,
    smooth,
    spread,
)

CLASS_SIZES = ("auto", "equal", "free")
WEIGHTS = (0.5, 1.0, 2.0)  # of the descriptors beside the network
MARGIN = 0.02  # how much more stable a larger weight must make the communities
THRESHOLD = 0.03  # the share of its links that a class may lose by being of equal size
WIDTH = 64  # principal components that are kept of the descriptors
LARGEST = 10_000  # images among which neighbours are looked for; of more, a sample is taken


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
        sentences = {
            (
                "auto",
                "equal",
            ): "Classes of about equal size were assumed, since the images do not speak against it",
            (
                "auto",
                "free",
            ): "The classes' sizes were left free, since the images speak against equal ones",
            ("equal", "equal"): "Classes of about equal size were assumed, as asked",
            ("free", "free"): "Nothing was assumed of the classes' sizes, as asked",
        }
        cuts = (
            f"equal sizes cut {self.equal_cut:.1%} of a class's links to its neighbours, "
            f"free sizes {self.free_cut:.1%}"
        )
        return f"{sentences[self.asked, self.taken]}: {cuts}."


def sized_vectors(
    network: np.ndarray,
    descriptors: np.ndarray,
    n_clusters: int,
    seed: int = 0,
    class_sizes: str = "auto",
    weights: Sequence[float] = WEIGHTS,
    classes: np.ndarray | None = None,
) -> tuple[np.ndarray, SizeEvidence]:
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
        2004, "Stability-based
    validation of clustering solutions". The weights and bounds were chosen on draws of the kinds of
    sets that `benchmarks/development.py` measures.

    >>> noise = np.random.default_rng(0).normal(0, 0.05, (48, 2))
    >>> blobs = np.repeat(np.eye(2), [40, 8], axis=0) + noise
    >>> vectors, sizes = sized_vectors(blobs, blobs, 2)
    >>> sizes.taken, sorted(np.bincount(vectors.argmax(1)).tolist())
    ('free', [8, 40])
    """
    check_clusters(n_clusters, len(network))
    check_class_sizes(class_sizes)
    sample: np.ndarray | slice = slice(None)
    if len(network) > LARGEST:
        sample = np.random.default_rng(seed).choice(len(network), LARGEST, replace=False)
    views = _joined(network[sample], descriptors[sample], weights, n_clusters)
    chosen = next(views)
    found = chosen.communities(n_clusters, seed)
    for view in views:
        more = view.communities(n_clusters, seed)
        if more.stability > found.stability + MARGIN:
            chosen, found = view, more
    candidates = [found.classes]
    if classes is not None and len(np.unique(classes[sample])) == n_clusters:
        candidates.append(classes[sample])
    classes = min(candidates, key=lambda one: normalised_cut(chosen.graph, one, n_clusters))
    free = np.eye(n_clusters)[classes]
    equal = chosen.equal_sizes(n_clusters, seed, classes)
    free_cut, equal_cut = (
        normalised_cut(chosen.graph, way.argmax(axis=1), n_clusters) for way in (free, equal)
    )
    taken = class_sizes
    if class_sizes == "auto":
        taken = "equal" if equal_cut - free_cut <= THRESHOLD else "free"
    vectors = smooth(equal if taken == "equal" else free, chosen.features)
    if len(network) > LARGEST:
        vectors = spread(vectors, network[sample], network)
    return vectors, SizeEvidence(class_sizes, taken, equal_cut, free_cut, chosen.weight)


def check_class_sizes(name: str) -> None:
    """Raise `InputError` unless it is one of `CLASS_SIZES`."""
    look_up("class_sizes", name, dict.fromkeys(CLASS_SIZES))


@dataclass(frozen=True)
class _View:
    """The joined features at one weight of the descriptors, N x D of unit length, and their
    neighbour graph.
    """

    weight: float
    features: np.ndarray
    graph: sparse.csr_array

    def communities(self, n_clusters: int, seed: int) -> Communities:
        return find_communities(self.features, self.graph, n_clusters, seed, tries=5)

    @fewer_groups_are_fine()
    def equal_sizes(
        self, n_clusters: int, seed: int, free: np.ndarray, starts: int = 3
    ) -> np.ndarray:
        """Return the equal-size label vectors of the smallest cut, from k-means and from the free
        classes.
        """
        kmeans = [
            KMeans(n_clusters, n_init=1, random_state=seed + n).fit_predict(self.features)
            for n in range(starts)
        ]
        usable = [start for start in (*kmeans, free) if len(np.unique(start)) == n_clusters]
        found = [equal_size_vectors(self.features, n_clusters, start=start) for start in usable]
        if not found:  # fewer images differ than there are classes
            found = [np.eye(n_clusters, dtype=np.float32)[free]]
        return min(
            found,
            key=lambda vectors: normalised_cut(self.graph, vectors.argmax(axis=1), n_clusters),
        )


def _joined(
    network: np.ndarray, descriptors: np.ndarray, weights: Sequence[float], n_clusters: int
) -> Iterator[_View]:
    """Yield the two beside each other, with each weight of the descriptors."""
    widths = graph_widths(len(network), n_clusters)
    network = normalize(network)
    main_parts = np.zeros((len(descriptors), 0))
    if (
        any(weights) and np.ptp(descriptors, axis=0).any()
    ):  # else all images are described alike, which tells nothing
        main_parts = normalize(
            PCA(min(WIDTH, *descriptors.shape), random_state=0).fit_transform(descriptors)
        )
    for weight in weights:
        parts = [network, weight * main_parts] if weight else [network]
        features = normalize(np.concatenate(parts, axis=1)).astype(np.float32)
        yield _View(weight, features, neighbour_graph(features, widths))
