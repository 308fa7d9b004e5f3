"""A chapter's parameters: their types and ranges are written in the comments of its own parameters cell.

    effort = 1.0  # 0.05 to 4 — length of training
    balance = "auto"  # auto | equal — what is assumed of the groups' sizes

The type is that of the default. Before the dash stands the range, or the choices; nothing, if any value will do.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import nbformat
from pydantic import Field, TypeAdapter, ValidationError

from mtlkit.course.chapters import find_chapter
from mtlkit.errors import InputError, nearest

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
        default = ast.literal_eval(about["default"])
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


def read_assignments(texts: list[str], known: dict[str, Parameter], chapter: str) -> dict[str, Any]:
    """Return the values of `NAME=VALUE` texts.

    >>> read_assignments(["seed=3"], parameters_of(find_chapter("00")), "00")
    {'seed': 3}
    """
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"{text!r}: write NAME=VALUE, as in -p seed=3.")
        values[name] = one_of(name, known, chapter).read(value)
    return values


def check_parameters(chapter: str, **values: Any) -> None:
    """Stop with one sentence unless all values are such as the chapter takes: a cell of each chapter calls this.

    >>> check_parameters("00", effort=0)
    Traceback (most recent call last):
    mtlkit.errors.InputError: effort is 0: give a number from 0.05 to 4.
    """
    known = parameters_of(find_chapter(chapter))
    for name, value in values.items():
        one_of(name, known, chapter).check(value)
