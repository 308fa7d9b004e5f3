"""Class sizes: what is weighed, the sentence that says so, and the bounds of what can be asked."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from mtlkit.errors import InputError
from mtlkit.preprocessing.class_sizes import (
    CLASS_SIZES,
    SizeEvidence,
    check_class_sizes,
    sized_vectors,
)
from mtlkit.preprocessing.graphs import normalised_cut


@settings(max_examples=25)
@given(seed=st.integers(0, 999), n=st.integers(2, 14), k=st.integers(1, 5))
def test_normalised_cut_is_the_naive_one(seed: int, n: int, k: int) -> None:
    random = np.random.default_rng(seed)
    weights = random.random((n, n)) * (random.random((n, n)) < 0.5)
    weights = weights + weights.T
    np.fill_diagonal(weights, 0)
    classes = random.integers(0, k, n)
    lost = []
    for name in range(k):
        links = [
            (weights[i, j], classes[j])
            for i, j in itertools.permutations(range(n), 2)
            if classes[i] == name
        ]
        total = sum(weight for weight, _ in links)
        lost.append(sum(weight for weight, other in links if other != name) / total if total else 1)
    found = normalised_cut(sparse.csr_array(weights), classes, k)
    assert found == pytest.approx(np.mean(lost))
    assert 0 <= found <= 1


def test_a_cut_of_nothing_is_not_below_zero() -> None:
    for seed in range(30):  # rounding may go either way
        weights = np.random.default_rng(seed).random((9, 9))
        parted = np.kron(np.eye(3), np.ones((3, 3))) * (weights + weights.T)
        found = normalised_cut(sparse.csr_array(parted), np.repeat([0, 1, 2], 3), 3)
        assert f"{found:.1%}" == "0.0%"


@pytest.mark.parametrize(
    ("asked", "taken", "start"),
    [
        (
            "auto",
            "equal",
            "Classes of about equal size were assumed, since the images do not speak against it: ",
        ),
        (
            "auto",
            "free",
            "The classes' sizes were left free, since the images speak against equal ones: ",
        ),
        ("equal", "equal", "Classes of about equal size were assumed, as asked: "),
        ("free", "free", "Nothing was assumed of the classes' sizes, as asked: "),
    ],
)
def test_the_evidence_is_one_sentence(asked: str, taken: str, start: str) -> None:
    sentence = str(SizeEvidence(asked, taken, 0.125, 0.0504, 1.0))
    assert sentence.startswith(start)
    assert "equal sizes cut 12.5% of a class's links to its neighbours, free sizes 5.0%" in sentence
    assert sentence.endswith(".") and sentence.count(". ") == 0 and "\n" not in sentence


def test_the_evidence_is_made_of_plain_numbers_and_texts(blobs: Callable[..., Any]) -> None:
    """They go into JSON and into a checkpoint, from which nothing else is read."""
    features, _ = blobs(20, 10)
    kinds = {
        name: type(value) for name, value in asdict(sized_vectors(features, features, 2)[1]).items()
    }
    assert kinds == {
        "asked": str,
        "taken": str,
        "equal_cut": float,
        "free_cut": float,
        "weight": float,
    }


def sound(vectors: np.ndarray, found: SizeEvidence, n: int, k: int) -> None:
    assert vectors.shape == (n, k) and (vectors >= 0).all()
    np.testing.assert_allclose(vectors.sum(axis=1), 1, atol=1e-5)
    assert 0 <= found.equal_cut <= 1 and 0 <= found.free_cut <= 1
    assert found.taken in ("equal", "free") and str(found)


@pytest.mark.parametrize("class_sizes", CLASS_SIZES)
@pytest.mark.parametrize(
    ("n", "k"), [(2, 1), (2, 2), (3, 2), (4, 2), (12, 1), (12, 2), (12, 6), (12, 12), (30, 15)]
)
def test_the_least_and_the_most_classes(
    n: int, k: int, class_sizes: str, cloud: Callable[..., Any]
) -> None:
    vectors, found = sized_vectors(cloud(n, 5, 1), cloud(n, 3, 2), k, class_sizes=class_sizes)
    sound(vectors, found, n, k)


@pytest.mark.parametrize("class_sizes", CLASS_SIZES)
@pytest.mark.parametrize("different", [1, 2, 3, 6])
def test_copies_of_images_may_be_fewer_than_the_classes(
    different: int, class_sizes: str, cloud: Callable[..., Any]
) -> None:
    network, descriptors = (np.repeat(cloud(different, 5, seed), 6, axis=0) for seed in (1, 2))
    # Warnings are errors here.
    vectors, found = sized_vectors(network, descriptors, 4, class_sizes=class_sizes)
    sound(vectors, found, 6 * different, 4)


@pytest.mark.parametrize("n_clusters", [-1, 0, 10, 2.5, "3"])
def test_the_number_of_classes_has_bounds(n_clusters: Any, cloud: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match=f"{n_clusters!r}: .* images, 9"):
        sized_vectors(cloud(9), cloud(9), n_clusters)


@pytest.mark.parametrize("name", ["equall", "", "Equal", "even", None])
def test_other_class_sizes_are_refused(name: Any, cloud: Callable[..., Any]) -> None:
    for ask in (
        check_class_sizes,
        lambda name: sized_vectors(cloud(9), cloud(9), 2, class_sizes=name),
    ):
        with pytest.raises(InputError, match=f"{name!r} .* auto, equal, free"):
            ask(name)
    for right in CLASS_SIZES:
        check_class_sizes(right)
