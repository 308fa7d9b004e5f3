"""The detector: shapes, what is read off its maps, and that it finds what it was taught."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.ops import box_iou

from mtlkit.detection import detect, detector, new_detector
from mtlkit.detection.detector import LEAST, MOST, DenseEncoder, cell_middles
from mtlkit.detection.rounds import LIGHT
from mtlkit.detection.tasks import UNIT
from mtlkit.detection.tiles import cut_tiles, target_maps
from mtlkit.multitask import MultiTaskModel, TrainingOptions, fit
from mtlkit.multitask.compute import seeded

BOXES = [[[8, 12, 32, 36], [52, 30, 84, 58]], [[44, 8, 72, 34]]]


@pytest.fixture
def model() -> MultiTaskModel:
    """A fresh detector whose heads say this and that, so that boxes are found everywhere."""
    with seeded(0):
        model = new_detector(n_groups=3)
        for head in model.heads.values():
            torch.nn.init.normal_(head.weight, std=0.5)
            torch.nn.init.zeros_(head.bias)
    return model


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).random(shape, dtype=np.float32)


def maps_of(height: int, width: int) -> dict[str, Tensor]:
    """Heads' answers that find nothing anywhere."""
    shape = (height, width)
    return {
        "objects": torch.full((*shape, 1), -40.0),
        "boxes": torch.zeros(*shape, 5),
        "groups": torch.zeros(*shape, 3),
    }


