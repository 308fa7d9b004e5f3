"""A user's mistake is one sentence with a remedy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from mtlkit import InputError
from mtlkit.clusterer import as_array

from .quick import COLOUR, GREY, PLAIN, RANDOM, quick


def broken(X: np.ndarray, value: float) -> np.ndarray:
    X = np.array(X)
    X[3, 2] = value
    return X


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (
            GREY * 2,
            r"values from .* to 1.9\d*: images must lie in \[0, 1\]; divide by the largest value",
        ),
        (GREY - 0.5, "images must lie in"),
        ((GREY * 255).astype(np.int64), "values from 0 to 25.: .*; divide by"),
        (broken(GREY, np.nan), "X holds NaN: images must lie in"),
        (broken(GREY, np.inf), "to inf: images must lie in"),
        (broken(PLAIN, np.nan), "contains NaN: give N x D finite numbers"),
        (broken(PLAIN, np.inf), "contains infinity.*: give N x D finite numbers"),
        (3.0, "X is one value of float64: expected numbers, N x H x W"),
        (
            PLAIN[0],
            "X is 6 of float64: expected numbers, N x H x W, N x 1 x H x W, N x 3 x "
            "H x W or N x D.",
        ),
        (COLOUR[None], "X is 1 x 30 x 3 x 8 x 8 of .*: expected"),
        (RANDOM.random((5, 2, 8, 8)), "X is 5 x 2 x 8 x 8 of float64: expected"),
        (COLOUR.transpose(0, 2, 3, 1), r"channels to the second place, X.transpose\(0, 3, 1, 2\)"),
        (np.zeros((0, 8, 8)), "X is 0 x 8 x 8 of float64: expected"),
        (np.zeros((4, 0, 8)), "X is 4 x 0 x 8 of float64: expected"),
        (np.zeros((0, 6)), "0 sample.*: give N x D finite numbers"),
        (np.full((5, 8, 8), "a"), "X is 5 x 8 x 8 of <U1: expected numbers"),
        (
            np.full((5, 8), "a"),
            r"could not convert string to float: .*'a'.*: give N x D finite numbers",
        ),
        (GREY * 1j, "X is .* of complex64: expected numbers"),
        ([GREY[0], GREY[1, :5]], r"rows of X differ in shape \(.*\): bring all images to one size"),
        (sparse.csr_array(PLAIN), r"X is sparse: .*X.toarray\(\)"),
        (GREY[:1], "X holds 1 sample: .*give two or more"),
        (PLAIN[:1], "X holds 1 sample: .*give two or more"),
        (np.full((5, 8, 8), 0.3), "all 5 images are equal: .*give two or more images that differ"),
        (np.ones((5, 6)), "all 5 images are equal"),
    ],
)
def test_bad_input_gets_one_sentence_with_a_remedy(X: Any, message: str) -> None:
    for method in (quick(2).fit, quick(2).estimate_seconds):
        with pytest.raises(InputError, match=message) as caught:
            method(X)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_clusters": 0}, "number of classes is 0: .* between 1 and the number of images, 30"),
        ({"n_clusters": 31}, "number of classes is 31: .* between 1 and the number of images, 30"),
        ({"n_clusters": 2.5}, "number of classes is 2.5: it must be a whole number"),
        ({"n_clusters": "3"}, "number of classes is '3': it must be a whole number"),
        ({"class_sizes": "equl"}, "Did you mean 'equal'"),
        ({"weighting": "uncertain"}, "Did you mean 'uncertainty'"),
        ({"weighting": {"views": 1.0}}, "one weight above zero to each of views, descriptors"),
        ({"weighting": "upgrd"}, "Did you mean 'upgrad'"),
        ({"weighting": 3}, "weighting is a int: give a name"),
        ({"encoder": "smal-cnn"}, "Did you mean 'small-cnn'"),
        ({"encoder": "vit_b_32"}, r"'vit_b_32' cannot take 8 px .*: take another"),
        (
            {"weights": "/not/there.safetensors"},
            "/not/there.safetensors: cannot be read as safetensors",
        ),
        ({"descriptors": "hogs"}, "Did you mean 'hog'"),
        ({"descriptors": ("hog", "lbq")}, "Did you mean 'lbp'"),
        ({"descriptors": ()}, "no descriptor was named"),
        ({"side": 4}, "side is 4 px: bring them to 8 px or more"),
        ({"side": 520}, "side is 520 px: .* 512 at most"),
        ({"effort": 0}, "effort is 0: give a number above 0"),
        ({"batch_size": 0}, "batch_size is 0: give 1 image or more"),
        ({"n_threads": 0}, "number of threads is 0: ask for 1 or more"),
    ],
)
def test_bad_settings_get_one_sentence_with_a_remedy(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        quick(**settings).fit(GREY)


@pytest.mark.parametrize(
    ("fitted", "X", "message"),
    [
        (GREY, COLOUR, "X has 3 channels and fit was given 1: bring X to the same"),
        (COLOUR, GREY, "X has 1 channels and fit was given 3"),
        (GREY, PLAIN, "X is 30 x 6 of .*: expected numbers, N x H x W"),
        (PLAIN, GREY, "expected <= 2.*N x D|dim 3.*N x D"),
        (
            PLAIN,
            PLAIN[:, :5],
            "X has 5 features, but MultiTaskClusterer is expecting 6.*: give N x D",
        ),
        (GREY, GREY * 3, "images must lie in"),
    ],
)
def test_new_images_must_be_of_the_kind_that_fit_was_given(
    fitted: np.ndarray, X: np.ndarray, message: str
) -> None:
    clusterer = quick().fit(fitted)
    for method in (clusterer.predict, clusterer.predict_proba, clusterer.transform):
        with pytest.raises(InputError, match=message):
            method(X)


def test_as_array_keeps_an_array_as_it_is() -> None:
    assert as_array(GREY) is GREY
