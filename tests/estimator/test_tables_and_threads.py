"""The door for code: tables with named columns, in and out; seeds; and threads of one process."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from joblib import Parallel, delayed
from sklearn import config_context

from mtlkit import InputError, MultiTaskClusterer
from mtlkit.evaluation import embedding
from mtlkit.multitask import CollapseWarning, Recipe
from mtlkit.multitask.compute import TURN, seeded, threads
from mtlkit.preprocessing.label_vectors import kmeans_vectors

RANDOM = np.random.default_rng(0)
GREY = RANDOM.random((30, 8, 8)).astype(np.float32)
TABLE = pd.DataFrame(RANDOM.normal(size=(30, 4)) * [1, 10, 0.1, 1], columns=["a", "b", "c", "d"])


@pytest.fixture(autouse=True)
def _noise_may_collapse() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CollapseWarning)
        yield


def quick(**settings: Any) -> MultiTaskClusterer:
    return MultiTaskClusterer(3, **{"effort": 0.005, "random_state": 0} | settings)


@pytest.mark.parametrize("columns", [["b", "a", "c", "d"], ["a", "b", "c", "x"]])
def test_columns_in_another_order_or_of_other_names_are_refused(columns: list[str]) -> None:
    clusterer = quick().fit(TABLE)
    other = TABLE[columns] if set(columns) == set(TABLE) else TABLE.set_axis(columns, axis=1)
    for method in (clusterer.predict, clusterer.predict_proba, clusterer.transform):
        with pytest.raises(InputError, match=r"feature names.*columns of fit") as caught:
            method(other)
        assert "\n" not in str(caught.value)
    np.testing.assert_array_equal(clusterer.predict(TABLE), clusterer.labels_)


def test_the_names_of_columns_are_known_and_forgotten_by_a_fit_without() -> None:
    clusterer = quick().fit(TABLE)
    assert clusterer.feature_names_in_.tolist() == list(TABLE) and clusterer.n_features_in_ == 4
    clusterer.fit(GREY)
    assert not hasattr(clusterer, "feature_names_in_") and clusterer.n_features_in_ == 64


def test_transform_gives_a_table_where_one_is_asked_for() -> None:
    clusterer = quick().fit(TABLE)
    names = clusterer.get_feature_names_out()
    plain = clusterer.transform(TABLE)
    assert len(names) == plain.shape[1] == 128 and names[1] == "multitaskclusterer1"
    table = clusterer.set_output(transform="pandas").transform(TABLE)
    assert list(table.columns) == list(names)
    np.testing.assert_array_equal(table, plain)


@pytest.mark.parametrize("X", [GREY, TABLE], ids=["images", "table"])
def test_a_global_wish_for_tables_changes_no_class(X: Any) -> None:
    settings = {"recipe": Recipe(clustering=True)}
    before = quick(**settings).fit(X)
    with config_context(transform_output="pandas"):
        clusterer = quick(**settings).fit(X)
        np.testing.assert_array_equal(clusterer.probabilities_, before.probabilities_)
        np.testing.assert_array_equal(clusterer.predict(X), before.labels_)
        assert isinstance(clusterer.transform(X), pd.DataFrame)


def test_a_global_wish_for_tables_leaves_label_vectors_and_the_map_alone() -> None:
    features = RANDOM.normal(size=(60, 40))
    expected = kmeans_vectors(features, 3)
    with config_context(transform_output="pandas"):
        np.testing.assert_array_equal(kmeans_vectors(features, 3), expected)
        for rows in (features, features[:20]):  # t-SNE, and principal components alone
            assert embedding(rows, np.arange(len(rows)) % 3).axes


@pytest.mark.parametrize(
    ("X", "word"),
    [
        (torch.rand(30, 8, 8, requires_grad=True), "requires grad"),
        (torch.zeros(30, 8, 8, device="meta"), "meta"),
        ([torch.rand(8, 8, requires_grad=True)] * 3, "requires grad"),
    ],
    ids=["gradient", "device", "list"],
)
def test_a_tensor_that_is_no_array_is_called_that(X: Any, word: str) -> None:
    with pytest.raises(InputError, match=rf"{word}.*X\.detach\(\)\.cpu\(\)") as caught:
        quick().fit(X)
    assert "differ in shape" not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("seed", [-1, 2**31 - 9, np.int64(-3), "seven", 1.5])
def test_a_seed_that_is_none_is_refused_before_any_work(seed: Any) -> None:
    with pytest.raises(InputError, match=r"random_state is .*2,147,483,638"):
        quick(random_state=seed).fit(GREY)


@pytest.mark.parametrize("seed", [0, 2**31 - 10])
def test_seeds_at_the_bounds_work(seed: int) -> None:
    assert quick(random_state=seed, recipe=Recipe(clustering=True)).fit(GREY).seed_ == seed


DRAWING = {"recipe": Recipe(weighting="pcgrad", clustering=True)}


@pytest.mark.parametrize("settings", [{}, DRAWING], ids=["usual", "drawing"])
def test_fits_in_threads_find_what_one_alone_finds(settings: dict[str, Any]) -> None:
    def fitted() -> np.ndarray:
        return quick(effort=0.02, **settings).fit(GREY).probabilities_

    number = torch.get_num_threads()
    alone = fitted()
    for found in Parallel(4, backend="threading")(delayed(fitted)() for _ in range(4)):
        np.testing.assert_array_equal(found, alone)
    assert torch.get_num_threads() == number


def test_draws_in_threads_are_those_of_their_seed() -> None:
    def draws(seed: int) -> torch.Tensor:
        with seeded(seed):
            return torch.stack([torch.rand(1000) for _ in range(50)])

    alone = torch.stack([draws(seed) for seed in range(4)])
    together = Parallel(4, backend="threading")(delayed(draws)(seed) for seed in range(4))
    assert torch.equal(torch.stack(together), alone)


def test_predicting_does_not_wait_for_a_fit_in_another_thread() -> None:
    clusterer = quick().fit(GREY)
    with threads(1):  # as a fit holds it
        (found,) = Parallel(2, backend="threading")([delayed(clusterer.predict)(GREY)])
    np.testing.assert_array_equal(found, clusterer.labels_)
    assert TURN.acquire(blocking=False)
    TURN.release()
