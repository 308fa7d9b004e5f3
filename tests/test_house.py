"""The house stays small, clear and in order: tokens, width, parameters, and who imports whom."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "mtlkit"
MODULES = sorted(PACKAGE.rglob("*.py"))
SOURCES = [
    path
    for folder in (
        "mtlkit",
        "tests",
        "benchmarks",
        "notebooks/source",
        "notebooks/exercises",
        "docs",
    )
    for path in sorted((ROOT / folder).rglob("*.py"))
]
LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
    tokenize.ENCODING,
}
MOST_TOKENS = {"": 82_500, "multitask": 11_000}  # the first is to fall to 66,000
FLOORS = [  # a room imports those before it, and itself
    {"errors", "inputs", "tables"},
    {"data"},
    {"preprocessing"},
    {"multitask"},
    {"evaluation"},
    {"detection"},
    {"deployment"},
    {"clusterer"},
    {"course"},
    {"cli"},
]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def docstrings(tree: ast.AST) -> set[tuple[int, int]]:
    """Where the docstrings of a module begin."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, kinds) and node.body]
    texts = [body[0] for body in bodies if isinstance(body[0], ast.Expr)]
    return {
        (text.lineno, text.col_offset)
        for text in texts
        if isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }


def tokens_and_lines(path: Path) -> tuple[int, int]:
    """The tokens of code in a module, and the lines that they stand on."""
    apart = docstrings(ast.parse(path.read_text(encoding="utf-8")))
    tokens, lines = 0, set()
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type not in LAYOUT and token.start not in apart:
                tokens += 1
                lines.update(range(token.start[0], token.end[0] + 1))
    return tokens, len(lines)


def test_tokens_of_a_text_are_counted_as_they_stand_there(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        '"""A text."""\n\n# why\nx = [1,\n     2]\n\n\ndef f():\n    """F."""\n    return x\n'
    )
    assert tokens_and_lines(module) == (7 + 5 + 2, 2 + 1 + 1)


@pytest.mark.parametrize("room", MOST_TOKENS)
def test_the_package_is_small(room: str) -> None:
    tokens = sum(tokens_and_lines(path)[0] for path in (PACKAGE / room).rglob("*.py"))
    assert tokens <= MOST_TOKENS[room]


def test_lines_are_read_once() -> None:
    counts = [tokens_and_lines(path) for path in MODULES]
    assert sum(tokens for tokens, _ in counts) / sum(lines for _, lines in counts) < 9


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_has_one_idea(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("test_*.py")), ids=name_of)
def test_a_test_file_follows_one_behaviour(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_no_line_is_held_together_by_hand() -> None:
    mark = re.compile(r"#\s*fmt:\s*(skip|off)")
    assert [name_of(path) for path in SOURCES if mark.search(path.read_text("utf-8"))] == []


def too_many_parameters(path: Path) -> Iterator[str]:
    """Functions of more than 7 parameters, and constructors of more than 12; commands apart."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and "dataclass" in ast.unparse(node).split("class ")[0]:
            fields = [line for line in node.body if isinstance(line, ast.AnnAssign)]
            if len(fields) > 12:
                yield f"{name_of(path)}: {node.name}"
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        of_a_command = path.parent.name == "cli" and "typer.Option" in ast.unparse(node.args)
        arguments = node.args
        names = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        number = sum(name.arg not in ("self", "cls") for name in names)
        if number > (12 if node.name == "__init__" else 7) and not of_a_command:
            yield f"{name_of(path)}: {node.name} ({number})"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_reader_can_hold_the_parameters(path: Path) -> None:
    assert list(too_many_parameters(path)) == []


def floor_of(module: str) -> int:
    room = module.split(".")[1] if "." in module else ""
    return next((number for number, rooms in enumerate(FLOORS) if room in rooms), -1)


def imports_of(path: Path, only_at_once: bool = False) -> Iterator[str]:
    """Modules of ours that a module imports, or only those it imports as soon as it is imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if only_at_once else ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mtlkit"):
            yield str(node.module)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("mtlkit"))


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_room_imports_only_rooms_before_it(path: Path) -> None:
    own = floor_of(module_of(path))
    if module_of(path) == "mtlkit":
        return
    assert own >= 0, "a room that FLOORS does not know"
    assert [name for name in imports_of(path) if floor_of(name) > own] == []


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {module_of(path): set(imports_of(path, only_at_once=True)) for path in MODULES}
    while leaves := {name for name, needs in graph.items() if not needs & (graph.keys() - {name})}:
        graph = {name: needs for name, needs in graph.items() if name not in leaves}
    assert sorted(graph) == []
