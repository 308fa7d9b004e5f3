"""A quick estimator, and inputs of each shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from mtlkit import MultiTaskClusterer
from mtlkit.multitask import Recipe, Schedule

RANDOM = np.random.default_rng(0)
GREY = RANDOM.random((30, 8, 8)).astype(np.float32)
COLOUR = RANDOM.random((30, 3, 8, 8)).astype(np.float32)
PLAIN = RANDOM.normal(size=(30, 6))


def with_recipe(settings: dict[str, Any]) -> dict[str, Any]:
    """Put the settings that the estimator has no parameter of into a recipe."""
    own = set(MultiTaskClusterer().get_params())
    schedule = {name: settings[name] for name in ("batch_size",) if name in settings}
    deeper = {name: value for name, value in settings.items() if name not in own | set(schedule)}
    recipe = Recipe(**deeper, schedule=Schedule(**schedule))
    return {name: value for name, value in settings.items() if name in own} | {"recipe": recipe}


def quick(n_clusters: Any = 3, **settings: Any) -> MultiTaskClusterer:
    settings = {"effort": 0.005, "random_state": 0} | settings
    return MultiTaskClusterer(n_clusters, **with_recipe(settings))
