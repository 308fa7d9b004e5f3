"""A chapter's parameters: their types and ranges are written in the comments of its own parameters cell.

    effort = 1.0  # 0.05 to 4 — length of training
    balance = "auto"  # auto | equal — what is assumed of the groups' sizes

The type is that of the default. Before the dash stands the range, or the choices; nothing, if any value will do.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import nbformat
from pydantic import Field, TypeAdapter, ValidationError

from mtlkit.course.chapters import find_chapter
from mtlkit.errors import InputError, nearest

MOST = 100_000  # values of one parameter in a sweep
KINDS = {int: "a whole number", float: "a number", bool: "True or False", str: "a text"}


@dataclass(frozen=True)
class Parameter:
    """One parameter: its default, and the values that it may have (a range, choices, or any of its type)."""

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
        limits: dict[str, Any] = {} if self.choices else {"ge": self.low, "le": self.high, "strict": True}
        finite: dict[str, Any] = {"allow_inf_nan": False} if kind is float else {}
        try:
            return TypeAdapter(Annotated[kind, Field(**limits, **finite)]).validate_python(value)
        except ValidationError as fault:
            hint = nearest(str(value), self.choices)
            raise InputError(f"{self.name} is {value!r}: give {self.allowed}.{hint}") from fault

    def read(self, text: str) -> Any:
        """Return the value that a text on the command line means."""
        if isinstance(self.default, str):
            return self.check(text)
        try:
            return self.check(ast.literal_eval({"true": "True", "false": "False"}.get(text, text)))
        except (ValueError, SyntaxError) as fault:
            if isinstance(fault, InputError):
                raise
            return self.check(text)


def parameters_of(chapter: Path) -> dict[str, Parameter]:
    """Return the parameters of a chapter's notebook, by name.

    Raises:
        InputError: the notebook cannot be read, or has no cell with the tag `parameters`.

    >>> parameters_of(find_chapter("00"))["effort"].allowed
    'a number from 0.05 to 4'
    """
    from papermill import inspect_notebook  # takes a second

    try:
        notebook = nbformat.read(chapter, as_version=4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, AttributeError, TypeError, ValueError) as fault:
        raise InputError(f"{chapter.name}: is no notebook.") from fault
    if not any("parameters" in cell.metadata.get("tags", []) for cell in notebook.cells):
        raise InputError(f"{chapter.name}: no cell has the tag 'parameters': give the first cell of settings that tag, or "
                         "take a fresh copy of the chapter.")  # fmt: skip
    found = {}
    for name, about in inspect_notebook(str(chapter)).items():
        limits, text = about["help"].split(" — ", 1) if " — " in about["help"] else ("", about["help"])
        try:
            default = ast.literal_eval(about["default"])
            KINDS[type(default)]
        except (ValueError, SyntaxError, KeyError) as fault:
            raise InputError(f"{chapter.name}: the default of {name}, {about['default']}, must be a number, True, False or "
                             "a text, as it stands: take a fresh copy of the chapter.") from fault  # fmt: skip
        if " to " in limits:
            low, high = (float(limit) for limit in limits.split(" to "))
            found[name] = Parameter(name, default, low=low, high=high, help=text)
        else:
            choices = tuple(limits.split(" | ")) if isinstance(default, str) and limits else ()
            found[name] = Parameter(name, default, choices=choices, help=text)
    return found


def one_of(name: str, known: dict[str, Parameter], chapter: str) -> Parameter:
    """Return the parameter of that name; `InputError` with the nearest known one if there is none."""
    if name not in known:
        raise InputError(f"{name}: chapter {chapter} has no such parameter.{nearest(name, known)} "
                         f"It has {', '.join(known)}.")  # fmt: skip
    return known[name]


def _by_name(
    texts: list[str], known: dict[str, Parameter], chapter: str, example: str
) -> dict[str, tuple[Parameter, str]]:
    found: dict[str, tuple[Parameter, str]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"{text!r}: write NAME=VALUE, as in {example}.")
        if name in found:
            raise InputError(f"{name}: is given twice.")
        found[name] = one_of(name, known, chapter), value
    return found


def read_assignments(texts: list[str], known: dict[str, Parameter], chapter: str) -> dict[str, Any]:
    """Return the values of `NAME=VALUE` texts.

    >>> read_assignments(["seed=3"], parameters_of(find_chapter("00")), "00")
    {'seed': 3}
    """
    found = _by_name(texts, known, chapter, "-p seed=3")
    return {name: one.read(value) for name, (one, value) in found.items()}


def read_grid(texts: list[str], known: dict[str, Parameter], chapter: str) -> dict[str, list[Any]]:
    """Return the values of `NAME=VALUE,VALUE` and `NAME=FIRST..LAST` texts.

    >>> read_grid(["seed=0..2", "balance=auto,equal"], parameters_of(find_chapter("00")), "00")
    {'seed': [0, 1, 2], 'balance': ['auto', 'equal']}
    """
    grid = {}
    for name, (one, text) in _by_name(texts, known, chapter, "--grid seed=0..4").items():
        parts: Iterable[Any] = filter(None, text.split(","))
        if ends := re.fullmatch(r"(-?\d+)\.\.(-?\d+)", text):
            first, last = (int(end) for end in ends.groups())
            one.read(ends[1]), one.read(ends[2])
            if last - first >= MOST:
                raise InputError(f"--grid {name}={text}: that are {last - first + 1:,} values; {MOST:,} are the most.")
            parts = map(str, range(first, last + 1))
        grid[name] = [one.read(part) for part in parts]
        if not grid[name]:
            raise InputError(f"--grid {name}={text}: holds no value, so that there would be 0 runs: write {name}=A,B or, "
                             f"from the smaller to the larger, {name}=0..4.")  # fmt: skip
    return grid


def grid_points(grid: dict[str, list[Any]], pairs: bool = False) -> list[dict[str, Any]]:
    """Return the points of a grid: each value with each, or as `pairs` the first with the first, and so on.

    >>> grid_points({"seed": [0, 1], "effort": [1.0, 2.0]}, pairs=True)
    [{'seed': 0, 'effort': 1.0}, {'seed': 1, 'effort': 2.0}]
    """
    if pairs and len({len(values) for values in grid.values()}) > 1:
        lengths = ", ".join(f"{name} {len(values)}" for name, values in grid.items())
        raise InputError(f"--zip pairs values, so each parameter needs as many as the others: {lengths}.")
    combinations = zip(*grid.values(), strict=True) if pairs else itertools.product(*grid.values())
    return [dict(zip(grid, values, strict=True)) for values in combinations]


def check_parameters(chapter: str, **values: Any) -> None:
    """Stop with one sentence unless all values are such as the chapter takes: a cell of each chapter calls this.

    >>> check_parameters("00", effort=0)
    Traceback (most recent call last):
    mtlkit.errors.InputError: effort is 0: give a number from 0.05 to 4.
    """
    known = parameters_of(find_chapter(chapter))
    for name, value in values.items():
        one_of(name, known, chapter).check(value)
