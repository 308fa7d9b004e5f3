"""What leaves the house: run folders with a report, and models that another machine can load."""

from mtlkit.deployment.comparison import compare_runs, comparison_lines, what_compares
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
