"""Self-checks: right answers pass, each planted mistake gets its own message, a stub is not
attempted.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from mtlkit.course import check
from mtlkit.course.checks import EXERCISES, load_exercises
from mtlkit.errors import InputError

HERE = Path(__file__).parent


def answers() -> dict[str, dict[str, Any]]:
    collected: dict[str, dict[str, Any]] = {}
    for path in sorted(HERE.glob("answers_*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        collected |= module.ANSWERS
    return collected


ANSWERS = answers()
RIGHT = [(name, n) for name, answer in ANSWERS.items() for n in range(len(answer["right"]))]
WRONG = [(name, n) for name, answer in ANSWERS.items() for n in range(len(answer["wrong"]))]


def test_every_exercise_has_answers() -> None:
    load_exercises()
    assert sorted(EXERCISES) == sorted(ANSWERS)


@pytest.mark.parametrize(("name", "n"), RIGHT)
def test_right_answers_pass(name: str, n: int) -> None:
    answers = ANSWERS[name]
    outcome = check(name, answers["right"][n], **answers.get("given", {}))
    assert outcome, outcome.message
    assert outcome._repr_markdown_().startswith("✔ **Passed.** ")


@pytest.mark.parametrize(("name", "n"), WRONG)
def test_each_mistake_gets_its_message(name: str, n: int) -> None:
    answers = ANSWERS[name]
    answer, fragment = answers["wrong"][n]
    outcome = check(name, answer, **answers.get("given", {}))
    assert outcome.status == "not yet"
    assert fragment.lower() in outcome.message.lower()
    assert outcome._repr_markdown_().startswith("✘ **Not yet.** ")


@pytest.mark.parametrize("name", ANSWERS)
def test_two_mistakes_or_more_have_messages_of_their_own(name: str) -> None:
    kind, given = EXERCISES[name].expects, ANSWERS[name].get("given", {})
    wrong = [answer for answer, _ in ANSWERS[name]["wrong"]]
    messages = {check(name, answer, **given).message for answer in wrong}
    assert len({message for message in messages if kind not in message}) >= 2


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("stub", [None, ...])
def test_a_stub_is_not_attempted(name: str, stub: Any) -> None:
    assert check(name, stub, **ANSWERS[name].get("given", {})).status == "not attempted"


def test_the_stub_of_a_function_is_not_attempted() -> None:
    def stub(first: Any, second: Any) -> None: ...

    assert check("00-5", stub).status == "not attempted"


@pytest.mark.parametrize(
    ("number", "hint"), [("00-9", "Did you mean '00-"), (3, "is not known"), ("", "is not known")]
)
def test_an_unknown_exercise(number: Any, hint: str) -> None:
    with pytest.raises(InputError, match=hint):
        check(number, 1)


def test_while_marking_a_check_that_is_not_passed_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert check("00-1", 19 / 30)
    for answer in (None, 0.5):
        with pytest.raises(AssertionError, match=r"^00-1: not"):
            check("00-1", answer)


def test_a_long_answer_is_shortened() -> None:
    assert len(check("00-4", ["x" * 50] * 100).message) < 160
