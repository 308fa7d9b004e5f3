"""A chapter's parameters: the comments of its own parameters cell have their types and ranges.

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

from mtlkit.course.chapters import REMEDY, find_chapter
from mtlkit.errors import InputError, as_input_error, look_up, nearest

MAX_VALUES = 100_000  # of one parameter in a sweep
KINDS = {int: "a whole number", float: "a number", bool: "True or False", str: "a text"}
STRICT = ConfigDict(strict=True, allow_inf_nan=False)
Values = dict[str, Any]  # by the parameters' names


@dataclass(frozen=True)
class Parameter:
    """One parameter: its default, and the values that it may have.

    Those are a range, choices, or any of its type.
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
        bounded = Annotated[kind, Field(ge=self.low, le=self.high)]
        try:
            return TypeAdapter(bounded, config=STRICT).validate_python(value)
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
        if not 0 < len(parts) <= MAX_VALUES:
            raise InputError(
                f"{self.name}={text}: holds {len(parts):,} values, and a sweep takes 1 to "
                f"{MAX_VALUES:,}: write {self.name}=A,B or, from the smaller to the larger, "
                f"{self.name}=0..4."
            )
        return [self.read(str(part)) for part in parts]


Parameters = dict[str, Parameter]


def parameters_of(chapter: Path) -> Parameters:
    """Return the parameters of a chapter's notebook, by name.

    Raises:
        InputError: the notebook cannot be read, or has no cell with the tag `parameters`.

    >>> parameters_of(find_chapter("00"))["effort"].allowed
    'a number from 0.05 to 4'
    """
    from papermill import inspect_notebook  # takes a second

    with as_input_error(f"{chapter.name}: is no notebook that can be run", REMEDY):
        inspected = inspect_notebook(str(chapter))
    if not inspected:
        raise InputError(
            f"{chapter.name}: no cell has the tag 'parameters': give the first cell of settings "
            f"that tag, or {REMEDY}."
        )
    parameters = {}
    for name, described in inspected.items():
        default = described["default"]
        try:
            parameters[name] = _parameter(name, ast.literal_eval(default), described["help"])
        except (ValueError, SyntaxError, KeyError) as fault:
            raise InputError(
                f"{chapter.name}: the default of {name}, {default}, must be a number, True, False "
                f"or a text, as it stands: {REMEDY}."
            ) from fault
    return parameters


def _parameter(name: str, default: Any, comment: str) -> Parameter:
    """Read the comment behind a default. What stands before its dash are the limits."""
    *limits, text = comment.split(" — ", 1)
    KINDS[type(default)]  # raises KeyError for any other type
    if not limits:
        return Parameter(name, default, help=text)
    if isinstance(default, str):
        return Parameter(name, default, choices=tuple(limits[0].split(" | ")), help=text)
    low, high = limits[0].split(" to ")
    return Parameter(name, default, float(low), float(high), help=text)


def open_parameters(chapter: Path) -> Parameters:
    """Return the parameters that a run may be given: all but `run_folder`, which is filled in."""
    parameters = parameters_of(chapter)
    parameters.pop("run_folder", None)
    return parameters


def read_assignments(
    texts: list[str] | None, parameters: Parameters, chapter: str, many: bool = False
) -> Values:
    """Return the values of `NAME=VALUE` texts; with `many`, the lists of values of a grid.

    >>> read_assignments(["seed=3"], parameters_of(find_chapter("00")), "00")
    {'seed': 3}
    """
    values: Values = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"{text!r}: write NAME=VALUE, as in -p seed=3 or --grid seed=0..4.")
        if name in values:
            raise InputError(f"{name}: is given twice.")
        parameter = look_up(f"chapter {chapter}'s parameter", name, parameters)
        values[name] = parameter.read_many(value) if many else parameter.read(value)
    return values


def grid_points(grid: dict[str, list[Any]], pairs: bool = False) -> list[Values]:
    """Return a grid's points: each value with each; as `pairs` the first with the first, and so on.

    >>> grid_points({"seed": [0, 1], "effort": [1.0, 2.0]}, pairs=True)
    [{'seed': 0, 'effort': 1.0}, {'seed': 1, 'effort': 2.0}]
    """
    columns = grid.values()
    if pairs and len(set(map(len, columns))) > 1:
        counts = ", ".join(f"{name} {len(values)}" for name, values in grid.items())
        raise InputError(
            f"--zip pairs values, so each parameter needs as many as the others: {counts}."
        )
    points = zip(*columns, strict=True) if pairs else itertools.product(*columns)
    return [dict(zip(grid, point, strict=True)) for point in points]


def check_parameters(chapter: str, **values: Any) -> None:
    """Stop with one sentence unless the chapter takes all values: a cell of each calls this.

    >>> check_parameters("00", effort=0)
    Traceback (most recent call last):
    mtlkit.errors.InputError: effort is 0: give a number from 0.05 to 4.
    """
    parameters = parameters_of(find_chapter(chapter))
    for name, value in values.items():
        look_up(f"chapter {chapter}'s parameter", name, parameters).check(value)
