"""One kind of error for a user's mistake, so that both doors can tell it from a fault of ours."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


class InputError(ValueError):
    """What was asked for cannot be done as asked: one sentence with what was wrong, where, and the remedy.

    The command line shows the sentence and ends with status 2; in code it is an ordinary `ValueError`.

    >>> raise InputError("classes must be 2 or more, not 1: ask for --classes 2.")
    Traceback (most recent call last):
    mtlkit.errors.InputError: classes must be 2 or more, not 1: ask for --classes 2.
    """

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]  # a notebook shows the sentence alone


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `" Did you mean 'x'?"` for the known name closest to `name`, or `""` when none is close.

    >>> nearest("digit", ["digits", "mnist"])
    " Did you mean 'digits'?"
    >>> nearest("zebra", ["digits"])
    ''
    """
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""


def plain(name: str) -> str:
    """Return a name in small letters without `-` and `_`.

    >>> plain("IMTL-L")
    'imtll'
    """
    return re.sub("[-_]", "", name).lower()