@pytest.mark.parametrize(("height", "width"), [(64, 64), (64, 96), (104, 72), (16, 24), (56, 40)])
def test_the_encoder_has_a_cell_for_8_px_each_way(height: int, width: int) -> None:
    encoder = DenseEncoder(width=32)
    assert encoder(torch.zeros(2, 3, height, width)).shape == (2, height // 8, width // 8, 32)
    assert DenseEncoder(channels=1)(torch.zeros(2, 1, 16, 16)).shape == (2, 2, 2, 96)


def test_a_cell_sees_its_place_and_what_is_far_away() -> None:
    encoder = DenseEncoder().eval()
    picture = torch.zeros(1, 3, 64, 96)
    changed = picture.clone()
    changed[..., 24:32, 72:80] = 1  # row 3, column 9
    with torch.no_grad():
        change = (encoder(picture) - encoder(changed)).abs().sum(-1)[0]
    assert divmod(int(change.argmax()), 12) in {(r, c) for r in (2, 3, 4) for c in (8, 9, 10)}
    assert change[0, 0] < change[3, 9] / 2


def test_middles_of_cells_are_x_and_y() -> None:
    middles = cell_middles(2, 3)
    assert middles.tolist() == [[[4, 4], [12, 4], [20, 4]], [[4, 12], [12, 12], [20, 12]]]


@pytest.mark.parametrize(("height", "width"), [(64, 64), (64, 120), (104, 72)])
@pytest.mark.parametrize(("least", "same"), [(LEAST, 0.5), (0.5, 0.2)])
def test_boxes_are_inside_sorted_sure_enough_and_apart(
    model: MultiTaskModel, height: int, width: int, least: float, same: float
) -> None:
    found = detect(model, noise(2, 3, height, width), least, same)
    assert len(found) == 2
    for boxes, scores, groups in found:
        assert 3 < len(boxes) == len(scores) == len(groups) <= MOST
        assert (boxes >= 0).all() and (boxes <= [width, height, width, height]).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        assert (np.diff(scores) <= 0).all() and scores.min() >= least and scores.max() <= 1
        shares = box_iou(torch.tensor(boxes), torch.tensor(boxes)).fill_diagonal_(0)
        assert shares.max() <= same
        np.testing.assert_allclose(groups.sum(1), 1, rtol=1e-5)
        assert boxes.dtype == np.float32 and groups.shape[1] == 3


def test_each_picture_is_read_by_itself_and_without_a_trace(model: MultiTaskModel) -> None:
    images = noise(3, 3, 64, 64)
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    together = detect(model, images)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    alone = [detect(model, images[n : n + 1])[0] for n in range(3)]
    for one, other in zip(together, alone, strict=True):
        for first, second in zip(one, other, strict=True):
            np.testing.assert_array_equal(first, second)
    assert not np.array_equal(together[0].boxes, together[1].boxes)


def test_where_nothing_is_sure_nothing_is_found(model: MultiTaskModel) -> None:
    torch.nn.init.constant_(model.heads["objects"].bias, -100.0)
    (found,) = detect(model, noise(1, 3, 64, 64))
    assert [part.shape for part in found] == [(0, 4), (0,), (0, 3)]


def test_a_cell_that_is_sure_is_read_by_hand() -> None:
    maps = maps_of(8, 12)
    maps["objects"][3, 5] = np.log(4)  # .8
    maps["boxes"][3, 5] = torch.tensor([*(torch.tensor([8, 4, 32, 2]) / UNIT).log(), np.log(0.25)])
    maps["groups"][3, 5] = torch.tensor([0, np.log(2), 0])
    found = detector._read(maps, (64, 96), LEAST, 0.5)
    np.testing.assert_allclose(found.boxes, [[44 - 8, 28 - 4, 44 + 32, 28 + 2]], rtol=1e-5)
    np.testing.assert_allclose(found.scores, [np.sqrt(0.8 * 0.2)], rtol=1e-5)
    np.testing.assert_allclose(found.groups, [[0.25, 0.5, 0.25]], rtol=1e-5)


def test_of_two_boxes_of_one_object_the_surer_stays() -> None:
    maps = maps_of(8, 12)
    maps["boxes"][..., 4] = 40
    # The same 32 x 32 px, once from the cell in its middle and once from the next; and another.
    maps["objects"][3, 5], maps["objects"][3, 6], maps["objects"][6, 1] = 1.0, 2.0, 0.5
    maps["boxes"][3, 5, :4] = torch.tensor([16.0, 16, 16, 16]).div(UNIT).log()
    maps["boxes"][3, 6, :4] = torch.tensor([24.0, 16, 8, 16]).div(UNIT).log()
    maps["boxes"][6, 1, :4] = torch.tensor([8.0, 8, 8, 8]).div(UNIT).log()
    found = detector._read(maps, (64, 96), LEAST, 0.5)
    np.testing.assert_allclose(found.boxes, [[28, 12, 60, 44], [4, 44, 20, 60]], rtol=1e-5)
    expected = torch.tensor([2.0, 0.5]).sigmoid().sqrt()
    np.testing.assert_allclose(found.scores, expected, rtol=1e-5)
    assert len(detector._read(maps, (64, 96), LEAST, 1.0).boxes) == 3
    assert len(detector._read(maps, (64, 96), 0.8, 0.5).boxes) == 1


def test_boxes_that_reach_outside_end_with_the_picture() -> None:
    maps = maps_of(8, 12)
    maps["objects"][0, 11] = 5.0
    maps["boxes"][0, 11] = torch.tensor([3.0, 3, 3, 3, 9])
    assert detector._read(maps, (64, 96), LEAST, 0.5).boxes.tolist() == [[0, 0, 96, 64]]


def test_of_very_many_boxes_the_surest_are_told() -> None:
    maps = maps_of(16, 16)
    maps["objects"][..., 0] = torch.linspace(-1, 1, 256).view(16, 16)
    maps["boxes"][..., :4] = torch.tensor(4 / UNIT).log()  # no two overlap
    maps["boxes"][..., 4] = 40
    found = detector._read(maps, (128, 128), LEAST, 0.5)
    expected = torch.linspace(-1, 1, 256).flip(0)[:MOST].sigmoid().sqrt()
    np.testing.assert_allclose(found.scores, expected, rtol=1e-5)


def scenes() -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """Two pictures with red and blue squares on a noisy ground."""
    images = 0.5 + 0.1 * (noise(2, 3, 64, 96) - 0.5)
    colours = [[0.9, 0.1, 0.1], [0.1, 0.2, 0.9]]
    groups = [np.array([0, 1]), np.array([0])]
    for image, boxes, own in zip(images, BOXES, groups, strict=True):
        for (left, top, right, bottom), group in zip(boxes, own, strict=True):
            image[:, top:bottom, left:right] = np.reshape(colours[group], (3, 1, 1))
    return images, [np.array(boxes, np.float32) for boxes in BOXES], groups


@pytest.mark.slow
def test_a_detector_finds_what_it_was_taught_with_its_group() -> None:
    images, boxes, groups = scenes()
    with seeded(0):
        model = new_detector(n_groups=2)
    tiles = cut_tiles(images, boxes, groups, seed=0)
    for name, values in target_maps(tiles, 2).items():
        model.tasks[name].set_targets(values)
    options = TrainingOptions(learning_rate=3e-3, views=1, stage="round 1", augmentation=LIGHT)
    fit(model, tiles.images, epochs=200, batch_size=4, seed=0, options=options)
    for found, true, own in zip(detect(model, images), boxes, groups, strict=True):
        number = len(true)
        order = np.argsort(found.boxes[:number, 0])  # from left to right, as the true ones
        told = torch.tensor(found.boxes[:number][order])
        assert box_iou(told, torch.tensor(true)).diagonal().min() > 0.75
        assert found.groups[:number][order].argmax(1).tolist() == own.tolist()
        assert found.scores[number - 1] > 2 * found.scores[number:].max(initial=0.2)
