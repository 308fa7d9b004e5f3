"""mtlkit: unsupervised image classification by multi-task learning."""

from mtlkit.clusterer import MultiTaskClusterer
from mtlkit.data import ImageSet, load
from mtlkit.errors import InputError

__version__ = "0.1.0"
__all__ = ["ImageSet", "InputError", "MultiTaskClusterer", "load"]
