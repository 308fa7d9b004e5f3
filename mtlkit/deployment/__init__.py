"""What leaves the house: run folders with a report, and models that another machine can load."""

from mtlkit.deployment.runs import load_model, new_run, save_model, write_run

__all__ = ["load_model", "new_run", "save_model", "write_run"]
