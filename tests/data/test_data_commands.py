"""`mtlkit data list | fetch | check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from mtlkit.cli import app


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_list_says_what_is_there(small_mnist: Any, tmp_path: Path) -> None:
    before = json.loads(call("data", "list", "--data-root", tmp_path, "--json").stdout)
    assert before["data_root"] == str(tmp_path)
    assert [(row["name"], row["there"]) for row in before["sets"]] == [
        (name, []) for name in ("mnist", "fashion-mnist", "cifar10", "gtsrb", "bccd")
    ]
    assert call("data", "fetch", "mnist", "--data-root", tmp_path).exit_code == 0
    text = call("data", "list", "--data-root", tmp_path).stdout
    assert "there: train and test" in text.splitlines()[0]
    assert "medmnist:NAME" in text
    assert str(tmp_path) in text
    assert "CC BY-SA 3.0" in text


def test_fetch_and_check(small_mnist: Any, tmp_path: Path) -> None:
    missing = call("data", "check", "mnist", "--data-root", tmp_path)
    assert missing.exit_code == 1 and missing.stdout.startswith("mnist:train  missing")
    fetched = call("data", "fetch", "mnist:test", "mnist", "--data-root", tmp_path, "--json")
    assert fetched.exit_code == 0, fetched.output
    assert [(part["part"], part["state"]) for part in json.loads(fetched.stdout)] == [
        ("train", "complete"),
        ("test", "complete"),
    ]
    every = call("data", "check", "--data-root", tmp_path)
    assert every.exit_code == 0
    assert len(every.stdout.splitlines()) == 2  # what is not there is passed over
    (tmp_path / "MNIST" / "raw" / "t10k-images-idx3-ubyte").write_bytes(b"cut")
    damaged = call("data", "check", "--data-root", tmp_path, "--json")
    assert damaged.exit_code == 1
    assert [part["state"] for part in json.loads(damaged.stdout)] == ["complete", "damaged"]


def test_the_data_root_of_the_environment(
    small_mnist: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MTLKIT_DATA", str(tmp_path))
    assert call("data", "fetch", "mnist").exit_code == 0
    assert (tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte").is_file()
    assert f"data root: {tmp_path}" in call("doctor").stdout


def test_a_download_that_fails_is_status_1_in_one_sentence(
    small_mnist: Any, server: Any, tmp_path: Path
) -> None:
    server.files.clear()
    result = call("data", "fetch", "mnist", "--data-root", tmp_path)
    assert result.exit_code == 1 and result.stdout == ""
    assert result.stderr.startswith("error: train-images-idx3-ubyte.gz: could not be fetched")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fetch"], "give one or more of mnist"),
        (["fetch", "mnits"], "Did you mean 'mnist'?"),
        (["check", "digits"], "'digits' is not a set"),
        (["check", "medmnist:zebra"], "'medmnist:zebra' is not"),
    ],
)
def test_wrong_calls_are_status_2_in_one_sentence(
    arguments: list[str], words: str, tmp_path: Path
) -> None:
    result = call("data", *arguments, "--data-root", tmp_path)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_fit_says_how_to_get_a_set(tmp_path: Path) -> None:
    result = call("fit", "fashion-mnist", "--data-root", tmp_path, "--out", tmp_path / "run")
    assert result.exit_code == 2 and "mtlkit data fetch fashion-mnist" in result.stderr
