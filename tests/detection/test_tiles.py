"""Tiles: each shows its boxes as the picture does, and cells learn what they are to answer."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mtlkit.detection import tiles
from mtlkit.detection.detector import CELL, cell_middles
from mtlkit.detection.tiles import SEEN, Tiles, cut_tiles, target_maps

Scenes = tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]


def painted(
    number: int = 5, height: int = 72, width: int = 104, each: int = 3, seed: int = 0
) -> Scenes:
    """Black pictures, each object in its own red and its group in green, none over another."""
    random = np.random.default_rng(seed)
    images = np.zeros((number, 3, height, width), np.float32)
    boxes, groups = [], []
    for scene in range(number):
        own = []
        for slot in range(each):
            left = slot * width // each + random.integers(0, 8)
            top = random.integers(0, height - 24)
            wide, high = random.integers(8, min(24, width // each - 7), 2)
            own.append([left, top, left + wide, top + high])
            x, y, right, bottom = own[-1]
            images[scene, 0, y:bottom, x:right] = (1 + scene * each + slot) / 100
            images[scene, 1, y:bottom, x:right] = (slot + 1) / 10
        boxes.append(np.array(own, np.float32).reshape(-1, 4))
        groups.append(np.arange(each))
    return images, boxes, groups


def shown(picture: np.ndarray) -> dict[float, tuple[list[int], int]]:
    """Where each object is in a painted tile, by its red: the box and the number of pixels."""
    found = {}
    for red in np.unique(picture[0][picture[0] > 0]):
        rows, columns = np.nonzero(picture[0] == red)
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        found[float(red)] = [int(side) for side in box], len(rows)
    return found


@pytest.mark.parametrize(("height", "width"), [(72, 104), (104, 72), (64, 64), (70, 99)])
def test_boxes_of_tiles_hold_what_they_held_in_the_picture(height: int, width: int) -> None:
    images, boxes, groups = painted(number=12, height=height, width=width)
    cut = cut_tiles(images, boxes, groups, seed=0)
    area = {
        float(images[scene, 0, int(y), int(x)]): (right - x) * (bottom - y)
        for scene, own in enumerate(boxes)
        for x, y, right, bottom in own
    }
    side = min(height, width) // CELL * CELL
    assert cut.images.shape == (12 * 3 + 12, 3, side, side)
    assert cut.images.dtype == np.float32
    partial = 0
    for picture, own, sorts in zip(*cut, strict=True):
        seen = shown(picture)
        whole = {red: box for red, (box, pixels) in seen.items() if pixels > SEEN * area[red]}
        partial += sum(pixels < area[red] for red, (_, pixels) in seen.items())
        assert sorted(own.tolist()) == sorted(whole.values())
        for (x, y, _, _), group in zip(own.astype(int), sorts, strict=True):
            assert picture[1, y, x] == np.float32((group + 1) / 10)
    assert bool(partial) == (height != width)  # some are cut by the tile's side


def mirrored(picture: np.ndarray) -> bool:
    return bool(picture[2, 0, 0] > picture[2, 0, -1])


def test_half_of_the_tiles_are_mirrored_and_objects_lie_anywhere() -> None:
    images, boxes, groups = painted(number=40, height=64, width=200, each=1)
    images[:, 2] = np.linspace(0, 1, 200)
    cut = cut_tiles(images, boxes, groups, seed=0)
    assert 0.3 < np.mean([mirrored(picture) for picture in cut.images]) < 0.7
    left = [int(own[0, 0]) for own in cut.boxes if len(own)]
    assert len(left) >= 40 and len(set(left)) > 15


def test_tiles_are_as_large_as_pictures_allow() -> None:
    for height, width, side in ((64, 64, 64), (72, 300, 72), (77, 200, 72), (200, 300, tiles.SIDE)):
        images = np.zeros((1, 3, height, width), np.float32)
        cut = cut_tiles(images, [np.zeros((0, 4), np.float32)], [np.zeros(0, int)], 0)
        assert cut.images.shape == (1, 3, side, side)
        assert [own.shape for own in cut.boxes] == [(0, 4)]


def test_the_same_seed_cuts_the_same_tiles_and_leaves_what_it_was_given() -> None:
    scenes = painted()
    first, again, other = (cut_tiles(*scenes, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.images, again.images)
    for one, two in zip(first.boxes + first.groups, again.boxes + again.groups, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(first.images, other.images)
    for one, two in zip(scenes, painted(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("most", [1, 7, 20, 1000])
def test_there_are_no_more_tiles_than_memory_has_room_for(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "MOST", most)
    cut = cut_tiles(*painted(), seed=0)
    assert [len(part) for part in cut] == [min(most, 20)] * 3
    assert cut.images.max(axis=(1, 2, 3)).all()


def test_an_object_that_is_half_outside_is_background() -> None:
    boxes = np.array([[0.0, 0, 20, 10], [4, 0, 24, 10], [15, 5, 25, 15]])
    inside, seen = tiles._clipped(boxes, (10, 0), 64)
    assert inside.tolist() == [[0, 0, 10, 10], [0, 0, 14, 10], [5, 5, 15, 15]]
    assert seen.tolist() == [False, True, True]


def one_tile(*boxes: list[float]) -> Tiles:
    images = np.zeros((1, 3, 96, 96), np.float32)
    return Tiles(images, [np.array(boxes).reshape(-1, 4)], [np.arange(len(boxes))])


def test_distances_of_a_cell_decode_to_the_box_of_its_object() -> None:
    boxes = [[8.0, 8, 24, 30], [40, 6, 90, 36], [10, 45, 51, 93]]
    maps = target_maps(one_tile(*boxes), n_groups=4)
    assert {name: tuple(m.shape) for name, m in maps.items()} == {
        "objects": (1, 12, 12, 1),
        "boxes": (1, 12, 12, 4),
        "groups": (1, 12, 12, 4),
    }
    middles = cell_middles(12, 12)
    answered = set()
    for y, x in np.ndindex(12, 12):
        sides, group = maps["boxes"][0, y, x], maps["groups"][0, y, x]
        if not maps["objects"][0, y, x]:
            assert not sides.any() and not group.any()
            continue
        assert group.sum() == 1
        number = int(group.argmax())
        told = torch.cat([middles[y, x] - sides[:2], middles[y, x] + sides[2:]])
        assert told.tolist() == pytest.approx(boxes[number])
        answered.add(number)
    assert answered == {0, 1, 2}


def test_cells_in_the_middle_of_an_object_answer_and_others_do_not() -> None:
    # Middles lie at 4, 12, ... 92: of 20 to 76, those within 16.8 px of 48 are near.
    maps = target_maps(one_tile([20, 20, 76, 76]), 1)
    rows, columns = maps["objects"][0, ..., 0].nonzero().T.tolist()
    assert set(rows) == set(columns) == {4, 5, 6, 7} and len(rows) == 16
    small = target_maps(one_tile([33, 33, 39, 39]), 1)
    assert small["objects"][0, ..., 0].nonzero().tolist() == [[4, 4]]
    between = target_maps(one_tile([37, 33, 43, 39]), 1)  # its middle lies between two cells
    assert between["objects"][0, ..., 0].nonzero().tolist() == [[4, 4], [4, 5]]
    # A middle outside of the box would have a distance below zero.
    assert between["boxes"][0, 4, 4].tolist() == [0.5, 3, 7, 3]


@pytest.mark.parametrize("swapped", [False, True])
def test_of_objects_that_share_cells_the_smaller_one_answers(swapped: bool) -> None:
    large, small = [10.0, 10, 86, 86], [40.0, 40, 56, 56]
    order = [small, large] if swapped else [large, small]
    maps = target_maps(one_tile(*order), n_groups=2)
    groups = maps["groups"][0].argmax(-1)
    assert int(groups[5, 5]) == int(groups[6, 6]) == order.index(small)
    assert maps["boxes"][0, 5, 5].tolist() == [4, 4, 12, 12]
    assert int(groups[4, 3]) == order.index(large)
    assert maps["boxes"][0, 4, 3].tolist() == [18, 26, 58, 50]


def test_a_tile_without_objects_teaches_that_there_is_none() -> None:
    maps = target_maps(one_tile(), n_groups=3)
    assert not any(values.any() for values in maps.values())
    assert maps["groups"].shape == (1, 96 // CELL, 96 // CELL, 3)
