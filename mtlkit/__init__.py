"""mtlkit: unsupervised image classification by multi-task learning."""

from typing import TYPE_CHECKING, Any

from mtlkit.data import ImageSet, load
from mtlkit.errors import InputError

if TYPE_CHECKING:
    from mtlkit.clusterer import MultiTaskClusterer

__version__ = "0.1.0"
__all__ = ["ImageSet", "InputError", "MultiTaskClusterer", "load"]


def __getattr__(name: str) -> Any:
    """Import the estimator when it is asked for: torch takes seconds."""
    if name == "MultiTaskClusterer":
        from mtlkit.clusterer import MultiTaskClusterer

        return MultiTaskClusterer
    raise AttributeError(f"module 'mtlkit' has no attribute {name!r}")
