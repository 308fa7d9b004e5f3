"""Selection: its scores look at no network, so they stand in `preprocessing.selection`."""

from mtlkit.preprocessing.selection import label_free_scores

__all__ = ["label_free_scores"]
