"""What leaves the house: run folders with a report, and models that another machine can load."""

from mtlkit.deployment.runs import encoder_settings, load_model, new_run, save_model, write_run

__all__ = ["encoder_settings", "load_model", "new_run", "save_model", "write_run"]
