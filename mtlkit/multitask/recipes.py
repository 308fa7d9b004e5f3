"""The recipe: the stages from images to classes, each a call of `fit` on the one model.

1. *Features.* Contrast and regression together: the views of one image are alike, and each tells
   what the clean image is like.
2. *Label vectors* are made without a label, from the shared features, the contrast head's space and
   the descriptors. Equal sizes are assumed unless the images speak against it.
3. *Classes.* A classification head learns the label vectors, while the regression keeps the
   features from drifting. In rounds, the label vectors are made again from the features as they are
   by then: classes of equal size, or of any size (found once more, or those that the head has come
   to), whichever the images speak for. The head learns the mean of all rounds: one unlucky round is
   outvoted.
"""

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from mtlkit.errors import InputError
from mtlkit.multitask.augmentation import Augmentation
from mtlkit.multitask.checkpoints import Checkpoint
from mtlkit.multitask.compute import seeded
from mtlkit.multitask.model import MultiTaskModel
from mtlkit.multitask.tasks import Classification, Clustering, Contrast, Regression
from mtlkit.multitask.training import History, State, Teacher, fit, steps_an_epoch
from mtlkit.multitask.weighting import Weighting
from mtlkit.preprocessing.class_sizes import (
    DESCRIPTOR_WEIGHTS,
    SizeEvidence,
    check_class_sizes,
    sized_vectors,
)
from mtlkit.preprocessing.label_vectors import check_clusters

STAGES = ("features", "groups", "label vectors", "classes")


class CollapseWarning(UserWarning):
    """Classes ran empty: the network puts (nearly) everything into too few of them."""


