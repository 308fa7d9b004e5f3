"""Selection: scores without labels, to choose between trainings that differ by luck.

`benchmarks/selection.py` counts how often each finds the best run and avoids the worst.
"""

from collections.abc import Sequence

import numpy as np
from numpy import ndarray
from sklearn.preprocessing import normalize

from mtlkit.errors import InputError
from mtlkit.preprocessing.communities import agreement
from mtlkit.preprocessing.graphs import modularity, neighbour_graph, normalised_association


def label_free_scores(
    features: ndarray, runs: Sequence[ndarray], seed: int = 0, most: int = 5_000
) -> dict[str, ndarray]:
    r"""Return P numbers for each score, one a run; more is better.

    - `agreement`: the mean normalised mutual information with the other runs (stability over
      seeds). What luck decides differs from run to run; a mistake that all runs make is not seen.
    - `modularity`: links of the neighbour graph within classes beyond what classes of such sizes
      have by chance, $\sum_a W_{aa} / W - (\mathrm{vol}_a / W)^2$; likes classes of equal size.
    - `association`: normalised, K minus the normalised cut, $\sum_a W_{aa} / \mathrm{vol}_a$.
    - `confidence`: the mean of each image's largest probability; a network can be sure and wrong.

    Args:
        features: N x D, one space for all runs, such as the descriptors: a space of one run would
            favour that run.
        runs: P arrays N x K of probabilities.
        seed: draws the `most` images whose graph is judged.

    Raises:
        InputError: fewer than two runs, or of different images.

    Source: Strehl, Ghosh 2002, "Cluster ensembles" (agreement); Newman 2006, "Modularity and
        community structure
        in networks"; Shi, Malik 2000, "Normalized cuts and image segmentation".

    >>> blobs = np.repeat(np.eye(2), 20, axis=0) + np.random.default_rng(0).normal(0, 0.05, (40, 2))
    >>> good, bad = np.repeat(np.eye(2), 20, axis=0), np.eye(2)[np.arange(40) % 2]
    >>> scores = label_free_scores(blobs, [good, bad, good])
    >>> {name: int(values.argmax()) for name, values in scores.items() if name != "confidence"}
    {'agreement': 0, 'modularity': 0, 'association': 0}
    """
    lengths = {len(run) for run in runs}
    if len(runs) < 2 or lengths != {len(features)}:
        raise InputError(
            f"{len(runs)} runs of {sorted(lengths)} images for {len(features)} rows of features: "
            "give two or more runs of the same images."
        )
    n_clusters = max(run.shape[1] for run in runs)
    partitions = [run.argmax(axis=1) for run in runs]
    rows = np.random.default_rng(seed).permutation(len(features))[:most]
    graph = neighbour_graph(normalize(features[rows]))
    members = [np.eye(n_clusters)[classes[rows]] for classes in partitions]  # N x K
    tables = [member.T @ (graph @ member) for member in members]  # K x K
    scores = {
        "agreement": agreement(partitions, n_clusters),
        "modularity": [modularity(table) for table in tables],
        "association": [normalised_association(table) for table in tables],
        "confidence": [run.max(axis=1).mean() for run in runs],
    }
    return {name: np.array(values) for name, values in scores.items()}
