"""The door for code: the whole way from images to classes as a scikit-learn estimator."""

import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from scipy import sparse
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
    clone,
)
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor
from tqdm import tqdm

from mtlkit.errors import InputError, as_input_error, words_of
from mtlkit.inputs import InputSpec, as_images
from mtlkit.multitask import Judgement, Recipe, TrainingOptions, find_classes, fit, judge
from mtlkit.multitask.checkpoints import Checkpoint
from mtlkit.multitask.compute import threads
from mtlkit.multitask.model import standardised
from mtlkit.multitask.stages import first_model
from mtlkit.preprocessing.label_vectors import check_clusters
from mtlkit.preprocessing.tracks import Tracks

USUAL_SIDES = (8, 64)  # px: smaller images are enlarged, larger ones made smaller
SEEDS = 2**31 - 9  # seeds lie below: each stage has one of its own, a few above
SHORTCUTS = ("class_sizes", "descriptors", "encoder")  # settings of the recipe, and the effort


class MultiTaskClusterer(
    ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin, BaseEstimator
):
    """Classes for images without labels, by one network that learns several tasks.

    Args:
        n_clusters: the number of classes. It is an assumption: no label tells it.
        class_sizes, descriptors, encoder, effort: the settings of the recipe that are asked for
            most; None: as the recipe has them. See `multitask.Recipe`.
        recipe: all settings of the way to the classes; None: `Recipe()`.
        side: images are brought to side x side pixels (8 to 512), their aspect kept, as by `load`;
            None: their own larger side, between 8 and 64.
        random_state: seed; the same seed gives the same classes on the same machine with as many
            threads.
        n_threads: threads inside torch. One is quickest for small images. This number and torch's
            random numbers are those of a process, so fits in threads take turns: side by side they
            run in processes.
        checkpoint: a folder to keep the training in as it goes. If it holds one of the same
            settings and images that was cut off, it is gone on with, and ends as if it had not
            been.
        verbose: show a progress bar.

    Attributes:
        labels_: N class numbers, 0 to n_clusters - 1. They are numbers, not names.
        probabilities_: N x n_clusters, rows sum to one: the softmax, which is too sure of itself.
        confidence_: N; an image of .9 is in the right class about nine times in ten.
        novelty_: N; above 1 an image fits nowhere, see `multitask.Judgement`.
        result_: all that was found, see `multitask.ClusteringResult`.
        model_: the `MultiTaskModel`, with the heads `descriptors` and `classes`. It takes plain
            features as they are in X.
        history_: a row an epoch, see `multitask.fit`.
        seconds_: wall time by stage.
        sizes_: what was weighed each time that label vectors were made, see `SizeEvidence`.
        n_features_in_: numbers in one row of X.
        feature_names_in_: the names of the columns, where X is a table whose columns have names.

    >>> from mtlkit import load
    >>> clusterer = MultiTaskClusterer(n_clusters=3, random_state=0, effort=0.02)
    >>> clusterer.fit_predict(load("digits:small").images).shape
    (537,)
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        class_sizes: str | None = None,
        descriptors: str | tuple[str, ...] | None = None,
        encoder: str | None = None,
        effort: float | None = None,
        recipe: Recipe | None = None,
        side: int | None = None,
        random_state: Any = None,
        n_threads: int = 1,
        checkpoint: str | Path | None = None,
        verbose: bool = False,
    ) -> None:
        self.n_clusters = n_clusters
        self.class_sizes = class_sizes
        self.descriptors = descriptors
        self.encoder = encoder
        self.effort = effort
        self.recipe = recipe
        self.side = side
        self.random_state = random_state
        self.n_threads = n_threads
        self.checkpoint = checkpoint
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None, *, tracks: Any = None) -> Self:
        """Find the classes of X: N x H x W, N x C x H x W with values in [0, 1], or N x D.

        `y` is never looked at. `tracks`: N numbers or texts, equal where images are assumed to show
        one thing, as the frames of a video do (see `preprocessing.tracks`).

        Raises:
            InputError: X of another shape, with NaN, out of range or with all rows equal;
                `n_clusters` below 1 or above N, or no fewer than tracks; a setting that is not
                known.
        """
        images, recipe = self._prepare(X), self._recipe()
        known = Tracks(tracks, len(images))
        checkpoint = self._checkpoint(images, recipe, known)
        steps = recipe.schedule.steps(len(images), recipe.clustering)
        bar = tqdm(total=steps, unit="step", disable=not self.verbose)
        with bar, threads(self.n_threads):
            self.result_ = find_classes(
                images,
                self.n_clusters,
                recipe,
                seed=self.seed_,
                tracks=known,
                checkpoint=checkpoint,
                on_step=partial(_advance, bar),
            )
        self.result_.model.scaling = self._scaling
        self.model_ = self.result_.model
        self.history_ = self.result_.history
        self.seconds_ = self.result_.seconds
        self.sizes_ = self.result_.sizes
        self.probabilities_ = self.result_.probabilities
        self.confidence_ = self.result_.confidence
        self.novelty_ = self.result_.novelty
        self.labels_ = self.result_.classes
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the class number of each row of X (N), in the shape that `fit` was given."""
        return self.predict_proba(X).argmax(axis=1)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the softmax of each class: N x n_clusters, rows sum to one.

        It is too sure of itself. `judge` gives a confidence that means something.
        """
        check_is_fitted(self, "model_")
        with threads(self.n_threads, wait=False):
            return self.model_.predict(self._images(X), "classes").numpy()

    def judge(self, X: Any) -> Judgement:
        """Return the probabilities, the confidence and the novelty of each row of X."""
        check_is_fitted(self, "model_")
        with threads(self.n_threads, wait=False):
            return judge(self.model_, self._images(X))

    def transform(self, X: Any) -> np.ndarray:
        """Return the shared features, N x width, for another method to work on."""
        check_is_fitted(self, "model_")
        with threads(self.n_threads, wait=False):
            return self.model_.features(self._images(X)).numpy()

    def estimate_seconds(self, X: Any) -> float:
        """Time a few steps on X; return about how many seconds `fit` takes, to a factor of two."""
        probe = clone(self)  # nothing that is fitted, and no state of a `random_state`, is changed
        images, recipe = probe._prepare(X), probe._recipe()
        size = recipe.schedule.batch(len(images))
        few = images[: 4 * size]
        options = TrainingOptions(cosines=recipe.cosines)
        train = partial(fit, batch_size=size, weighting=recipe.weighting, options=options)
        with threads(self.n_threads):
            model = first_model(few, recipe.targets(few), recipe, probe.seed_)
            train(model, few, epochs=1)  # the first steps are slow
            history = train(model, few, epochs=max(1, 4 * size // len(few)))
        each = sum(row["seconds"] for row in history) / (len(history) * max(1, len(few) // size))
        return each * recipe.schedule.steps(len(images), recipe.clustering)

    def _recipe(self) -> Recipe:
        """Return the recipe with the settings that were given beside it."""
        recipe = self.recipe or Recipe()
        given = {name: getattr(self, name) for name in SHORTCUTS}
        if self.effort is not None:
            given["schedule"] = replace(recipe.schedule, effort=self.effort)
        return replace(
            recipe, **{name: value for name, value in given.items() if value is not None}
        )

    def _prepare(self, X: Any) -> Tensor:
        """At the first sight of X, fix the seed, the shape and, of plain features, the scale."""
        self.seed_ = seed_of(self.random_state)
        array = as_array(X)
        self._inputs, self._scaling = None, None
        if array.ndim == 2:
            features = self._features(X, reset=True)
            scaler = StandardScaler().fit(features.numpy())
            self._scaling = torch.tensor(np.stack([scaler.mean_, scaler.scale_])).float()
            images = standardised(features, self._scaling)
        else:
            pictures = as_images(array)
            side = int(np.clip(max(pictures.shape[2:]), *USUAL_SIDES))
            side = side if self.side is None else self.side
            self._inputs = InputSpec(pictures.shape[1], side)
            images = torch.as_tensor(self._inputs.bring(pictures))
            validate_data(self, array.reshape(len(array), -1), skip_check_array=True)  # notes D
        if len(images) < 2 or (images == images[0]).all():
            what = "X holds 1 sample" if len(images) < 2 else f"all {len(images)} images are equal"
            raise InputError(
                f"{what}: there is nothing to tell apart; give two or more images that differ."
            )
        check_clusters(self.n_clusters, len(images))  # before any time is spent
        return images

    def _checkpoint(self, images: Tensor, recipe: Recipe, tracks: Tracks) -> Checkpoint | None:
        """Return the folder's checkpoint; `InputError` unless it is of this training."""
        if self.checkpoint is None:
            return None
        about = recipe.as_dict() | {
            "n_clusters": repr(self.n_clusters),
            "side": repr(self.side),
            "n_threads": repr(self.n_threads),
            "seed": self.seed_,
            "images": hashlib.sha256(images.contiguous().numpy().data).hexdigest(),
            "tracks": hashlib.sha256(np.array(tracks.numbers, float).tobytes()).hexdigest(),
        }
        return Checkpoint(Path(self.checkpoint), about)

    def _images(self, X: Any) -> Tensor:
        """Bring X to what the network takes: N x C x side x side in [0, 1], or N x D."""
        array = as_array(X)
        if self._inputs is None:
            return self._features(X, reset=False)
        images = as_images(array)
        channels = self._inputs.channels
        if images.shape[1] != channels:
            given = f"X has {images.shape[1]} channels and fit was given {channels}"
            raise InputError(f"{given}: bring X to the same.")
        return torch.as_tensor(self._inputs.bring(images))

    @property
    def _n_features_out(self) -> int:  # scikit-learn names so many columns of `transform`
        width: Any = self.model_.encoder.width
        return int(width)

    def _features(self, X: Any, reset: bool) -> Tensor:
        """Let scikit-learn see N x D and its columns' names, and say what it finds in our way."""
        try:
            return torch.tensor(validate_data(self, X, dtype=np.float32, reset=reset))
        except ValueError as fault:
            if str(fault).startswith("The feature names"):
                what = words_of(fault)
                raise InputError(f"{what}: give the columns of fit, in their order.") from fault
            reason = str(fault).splitlines()[0].rstrip(".:")
            remedy = ": give" if X.ndim == 2 else ". Reshape your data to"
            expected = "N x D finite numbers, with the same D in fit and predict"
            raise InputError(f"{reason}{remedy} {expected}.") from fault


