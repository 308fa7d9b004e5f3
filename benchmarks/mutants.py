"""Do the tests notice when the method is wrong? Small faults are planted one by one, and the tests
that concern each are run.

    make mutants            (python benchmarks/mutants.py)

    python benchmarks/mutants.py --rooms data,deployment,course

A seeded draw of 30 mutants of the rooms (by default `multitask/`, `preprocessing/` and
`evaluation/scores.py`): an operator, a comparison, a number or a condition is changed in a copy of
the project. A mutant is killed if its tests fail or hang. Results go to `results/mutants*.json`;
survivors are printed with their line, to be explained or to get a test.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
SWAPS: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


METHOD = "multitask,preprocessing,evaluation/scores.py"
BESIDE = {  # tests of a room that do not lie in its folder
    "multitask": ["tests/estimator"],
    "data": ["tests/cli"],
    "deployment": ["tests/cli"],
}


def files(rooms: list[str]) -> list[Path]:
    places = [ROOT / "mtlkit" / room for room in rooms]
    found = [
        path for place in places for path in ([place] if place.is_file() else place.rglob("*.py"))
    ]
    return sorted(path.relative_to(ROOT) for path in found if path.name != "__init__.py")


def faults(tree: ast.AST) -> Iterator[tuple[ast.AST, str, object]]:
    """Yield (node, field, new value) for each change that could be made; annotations and texts are
    left alone.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in SWAPS:
            yield node, "op", SWAPS[type(node.op)]()
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
            yield node, "ops", [SWAPS[type(node.ops[0])](), *node.ops[1:]]
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
            yield node, "value", node.value + 1 if isinstance(node.value, int) else node.value * 2
        elif isinstance(node, ast.If | ast.IfExp):
            yield node, "test", ast.UnaryOp(ast.Not(), node.test)


def concerning(name: Path) -> list[str]:
    """The tests of a file: those of its room, that of the estimator, and its own docstrings."""
    room = name.parts[1]
    return [str(name), f"tests/{room}", *BESIDE.get(room, [])]


def killed(name: Path, number: int | None) -> tuple[bool, str]:
    """Plant fault `number` (or none) in a copy of the project, and run its tests."""
    source = (ROOT / name).read_text(encoding="utf-8")
    tree = ast.parse(source)
    text = f"{name}: as it is"
    if number is not None:
        node, field, value = list(faults(tree))[number]
        text = f"{name}:{node.lineno}  {ast.unparse(node)}"  # type: ignore[attr-defined]
        setattr(node, field, value)
        text += f"  ->  {ast.unparse(node)}"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        left_out = shutil.ignore_patterns(".*", "__pycache__", "build", "runs", "*.egg-info")
        shutil.copytree(ROOT, copy, ignore=left_out, dirs_exist_ok=True)
        (copy / name).write_text(ast.unparse(ast.fix_missing_locations(tree)), encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
            "-m",
            "not slow",
            *concerning(name),
        ]
        environment = os.environ | {"PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}
        try:
            status = subprocess.run(
                command, cwd=copy, env=environment, capture_output=True, timeout=600
            ).returncode
        except subprocess.TimeoutExpired:
            status = 1
    return status != 0, text


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mutants", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rooms", default=METHOD, help="with commas")
    options = parser.parse_args()
    every = [
        (name, number)
        for name in files(options.rooms.split(","))
        for number, _ in enumerate(faults(ast.parse((ROOT / name).read_text())))
    ]
    drawn = random.Random(options.seed).sample(every, options.mutants)
    with ThreadPoolExecutor(options.jobs) as pool:
        rows: list[dict[str, bool | str]] = []
        # A red test without a fault would kill every mutant.
        rooms = {name.parts[1]: name for name, _ in drawn}
        if wrong := [
            text for dead, text in pool.map(lambda name: killed(name, None), rooms.values()) if dead
        ]:
            sys.exit(f"The tests fail without a fault: {'; '.join(wrong)}")
        for dead, text in pool.map(lambda one: killed(*one), drawn):
            rows.append({"killed": dead, "mutant": text})
            print("killed  " if dead else "SURVIVED", text, flush=True)
    good = sum(bool(row["killed"]) for row in rows)
    print(f"{good} of {len(rows)} killed (of {len(every)} possible mutants, seed {options.seed})")
    content = {
        "command": f"python benchmarks/mutants.py --rooms {options.rooms}",
        "seed": options.seed,
        "killed": good,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "rows": rows,
    }
    if options.mutants == 30:
        name = (
            "mutants" if options.rooms == METHOD else f"mutants-{options.rooms.replace(',', '-')}"
        )
        place = ROOT / "benchmarks" / "results" / f"{name}.json"
        place.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
