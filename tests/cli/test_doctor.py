"""`mtlkit doctor`, `--version` and `--help`."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest

from .helpers import call, succeed

doctor = importlib.import_module("mtlkit.cli.doctor")  # `mtlkit.cli.doctor` is the command


def test_doctor_says_ok_or_what_to_do(tmp_path: Path) -> None:
    lines = succeed("doctor").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["OK"] * 4
    missing = call("doctor", "--data-root", tmp_path / "none", "--json")
    assert missing.exit_code == 1
    findings = json.loads(missing.stdout)
    assert [finding["ok"] for finding in findings] == [True, True, True, False]
    assert "make the folder" in findings[-1]["text"]


def test_doctor_names_a_missing_and_an_old_package(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = ["no-such-package>=1", "numpy>=999", 'x>1; extra == "dev"']
    monkeypatch.setattr(doctor, "requires", lambda _: needed)
    monkeypatch.setattr(doctor, "DISK", 10**18)
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    python, packages, disk, _ = doctor.examine()
    assert not python.ok
    assert "3.9.1 is too old" in python.text
    assert not packages.ok
    assert "no-such-package is missing" in packages.text
    assert "does not fit numpy>=999" in packages.text
    assert not disk.ok
    assert "make room" in disk.text
    assert call("doctor").stdout.count("LOOK") == 3


def test_version_and_help() -> None:
    assert call("--version").stdout.startswith("mtlkit ")
    assert {"fit", "score", "predict", "doctor"} <= set(call("--help").stdout.split())
