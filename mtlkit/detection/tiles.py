"""Tiles: small pictures cut round objects, so that a step of training is cheap and full of them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from mtlkit.detection.detector import CELL, cell_middles
from mtlkit.detection.proposals import areas

SIDE = 160  # px; or less, where pictures are smaller
MOST = 3000  # tiles: 920 MB
SEEN = 0.5  # of an object's box, below which it is background to a tile
MIDDLE = 0.3  # of a box's sides, to each side of its middle: cells that answer for it


class Tiles(NamedTuple):
    """Pictures to train on, and where the objects in them are.

    images: T x 3 x side x side.
    boxes: of each, n x 4 in px.
    groups: of each, n numbers.
    """

    images: ndarray
    boxes: list[ndarray]
    groups: list[ndarray]


def cut_tiles(
    images: ndarray, boxes: Sequence[ndarray], groups: Sequence[ndarray], seed: int
) -> Tiles:
    """Cut a tile round each object and one somewhere in each picture, half of them mirrored.

    An object may lie anywhere in its tile. Of more than 3,000 tiles, so many are taken at random.
    """
    random = np.random.default_rng(seed)
    height, width = images.shape[2:]
    side = min(SIDE, height, width) // CELL * CELL
    room = np.array([width - side, height - side])
    places = []
    for number, own in enumerate(boxes):
        for box in own:
            middle = (box[:2] + box[2:]) / 2
            before = side * random.uniform(0.2, 0.8, 2)
            places.append((number, middle - before))
    for number in range(len(images)):
        anywhere = room * random.uniform(0, 1, 2)
        places.append((number, anywhere))
    taken = random.permutation(len(places))[:MOST]
    pictures = np.empty((len(taken), 3, side, side), np.float32)
    tiles = Tiles(pictures, [], [])
    for tile, place in enumerate(taken):
        number, start = places[place]
        x, y = start.clip(0, room).astype(int)
        picture = images[number, :, y : y + side, x : x + side]
        inside, seen = _clipped(boxes[number], (x, y), side)
        if random.random() < 0.5:
            picture = picture[..., ::-1]
            right = side - inside[:, 0]
            left = side - inside[:, 2]
            inside[:, 0] = left
            inside[:, 2] = right
        tiles.images[tile] = picture
        tiles.boxes.append(inside[seen])
        tiles.groups.append(groups[number][seen])
    return tiles


def _clipped(boxes: ndarray, start: tuple[int, int], side: int) -> tuple[ndarray, ndarray]:
    """Return the boxes as a tile has them, n x 4, and which of them can be seen there."""
    moved = boxes - np.tile(start, 2)
    inside = moved.clip(0, side)
    shares = areas(inside) / areas(moved)
    return inside, shares > SEEN


def target_maps(tiles: Tiles, n_groups: int) -> dict[str, Tensor]:
    """Return what each cell of each tile is to say: by task, T x h x w x 1, x 4 and x K.

    A cell in the middle of several objects answers for the smallest.
    """
    cells = tiles.images.shape[-1] // CELL
    middles = cell_middles(cells, cells)  # h x w x 2
    shape = len(tiles.images), cells, cells
    maps = {
        "objects": torch.zeros(*shape, 1),
        "boxes": torch.zeros(*shape, 4),
        "groups": torch.zeros(*shape, n_groups),
    }
    for tile, (boxes, groups) in enumerate(zip(tiles.boxes, tiles.groups, strict=True)):
        largest_first = np.argsort(-areas(boxes), kind="stable")
        for row in largest_first:
            box = torch.as_tensor(boxes[row], dtype=torch.float32)
            start, end = box.split(2)
            reach = MIDDLE * (end - start)
            away = (middles - (start + end) / 2).abs()
            reach = reach.clamp_min(CELL / 2 + 0.1)
            near = (away <= reach).all(-1)  # h x w
            sides = torch.cat([middles - start, end - middles], dim=-1)
            maps["objects"][tile][near] = 1
            maps["boxes"][tile][near] = sides[near].clamp_min(0.5)
            maps["groups"][tile][near] = torch.eye(n_groups)[groups[row]]
    return maps
