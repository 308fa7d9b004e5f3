"""The result: what was found, how, and what it rests on."""

import warnings
from dataclasses import dataclass, field

import numpy as np

from mtlkit.multitask.augmentation import Augmentation
from mtlkit.multitask.model import MultiTaskModel
from mtlkit.multitask.recipe import Recipe
from mtlkit.multitask.training import History
from mtlkit.preprocessing.class_sizes import SizeEvidence
from mtlkit.preprocessing.tracks import Tracks


class CollapseWarning(UserWarning):
    """Classes ran empty: the network puts (nearly) everything into too few of them."""


@dataclass
class ClusteringResult:
    """What `find_classes` has found.

    Attributes:
        model: with the heads `descriptors` and `classes`.
        probabilities: N x K, rows sum to one; the mean of a track, where tracks were given.
        confidence: N; .9 is right about nine times in ten, see `Judgement`. Of each image by
            itself, also where tracks were given.
        novelty: N; above 1 an image fits nowhere.
        history: a row an epoch, see `fit`.
        seconds: wall time by stage.
        sizes: what was weighed each time that label vectors were made.
        recipe: how the classes were found.
        augmentation: the changes that were assumed to leave the class as it is.
        tracks: which images were assumed to show one thing.
    """

    model: MultiTaskModel
    probabilities: np.ndarray
    confidence: np.ndarray
    novelty: np.ndarray
    history: History
    seconds: dict[str, float]
    sizes: list[SizeEvidence]
    recipe: Recipe
    augmentation: Augmentation
    tracks: Tracks = field(default_factory=Tracks)

    @property
    def classes(self) -> np.ndarray:
        """N class numbers, 0 to K - 1."""
        return self.probabilities.argmax(axis=1)

    def assumptions(self, given_by: str) -> list[str]:
        """Say what the classes rest on beside the images; `given_by` is who gave their number."""
        colour = "slant, light and colour" if self.augmentation.colour else "slant and light"
        mirroring = ", and mirroring" if self.augmentation.flip else ""
        turning = f"turning by up to {self.augmentation.rotation:g} degrees"
        sentences = [
            f"The number of classes, {self.probabilities.shape[1]}, was given by the {given_by}.",
            str(self.sizes[-1]),
            "These changes were assumed to leave the class as it is: "
            f"{turning}, small shifts, changes of size, {colour}{mirroring}.",
            *self.tracks.assumptions(),
        ]
        if self.recipe.weights:
            start = f"The encoder started from {self.recipe.weights}, trained elsewhere"
            sentences.insert(0, f"{start}: what that was trained on is in the classes, too.")
        return sentences


def warn_of_collapse(classes: np.ndarray, n_clusters: int) -> None:
    """Warn with a remedy when some of the classes are empty.

    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as seen:
    ...     warnings.simplefilter("always")
    ...     warn_of_collapse(np.array([0, 0, 1]), 3)
    >>> "1 of 3 classes" in str(seen[0].message)
    True
    """
    empty = n_clusters - len(np.unique(classes))
    if empty:
        warnings.warn(
            f"{empty} of {n_clusters} classes are empty: the training collapsed. Ask "
            "for fewer classes, train longer "
            "(effort=2), or use a gentler augmentation.",
            CollapseWarning,
            stacklevel=2,
        )
