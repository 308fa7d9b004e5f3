"""Checkpoints: a training that was cut off anywhere ends as if it had not been, and a wrong one is
refused.
"""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mtlkit import InputError, MultiTaskClusterer, load
from mtlkit.multitask import MultiTaskModel, Recipe, Schedule, SmallCNN, TrainingOptions, fit
from mtlkit.multitask.checkpoints import Checkpoint
from mtlkit.multitask.compute import seeded
from mtlkit.multitask.tasks import Contrast, Regression

IMAGES = load("digits:small").images[:256]


class Cut(BaseException):
    """What a kill is to the training: nothing may catch it."""


def clusterer(folder: Path | None, **settings: Any) -> MultiTaskClusterer:
    clustering = settings.pop("clustering", False)
    batch_size = settings.pop("batch_size", 64)
    recipe = Recipe(clustering=clustering, schedule=Schedule(batch_size=batch_size))
    settings = {"random_state": 1, "effort": 0.25} | settings
    return MultiTaskClusterer(3, recipe=recipe, checkpoint=folder, **settings)


@pytest.fixture(
    scope="module",
    params=[{}, {"clustering": True, "class_sizes": "equal"}],
    ids=["auto", "equal with groups"],
)
def unbroken(request: pytest.FixtureRequest) -> MultiTaskClusterer:
    return clusterer(None, **request.param).fit(IMAGES)


def settings_of(unbroken: MultiTaskClusterer) -> dict[str, Any]:
    assert unbroken.recipe
    return {"clustering": unbroken.recipe.clustering, "class_sizes": unbroken.class_sizes}


@pytest.mark.parametrize("write_all", [True, False])
def test_cut_off_anywhere_it_ends_as_if_it_had_not_been(
    unbroken: MultiTaskClusterer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_all: bool
) -> None:
    steps, cuts = (
        0,
        sorted(np.random.default_rng(0).choice(np.arange(5, 110), 8, replace=False).tolist()),
    )
    step = torch.optim.AdamW.step

    def counted(self: torch.optim.AdamW, *arguments: Any) -> Any:
        nonlocal steps
        steps += 1
        if cuts and steps >= cuts[0]:
            # A cut falls later than the one before, though steps are made twice.
            steps = cuts.pop(0)
            raise Cut
        return step(self, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", counted)
    if write_all:
        monkeypatch.setattr(Checkpoint.__init__, "__defaults__", (0.0,))
    settings = settings_of(unbroken)
    rounds, found = 0, None
    while found is None:
        rounds += 1
        try:
            found = clusterer(tmp_path / "kept", **settings).fit(IMAGES)
        except Cut:
            continue
    assert rounds > 4
    np.testing.assert_array_equal(found.probabilities_, unbroken.probabilities_)
    assert [row["stage"] for row in found.history_] == [row["stage"] for row in unbroken.history_]
    assert [row.get("loss/descriptors") for row in found.history_] == [
        row.get("loss/descriptors") for row in unbroken.history_
    ]
    assert found.sizes_ == unbroken.sizes_ and len(found.sizes_) > 1
    assert not list((tmp_path / "kept").glob("*.new"))


def test_a_finished_training_is_not_done_again(
    unbroken: MultiTaskClusterer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(unbroken)
    clusterer(tmp_path, **settings).fit(IMAGES)
    monkeypatch.delattr(torch.optim.AdamW, "step")
    found = clusterer(tmp_path, **settings).fit(IMAGES)
    np.testing.assert_array_equal(found.probabilities_, unbroken.probabilities_)
    assert found.sizes_ == unbroken.sizes_


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"random_state": 2}, "seed 1, not 2"),
        ({"batch_size": 32}, "batch_size 64, not 32"),
        ({"n_threads": 2}, "n_threads 1, not 2"),
        ({"class_sizes": "equal"}, "class_sizes 'auto', not 'equal'"),
    ],
)
def test_other_settings_are_refused(tmp_path: Path, settings: dict[str, Any], word: str) -> None:
    clusterer(tmp_path, effort=0.05).fit(IMAGES)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(InputError, match=word):
        clusterer(tmp_path, effort=0.05, **settings).fit(IMAGES)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_other_images_are_refused(tmp_path: Path) -> None:
    clusterer(tmp_path, effort=0.05).fit(IMAGES)
    changed = IMAGES.copy()
    changed[7, 0, 3, 3] = 1 - changed[7, 0, 3, 3]
    with pytest.raises(InputError, match="started with images"):
        clusterer(tmp_path, effort=0.05).fit(changed)


