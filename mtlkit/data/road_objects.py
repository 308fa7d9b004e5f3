"""What can stand at a road, where, and how it looks: `roads.json`, read.

A drawing there is a text of coloured shapes, as a small SVG: a colour, a shape and its points, in
percent of the width and height of what is drawn, x to the right and y down. `box` and `oval` have
two opposite corners, `path` all of them. Signs follow the German road traffic regulations (StVO,
annexes 1 to 3) in shape, colour and proportion; their pictograms are simplified.
"""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

Random = np.random.Generator
FILE = Path(__file__).with_name("roads.json")
TABLE = json.loads(FILE.read_text(encoding="utf-8"))
KINDS: list[str] = TABLE["kinds"]
SIGNS = range(5)  # the first kinds
COLOURS = list(TABLE["colours"])
RANGES = np.array(list(TABLE["colours"].values()))  # n x (least, most) x 3
DRAWINGS: dict[str, list[str]] = TABLE["drawings"]
SHINING = ("tail", "beam", "amber", "go", "dim")  # colours of lamps and lit windows
ANGLES = np.linspace(0, 6.28, 28)


class Sort(NamedTuple):
    """What can stand at a road: how large it is, and where.

    kind: of `KINDS`, or -1 for what is no object.
    drawing: which of `DRAWINGS`.
    wide, high, above: m; what is above the ground hangs.
    least, most: px of its longer side, in a picture of 320.
    across: m right of the camera: ranges, one of which is taken.
    share: how many there are in a scene on average, before those that are hidden are left out.
    under: a drawing of its shadow or its pole, in percent of the object too.
    """

    kind: int
    drawing: str
    wide: float
    high: float
    above: float
    least: float
    most: float
    across: list[list[float]]
    share: float
    under: str


SORTS = [Sort(**values) for values in TABLE["sorts"]]


@cache
def shapes(drawing: str) -> list[tuple[str, np.ndarray]]:
    """Read a drawing: of each shape the colour's name and the outline, n x 2 from 0 to 1.

    >>> [(name, outline.tolist()) for name, outline in shapes("red box 0,0 100,50")]
    [('red', [[0.0, 0.0], [1.0, 0.0], [1.0, 0.5], [0.0, 0.5]])]
    """
    found = []
    for line in drawing.split(";"):
        colour, shape, *points = line.split()
        found.append((colour, _outline(shape, points)))
    return found


def _outline(shape: str, points: list[str]) -> np.ndarray:
    numbers = [point.split(",") for point in points]
    corners = np.array(numbers, float) / 100
    if shape == "box":
        return box(*corners.ravel())
    if shape == "oval":
        middle = corners.mean(0)
        circle = np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1)
        return middle + circle * (corners[1] - middle)
    return corners


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """Return the outline of a rectangle, 4 x 2."""
    x = [left, right, right, left]
    y = [top, top, bottom, bottom]
    return np.stack([x, y], 1)


def palette(random: Random) -> dict[str, np.ndarray]:
    """Draw the colours of one object: red, green and blue from 0 to 255.

    >>> palette(np.random.default_rng(0))["red"].tolist()
    [188.0, 24.0, 34.0]
    """
    least, most = RANGES.swapaxes(0, 1)
    grey = random.random((len(least), 1))
    hue = random.random(least.shape)
    shares = (grey + hue) / 2
    values = least + shares * (most - least)
    return dict(zip(COLOURS, values, strict=True))
