"""The recipe: every setting on the way from images to classes, made once and handed down."""

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from safetensors import safe_open
from torch import Tensor, nn

from mtlkit.errors import InputError, as_input_error, normalised_name
from mtlkit.multitask.augmentation import Augmentation, usual_augmentation
from mtlkit.multitask.compute import check_device, seeded
from mtlkit.multitask.encoders import MLP, check_encoder, load_encoder, make_encoder
from mtlkit.multitask.training import steps_an_epoch
from mtlkit.multitask.weighting import Weighting, make_weigher
from mtlkit.preprocessing import describe
from mtlkit.preprocessing.class_sizes import check_class_sizes
from mtlkit.preprocessing.descriptors import check_descriptors


@dataclass(frozen=True)
class Schedule:
    """How long each stage lasts.

    A stage has so many epochs, and no fewer steps than these, since few images make short epochs.
    With many images there are fewer epochs, as the steps are what counts; and with a few hundred,
    fewer and smaller steps, as there is less to learn.

    Args:
        effort: scales all lengths; below 1 for a quick look.
        batch_size: images a step; None: 128, or a fifth of the images where that is less.
        features, groups, classes: (epochs, least steps) of each stage.
        few: with fewer images than that, the least steps fall with the square of their number, to a
            quarter.
        many: with more images than that, epochs get fewer in proportion, so that the steps stay the
            same.
        rounds: parts of equal length of the second half of the classes stage; before each, label
            vectors are made again and the mean of all so far is learnt.

    Raises:
        InputError: a batch of no image, or an effort that is not above 0.
    """

    effort: float = 1.0
    batch_size: int | None = None
    features: tuple[int, int] = (30, 1680)
    groups: tuple[int, int] = (6, 84)
    classes: tuple[int, int] = (18, 252)
    few: int = 700
    many: int = 20_000
    rounds: int = 3

    def __post_init__(self) -> None:
        if self.batch_size is not None and not self.batch_size >= 1:
            raise InputError(f"batch_size is {self.batch_size}: give 1 image or more.")
        if not 0 < self.effort < math.inf:
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
        usual = epochs * min(1, self.many / n_images)
        return max(1, round(max(usual, fewest) * self.effort))

    def steps(self, n_images: int, clustering: bool = False) -> int:
        """Return the steps of all stages together."""
        stages = ["features", "groups", "classes"] if clustering else ["features", "classes"]
        steps, _ = steps_an_epoch(n_images, self.batch(n_images))
        return sum(self.epochs(stage, n_images) for stage in stages) * steps


@dataclass(frozen=True)
class Recipe:
    """How classes are found; what it does not know is refused as soon as it is made.

    Args:
        class_sizes: `"free"` assumes nothing of the classes' sizes; `"equal"` assumes that they are
            about the same; `"auto"` assumes that, too, unless the images speak against it. Each
            round decides again (see `sized_vectors`).
        descriptors: what the regression task must predict for each image: names from
            `preprocessing.DESCRIPTORS`, or `"auto"`: HOG, and for colour images half as much of
            colour without light. Label vectors are made from them, too, beside what the network
            learns. Plain features are their own descriptors. Stained cells:
            `("hog", "stain", "chromaticity")`, with an augmentation that turns and mirrors and
            leaves light nearly as it is.
        encoder: `"auto"` (`"small-cnn"` for images, `"mlp"` for plain features), `"mlp"`, or the
            name of one of torchvision's classifiers, as `"resnet18"` (see `make_encoder`).
        weights: a safetensors file of features that were trained elsewhere, for the encoder to
            start from. They are an assumption: what they were trained on, and for what, is in the
            classes, too.
        augmentation: changes that leave the class as it is; None: those of `usual_augmentation`.
        weighting: how the tasks' losses become one step while features are learnt: `"uncertainty"`,
            `"equal"`, a weight for each of the tasks `views` and `descriptors`, or any of torchjd's
            methods, as `"UPGrad"` (see `make_weigher`). Later stages weigh the losses alike.
        cosines: record in the history how far the tasks' gradients agree; a step takes about twice
            as long.
        clustering: train a head of many small groups, too, before the label vectors are made.
        device: where the network is trained, as torch names it: `"cpu"`, `"cuda"`, ... The same
            seed gives the same on a CPU.
        schedule: how long each stage lasts.

    Raises:
        InputError: a name that is not known, a device that is not there, weights that cannot be
            read.

    >>> Recipe(class_sizes="equal", schedule=Schedule(effort=0.1)).class_sizes
    'equal'
    """

    class_sizes: str = "auto"
    descriptors: str | tuple[str, ...] = "auto"
    encoder: str = "auto"
    weights: str | Path | None = None
    augmentation: Augmentation | None = None
    weighting: Weighting = "uncertainty"
    cosines: bool = False
    clustering: bool = False
    device: str = "cpu"
    schedule: Schedule = field(default_factory=Schedule)

    def __post_init__(self) -> None:
        check_class_sizes(self.class_sizes)
        if self.descriptors != "auto":
            check_descriptors(self._names)
        make_weigher(self.weighting, ["views", "descriptors"])
        if self.encoder != "auto":
            check_encoder(self.encoder)
        check_device(self.device)
        if self.weights is not None:
            what = f"weights {self.weights}: cannot be read as safetensors"
            path = Path(self.weights).expanduser()
            with as_input_error(what, "give a run's model.safetensors"), safe_open(path, "pt"):
                pass  # the file's header is in order

    @property
    def _names(self) -> tuple[str, ...]:
        names = self.descriptors
        return (names,) if isinstance(names, str) else names

    def as_dict(self) -> dict[str, str]:
        """Return each setting, those of the schedule too, as text."""
        settings = asdict(self)
        settings |= settings.pop("schedule")
        return {name: repr(value) for name, value in settings.items()}

    def make_encoder(self, images: Tensor, seed: int) -> nn.Module:
        """Return a fresh encoder for N x C x side x side, or for N x D."""
        name = self.encoder
        plain_features = images.ndim == 2
        if plain_features and normalised_name(name) not in ("auto", "mlp"):
            raise InputError(f"encoder {name!r} takes images, and X is N x D: use encoder='auto'.")
        with seeded(seed):
            if plain_features:
                encoder: nn.Module = MLP(images.shape[1])
            else:
                name = "small-cnn" if name == "auto" else name
                encoder = make_encoder(name, *images.shape[1:3])
        if self.weights is not None:
            load_encoder(encoder, self.weights)
        return encoder.to(self.device)

    def targets(self, images: Tensor) -> np.ndarray:
        """Return the regression's target for each image, N x T; plain features are their own."""
        if images.ndim == 2:
            return images.numpy()
        if self.descriptors != "auto":
            return describe(images.numpy(), self._names)
        usual = {"hog": 1.0}
        if images.shape[1] == 3:
            usual["chromaticity"] = 0.5
        return describe(images.numpy(), usual)

    def augmentation_of(self, images: Tensor) -> Augmentation:
        """Return how views of the images are made."""
        return self.augmentation or usual_augmentation(images.shape[1:])