def _advance(bar: tqdm, stage: str) -> None:
    bar.set_description(stage, refresh=False)
    bar.update()


def as_array(X: Any) -> np.ndarray:
    """Return X as an array; `InputError` for what cannot be one, and for rows of different shapes.

    >>> as_array([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    if sparse.issparse(X):
        raise InputError("X is sparse: expected a dense array; give X.toarray().")
    one_size = "bring all images to one size first"
    one_array = "give one; of a tensor, X.detach().cpu().numpy()"
    with (
        as_input_error("X cannot be read as an array", one_array),
        as_input_error("the rows of X differ in shape", one_size, (ValueError,)),
    ):
        return np.asarray(X)


def seed_of(random_state: Any) -> int:
    """Return the seed that a `random_state` stands for: itself, or one that it draws.

    >>> seed_of(3), seed_of(np.random.RandomState(0)) == seed_of(np.random.RandomState(0))
    (3, True)
    """
    expected = f"give a whole number from 0 to {SEEDS - 1:,}, a numpy RandomState, or None"
    if isinstance(random_state, (int, np.integer)):
        if not 0 <= random_state < SEEDS:
            raise InputError(f"random_state is {random_state}: {expected}.")
        return int(random_state)
    with as_input_error(f"random_state is {random_state!r:.60}", expected):
        return int(check_random_state(random_state).randint(SEEDS))
