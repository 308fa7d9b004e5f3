"""What leaves the house: run folders with a report, and models that another machine can load."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mtlkit.deployment.comparison import compare_runs, comparison_lines, what_compares

if TYPE_CHECKING:
    from mtlkit.deployment.models import encoder_settings, image_scale, load_model, save_model
    from mtlkit.deployment.runs import RunFailed, assignments, new_run, write_run

__all__ = [
    "RunFailed",
    "assignments",
    "compare_runs",
    "comparison_lines",
    "encoder_settings",
    "image_scale",
    "load_model",
    "new_run",
    "save_model",
    "what_compares",
    "write_run",
]


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is asked for: comparing runs does not."""
    if name in __all__:
        for module in ("models", "runs"):
            values = vars(import_module(f"mtlkit.deployment.{module}"))
            if name in values:
                return values[name]
    raise AttributeError(f"module 'mtlkit.deployment' has no attribute {name!r}")
