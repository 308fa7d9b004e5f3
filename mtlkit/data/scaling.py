"""Values of more than 8 bits: which of them become 0 and 1."""

import math
from typing import NamedTuple

import numpy as np

Scale = tuple[float, float]  # what becomes 0, and what becomes 1


class Values(NamedTuple):
    """The least and the greatest value, and what is white in their format, where one value is."""

    low: float
    high: float
    white: float | None


def choose_scale(values: Values, given: Scale | None = None) -> tuple[Scale, tuple[str, ...]]:
    """Return which values become 0 and 1, and a note where the format did not decide that.

    Cameras put 10 or 12 bits into 16: of integers that use less than half of their format, and of
    any that have none, the set's own range is taken. Floats in [0, 1] stay. `given` goes before.

    >>> scale, (note,) = choose_scale(Values(100, 700, 65535))
    >>> scale, note.partition(": ")[2]
    ((100, 700), 'they reach 1.1 % of 16 bits.')
    >>> choose_scale(Values(3, 60_000, 65535))
    ((0, 65535), ())
    """
    low, high, white = values
    usual, reach = None, ""
    if white and low >= 0 and high <= white:
        reach = f": they reach {100 * high / white:.2g} % of 16 bits"
        if white == 1 or 2 * (high - low) > white:
            usual = (0, white)
    if white and given in ((0, 1), (0, 65535)):
        given = (0, white)  # in training white was what the format said, so it is here, too
    scale = given or usual or (low, high)
    if scale == usual:
        return scale, ()
    if given:
        note = (
            f"The values, {low:g} .. {high:g}, were scaled from {given[0]:g} .. {given[1]:g}, "
            "the range in training, to 0 .. 1."
        )
    else:
        note = (
            f"The values were scaled from {low:g} .. {high:g}, the set's own range, "
            f"to 0 .. 1{reach}."
        )
    return scale, (note,)


def to_unit(values: np.ndarray, scale: Scale) -> np.ndarray:
    """Return numbers as float32 in [0, 1]: `scale` becomes 0 and 1, what lies beyond is cut off.

    >>> to_unit(np.array([0, 100, 400, 700], np.uint16), (100, 700)).tolist()
    [0.0, 0.0, 0.5, 1.0]
    """
    low, high = map(float, scale)
    power = math.frexp(max(abs(low), abs(high)))[1] - 1
    near = math.ldexp(1, power)  # a power of two rounds nothing, and then no difference overflows
    unit = np.divide(values, near, dtype=np.result_type(values, np.float32), order="C")
    unit -= low / near
    unit /= (high / near - low / near) or 1
    return np.clip(unit, 0, 1, out=unit).astype(np.float32, copy=False)
