"""Settings reach the training, by a recipe or beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mtlkit import InputError, MultiTaskClusterer, load
from mtlkit.evaluation import score
from mtlkit.multitask import Augmentation, Recipe, Schedule

from .quick import COLOUR, GREY, PLAIN, quick


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