@dataclass(frozen=True)
class Schedule:
    """How long each stage lasts: so many epochs, and no fewer steps than these, since few images
    make short epochs. With many images there are fewer epochs, as the steps are what counts; and
    with a few hundred, fewer and smaller steps, as there is less to learn.

    Args:
        batch_size: images a step; None: 128, or a fifth of the images where that is less.
        effort: scales all lengths; below 1 for a quick look.
        features, groups, classes: (epochs, least steps) of each stage.
        few: with fewer images than that, the least steps fall with the square of their number, to a
            quarter.
        many: with more images than that, epochs get fewer in proportion, so that the steps stay the
            same.
        rounds: parts of equal length of the second half of the classes stage; before each, label
            vectors are made anew and the mean of all so far is learnt.
    """

    batch_size: int | None = None
    effort: float = 1.0
    features: tuple[int, int] = (30, 1680)
    groups: tuple[int, int] = (6, 84)
    classes: tuple[int, int] = (18, 252)
    few: int = 700
    many: int = 20_000
    rounds: int = 3

    def __post_init__(self) -> None:
        if self.batch_size is not None and not self.batch_size >= 1:
            raise InputError(f"batch_size is {self.batch_size}: give 1 image or more.")
        if not 0 < self.effort < float("inf"):
            raise InputError(f"effort is {self.effort}: give a number above 0, as 0.5.")

    def batch(self, n_images: int) -> int:
        """Return the images a step.

        >>> Schedule().batch(1797), Schedule().batch(320), Schedule(batch_size=32).batch(320)
        (128, 64, 32)
        """
        return self.batch_size or max(2, min(128, n_images // 5))

    def epochs(self, stage: str, n_images: int) -> int:
        """Return the epochs of a stage.

        >>> Schedule().epochs("features", 1797), Schedule().epochs("features", 60_000)
        (120, 10)
        """
        epochs, least = getattr(self, stage)
        steps, _ = steps_an_epoch(n_images, self.batch(n_images))
        fewest = least * min(1, max(0.25, (n_images / self.few) ** 2)) / steps
        return max(1, round(max(epochs * min(1, self.many / n_images), fewest) * self.effort))

    def steps(self, n_images: int, clustering: bool = False) -> int:
        """Return the steps of all stages together."""
        stages = ["features", "classes"] + ["groups"] * clustering
        steps, _ = steps_an_epoch(n_images, self.batch(n_images))
        return sum(self.epochs(stage, n_images) for stage in stages) * steps


@dataclass
class Found:
    """What `find_classes` returns: the model with its heads, N x K probabilities, a history row an
    epoch, seconds by stage, and what was weighed each time that label vectors were made."""

    model: MultiTaskModel
    probabilities: np.ndarray
    history: History = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    sizes: list[SizeEvidence] = field(default_factory=list)


def find_classes(
    images: Tensor,
    descriptors: np.ndarray,
    n_clusters: int,
    encoder: nn.Module,
    *,
    class_sizes: str = "auto",
    weighting: Weighting = "uncertainty",
    cosines: bool = False,
    clustering: bool = False,
    augmentation: Augmentation | None = None,
    schedule: Schedule | None = None,
    seed: int = 0,
    checkpoint: Checkpoint | None = None,
    on_step: Callable[[str], Any] | None = None,
) -> Found:
    """Go the whole way from images to classes.

    Args:
        images: N x C x H x W in [0, 1], or N x D standardised features.
        descriptors: N x T, what the regression must tell of each clean image.
        n_clusters: K.
        encoder: a fresh encoder for such images.
        class_sizes: whether label vectors are of `"equal"` sizes, of `"free"` ones, or `"auto"`, of
            those that the images speak for, each round anew: see `sized_vectors`.
        weighting: of contrast and regression in the first stage. Later stages weigh the losses
            alike.
        cosines: record in the history how far the tasks' gradients agree, in all stages.
        clustering: train a `Clustering` head between the first two stages.
        augmentation, schedule, seed: see `fit` and `Schedule`.
        checkpoint: where the training is kept as it goes, and gone on from if something is there.
        on_step: called after each step with the stage's name.

    Raises:
        InputError: n_clusters below 1 or above N, or an unknown `class_sizes`.

    Warns:
        CollapseWarning: some of the K classes are empty at the end.
    """
    check_clusters(n_clusters, len(images))
    check_class_sizes(class_sizes)
    schedule = schedule or Schedule()
    batch_size = schedule.batch(len(images))
    with seeded(seed + 1):  # not the encoder's own draws again
        model = MultiTaskModel(
            encoder, {"views": Contrast(), "descriptors": Regression(descriptors)}
        )
    found = Found(model, np.empty((len(images), n_clusters), np.float32))

    def train(stage: str, at_round: Callable[[int], None] | None = None, **settings: Any) -> None:
        epochs = schedule.epochs(stage, len(images))
        step = partial(on_step, stage) if on_step else None
        offset = len(found.history)
        saved = checkpoint.load(stage) if checkpoint else None
        started = time.perf_counter() - (saved["seconds"] if saved else 0)
        if saved and step:
            for _ in range(len(saved["history"]) * steps_an_epoch(len(images), batch_size)[0]):
                step()  # a progress bar starts where the training does

        def after(epoch: int, snapshot: Callable[[], State]) -> None:
            if at_round:
                at_round(epoch)
            if checkpoint:
                extra = {
                    "vectors": [torch.as_tensor(v) for v in vectors],
                    "sizes": [asdict(one) for one in found.sizes],
                    "seconds": time.perf_counter() - started,
                }
                checkpoint.save(stage, lambda: snapshot() | extra, last=epoch + 1 == epochs)

        rows = fit(
            model,
            images,
            epochs=epochs,
            batch_size=batch_size,
            augmentation=augmentation,
            state=saved,
            seed=seed + STAGES.index(stage),
            stage=stage,
            on_step=step,
            on_epoch=after,
            cosines=cosines,
            **settings,
        )
        found.history += [row | {"epoch": offset + row["epoch"]} for row in rows]
        found.seconds[stage] = time.perf_counter() - started

    vectors: list[np.ndarray] = []  # of each round

    def make_vectors(model: MultiTaskModel, classes: np.ndarray | None = None) -> None:
        weights = usual_weights(images.shape[1:], later=classes is not None)
        features = features_of(model, images)
        anew, sizes = sized_vectors(
            features, descriptors, n_clusters, seed, class_sizes, weights, classes
        )
        vectors.append(align(anew, np.mean(vectors, axis=0)) if vectors else anew)
        found.sizes.append(sizes)

    train("features", weighting=weighting)
    if clustering:
        with seeded(seed + 2):
            model.add(
                "groups",
                Clustering(features_of(model, images), min(5 * n_clusters, len(images)), seed),
            )
        model.remove("views")
        train("groups", weighting="equal")
        model.remove("groups")
    started = time.perf_counter()
    saved = checkpoint.load("classes") if checkpoint else None
    if saved:
        vectors += [v.numpy() for v in saved["vectors"]]
        found.sizes += [SizeEvidence(**one) for one in saved["sizes"]]
    else:
        make_vectors(model)
    task = Classification(np.mean(vectors, axis=0))
    found.seconds["label vectors"] = time.perf_counter() - started
    if not clustering:
        model.remove("views")
    with seeded(seed + 3):
        model.add("classes", task)
    teacher = Teacher(model)
    epochs = schedule.epochs("classes", len(images))
    first = (epochs + 1) // 2
    span = max(
        1, -(-(epochs - first) // schedule.rounds)
    )  # rounded up: never a round more, nor a stub at the end

    def make_anew(epoch: int) -> None:
        done = epoch + 1
        if done >= first and (done - first) % span == 0 and done < epochs:
            make_vectors(
                teacher.module, teacher.module.predict(images, "classes").argmax(dim=1).numpy()
            )
            task.set_targets(np.mean(vectors, axis=0))

    train("classes", weighting="equal", teacher=teacher, at_round=make_anew)
    found.model = teacher.module
    found.probabilities = found.model.predict(images, "classes").numpy()
    warn_of_collapse(found.probabilities.argmax(axis=1), n_clusters)
    return found


def features_of(model: MultiTaskModel, images: Tensor) -> np.ndarray:
    """Return what label vectors are made from: N x D rows of unit length (only directions count),
    for clean images.

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


def usual_weights(shape: Sequence[int], later: bool = False) -> Sequence[float]:
    """Return the weights from which that of the descriptors is chosen, for rows of this shape (D,
    or C x H x W).

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


def align(vectors: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Renumber the classes of label vectors N x K so that they agree most with `reference`, N x K.

    Clustering numbers its classes by chance; a head that has learnt number 3 must meet the same
    class there again. Source: Kuhn 1955, "The Hungarian method for the assignment problem".

    >>> align(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[0.9, 0.1], [0.2, 0.8]])).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    mine, theirs = linear_sum_assignment(vectors.T @ reference, maximize=True)
    aligned = np.empty_like(vectors)
    aligned[:, theirs] = vectors[:, mine]
    return aligned


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
