"""The files that set the project up agree with each other and with the code."""

from __future__ import annotations

import ast
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BASE = PROJECT["dependencies"]
COURSE, DEV, HEIC, MEDICAL = PROJECT["optional-dependencies"].values()
PINS = [
    Requirement(line)
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
VERSIONS = {canonicalize_name(pin.name): re.sub("^==", "", str(pin.specifier)) for pin in PINS}


def imports(path: Path) -> set[str]:
    """The top-level names of all absolute imports, those inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module))
    return {name.split(".")[0] for name in found}


@pytest.mark.parametrize(
    ("folder", "declared"),
    [
        ("mtlkit", BASE + COURSE + HEIC + MEDICAL),
        ("notebooks", BASE + COURSE),
        ("benchmarks", BASE),
        ("tests", BASE + COURSE + DEV + HEIC + MEDICAL),
    ],
)
def test_every_import_is_a_declared_dependency(folder: str, declared: list[str]) -> None:
    files = list((ROOT / folder).rglob("*.py"))
    own = {"mtlkit"}
    if folder != "mtlkit":
        own |= {path.stem for path in files}  # scripts import their neighbours
    imported = {name for path in files for name in imports(path)}
    distributions = metadata.packages_distributions()
    names = {canonicalize_name(Requirement(line).name) for line in declared}
    strangers = {
        name
        for name in imported - own - set(sys.stdlib_module_names)
        if not names
        & {canonicalize_name(distribution) for distribution in distributions.get(name, [])}
    }
    assert not strangers, f"{folder}/ imports {sorted(strangers)}: declare them in pyproject.toml"


def test_environment_yml_equals_pyproject() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, pip, listed = environment["dependencies"]
    lines = [line for line in listed["pip"] if not line.startswith("--")]
    assert lines == BASE + COURSE + DEV + HEIC + MEDICAL
    assert [line for line in listed["pip"] if line.startswith("--")] == [
        "--constraint constraints.txt",
        "--editable .",
    ]
    assert pip == "pip"
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(
        python.removeprefix("python=")
    )


@pytest.mark.parametrize("line", BASE + COURSE + DEV + HEIC + MEDICAL)
def test_the_pin_satisfies_the_bound(line: str) -> None:
    requirement = Requirement(line)
    assert len(requirement.specifier) > 0, f"{line} has no bound"
    assert requirement.specifier.contains(VERSIONS[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("pin", PINS, ids=str)
def test_a_pin_is_one_public_version(pin: Requirement) -> None:
    assert re.fullmatch(r"==[0-9][0-9a-z.]*", str(pin.specifier)), (
        f"{pin} must be NAME==VERSION, no +local tag or file"
    )
    assert not pin.url


@pytest.mark.skipif(
    sys.platform != "linux", reason="the pins were made on Linux: elsewhere a few more are needed"
)
def test_every_installed_package_is_pinned() -> None:
    wanted, seen = [f"mtlkit[{','.join(PROJECT['optional-dependencies'])}]"], set()
    while wanted:  # along the requirements; what else lies in the environment is no concern
        requirement = Requirement(wanted.pop())
        for extra in requirement.extras or {""}:
            if (requirement.name, extra) in seen or requirement.name.startswith(
                ("cuda-", "nvidia-", "triton")
            ):
                continue
            seen.add((requirement.name, extra))
            for line in _requirements(requirement.name):
                needed = Requirement(line)
                if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                    wanted.append(str(needed))
    names = {canonicalize_name(name) for name, _ in seen} - {"mtlkit"}
    assert len(names) > 100
    assert not names - set(VERSIONS), "pin them in constraints.txt"


def _requirements(name: str) -> list[str]:
    if name == "mtlkit":
        extras = PROJECT["optional-dependencies"].items()
        return BASE + [f"{line} ; extra == '{extra}'" for extra, lines in extras for line in lines]
    return metadata.requires(name) or []


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make as a shell would, though `make test` may be what runs this test."""
    if not shutil.which("make"):
        pytest.skip("there is no make here")
    environ = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


def test_make_help_lists_every_target() -> None:
    targets = re.findall(
        r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert {"run", "test", "test-fast", "lint", "lab", "clean", "help"} <= set(targets)
    assert re.findall(r"^make ([a-z-]+)", make(ROOT).stdout, flags=re.MULTILINE) == targets


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "a clone"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    return folder


def stand_in(folder: Path, script: str) -> Path:
    """A program that make takes for Python."""
    python = folder / "some python"
    python.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    python.chmod(0o755)
    return python


def test_an_old_python_is_refused_in_one_sentence(clone: Path) -> None:
    made = make(clone, "run", f"PYTHON={stand_in(clone, 'exit 1')}")
    assert made.returncode == 2
    assert made.stdout.count("\n") == 1
    assert "needs Python 3.11 or newer" in made.stdout
    assert made.stdout.endswith("make PYTHON=python3.12 run\n")
    assert not (clone / ".venv").exists()


def test_a_set_up_that_breaks_off_leaves_no_stamp(clone: Path) -> None:
    broken_venv = (
        'test "$1" = -c || { mkdir -p .venv/bin; ln -sf "$(command -v false)" .venv/bin/python; }'
    )
    made = make(clone, "run", f"PYTHON={stand_in(clone, broken_venv)}")
    assert made.returncode == 2
    assert "Setting up" in made.stdout
    assert os.listdir(clone / ".venv") == ["bin"]


@pytest.mark.parametrize("index", ["", "https://example.org/cpu"])
def test_only_torch_and_torchvision_come_from_the_index(clone: Path, index: str) -> None:
    installs = [
        line
        for line in make(clone, "-n", "test", f"TORCH_INDEX={index}").stdout.splitlines()
        if "-m pip install" in line
    ]
    assert len(installs) == 2
    assert all("-c constraints.txt" in line for line in installs)
    assert installs[0].split("--no-deps ")[1].split() == [
        *(["--index-url", index] if index else []),
        "torch",
        "torchvision",
    ]
    assert installs[1].endswith('-e ".[course,dev,heic,medical]"')


def test_tests_reach_no_network() -> None:
    with socket.socket(
        socket.AF_INET, socket.SOCK_DGRAM
    ) as there:  # a datagram's connect would send nothing
        with pytest.raises(RuntimeError, match="tests use no network"):
            there.connect(("192.0.2.1", 9))
        there.connect(("127.0.0.1", 9))
