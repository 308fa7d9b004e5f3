"""What leaves the house: run folders with a report, and models that another machine can load."""

from typing import TYPE_CHECKING, Any

from mtlkit.deployment.comparison import compare_runs, comparison_lines, what_compares
from mtlkit.deployment.run_folder import assignments, read_inputs, write_run
from mtlkit.deployment.runs import RunFailed, new_run

if TYPE_CHECKING:
    from mtlkit.deployment.models import classify, load_model, save_model

__all__ = [
    "RunFailed",
    "assignments",
    "classify",
    "compare_runs",
    "comparison_lines",
    "load_model",
    "new_run",
    "read_inputs",
    "save_model",
    "what_compares",
    "write_run",
]


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is asked for: a run folder is read without it."""
    if name in ("classify", "load_model", "save_model"):
        from mtlkit.deployment import models

        return getattr(models, name)
    raise AttributeError(f"module 'mtlkit.deployment' has no attribute {name!r}")
