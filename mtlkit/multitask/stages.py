"""The stages from images to classes, each a call of `fit` on the one model.

1. *Features.* Contrast and regression together: the views of one image are alike, and each tells
   what the clean image is like.
2. *Label vectors* are made without a label, from the shared features, the contrast head's space and
   the descriptors. Equal sizes are assumed unless the images speak against it. Where tracks are
   given, they are made of a track's means, and its images share one.
3. *Classes.* A classification head learns the label vectors, while the regression keeps the
   features from drifting. In rounds, the label vectors are made again from the features as they are
   by then: classes of equal size, or of any size (found once more, or those that the head has come
   to), whichever the images speak for. The head learns the mean of all rounds: one unlucky round is
   outvoted.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mtlkit.multitask.checkpoints import Checkpoint
from mtlkit.multitask.compute import seeded
from mtlkit.multitask.confidence import remember
from mtlkit.multitask.model import MultiTaskModel
from mtlkit.multitask.recipe import Recipe
from mtlkit.multitask.result import ClusteringResult, warn_of_collapse
from mtlkit.multitask.tasks import Classification, Clustering, Contrast, Regression
from mtlkit.multitask.training import (
    History,
    Teacher,
    TrainingOptions,
    TrainingState,
    fit,
    steps_an_epoch,
)
from mtlkit.multitask.weighting import Weighting
from mtlkit.preprocessing.class_sizes import SizeEvidence, sized_vectors, usual_weights
from mtlkit.preprocessing.label_vectors import align, check_clusters
from mtlkit.preprocessing.tracks import Tracks

STAGES = ("features", "groups", "label vectors", "classes")


def find_classes(
    images: Tensor,
    n_clusters: int,
    recipe: Recipe | None = None,
    *,
    seed: int = 0,
    tracks: Tracks | None = None,
    checkpoint: Checkpoint | None = None,
    on_step: Callable[[str], Any] | None = None,
) -> ClusteringResult:
    """Go the whole way from images to classes.

    Args:
        images: N x C x side x side in [0, 1], or N x D standardised features.
        n_clusters: K.
        recipe: how it is gone; None: `Recipe()`.
        seed: the same gives the same classes.
        tracks: which images are assumed to show one thing; None: that is not known.
        checkpoint: where the training is kept as it goes, and gone on from if something is there.
        on_step: called after each step with the stage's name.

    Raises:
        InputError: n_clusters below 1 or above N, or tracks that are no more than classes.

    Warns:
        CollapseWarning: some of the K classes are empty at the end.
    """
    tracks = tracks or Tracks(None, len(images))
    check_clusters(n_clusters, len(images))
    tracks.check(n_clusters)
    training = _Training(images, n_clusters, recipe or Recipe(), seed, tracks, checkpoint, on_step)
    training.learn_features()
    if training.recipe.clustering:
        training.learn_groups()
    training.make_first_vectors()
    training.learn_classes()
    return training.result()


@dataclass
class _Training:
    """What the stages of one training hand on to each other."""

    images: Tensor
    n_clusters: int
    recipe: Recipe
    seed: int
    tracks: Tracks
    checkpoint: Checkpoint | None
    on_step: Callable[[str], Any] | None

    def __post_init__(self) -> None:
        self.augmentation = self.recipe.augmentation_of(self.images)
        self.descriptors = self.recipe.targets(self.images)  # N x T
        self.model = first_model(self.images, self.descriptors, self.recipe, self.seed)
        self.vectors: list[np.ndarray] = []  # N x K, of each round
        self.sizes: list[SizeEvidence] = []  # of each round
        self.history: History = []
        self.seconds: dict[str, float] = {}

    def learn_features(self) -> None:
        """Train contrast and regression."""
        self.model.tasks["views"] = Contrast(groups=self.tracks.numbers)
        self._train("features", self.recipe.weighting)

    def learn_groups(self) -> None:
        """Train a head of many small groups in the place of the contrast head."""
        n_groups = min(5 * self.n_clusters, len(self.images))
        with seeded(self.seed + 2):
            task = Clustering(features_of(self.model, self.images), n_groups, self.seed)
            self.model.add("groups", task)
        self.model.remove("views")
        self._train("groups", "equal")
        self.model.remove("groups")

    def make_first_vectors(self) -> None:
        """Make the first label vectors, or take those of all rounds from the checkpoint."""
        started = time.perf_counter()
        saved = self.checkpoint.load("classes") if self.checkpoint else None
        if saved:
            self.vectors = [vectors.numpy() for vectors in saved["vectors"]]
            self.sizes = [SizeEvidence(**evidence) for evidence in saved["sizes"]]
        else:
            self._make_vectors(self.model)
        self.seconds["label vectors"] = time.perf_counter() - started

    def learn_classes(self) -> None:
        """Train the classification head on the label vectors, which are made again in rounds."""
        if "views" in self.model.heads:
            self.model.remove("views")
        with seeded(self.seed + 3):
            self.model.add("classes", Classification(np.mean(self.vectors, axis=0)))
        self.teacher = Teacher(self.model)
        self._train("classes", "equal", self.teacher, self._start_round)

    def result(self) -> ClusteringResult:
        """Judge the images with the teacher, and warn of classes that ran empty.

        A track's images have the mean of their probabilities; confidence is of each by itself.
        """
        model = self.teacher.module
        own, confidence, novelty = remember(model, self.images, self.augmentation, self.seed)
        probabilities = self.tracks.of_images(self.tracks.means(own))
        warn_of_collapse(probabilities.argmax(axis=1), self.n_clusters)
        return ClusteringResult(
            model,
            probabilities,
            confidence,
            novelty,
            self.history,
            self.seconds,
            self.sizes,
            self.recipe,
            self.augmentation,
            self.tracks,
        )

    def _start_round(self, epoch: int) -> None:
        """Make label vectors again, where a round begins after this epoch."""
        epochs = self.recipe.schedule.epochs("classes", len(self.images))
        first = (epochs + 1) // 2
        # Rounded up: never a round more, nor a stub at the end.
        length = max(1, -(-(epochs - first) // self.recipe.schedule.rounds))
        done = epoch + 1
        if done < first or (done - first) % length or done == epochs:
            return
        model = self.teacher.module
        probabilities = model.predict(self.images, "classes").numpy()
        self._make_vectors(model, self.tracks.means(probabilities).argmax(axis=1))
        self.model.tasks["classes"].set_targets(np.mean(self.vectors, axis=0))

    def _make_vectors(self, model: MultiTaskModel, classes: np.ndarray | None = None) -> None:
        vectors, evidence = sized_vectors(
            self.tracks.means(features_of(model, self.images)),
            self.tracks.means(self.descriptors),
            self.n_clusters,
            self.seed,
            self.recipe.class_sizes,
            usual_weights(self.images.shape[1:], later=classes is not None),
            classes,
        )
        vectors = self.tracks.of_images(vectors)
        if self.vectors:
            vectors = align(vectors, np.mean(self.vectors, axis=0))
        self.vectors.append(vectors)
        self.sizes.append(evidence)

    def _train(
        self,
        stage: str,
        weighting: Weighting,
        teacher: Teacher | None = None,
        after_epoch: Callable[[int], None] | None = None,
    ) -> None:
        """Train the model's tasks for one stage, or the rest of it that a checkpoint leaves."""
        saved = self.checkpoint.load(stage) if self.checkpoint else None
        started = time.perf_counter() - (saved["seconds"] if saved else 0)
        schedule = self.recipe.schedule
        batch_size = schedule.batch(len(self.images))
        on_step = partial(self.on_step, stage) if self.on_step else None
        if saved and on_step:
            steps, _ = steps_an_epoch(len(self.images), batch_size)
            for _ in range(len(saved["history"]) * steps):
                on_step()  # a progress bar starts where the training does
        options = TrainingOptions(
            augmentation=self.augmentation,
            cosines=self.recipe.cosines,
            stage=stage,
            teacher=teacher,
            groups=self.tracks.numbers if stage == "features" else None,
            state=saved,
            on_epoch=partial(self._end_epoch, stage, started, after_epoch),
            on_step=on_step,
        )
        rows = fit(
            self.model,
            self.images,
            epochs=schedule.epochs(stage, len(self.images)),
            batch_size=batch_size,
            weighting=weighting,
            seed=self.seed + STAGES.index(stage),
            options=options,
        )
        before = len(self.history)
        self.history += [row | {"epoch": before + row["epoch"]} for row in rows]
        self.seconds[stage] = time.perf_counter() - started

    def _end_epoch(
        self,
        stage: str,
        started: float,
        after_epoch: Callable[[int], None] | None,
        epoch: int,
        snapshot: Callable[[], TrainingState],
    ) -> None:
        if after_epoch:
            after_epoch(epoch)
        if self.checkpoint:
            last = epoch + 1 == self.recipe.schedule.epochs(stage, len(self.images))
            self.checkpoint.save(stage, partial(self._state, started, snapshot), last)

    def _state(self, started: float, snapshot: Callable[[], TrainingState]) -> TrainingState:
        """Return what a checkpoint holds: the loop's state, and what the rounds have made."""
        return snapshot() | {
            "vectors": [torch.as_tensor(vectors) for vectors in self.vectors],
            "sizes": [asdict(evidence) for evidence in self.sizes],
            "seconds": time.perf_counter() - started,
        }


def first_model(
    images: Tensor, descriptors: np.ndarray, recipe: Recipe, seed: int
) -> MultiTaskModel:
    """Return a fresh model for the first stage, with the tasks `views` and `descriptors`."""
    encoder = recipe.make_encoder(images, seed)
    tasks = {"views": Contrast(), "descriptors": Regression(descriptors)}
    with seeded(seed + 1):  # not the encoder's own draws again
        return MultiTaskModel(encoder, tasks)


def features_of(model: MultiTaskModel, images: Tensor) -> np.ndarray:
    """Return what label vectors of N clean images are made from: N x D rows of unit length.

    The shared features, and beside them, where a contrast head is, what it makes of them: that is
    the space in which views were pulled together.
    """
    features = model.features(images)
    spaces = [features]
    if "views" in model.heads:
        with torch.no_grad():
            spaces.append(model.heads["views"](features.to(model.device)).cpu())
    return nn.functional.normalize(
        torch.cat([nn.functional.normalize(space) for space in spaces], dim=1)
    ).numpy()
