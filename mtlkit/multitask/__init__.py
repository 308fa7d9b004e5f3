"""The heart: tasks that share one encoder, how they are weighted, trained, and led to classes."""

from mtlkit.multitask.augmentation import Augmentation, usual_augmentation
from mtlkit.multitask.confidence import Judgement, judge
from mtlkit.multitask.encoders import MLP, SmallCNN, load_encoder, make_encoder
from mtlkit.multitask.model import MultiTaskModel
from mtlkit.multitask.recipe import Recipe, Schedule
from mtlkit.multitask.result import ClusteringResult, CollapseWarning
from mtlkit.multitask.stages import find_classes
from mtlkit.multitask.training import Teacher, TrainingOptions, fit

__all__ = [
    "MLP",
    "Augmentation",
    "ClusteringResult",
    "CollapseWarning",
    "Judgement",
    "MultiTaskModel",
    "Recipe",
    "Schedule",
    "SmallCNN",
    "Teacher",
    "TrainingOptions",
    "find_classes",
    "fit",
    "judge",
    "load_encoder",
    "make_encoder",
    "usual_augmentation",
]
