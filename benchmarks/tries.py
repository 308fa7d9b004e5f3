"""What else was tried where class sizes are free: other ways from the first stage to a partition,
on development sets.

    python benchmarks/tries.py --data-root FOLDER
    python benchmarks/tries.py --data-root FOLDER --whole

FOLDER holds MNIST as for `development.py`, whose sets of unlike sizes are drawn here. The first
stage is trained twice on each draw, from two seeds. Each way makes classes of free sizes from that,
and is scored by balanced accuracy. The last row picks a partition with the labels: it says how much
a better choice among those that are made could gain. "digits 3:1" are the first of the draws that
`accuracy.py` reports; they stand here to show what each way would do there, and nothing was chosen
by them. With `--whole` the way that looked best, two networks beside each other, goes on to the
end of the training: as it is, with both networks in the first label vectors, and in those of every
round. Results go to `results/tries.json` and `tries-whole.json` as soon as a set is done, others
stay as stored; `tables.py` puts them into `benchmarks/README.md`.
"""

from __future__ import annotations

import argparse
import json
from copy import deepcopy
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import accuracy
import numpy as np
from accuracy import RESULTS, band, chosen
from development import first_stage, make, need_mnist
from joblib import Parallel, delayed
from sklearn.cluster import AgglomerativeClustering

from mtlkit import MultiTaskClusterer, load
from mtlkit.data import ImageSet
from mtlkit.deployment.run_folder import versions
from mtlkit.evaluation import score
from mtlkit.multitask import MultiTaskModel, Recipe
from mtlkit.multitask.compute import threads
from mtlkit.multitask.stages import _Training, features_of, usual_weights
from mtlkit.preprocessing.class_sizes import joined_views, sized_vectors
from mtlkit.preprocessing.communities import LINKS, agreement, find_communities
from mtlkit.preprocessing.graphs import normalised_cut
from mtlkit.preprocessing.label_vectors import align
from mtlkit.preprocessing.tracks import Tracks

DEVELOPMENT = ("2:1", "3:1", "3:1, clumped", "10:1", "10:1, clumped", "one large")
REPORTED = "digits 3:1"
WEIGHT = 0.5  # of the descriptors, as it is usual for grey images
ORACLE = "the pool's best, picked with the labels"


def images_of(name: str, root: Path, draw: int) -> ImageSet:
    return (
        accuracy.draw(load("digits"), "3:1", 100 + draw)
        if name == REPORTED
        else make(name, root, draw)
    )


def vote(pool: list[np.ndarray], k: int) -> np.ndarray:
    """Join images by how many partitions hold them together (co-association, average linkage).

    Source: Fred, Jain 2005, "Combining multiple clusterings using evidence accumulation".
    """
    apart = np.mean([classes[:, None] != classes for classes in pool], axis=0)  # N x N
    return AgglomerativeClustering(k, metric="precomputed", linkage="average").fit_predict(apart)


def ways_of(
    first: np.ndarray, second: np.ndarray, descriptors: np.ndarray, k: int, seed: int
) -> dict[str, Any]:
    """Return a partition for each way (and the pool, from which the last row picks), from two
    networks' features.
    """

    def view(network: np.ndarray, weight: float = WEIGHT) -> Any:
        return next(joined_views(network, descriptors, k, [weight]))

    def communities(view: Any) -> np.ndarray:
        return find_communities(view.features, view.graph, k, seed, tries=5).classes

    usual = view(first)
    find = partial(find_communities, usual.features, usual.graph, k)
    pool = [
        find(seed + attempt, 1, (groups,), (link,)).classes
        for groups in (3, 5)  # a class
        for attempt in range(5)
        for link in LINKS
    ]
    cuts = [normalised_cut(usual.graph, classes, k) for classes in pool]
    return {
        "as it is": communities(usual),
        "the network without the descriptors": communities(view(first, 0)),
        "two networks beside each other": communities(view(np.hstack([first, second]))),
        "smaller groups (8 K) to begin with": find(seed, 10, (8,)).classes,
        "the pool's member that cuts least": pool[int(np.argmin(cuts))],
        "the pool's member that agrees most with the others": pool[
            int(np.argmax(agreement(pool, k)))
        ],
        "a vote of the whole pool": vote(pool, k),
        ORACLE: pool,
    }


