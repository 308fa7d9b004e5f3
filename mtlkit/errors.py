"""One kind of error for a user's mistake, so that both doors can tell it from a fault of ours."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

Value = TypeVar("Value")


class InputError(ValueError):
    """What was asked for cannot be done: one sentence with what was wrong, where, and a remedy.

    The command line shows the sentence and ends with status 2; in code it is an ordinary
    `ValueError`.

    >>> raise InputError("classes must be 2 or more, not 1: ask for --classes 2.")
    Traceback (most recent call last):
    mtlkit.errors.InputError: classes must be 2 or more, not 1: ask for --classes 2.
    """

    status = 2  # the command line ends with it

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]  # a notebook shows the sentence alone


@contextmanager
def as_input_error(
    what: str, remedy: str, kinds: tuple[type[Exception], ...] = (Exception,)
) -> Iterator[None]:
    """Turn an error (never a `MemoryError`) into the sentence `WHAT (its words): REMEDY.`

    >>> with as_input_error("a.npz: no number", "save it again"):
    ...     int("one")
    Traceback (most recent call last):
    mtlkit.errors.InputError: a.npz: no number (invalid literal for int() with base 10: 'one'): \
save it again.
    """
    try:
        yield
    except (InputError, MemoryError):
        raise
    except kinds as fault:
        raise InputError(f"{what} ({words_of(fault)}): {remedy}.") from fault


def words_of(fault: Exception) -> str:
    """Return an error's own words, on one line and not too many; without any, the name of its kind.

    >>> missing = FileNotFoundError(2, "No such file or directory", "a.png")
    >>> words_of(missing), words_of(AssertionError())
    ('No such file or directory', 'AssertionError')
    """
    words = (
        (fault.strerror if isinstance(fault, OSError) else None)
        or str(fault)
        or type(fault).__name__
    )
    return " ".join(words.split())[:250].rstrip(".")


def look_up(what: str, name: str, values: Mapping[str, Value]) -> Value:
    """Return the value of that name; `InputError`, with the nearest name, where there is none.

    >>> look_up("edges", "soble", {"sobel": 1, "canny": 2})
    Traceback (most recent call last):
    mtlkit.errors.InputError: edges 'soble' is not known: use one of sobel, canny. \
Did you mean 'sobel'?
    """
    if name not in values:
        raise InputError(
            f"{what} {name!r} is not known: use one of "
            f"{', '.join(values)}.{nearest(str(name), values)}"
        )
    return values[name]


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `" Did you mean 'x'?"` for the name closest to `name`, or `""` where none is close.

    >>> nearest("digit", ["digits", "mnist"])
    " Did you mean 'digits'?"
    >>> nearest("zebra", ["digits"])
    ''
    """
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""


def normalised_name(name: str) -> str:
    """Return a name in small letters without `-` and `_`.

    >>> normalised_name("IMTL-L")
    'imtll'
    """
    return re.sub("[-_]", "", name).lower()
