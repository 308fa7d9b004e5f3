"""Rounds: regions that recur become boxes, a detector learns them, and says which to take next."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy import ndarray
from torchvision.ops import box_iou

from mtlkit.detection.detector import CELL, detect, new_detector
from mtlkit.detection.discovery import Regions, choose, discover
from mtlkit.detection.proposals import Proposals, propose
from mtlkit.detection.tiles import cut_tiles, target_maps
from mtlkit.errors import InputError
from mtlkit.inputs import check_whole
from mtlkit.multitask import Augmentation, MultiTaskModel, TrainingOptions, fit
from mtlkit.multitask.checkpoints import Checkpoint
from mtlkit.multitask.compute import seeded
from mtlkit.multitask.training import History, TrainingState, steps_an_epoch
from mtlkit.multitask.weighting import Weighting
from mtlkit.preprocessing.label_vectors import align, fit_kmeans

MOST_GROUPS = 10_000
LEAST_SIDE = 64  # px

LIGHT = Augmentation(  # geometry would move what is in a box
    rotation=0, scale=0, shift=0, shear=0, gain=0, noise=0.02, light=0.4, colour=0.5
)


@dataclass(frozen=True)
class DetectionRecipe:
    """How objects are found; every setting.

    Args:
        n_groups: into how many groups the objects are sorted. More than there are kinds is better
            than fewer: two groups may be given one name.
        proposals: regions that are looked at in a picture.
        shares: of these, how many are taken for objects before each round of training.
        steps: of each round.
        batch_size: tiles a step.
        effort: scales the steps; below 1 for a quick look.
        weighting: how the losses of the three tasks become one step, see `multitask.make_weigher`.
    """

    n_groups: int = 16
    proposals: int = 60
    shares: tuple[float, ...] = (0.18, 0.2, 0.22)
    steps: tuple[int, ...] = (2000, 1200, 1200)
    batch_size: int = 4
    effort: float = 1.0
    weighting: Weighting = "equal"

    def __post_init__(self) -> None:
        check_whole("n_groups", self.n_groups, 1, MOST_GROUPS)
        check_whole("proposals", self.proposals, 1, 1000)
        check_whole("batch_size", self.batch_size, 1, 1000)
        shares = np.array(self.shares)
        right = (shares > 0) & (shares <= 1)
        if len(shares) != len(self.steps) or not right.all():
            raise InputError(f"shares is {self.shares}: give one from 0 to 1 for each of steps.")
        if not 0 < self.effort < np.inf:
            raise InputError(f"effort is {self.effort}: give a number above 0, as 0.5.")


@dataclass(frozen=True, eq=False)
class DetectionResult:
    """What was learnt, and how.

    model: the detector, for `detect`.
    regions: the proposals of all scenes, scored.
    chosen: of each round, the rows of the regions that were taken for objects.
    history: a row an epoch.
    seconds: by stage.
    """

    model: MultiTaskModel
    regions: Regions
    chosen: list[ndarray]
    history: History
    seconds: dict[str, float]


def find_objects(
    images: ndarray,
    recipe: DetectionRecipe | None = None,
    *,
    seed: int = 0,
    checkpoint: Checkpoint | None = None,
    on_step: Callable[[str, int], Any] | None = None,
) -> DetectionResult:
    """Learn to detect what recurs in pictures without labels or boxes.

    Args:
        images: N x 3 x H x W in [0, 1]; H and W are multiples of 8 px, 64 or more.
        recipe: how; None: `DetectionRecipe()`.
        seed: the same gives the same detector.
        checkpoint: where the training is kept as it goes, and gone on from if something is there.
        on_step: called after each step with the stage's name and how many steps it has.

    Raises:
        InputError: pictures of another shape, or something stands out in fewer than two of them.
    """
    images = np.asarray(images, np.float32)
    _check_pictures(images)
    work = Rounds(images, recipe or DetectionRecipe(), seed, checkpoint, on_step)
    work.look()
    for number in range(len(work.recipe.steps)):
        work.go(number)
    return DetectionResult(work.model, work.regions, work.chosen, work.history, work.seconds)


def _check_pictures(images: ndarray) -> None:
    colour = images.ndim == 4 and images.shape[1] == 3
    sides = np.array(images.shape[2:])
    fits = (sides >= LEAST_SIDE) & (sides % CELL == 0)
    if not colour or not fits.all() or not np.isfinite(images).all():
        shape = " x ".join(map(str, images.shape))
        expected = f"N x 3 x H x W without NaN, H and W multiples of 8 px from {LEAST_SIDE} on"
        raise InputError(f"images is {shape}: give {expected}.")


class Rounds:
    """What the rounds of one training hand on to each other; see `find_objects`."""

    regions: Regions

    def __init__(
        self,
        images: ndarray,
        recipe: DetectionRecipe,
        seed: int,
        checkpoint: Checkpoint | None,
        on_step: Callable[[str, int], Any] | None,
    ) -> None:
        self.images = images
        self.recipe = recipe
        self.seed = seed
        self.checkpoint = checkpoint
        self.on_step = on_step or (lambda stage, steps: None)
        with seeded(seed):
            self.model = new_detector(recipe.n_groups)
        self.chosen: list[ndarray] = []
        self.groups = np.empty(0, int)  # of all regions, as the round before had them
        self.history: History = []
        self.seconds: dict[str, float] = {}

    def look(self) -> None:
        """Find what stands out in each picture, and what of it recurs."""
        started = time.perf_counter()
        proposals: list[Proposals] = []
        for image in self.images:
            proposals.append(propose(image, self.recipe.proposals))
            self.on_step("proposals", len(self.images))
        self.regions = discover(self.images, proposals)
        self.seconds["proposals"] = time.perf_counter() - started

    def go(self, number: int) -> None:
        """Take regions for objects, sort them into groups, and train on tiles round them."""
        regions = self.regions
        score = regions.score
        if number:
            told = self._objectness()
            of_likes = regions.smoothed(told)
            score = score / 2 + told + of_likes
        rows = choose(regions, score, self.recipe.shares[number])
        self.chosen.append(rows)
        groups = self._sorted(rows)
        boxes_of, groups_of = [], []
        for scene in range(len(self.images)):
            own = regions.scenes[rows] == scene
            boxes = regions.boxes[rows[own]]
            boxes_of.append(boxes.astype(np.float32))
            groups_of.append(groups[own])
        self.learn(number, boxes_of, groups_of)

    def learn(self, number: int, boxes: Sequence[ndarray], groups: Sequence[ndarray]) -> None:
        """Train for a round on tiles round these boxes of each scene, in these groups."""
        tiles = cut_tiles(self.images, boxes, groups, self.seed + number)
        maps = target_maps(tiles, self.recipe.n_groups)
        for name, values in maps.items():
            self.model.tasks[name].set_targets(values)
        self._train(number, tiles.images)

    def _objectness(self) -> ndarray:
        """Return the score of the box that the detector finds where each region is; zero: none."""
        found = detect(self.model, self.images, least=0.03, same=0.7)
        told = np.zeros(len(self.regions.boxes))
        for scene, (boxes, scores, _) in enumerate(found):
            rows = np.flatnonzero(self.regions.scenes == scene)
            if len(boxes) and len(rows):
                regions = self.regions.boxes[rows]
                places = torch.tensor(regions, dtype=torch.float32)
                shares = box_iou(places, torch.tensor(boxes))
                weighed = shares.numpy() * scores
                told[rows] = weighed.max(1)
        return told

    def _sorted(self, rows: ndarray) -> ndarray:
        """Return the group of each chosen region; groups keep their numbers from round to round."""
        features = self.regions.features
        n_groups = min(self.recipe.n_groups, len(rows))
        found = fit_kmeans(features[rows], n_groups, self.seed, n_init=4)
        one_hot = np.eye(self.recipe.n_groups)
        vectors = one_hot[found.predict(features)]
        if len(self.groups):
            vectors = align(vectors, one_hot[self.groups])
        self.groups = vectors.argmax(1)
        return self.groups[rows]

    def _train(self, number: int, tiles: ndarray) -> None:
        started = time.perf_counter()
        stage = f"round {number + 1}"
        recipe = self.recipe
        steps, _ = steps_an_epoch(len(tiles), recipe.batch_size)
        wanted = recipe.effort * recipe.steps[number]
        epochs = max(1, round(wanted / steps))
        saved = self.checkpoint.load(stage) if self.checkpoint else None
        options = TrainingOptions(
            augmentation=LIGHT,
            learning_rate=3e-3 if number == 0 else 2e-3,
            stage=stage,
            views=1,
            state=saved,
            on_epoch=partial(self._end_epoch, stage, epochs),
            on_step=partial(self.on_step, stage, epochs * steps),
        )
        rows = fit(
            self.model,
            tiles,
            epochs=epochs,
            batch_size=recipe.batch_size,
            weighting=recipe.weighting,
            seed=self.seed + number,
            options=options,
        )
        before = len(self.history)
        self.history += [row | {"epoch": before + row["epoch"]} for row in rows]
        self.seconds[stage] = time.perf_counter() - started

    def _end_epoch(
        self, stage: str, epochs: int, epoch: int, snapshot: Callable[[], TrainingState]
    ) -> None:
        if self.checkpoint:
            self.checkpoint.save(stage, snapshot, last=epoch + 1 == epochs)
