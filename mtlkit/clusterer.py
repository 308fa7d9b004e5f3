"""The door for code: the whole way from images to classes as a scikit-learn estimator."""

import hashlib
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

from mtlkit.errors import InputError, as_input_error, normalised_name, words_of
from mtlkit.inputs import SIZES, fit_squares
from mtlkit.multitask import (
    MLP,
    Augmentation,
    MultiTaskModel,
    Schedule,
    find_classes,
    fit,
    load_encoder,
    make_encoder,
)
from mtlkit.multitask.augmentation import usual_augmentation
from mtlkit.multitask.checkpoints import Checkpoint
from mtlkit.multitask.compute import check_device, seeded, threads
from mtlkit.multitask.model import standardised
from mtlkit.multitask.tasks import Contrast, Regression
from mtlkit.multitask.weighting import Weighting, make_weigher
from mtlkit.preprocessing import describe
from mtlkit.preprocessing.class_sizes import check_class_sizes
from mtlkit.preprocessing.label_vectors import check_clusters

SIDES = (8, 64)  # px: smaller images are enlarged, larger ones made smaller
SEEDS = 2**31 - 9  # seeds lie below: each stage has one of its own, a few above


class MultiTaskClusterer(
    ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin, BaseEstimator
):
    """Classes for images without labels, by one network that learns several tasks.

    Args:
        n_clusters: the number of classes. It is an assumption: no label tells it.
        class_sizes: `"free"` assumes nothing of the classes' sizes; `"equal"` assumes that they are
            about the same; `"auto"` assumes that, too, unless the images speak against it.
        weighting: how the tasks' losses become one step while features are learnt: `"uncertainty"`,
            `"equal"`, a weight for each of the tasks `views` and `descriptors`, or any of torchjd's
            methods, as `"UPGrad"` (see `make_weigher`).
        cosines: record in the history how far the tasks' gradients agree; a step takes about twice
            as long.
        encoder: `"auto"` (`"small-cnn"` for images, `"mlp"` for plain features), `"mlp"`, or the
            name of one of torchvision's classifiers, as `"resnet18"` (see `make_encoder`).
        weights: a safetensors file of features that were trained elsewhere, for the encoder to
            start from. They are an assumption: what they were trained on, and for what, is in the
            classes, too.
        descriptors: what the regression task must tell of each image: names from
            `preprocessing.DESCRIPTORS`, or `"auto"`: HOG, and for colour images half as much of
            colour without light. Label vectors are made from them, too, beside what the network
            learns. Plain features are their own descriptors.
        augmentation: changes that leave the class as it is; None: those of `usual_augmentation`.
        side: images are brought to side x side pixels (8 to 512), their aspect kept, as by `load`;
            None: their own larger side, between 8 and 64.
        clustering: train a head of many small groups, too, before the label vectors are made.
        effort: scales the length of training; below 1 for a quick look.
        batch_size: images a step; None: 128, or a fifth of the images where that is less.
        random_state: seed; the same seed gives the same classes on the same machine with as many
            threads.
        n_threads: threads inside torch. One is quickest for small images. This number and torch's
            random numbers are those of a process, so fits in threads take turns: side by side they
            run in processes.
        device: where the network is trained, as torch names it: `"cpu"`, `"cuda"`, ... The same
            seed gives the same on a CPU.
        checkpoint: a folder to keep the training in as it goes. If it holds one of the same
            settings and images that was cut off, it is gone on with, and ends as if it had not
            been.
        verbose: show a progress bar.

    Attributes:
        labels_: N class numbers, 0 to n_clusters - 1. They are numbers, not names.
        probabilities_: N x n_clusters, rows sum to one.
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
        class_sizes: str = "auto",
        weighting: Weighting = "uncertainty",
        cosines: bool = False,
        encoder: str = "auto",
        weights: str | Path | None = None,
        descriptors: str | tuple[str, ...] = "auto",
        augmentation: Augmentation | None = None,
        side: int | None = None,
        clustering: bool = False,
        effort: float = 1.0,
        batch_size: int | None = None,
        random_state: Any = None,
        n_threads: int = 1,
        device: str = "cpu",
        checkpoint: str | Path | None = None,
        verbose: bool = False,
    ) -> None:
        self.n_clusters, self.class_sizes, self.weighting, self.cosines = (
            n_clusters,
            class_sizes,
            weighting,
            cosines,
        )
        self.encoder, self.weights, self.descriptors = encoder, weights, descriptors
        self.augmentation, self.side, self.clustering = augmentation, side, clustering
        self.effort, self.batch_size, self.random_state = effort, batch_size, random_state
        self.n_threads, self.device, self.checkpoint, self.verbose = (
            n_threads,
            device,
            checkpoint,
            verbose,
        )

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the classes of X: N x H x W, N x C x H x W with values in [0, 1], or N x D. `y` is
        never looked at.

        Raises:
            InputError: X of another shape, with NaN, out of range or with all rows equal;
                `n_clusters` below 1 or above N; a setting that is not known.
        """
        images, schedule = self._prepare(X), Schedule(self.batch_size, self.effort)
        checkpoint = self._checkpoint(images)
        bar = tqdm(
            total=schedule.steps(len(images), self.clustering),
            unit="step",
            disable=not self.verbose,
        )
        with bar, threads(self.n_threads):
            found = find_classes(
                images,
                self._targets(images),
                self.n_clusters,
                self._encoder(images),
                class_sizes=self.class_sizes,
                weighting=self.weighting,
                cosines=self.cosines,
                clustering=self.clustering,
                augmentation=self._augmentation(images),
                schedule=schedule,
                seed=self.seed_,
                checkpoint=checkpoint,
                on_step=lambda stage: (bar.set_description(stage, refresh=False), bar.update()),
            )
        found.model.scaling = self._scaling
        self.model_, self.history_, self.seconds_ = found.model, found.history, found.seconds
        self.sizes_ = found.sizes
        self.probabilities_ = found.probabilities
        self.labels_ = found.probabilities.argmax(axis=1)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the class number of each row of X (N), in the shape that `fit` was given."""
        return self.predict_proba(X).argmax(axis=1)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return how sure the network is of each class: N x n_clusters, rows sum to one."""
        check_is_fitted(self, "model_")
        with threads(self.n_threads, wait=False):
            return self.model_.predict(self._images(X), "classes").numpy()

    def transform(self, X: Any) -> np.ndarray:
        """Return the shared features, N x width (128 for our own encoders), for another method to
        work on.
        """
        check_is_fitted(self, "model_")
        with threads(self.n_threads, wait=False):
            return self.model_.features(self._images(X)).numpy()

    def estimate_seconds(self, X: Any) -> float:
        """Time a few steps on X and return about how many seconds `fit` will take (good to a factor
        of two).
        """
        probe = clone(self)  # nothing that is fitted, and no state of a `random_state`, is changed
        images = probe._prepare(X)
        schedule = Schedule(self.batch_size, self.effort)
        size = schedule.batch(len(images))
        few = images[: 4 * size]
        train = partial(fit, batch_size=size, weighting=self.weighting, cosines=self.cosines)
        with threads(self.n_threads), seeded(0):
            model = MultiTaskModel(
                probe._encoder(few),
                {"views": Contrast(), "descriptors": Regression(probe._targets(few))},
            )
            train(model, few, epochs=1)  # the first steps are slow
            history = train(model, few, epochs=max(1, 4 * size // len(few)))
        each = sum(row["seconds"] for row in history) / (len(history) * max(1, len(few) // size))
        return each * schedule.steps(len(images), self.clustering)

    def _prepare(self, X: Any) -> Tensor:
        """At the first sight of X, fix the seed, the shape and, of plain features, the scale."""
        self.seed_ = seed_of(self.random_state)
        least, most = SIZES
        if self.side is not None and self.side not in range(least, most + 1):
            bounds = f"{least} px or more, and to {most} at most"
            raise InputError(f"side is {self.side} px: bring them to {bounds}.")
        array = as_array(X)
        self._plain, self._scaling = array.ndim == 2, None
        self._side = int(self.side or np.clip(max(array.shape[-2:], default=0), *SIDES))
        self._channels = array.shape[1] if array.ndim == 4 else 1
        if self._plain:
            features = self._features(X, reset=True)
            scaler = StandardScaler().fit(features.numpy())
            self._scaling = torch.tensor(np.stack([scaler.mean_, scaler.scale_])).float()
            images = standardised(features, self._scaling)
        else:
            images = self._images(array)
            validate_data(self, array.reshape(len(array), -1), skip_check_array=True)  # notes D
        if len(images) < 2 or (images == images[0]).all():
            what = "X holds 1 sample" if len(images) < 2 else f"all {len(images)} images are equal"
            raise InputError(
                f"{what}: there is nothing to tell apart; give two or more images that differ."
            )
        check_clusters(
            self.n_clusters, len(images)
        )  # what cannot work is refused before any time is spent
        make_weigher(self.weighting, ["views", "descriptors"])
        check_class_sizes(self.class_sizes)
        check_device(self.device)
        return images

    def _checkpoint(self, images: Tensor) -> Checkpoint | None:
        """Return the folder's checkpoint, after a look whether it is of these settings and these
        images.
        """
        if self.checkpoint is None:
            return None
        apart = ("checkpoint", "verbose", "random_state")
        about = {
            name: repr(value) for name, value in self.get_params().items() if name not in apart
        }
        digest = hashlib.sha256(images.contiguous().numpy().data).hexdigest()
        return Checkpoint(Path(self.checkpoint), about | {"seed": self.seed_, "images": digest})

    def _images(self, X: Any) -> Tensor:
        """Bring X to what the network takes: N x C x side x side in [0, 1], or N x D."""
        array = as_array(X)
        if self._plain:
            return self._features(X, reset=False)
        images = as_images(array, self._side)
        if images.shape[1] != self._channels:
            raise InputError(
                f"X has {images.shape[1]} channels and fit was given {self._channels}: "
                "bring X to the same."
            )
        return images

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
            reason = str(fault).splitlines()[0].rstrip(".:") + (
                ": give" if X.ndim == 2 else ". Reshape your data to"
            )
            raise InputError(
                f"{reason} N x D finite numbers, with the same D in fit and predict."
            ) from fault

    def _targets(self, images: Tensor) -> np.ndarray:
        """Return the regression's target for each image; plain features are their own."""
        if images.ndim == 2:
            return images.numpy()
        names = self.descriptors
        if isinstance(names, str):
            usual = {"hog": 1.0} | ({"chromaticity": 0.5} if images.shape[1] == 3 else {})
            return describe(images.numpy(), usual if names == "auto" else (names,))
        return describe(images.numpy(), names)

    def _encoder(self, images: Tensor) -> torch.nn.Module:
        name = {"auto": "mlp" if images.ndim == 2 else "small-cnn"}.get(self.encoder, self.encoder)
        if images.ndim == 2 and normalised_name(name) != "mlp":
            raise InputError(f"encoder {name!r} takes images, and X is N x D: use encoder='auto'.")
        with seeded(self.seed_):
            encoder = (
                MLP(images.shape[1]) if images.ndim == 2 else make_encoder(name, *images.shape[1:3])
            )
        if self.weights is not None:
            load_encoder(encoder, self.weights)
        return encoder.to(self.device)

    def _augmentation(self, images: Tensor) -> Augmentation:
        return self.augmentation or usual_augmentation(images.shape[1:])


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


def as_images(X: np.ndarray, side: int) -> Tensor:
    """Bring N x H x W or N x C x H x W to float32, N x C x side x side in [0, 1], by `fit_squares`.

    Raises:
        InputError: another number of dimensions or channels, NaN, or values outside [0, 1] that are
            not bytes.

    >>> as_images(np.full((2, 6, 8), 255, np.uint8), side=8).shape
    torch.Size([2, 1, 8, 8])
    """
    shape = " x ".join(map(str, X.shape)) or "one value"
    shaped = X.ndim == 3 or (X.ndim == 4 and X.shape[1] in (1, 3))
    if not shaped or X.size == 0 or X.dtype.kind not in "biuf":
        last = X.ndim == 4 and X.shape[3] in (1, 3)
        raise InputError(
            f"X is {shape} of {X.dtype}: expected numbers, N x H x W, N x 1 x H x W, "
            "N x 3 x H x W or N x D"
            + (
                "; bring the channels to the second place, X.transpose(0, 3, 1, 2)."
                if last
                else "."
            )
        )
    images = torch.as_tensor(
        X / 255 if X.dtype == np.uint8 else X.astype(np.float32), dtype=torch.float32
    )
    images = images[:, None] if images.ndim == 3 else images
    if not (images.min() >= 0 and images.max() <= 1):  # also false for NaN
        bad = "NaN" if images.isnan().any() else f"values from {images.min():g} to {images.max():g}"
        raise InputError(
            f"X holds {bad}: images must lie in [0, 1]; divide by the largest value of the format."
        )
    return torch.as_tensor(fit_squares(images.numpy(), side))
