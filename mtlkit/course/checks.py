"""Self-checks: `check("05-2", answer)` says not attempted, passed, or which mistake it is.

An exercise is a function in `notebooks/exercises/`, one module a chapter. It is given an answer of
the right kind, and says what is wrong with it in a sentence, or None. No file is read and nothing
is sent: a check works offline.
"""

import os
import reprlib
import runpy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtlkit.course.chapters import course_folder
from mtlkit.errors import look_up

# nbgrader sets it while it marks: then a check that is not passed raises.
MARKING = "NBGRADER_EXECUTION"
PASSED = "✔ **Passed.**"  # how the output of a check begins that is passed
Judge = Callable[..., str | None]  # what is wrong with an answer, or None


@dataclass(frozen=True)
class Exercise:
    """One exercise: how an answer is read, what it must be, who judges it, what a right one hears.

    `read` raises `ValueError` or `TypeError` if the answer is of another kind.
    """

    read: Callable[[Any], Any]
    expects: str
    judge: Judge
    passed: str


@dataclass(frozen=True)
class Outcome:
    """What a check found; a notebook shows it as a line."""

    status: str  # "not attempted", "passed", "not yet"
    message: str

    def __bool__(self) -> bool:
        return self.status == "passed"

    def _repr_markdown_(self) -> str:
        if self:
            return f"{PASSED} {self.message}"
        mark = "✘ " if self.status == "not yet" else ""
        return f"{mark}**{self.status.capitalize()}.** {self.message}"


EXERCISES: dict[str, Exercise] = {}


def exercise(
    number: str, read: Callable[[Any], Any], expects: str, passed: str
) -> Callable[[Judge], Judge]:
    """Enter the function below as the judge of an exercise.

    Args:
        number: chapter and exercise, as `"05-2"`.
        read: brings an answer to its type, or raises.
        expects: what an answer must be, in words.
        passed: what is said to the right answer: why it is right.
    """

    def enter(judge: Judge) -> Judge:
        EXERCISES[number] = Exercise(read, expects, judge, passed)
        return judge

    return enter


def number(low: float = -np.inf, high: float = np.inf) -> Callable[[Any], float]:
    """Return a reader of one finite number between two bounds."""

    def read(answer: Any) -> float:
        if isinstance(answer, (bool, str)):
            raise TypeError
        value = float(answer)
        if not low <= value <= high or np.isinf(value):
            raise ValueError
        return value

    return read


def numbers(*shape: int) -> Callable[[Any], np.ndarray]:
    """Return a reader of an array of finite numbers of that shape (-1: any length)."""

    def read(answer: Any) -> np.ndarray:
        array = np.asarray(answer, dtype=float)
        if array.reshape(shape).shape != array.shape or not np.isfinite(array).all():
            raise ValueError
        return array

    return read


def function(answer: Any) -> Callable[..., Any]:
    """Read a function."""
    if not callable(answer):
        raise TypeError
    return answer


def result_of(answer: Callable[..., Any], *arguments: Any) -> Any:
    """Call a learner's function. What returns nothing is a stub: "not attempted"."""
    result = answer(*arguments)
    if result is None or result is ...:
        raise NotImplementedError
    return result


def near(value: Any, target: Any, tolerance: float = 0.005) -> bool:
    """Is each number of an answer as good as equal to the target, a number or an array?"""
    fits = np.ndim(target) == 0 or np.shape(value) == np.shape(target)
    return fits and np.allclose(value, target, rtol=0, atol=tolerance)


def load_exercises() -> None:
    """Run the modules of exercises that lie beside the chapters, once, to fill `EXERCISES`."""
    if not EXERCISES:
        for path in sorted((course_folder() / "exercises").glob("ch*.py")):
            runpy.run_path(str(path))


def check(number: str, answer: Any, **given: Any) -> Outcome:
    """Check an answer.

    Args:
        number: chapter and exercise, as `"05-2"`.
        answer: None or `...` is "not attempted".
        given: what was measured in the chapter, for an exercise that needs it.

    Raises:
        InputError: there is no such exercise.
        AssertionError: not passed, while submissions are marked.

    >>> check("00-1", None).status, bool(check("00-1", 19 / 30))
    ('not attempted', True)
    """
    load_exercises()
    outcome = _judge(look_up("exercise", number, EXERCISES), answer, given)
    if os.environ.get(MARKING) and not outcome:
        raise AssertionError(f"{number}: {outcome.status}. {outcome.message}")
    return outcome


def _judge(exercise: Exercise, answer: Any, given: dict[str, Any]) -> Outcome:
    nothing = "Give your answer in the cell above, and run both cells again."
    if answer is None or answer is ...:
        return Outcome("not attempted", nothing)
    try:
        value = exercise.read(answer)
    except (ValueError, TypeError):
        kind = f"The answer must be {exercise.expects}, and this is {reprlib.repr(answer):.60}."
        return Outcome("not yet", kind)
    try:
        wrong = exercise.judge(value, **given)
    except NotImplementedError:  # the stub of a function
        return Outcome("not attempted", nothing)
    except Exception as fault:  # a learner's function may fail in any way
        if not callable(value):
            raise
        wrong = f"Your function stopped with {type(fault).__name__}: {fault}."
    return Outcome("not yet", wrong) if wrong else Outcome("passed", exercise.passed)
