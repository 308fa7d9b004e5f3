"""Does it work where it was not written? The wheel in an empty environment, and the oldest versions
that are allowed.

    make wheel       (python benchmarks/installed.py wheel)     the wheel, outside the clone, runs
    `fit digits` and has the course make lowest      (python benchmarks/installed.py lowest)    the
    lowest allowed versions pass the fast tests

Both make an environment of their own in a temporary folder (6 GB, minutes) with uv, which pip
installs there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]


def call(*command: str | Path, cwd: Path | None = None) -> None:
    print("$", *command, flush=True)
    clean = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    subprocess.run([str(part) for part in command], cwd=cwd, env=clean, check=True)


def environment(folder: Path) -> Path:
    """Make an empty environment with nothing but uv, and return its folder of programs."""
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    call(programs / "python", "-m", "pip", "install", "-q", "uv", "build")
    return programs


def wheel(folder: Path) -> None:
    programs = environment(folder)
    call(programs / "python", "-m", "build", "-q", "--wheel", "--outdir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    call(
        programs / "python",
        "-m",
        "pip",
        "install",
        "-q",
        "-c",
        ROOT / "constraints.txt",
        f"{built}[course]",
    )
    call(programs / "mtlkit", "doctor", cwd=folder)
    call(programs / "mtlkit", "fit", "digits", "--out", folder / "run", cwd=folder)
    call(programs / "mtlkit", "course", "start", folder / "my course", cwd=folder)


def lowest(folder: Path) -> None:
    programs = environment(folder)
    call(
        programs / "uv",
        "pip",
        "install",
        "-q",
        "--python",
        programs / "python",
        "--resolution",
        "lowest-direct",
        "-e",
        f"{ROOT}[course,dev,heic,medical]",
    )
    call(programs / "uv", "pip", "list", "--python", programs / "python")
    call(
        programs / "python",
        "-m",
        "pytest",
        "-n",
        "2",
        "--dist",
        "loadfile",
        "-m",
        "not slow",
        "--deselect",
        "tests/test_environment.py::test_every_installed_package_is_pinned",
        cwd=ROOT,
    )


if __name__ == "__main__":
    ways = {"wheel": wheel, "lowest": lowest}
    if sys.argv[1:] not in [[name] for name in ways]:
        sys.exit(__doc__)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        ways[sys.argv[1]](Path(name))
    print(f"{sys.argv[1]}: done in {time.perf_counter() - started:.0f} s")
