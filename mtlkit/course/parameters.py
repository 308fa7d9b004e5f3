"""A chapter's parameters: their types and ranges are written in the comments of its own parameters
cell.

    effort = 1.0  # 0.05 to 4 — length of training
    class_sizes = "auto"  # auto | equal | free — what is assumed of the groups' sizes

The type is that of the default. Before the dash stands the range, or the choices; nothing, if any
value will do.
"""

import ast
import itertools
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from mtlkit.course.chapters import find_chapter
from mtlkit.errors import InputError, as_input_error, look_up, nearest

MOST = 100_000  # values of one parameter in a sweep
KINDS = {int: "a whole number", float: "a number", bool: "True or False", str: "a text"}
STRICT = ConfigDict(strict=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Parameter:
    """One parameter: its default, and the values that it may have (a range, choices, or any of its
    type).
    """

    name: str
    default: Any
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    help: str = ""

    @property
    def allowed(self) -> str:
        """What may be given, in words."""
        if self.choices:
            return " or ".join(repr(choice) for choice in self.choices)
        limits = f" from {self.low:.12g} to {self.high:.12g}" if self.low is not None else ""
        return KINDS[type(self.default)] + limits

    def check(self, value: Any) -> Any:
        """Return the value in its type; `InputError` if it is of another, or out of range."""
        kind: Any = Literal[self.choices] if self.choices else type(self.default)
        try:
            return TypeAdapter(
                Annotated[kind, Field(ge=self.low, le=self.high)], config=STRICT
            ).validate_python(value)
        except ValidationError as fault:
            hint = nearest(str(value), self.choices)
            raise InputError(f"{self.name} is {value!r}: give {self.allowed}.{hint}") from fault

    def read(self, text: str) -> Any:
        """Return the value that a text on the command line means."""
        value: Any = text
        if not isinstance(self.default, str):
            with suppress(ValueError, SyntaxError):
                value = ast.literal_eval(text.replace("true", "True").replace("false", "False"))
        return self.check(value)

    def read_many(self, text: str) -> list[Any]:
        """Return the values that `VALUE,VALUE` or `FIRST..LAST` means."""
        parts: Sequence[Any] = [part for part in text.split(",") if part]
        if ends := re.fullmatch(r"(-?\d{1,15})\.\.(-?\d{1,15})", text):
            first, last = (int(self.read(end)) for end in ends.groups())
            parts = range(first, last + 1)
        if not 0 < len(parts) <= MOST:
            raise InputError(
                f"{self.name}={text}: holds {len(parts):,} values, and a sweep takes "
                f"1 to {MOST:,}: write "
                f"{self.name}=A,B or, from the smaller to the larger, {self.name}=0..4."
            )
        return [self.read(str(part)) for part in parts]


Known = dict[str, Parameter]


def parameters_of(chapter: Path) -> Known:
    """Return the parameters of a chapter's notebook, by name.

    Raises:
        InputError: the notebook cannot be read, or has no cell with the tag `parameters`.

    >>> parameters_of(find_chapter("00"))["effort"].allowed
    'a number from 0.05 to 4'
    """
    from papermill import inspect_notebook  # takes a second

    with as_input_error(
        f"{chapter.name}: is no notebook that can be run", "take a fresh copy of the chapter"
    ):
        inspected = inspect_notebook(str(chapter))
    if not inspected:
        raise InputError(
            f"{chapter.name}: no cell has the tag 'parameters': give the first cell "
            "of settings that tag, or "
            "take a fresh copy of the chapter."
        )
    found = {}
    for name, about in inspected.items():
        *limits, text = about["help"].split(" — ", 1)
        try:
            default = ast.literal_eval(about["default"])
            KINDS[type(default)]
            if isinstance(default, str):
                choices = tuple(choice for some in limits for choice in some.split(" | "))
                found[name] = Parameter(name, default, choices=choices, help=text)
            else:
                low, high = [float(end) for some in limits for end in some.split(" to ")] or (
                    None,
                    None,
                )
                found[name] = Parameter(name, default, low, high, help=text)
        except (ValueError, SyntaxError, KeyError) as fault:
            raise InputError(
                f"{chapter.name}: the default of {name}, {about['default']}, must be "
                "a number, True, False or "
                "a text, as it stands: take a fresh copy of the chapter."
            ) from fault
    return found


def open_parameters(chapter: Path) -> Known:
    """Return the parameters that a run may be given: all but `run_folder`, which is filled in."""
    return {name: one for name, one in parameters_of(chapter).items() if name != "run_folder"}


def read_assignments(
    texts: list[str], parameters: Known, chapter: str, many: bool = False
) -> dict[str, Any]:
    """Return the values of `NAME=VALUE` texts; with `many`, the lists of values of a grid.

    >>> read_assignments(["seed=3"], parameters_of(find_chapter("00")), "00")
    {'seed': 3}
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"{text!r}: write NAME=VALUE, as in -p seed=3 or --grid seed=0..4.")
        if name in found:
            raise InputError(f"{name}: is given twice.")
        one = look_up(f"chapter {chapter}'s parameter", name, parameters)
        found[name] = one.read_many(value) if many else one.read(value)
    return found


def grid_points(grid: dict[str, list[Any]], pairs: bool = False) -> list[dict[str, Any]]:
    """Return the points of a grid: each value with each, or as `pairs` the first with the first,
    and so on.

    >>> grid_points({"seed": [0, 1], "effort": [1.0, 2.0]}, pairs=True)
    [{'seed': 0, 'effort': 1.0}, {'seed': 1, 'effort': 2.0}]
    """
    if pairs and len({len(values) for values in grid.values()}) > 1:
        lengths = ", ".join(f"{name} {len(values)}" for name, values in grid.items())
        raise InputError(
            f"--zip pairs values, so each parameter needs as many as the others: {lengths}."
        )
    combinations = zip(*grid.values(), strict=True) if pairs else itertools.product(*grid.values())
    return [dict(zip(grid, values, strict=True)) for values in combinations]


def check_parameters(chapter: str, **values: Any) -> None:
    """Stop with one sentence unless all values are such as the chapter takes: a cell of each
    chapter calls this.

    >>> check_parameters("00", effort=0)
    Traceback (most recent call last):
    mtlkit.errors.InputError: effort is 0: give a number from 0.05 to 4.
    """
    parameters = parameters_of(find_chapter(chapter))
    for name, value in values.items():
        look_up(f"chapter {chapter}'s parameter", name, parameters).check(value)
