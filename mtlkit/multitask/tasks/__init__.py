"""Tasks: each a head, a target and a loss, in a file of its own."""

from mtlkit.multitask.tasks.base import Task
from mtlkit.multitask.tasks.classification import Classification
from mtlkit.multitask.tasks.clustering import Clustering
from mtlkit.multitask.tasks.contrast import Contrast
from mtlkit.multitask.tasks.mutual_information import MutualInformation
from mtlkit.multitask.tasks.regression import Regression

__all__ = ["Classification", "Clustering", "Contrast", "MutualInformation", "Regression", "Task"]