@pytest.mark.filterwarnings("ignore::mtlkit.multitask.CollapseWarning")
def test_other_tracks_are_refused_and_the_same_are_gone_on_with(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((1200, 1, 8, 8)).astype(np.float32)
    tracks = np.arange(1200) // 4
    few = clusterer(tmp_path, effort=0.01).fit(images, tracks=tracks)
    again = clusterer(tmp_path, effort=0.01).fit(images, tracks=[f"{key}" for key in tracks])
    np.testing.assert_array_equal(few.probabilities_, again.probabilities_)
    tracks[600] = tracks[900]
    for others in (tracks, None):
        with pytest.raises(InputError, match="started with tracks"):
            clusterer(tmp_path, effort=0.01).fit(images, tracks=others)


def test_another_version_is_refused(tmp_path: Path) -> None:
    Checkpoint(tmp_path, {"seed": 0})
    about = json.loads((tmp_path / "about.json").read_text())
    (tmp_path / "about.json").write_text(json.dumps(about | {"mtlkit": "99.0"}))
    with pytest.raises(InputError, match=r"started with mtlkit 99\.0, not"):
        Checkpoint(tmp_path, {"seed": 0})


@pytest.mark.parametrize("name", ["about.json", "features.pt"])
@pytest.mark.parametrize("content", [b"", b"[1]", b"\x80\x04K*.", b"no json"])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    checkpoint = Checkpoint(tmp_path, {"seed": 0})
    checkpoint.save("features", lambda: {"history": []}, last=True)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"{name}: is damaged \(.*\): remove"):
        Checkpoint(tmp_path, {"seed": 0}).load("features")


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, {})
    torch.save({"history": Path("/")}, tmp_path / "features.pt")
    with pytest.raises(InputError, match="damaged"):
        checkpoint.load("features")


def test_a_full_disk_costs_the_checkpoint_and_not_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = Checkpoint(tmp_path, {})
    checkpoint.save("features", lambda: {"history": [1]}, last=True)
    write = Path.write_bytes

    def full(self: Path, content: bytes) -> int:
        write(self, bytes(content)[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.warns(
        UserWarning, match=r"no checkpoint could be written \(No space left on device\)"
    ):
        checkpoint.save("features", lambda: {"history": [1, 2]}, last=True)
    assert checkpoint.load("features") == {"history": [1]}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["about.json", "features.pt"]


def test_it_is_written_every_few_seconds_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("mtlkit.multitask.checkpoints.time.monotonic", lambda: now)
    checkpoint, written = Checkpoint(tmp_path, {}, every=5), []
    for now in (1.0, 4.0, 6.0, 8.0, 10.0, 12.0):
        checkpoint.save("features", lambda at=now: written.append(at) or {})
    checkpoint.save("features", lambda: written.append("last") or {}, last=True)
    assert written == [6.0, 12.0, "last"]


@pytest.mark.parametrize(
    "weighting", ["uncertainty", "dwa", "famo", "imtl-l", "pcgrad", "upgrad", "excess-mtl", "pcd"]
)
def test_a_way_of_weighting_remembers(weighting: str, tmp_path: Path) -> None:
    def train(epochs_before_the_cut: int | None) -> torch.Tensor:
        checkpoint, state = Checkpoint(tmp_path / str(epochs_before_the_cut), {}), None
        for _ in range(2):
            with seeded(0):
                model = MultiTaskModel(
                    SmallCNN(),
                    {"views": Contrast(), "descriptors": Regression(IMAGES[:64].reshape(64, -1))},
                )

            def keep(epoch: int, snapshot: Any, first: bool = state is None) -> None:
                checkpoint.save("features", snapshot, last=True)
                if first and epoch + 1 == epochs_before_the_cut:
                    raise Cut

            try:
                fit(
                    model,
                    IMAGES[:64],
                    epochs=4,
                    batch_size=16,
                    weighting=weighting,
                    options=TrainingOptions(state=state, on_epoch=keep),
                )
                break
            except Cut:
                state = checkpoint.load("features")
        return torch.cat([value.flatten() for value in model.state_dict().values()])

    assert torch.equal(train(2), train(None))
