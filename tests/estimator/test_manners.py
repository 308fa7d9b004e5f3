"""Scikit-learn's manners: its own checks, pipelines, clones, seeds, and labels never looked at."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from .quick import GREY, PLAIN, RANDOM, quick


class Touchy:
    """Labels that raise when anything looks at them."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"someone looked at y ({name})")

    __len__ = __iter__ = __array__ = __eq__ = __bool__ = __getitem__ = None  # type: ignore[assignment]


def test_fit_knows_nothing_of_y() -> None:
    for method in ("fit", "fit_predict", "fit_transform"):
        assert getattr(quick(), method)(GREY, Touchy()) is not None
    with pytest.raises(AssertionError, match="someone looked at y"):
        Touchy().shape  # noqa: B018  # so that the test above can fail


def test_scikit_learns_manners() -> None:
    clusterer = quick(4, class_sizes="equal", side=16)
    params = clusterer.get_params()
    assert (
        params["n_clusters"],
        params["class_sizes"],
        params["side"],
        params["random_state"],
    ) == (4, "equal", 16, 0)
    again = clone(clusterer)
    assert again is not clusterer and again.get_params() == params
    assert clusterer.set_params(n_clusters=2).n_clusters == 2 and again.n_clusters == 4
    assert clone(clusterer.fit(GREY)).get_params() == clusterer.get_params()
    assert repr(clusterer).startswith("MultiTaskClusterer(")


def test_in_a_pipeline() -> None:
    pipeline = make_pipeline(StandardScaler(), quick())
    classes = pipeline.fit_predict(PLAIN)
    np.testing.assert_array_equal(pipeline.predict(PLAIN), classes)
    assert pipeline.predict_proba(PLAIN).shape == (30, 3) and pipeline.transform(PLAIN).shape == (
        30,
        128,
    )


# One check is left out: it gives arrays of array_api_strict, and images become torch tensors here
# whatever they were.
CHECKS = [
    pytest.param(check, id=f"{number}-{check.func.__name__}")
    for number, (_, check) in enumerate(estimator_checks_generator(quick(2), mark=None))
    if check.func.__name__ not in {"check_array_api_input"}
]


@pytest.mark.parametrize("check", CHECKS)
def test_scikit_learns_own_checks(check: Any) -> None:
    check(quick(2))


def test_nothing_works_before_fit() -> None:
    for method in ("predict", "predict_proba", "transform"):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            getattr(quick(), method)(GREY)


def test_the_same_seed_gives_the_same_classes() -> None:
    def fitted(seed: Any) -> np.ndarray:
        return quick(random_state=seed).fit(GREY).probabilities_

    torch.manual_seed(1)
    first = fitted(3)
    torch.manual_seed(2)  # the caller's own random numbers do not count
    np.testing.assert_array_equal(fitted(3), first)
    np.testing.assert_array_equal(fitted(np.int64(3)), first)
    assert not np.array_equal(fitted(4), first)
    np.testing.assert_array_equal(
        fitted(np.random.RandomState(5)), fitted(np.random.RandomState(5))
    )
    assert not np.array_equal(fitted(None), fitted(None))
    assert not np.array_equal(fitted(np.random.RandomState(5)), first)


def test_the_callers_random_numbers_and_threads_are_left_alone() -> None:
    before, threads, X = torch.get_rng_state(), torch.get_num_threads(), GREY.copy()
    numpys = np.random.get_state()[1].copy()  # noqa: NPY002
    clusterer = quick(clustering=True).fit(X)
    clusterer.predict(X)
    clusterer.transform(X)
    clusterer.estimate_seconds(X)
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpys)  # noqa: NPY002
    assert torch.get_num_threads() == threads
    np.testing.assert_array_equal(X, GREY)


@pytest.mark.parametrize("seed", [0, "state"])
def test_an_estimate_changes_nothing(seed: Any) -> None:
    seeds = [np.random.RandomState(1) if seed == "state" else seed for _ in range(2)]
    asked, other = (quick(random_state=s) for s in seeds)
    assert asked.estimate_seconds(GREY) > 0
    assert not hasattr(asked, "n_features_in_")
    np.testing.assert_array_equal(asked.fit(GREY).probabilities_, other.fit(GREY).probabilities_)
    before = copy.deepcopy(asked.predict_proba(GREY))
    # Of another set, on a fitted one.
    assert asked.estimate_seconds(RANDOM.random((9, 3, 20, 20))) > 0
    np.testing.assert_array_equal(asked.predict_proba(GREY), before)


def test_an_estimate_grows_with_the_work() -> None:
    least = quick(effort=0.01, batch_size=10).estimate_seconds(GREY)
    assert quick(effort=1, batch_size=10).estimate_seconds(GREY) > 10 * least


def test_a_bar_shows_the_stages(capsys: pytest.CaptureFixture[str]) -> None:
    quick().fit(GREY)
    assert capsys.readouterr() == ("", "")
    quick(verbose=True, clustering=True).fit(GREY)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "classes" in shown.err and "100%" in shown.err and "step" in shown.err
