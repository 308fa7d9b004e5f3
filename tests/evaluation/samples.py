"""A training's history and a scoreboard, made up, for the figures to show."""

from __future__ import annotations

HISTORY = [
    {
        "stage": stage,
        "epoch": epoch,
        "seconds": 1.0,
        "weight/views": 1.0,
        "loss/views": 2.0 / (epoch + 1),
    }
    | ({"loss/groups": 1.0 / (epoch + 1)} if stage != "views" else {})
    for epoch, stage in enumerate(["views"] * 4 + ["round 1"] * 3 + ["round 2"] * 3)
]
BOARD = [
    {"name": "ours", "mean": 0.9, "min": 0.8, "max": 0.95, "highlight": True},
    {"name": "k-means", "mean": 0.7, "min": 0.6, "max": 0.75},
]