def run(name: str, root: Path, draw: int) -> dict[str, float]:
    """Train on one draw from two seeds, make all partitions, and only then open the labels."""
    data = images_of(name, root, draw)
    k = data.n_clusters
    assert k
    with threads(1):
        first, descriptors = first_stage(data.images, k, draw, 1.0)
        second, _ = first_stage(data.images, k, draw + 50, 1.0)
        ways = ways_of(first, second, descriptors, k, draw)
    labels = data.open_labels()
    assert labels is not None

    def right(classes: np.ndarray) -> float:
        return score(classes, labels).balanced_accuracy

    return {
        way: right(found) if way != ORACLE else max(map(right, found))
        for way, found in ways.items()
    }


class Both(_Training):
    """A training whose label vectors are made from a second network's features, too."""

    def __init__(self, *about: Any, second: np.ndarray | None = None, always: bool = False) -> None:
        super().__init__(*about, Tracks(), None, None)
        self.second, self.always = second, always

    def _make_vectors(self, model: MultiTaskModel, classes: np.ndarray | None = None) -> None:
        super()._make_vectors(model, classes)
        alone = self.second is None or (classes is not None and not self.always)
        if alone or self.sizes[-1].taken == "equal":
            return
        vectors, _ = sized_vectors(
            np.hstack([features_of(model, self.images), self.second]),
            self.descriptors,
            self.n_clusters,
            self.seed,
            "free",
            usual_weights(self.images.shape[1:], later=classes is not None),
            classes,
        )
        before = self.vectors[:-1]
        self.vectors[-1] = align(vectors, np.mean(before, axis=0)) if before else vectors


def run_whole(name: str, root: Path, draw: int) -> dict[str, float]:
    """Train to the end with one network and with two, and only then open the labels."""
    data = images_of(name, root, draw)
    k = data.n_clusters
    assert k
    with threads(1):
        images = MultiTaskClusterer(k, random_state=draw)._prepare(data.images)
        first, other = (Both(images, k, Recipe(), seed) for seed in (draw, draw + 50))
        for training in (first, other):
            training.learn_features()
        found = {}
        for way, always in (("one", False), ("first", False), ("every", True)):
            training = deepcopy(first)
            training.second = None if way == "one" else features_of(other.model, images)
            training.always = always
            training.make_first_vectors()
            training.learn_classes()
            found[way] = training.teacher.module.predict(images, "classes").argmax(dim=1).numpy()
    labels = data.open_labels()
    assert labels is not None
    names = {
        "one": "as it is",
        "first": "two networks, in the first label vectors",
        "every": "two networks, in every round",
    }
    return {names[way]: score(classes, labels).balanced_accuracy for way, classes in found.items()}


def store(name: str, found: list[dict[str, float]], draws: int, whole: bool) -> None:
    """Put a set's row in place of the stored one, in the order of the sets."""
    path = RESULTS / ("tries-whole.json" if whole else "tries.json")
    order = [*DEVELOPMENT, REPORTED]
    call = "python benchmarks/tries.py --data-root FOLDER" + " --whole" * whole
    stored = json.loads(path.read_text())["rows"] if path.is_file() else []
    row = {
        "images": name,
        "draws": draws,
        "ways": {way: band([one[way] for one in found]) for way in found[0]},
        "command": f'{call} --sets "{name}" --draws {draws}',
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": versions(),
    }
    rows = sorted(
        [row, *(one for one in stored if one["images"] != name)],
        key=lambda one: order.index(one["images"]),
    )
    content = {"command": call, "assumed": "k known", "rows": rows}
    path.write_text(json.dumps(content, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-root", type=Path, required=True, help="folder of MNIST/")
    known = [*DEVELOPMENT, REPORTED]
    parser.add_argument(
        "--sets", default=";".join(known), help="names with semicolons (default: all)"
    )
    parser.add_argument("--draws", type=int, default=4, help="of each set")
    parser.add_argument("--whole", action="store_true", help="to the end, with two networks")
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each")
    options = parser.parse_args()
    names = chosen(parser, options.sets, known, ";")
    need_mnist(parser, options.data_root)
    work = (
        delayed(run_whole if options.whole else run)(name, options.data_root, draw)
        for name in names
        for draw in range(options.draws)
    )
    done = Parallel(options.jobs, return_as="generator", pre_dispatch=options.jobs)(work)
    for name in names:
        found = [next(done) for _ in range(options.draws)]
        store(name, found, options.draws, options.whole)
        for way in found[0]:
            print(f"{name:14} {way:50} {'  '.join(f'{one[way]:.3f}' for one in found)}", flush=True)


if __name__ == "__main__":
    main()
