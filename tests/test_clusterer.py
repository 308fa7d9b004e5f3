"""The door for code: scikit-learn's manners, every shape of input, one sentence for a mistake."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from mtlkit import InputError, MultiTaskClusterer, load
from mtlkit.clusterer import as_array
from mtlkit.deployment.models import shared_features
from mtlkit.evaluation import score
from mtlkit.inputs import InputSpec, as_images
from mtlkit.multitask import Augmentation, CollapseWarning, Recipe, Schedule
from mtlkit.preprocessing import describe

RANDOM = np.random.default_rng(0)
GREY = RANDOM.random((30, 8, 8)).astype(np.float32)
COLOUR = RANDOM.random((30, 3, 8, 8)).astype(np.float32)
PLAIN = RANDOM.normal(size=(30, 6))


@pytest.fixture(autouse=True)
def _noise_may_collapse() -> Iterator[None]:
    """A hundredth of the training on noise: empty classes are no news here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CollapseWarning)
        yield


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


class Touchy:
    """Labels that raise when anything looks at them."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"someone looked at y ({name})")

    __len__ = __iter__ = __array__ = __eq__ = __bool__ = __getitem__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    "X",
    [GREY, GREY[:, None], COLOUR, PLAIN, GREY.tolist(), COLOUR[:, :, :, :5], torch.tensor(GREY)],
)
def test_every_shape_of_input(X: Any) -> None:
    clusterer = quick()
    classes = clusterer.fit_predict(X)
    assert classes.shape == (30,) and set(classes) <= {0, 1, 2}
    np.testing.assert_array_equal(clusterer.labels_, classes)
    np.testing.assert_array_equal(clusterer.predict(X), classes)
    probabilities = clusterer.predict_proba(X)
    assert probabilities.shape == (30, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(probabilities, clusterer.probabilities_, atol=1e-5)
    assert clusterer.transform(X).shape == (30, 128)
    assert clusterer.n_features_in_ == np.asarray(X)[0].size
    assert {row["stage"] for row in clusterer.history_} == {"features", "classes"}
    assert set(clusterer.seconds_) == {"features", "label vectors", "classes"}
    assert set(clusterer.model_.heads) == {"descriptors", "classes"}


def test_new_images_are_classified_one_by_one_as_in_a_batch() -> None:
    for fitted, new in ((GREY, GREY[:7, ::-1]), (PLAIN, PLAIN[:7] + 1)):
        clusterer = quick().fit(fitted)
        together = clusterer.predict_proba(new)
        for row, expected in zip(new, together, strict=True):
            np.testing.assert_allclose(clusterer.predict_proba(row[None])[0], expected, atol=1e-5)


def test_bytes_are_the_same_as_their_255ths() -> None:
    as_bytes = (GREY * 255).astype(np.uint8)
    found = [
        quick().fit(X).probabilities_
        for X in (as_bytes, as_bytes / 255, as_bytes.astype(np.float32) / 255)
    ]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_allclose(found[0], found[2], atol=1e-3)


def test_plain_features_may_have_any_scale() -> None:
    scaled = PLAIN * [1, 10, 100, 1000, 0.1, 0.01] + 5
    np.testing.assert_allclose(
        quick().fit(scaled).probabilities_, quick().fit(PLAIN).probabilities_, atol=1e-2
    )


@pytest.mark.parametrize(
    ("shape", "side"), [((5, 7), 8), ((8, 8), 8), ((20, 9), 20), ((3, 100), 64), ((64, 64), 64)]
)
def test_the_side_is_that_of_the_images_within_bounds(shape: tuple[int, int], side: int) -> None:
    clusterer = quick().fit(RANDOM.random((4, *shape)))
    assert clusterer.model_.encoder.settings["side"] == side


def test_the_side_can_be_asked_for() -> None:
    clusterer = quick(side=12).fit(GREY)
    assert clusterer.model_.encoder.settings["side"] == 12
    assert clusterer.predict(RANDOM.random((2, 30, 40))).shape == (
        2,
    )  # and new images are brought to it


def test_images_are_resized_within_their_range() -> None:
    checkers = np.indices((16, 16)).sum(axis=0)[None] % 2
    images = as_images(np.concatenate([checkers, 0 * checkers + 1]).astype(float))
    small = InputSpec(channels=1, side=8).bring(images)
    assert small.shape == (2, 1, 8, 8) and small.dtype == np.float32
    assert small.min() >= 0 and small.max() <= 1
    np.testing.assert_allclose(small[0, 0, 2:6, 2:6], 0.5, atol=0.02)  # averaged, not picked
    np.testing.assert_array_equal(as_images(GREY > 0.5), (GREY[:, None] > 0.5).astype(np.float32))


@pytest.mark.parametrize("shape", [(3, 40, 28), (1, 28, 40), (1, 600, 20), (3, 100, 100)])
def test_a_picture_gets_its_side_as_by_the_loader(shape: tuple[int, ...], tmp_path: Path) -> None:
    X = RANDOM.random((4, *shape)).astype(np.float32)
    np.savez(tmp_path / "set.npz", images=X)
    loaded = load(tmp_path / "set.npz", size=32)
    np.testing.assert_array_equal(InputSpec(shape[0], 32).bring(as_images(X)), loaded.images)
    clusterer = quick(2, side=32).fit(X)
    raw = load(tmp_path / "set.npz")
    expected = clusterer.transform(loaded.images)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    found = shared_features(clusterer.model_, raw.images)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_regression_learns_what_was_asked_for() -> None:
    for X, names, expected in (
        (GREY, "auto", ["hog"]),
        (COLOUR, "auto", {"hog": 1, "chromaticity": 0.5}),
        (GREY, "lbp", ["lbp"]),
        (COLOUR, ("colour", "lbp"), ["colour", "lbp"]),
    ):
        targets = quick(descriptors=names).fit(X).model_.tasks["descriptors"].targets
        np.testing.assert_allclose(targets, describe(X.reshape(30, -1, 8, 8), expected), atol=1e-4)
    plain = quick().fit(PLAIN).model_.tasks["descriptors"].targets
    np.testing.assert_allclose(plain, StandardScaler().fit_transform(PLAIN), atol=1e-5)


def test_settings_reach_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}
    threads = torch.get_num_threads()

    def spy(images: Any, n_clusters: int, recipe: Recipe, **settings: Any) -> Any:
        seen.update(settings, n_clusters=n_clusters, recipe=recipe)
        seen["threads"] = torch.get_num_threads()
        raise KeyboardInterrupt

    monkeypatch.setattr("mtlkit.clusterer.find_classes", spy)
    still = Augmentation(rotation=0)
    settings = {"class_sizes": "equal", "weighting": "equal", "cosines": True, "clustering": True}
    with pytest.raises(KeyboardInterrupt):
        quick(
            4, augmentation=still, effort=0.5, batch_size=9, random_state=7, n_threads=2, **settings
        ).fit(GREY)
    schedule = Schedule(effort=0.5, batch_size=9)
    assert seen["recipe"] == Recipe(**settings, augmentation=still, schedule=schedule)
    assert (seen["n_clusters"], seen["seed"], seen["threads"]) == (4, 7, 2)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({}, Recipe(class_sizes="equal", encoder="mlp", schedule=Schedule(effort=0.3))),
        ({"class_sizes": "auto"}, Recipe(encoder="mlp", schedule=Schedule(effort=0.3))),
        ({"effort": 1.0}, Recipe(class_sizes="equal", encoder="mlp")),
    ],
)
def test_what_is_given_beside_a_recipe_goes_before_it(
    given: dict[str, Any], taken: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Recipe] = []

    def spy(images: Any, n_clusters: int, recipe: Recipe, **settings: Any) -> Any:
        seen.append(recipe)
        raise KeyboardInterrupt

    monkeypatch.setattr("mtlkit.clusterer.find_classes", spy)
    recipe = Recipe(class_sizes="equal", encoder="mlp", schedule=Schedule(effort=0.3))
    with pytest.raises(KeyboardInterrupt):
        MultiTaskClusterer(2, recipe=recipe, **given).fit(GREY)
    assert seen == [taken]


@pytest.mark.parametrize(
    "settings",
    [
        {"clustering": True},
        {"class_sizes": "equal"},
        {"weighting": "equal"},
        {"weighting": {"views": 1, "descriptors": 2.0}},
        {"weighting": "pcgrad", "cosines": True},
        {"encoder": "mlp"},
    ],
)
def test_every_way_works(settings: dict[str, Any]) -> None:
    clusterer = quick(**settings).fit(GREY)
    assert clusterer.labels_.shape == (30,)
    assert ("groups" in clusterer.seconds_) == settings.get("clustering", False)


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize("X", [GREY, COLOUR, PLAIN])
def test_few_images_work(X: np.ndarray, n: int) -> None:
    for k in {2, n}:
        assert quick(k).fit(X[:n]).probabilities_.shape == (n, k)


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
    assert (
        asked.estimate_seconds(RANDOM.random((9, 3, 20, 20))) > 0
    )  # of another set, on a fitted one
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


@pytest.mark.slow
def test_cosines_are_in_the_history_when_asked_for() -> None:
    rows = quick(cosines=True).fit(GREY).history_
    assert all(
        -1 <= row["cosine/views/descriptors"] <= 1 for row in rows if row["stage"] == "features"
    )
    assert not [
        key for row in quick().fit(GREY).history_ for key in row if key.startswith("cosine")
    ]


def test_an_encoder_for_images_does_not_take_plain_features() -> None:
    with pytest.raises(
        InputError, match=r"'resnet18' takes images, and X is N x D: use encoder='auto'"
    ):
        quick(encoder="resnet18").fit(PLAIN)
    assert quick(encoder="mlp").fit(PLAIN).transform(PLAIN).shape == (30, 128)


def test_the_encoder_starts_from_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = quick().fit(GREY).model_.encoder
    save_file(
        {name: value.contiguous() for name, value in first.state_dict().items()},
        tmp_path / "w.safetensors",
    )
    seen: list[dict[str, torch.Tensor]] = []

    def spy(model: Any, images: Any, **settings: Any) -> Any:
        seen.append(model.encoder.state_dict())
        raise KeyboardInterrupt

    monkeypatch.setattr("mtlkit.multitask.stages.fit", spy)
    with pytest.raises(KeyboardInterrupt):
        quick(random_state=9, weights=tmp_path / "w.safetensors").fit(GREY)
    assert all(torch.equal(value, seen[0][name]) for name, value in first.state_dict().items())
    with pytest.raises(
        InputError, match=r"layers.0.weight: .*\[24, 1, 3, 3\].* current model is .*\[24, 3, 3, 3\]"
    ):
        quick(weights=str(tmp_path / "w.safetensors")).fit(COLOUR)


def test_digits_come_out_in_classes() -> None:
    digits = load("digits:small").images
    clusterer = MultiTaskClusterer(3, random_state=0, effort=0.1).fit(digits)
    assert np.bincount(clusterer.labels_, minlength=3).min() > 120
    assert (clusterer.predict(digits[:, 0]) == clusterer.labels_).all()


@pytest.mark.parametrize("device", ["cud", "cuda:99", "meta"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(InputError, match=f"device '{device}' is not there .*: use cpu"):
        quick(device=device).fit(GREY)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is here")
def test_a_gpu_finds_classes_too() -> None:
    images = load("digits:small").images
    recipe = Recipe(device="cuda")
    clusterer = MultiTaskClusterer(3, recipe=recipe, random_state=0, effort=0.3).fit(images)
    assert clusterer.model_.device.type == "cuda"
    assert clusterer.transform(images).shape == (537, 128)
    labels = load("digits:small").open_labels()
    assert score(clusterer.labels_, labels).accuracy > 0.9


COLUMNS = RANDOM.normal(size=(20, 4))
PICTURES = RANDOM.random((20, 3, 8, 8))
LEVELS = np.linspace(0, 1, 20)[:, None, None, None]
UNUSUAL: dict[str, tuple[np.ndarray, int]] = {
    "one picture in other lights": (LEVELS * PICTURES[:1], 3),
    "one grey picture in other lights": (LEVELS * PICTURES[:1, :1], 3),
    "one grey among colours": (np.concatenate([PICTURES, np.full((1, 3, 8, 8), 0.5)]), 3),
    "one black among colours": (np.concatenate([PICTURES, np.zeros((1, 3, 8, 8))]), 3),
    "nothing but greys": (LEVELS * np.ones((1, 3, 8, 8)), 3),
    "black and white": (np.repeat([0.0, 1.0], 10)[:, None, None, None] * np.ones((1, 1, 8, 8)), 2),
    "one class": (PICTURES, 1),
    "two classes": (PICTURES, 2),
    "two images a class": (PICTURES, 10),
    "one image a class": (PICTURES, 20),
    "two images": (PICTURES[:2], 2),
    "four images": (PICTURES[:4], 2),
    "ten images": (PICTURES[:10], 3),
    "higher than wide": (RANDOM.random((8, 3, 40, 28)), 2),
    "copies": (PICTURES[:2].repeat(10, axis=0), 3),
    "copies, and classes for each": (PICTURES[:5].repeat(2, axis=0), 8),
    "one column": (COLUMNS[:, :1], 3),
    "one column, two images a class": (COLUMNS[:, :1], 10),
    "one column of two values": (np.repeat([0.0, 1.0], 10)[:, None], 3),
    "two columns": (COLUMNS[:, :2], 3),
    "two columns of which one is constant": (COLUMNS[:, :2] * [1, 0] + 5, 3),
    "four columns of which two are constant": (COLUMNS * [1, 0, 1, 0] + 5, 3),
    "four columns, one row a class": (COLUMNS, 20),
}


@pytest.mark.parametrize(
    "settings", [{}, {"class_sizes": "equal"}, {"class_sizes": "free", "clustering": True}]
)
@pytest.mark.parametrize("kind", UNUSUAL)
def test_unusual_images_give_a_sound_result(kind: str, settings: dict[str, Any]) -> None:
    X, k = UNUSUAL[kind]
    clusterer = quick(k, **settings).fit(X)  # warnings are errors here
    assert clusterer.labels_.shape == (len(X),) and set(clusterer.labels_) <= set(range(k))
    assert np.isfinite(clusterer.probabilities_).all()
    np.testing.assert_allclose(clusterer.probabilities_.sum(axis=1), 1, atol=1e-5)
    for found in clusterer.sizes_:
        assert found.asked == settings.get("class_sizes", "auto")
        assert 0 <= found.equal_cut <= 1 and 0 <= found.free_cut <= 1
