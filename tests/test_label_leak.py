"""Labels cannot reach training: it works where labels raise when touched, and the code has no way
to them.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import mtlkit
from mtlkit import ImageSet, MultiTaskClusterer
from mtlkit.errors import InputError
from mtlkit.multitask import (
    CollapseWarning,
    MultiTaskModel,
    Recipe,
    Schedule,
    SmallCNN,
    find_classes,
    fit,
)
from mtlkit.multitask.tasks import Contrast, Regression
from mtlkit.preprocessing import canny, describe

PACKAGE = Path(mtlkit.__file__).parent
# Who reads labels, who scores, and who brings the two together.
MAY_OPEN = ("cli", "data", "evaluation")
HEART = ("preprocessing", "multitask", "clusterer.py")  # what leads to classes
FORBIDDEN = (
    "mtlkit.data",
    "mtlkit.evaluation",
    "mtlkit.cli",
    "mtlkit.deployment",
    "sklearn.datasets",
    "sklearn.metrics",
)


class LabelsTouched(Exception):
    """Not an AssertionError or ValueError that something on the way could swallow by mistake."""


@pytest.fixture
def guarded() -> ImageSet:
    """Images of two kinds whose labels raise when touched."""

    def raise_when_touched() -> np.ndarray:
        raise LabelsTouched

    images = np.random.default_rng(0).random((24, 1, 8, 8)).astype(np.float32)
    names = tuple(f"guarded/{row}" for row in range(24))
    return ImageSet(
        images, "guarded", names, n_clusters=2, class_names=("a", "b"), labels=raise_when_touched
    )


def test_the_guard_bites(guarded: ImageSet) -> None:
    assert guarded.has_labels
    with pytest.raises(LabelsTouched):
        guarded.open_labels()


@pytest.mark.parametrize(
    "settings", [{}, {"class_sizes": "equal"}, {"recipe": Recipe(clustering=True)}]
)
def test_the_whole_way_works_on_labels_that_raise_when_touched(
    guarded: ImageSet, settings: dict[str, Any]
) -> None:
    clusterer = MultiTaskClusterer(guarded.n_clusters or 2, effort=0.01, random_state=0, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CollapseWarning)
        assert clusterer.estimate_seconds(guarded.images) > 0
        clusterer.fit(guarded.images)
        clusterer.fit(guarded.images, tracks=np.arange(24) // 3)
    assert clusterer.predict(guarded.images).shape == (24,)
    assert clusterer.transform(guarded.images).shape == (24, 128)


def test_each_room_works_on_labels_that_raise_when_touched(guarded: ImageSet) -> None:
    canny(guarded.images)
    targets = describe(guarded.images, ["hog", "lbp", "colour", "edge_density"])
    model = MultiTaskModel(SmallCNN(), {"views": Contrast(), "descriptors": Regression(targets)})
    fit(model, guarded.images, epochs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CollapseWarning)
        recipe = Recipe(schedule=Schedule(effort=0.01))
        find_classes(torch.as_tensor(guarded.images), 2, recipe)


def test_the_sets_that_are_fetched_read_no_label_before_they_are_opened(tmp_path: Path) -> None:
    def head(*shape: int) -> bytes:
        return bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape)

    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    (tmp_path / "MNIST" / "raw" / "t10k-images-idx3-ubyte").write_bytes(
        head(2, 28, 28) + bytes(784) + b"\1" * 784
    )
    (tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").write_bytes(b"no labels")
    (tmp_path / "gtsrb" / "GTSRB" / "Final_Test" / "Images").mkdir(parents=True)
    for row in range(2):
        picture = b"P6 4 4 255\n" + bytes([row] * 48)
        (tmp_path / "gtsrb" / "GTSRB" / "Final_Test" / "Images" / f"{row}.ppm").write_bytes(picture)
    (tmp_path / "gtsrb" / "GT-final_test.csv").write_text("no labels")
    (tmp_path / "medmnist").mkdir()
    pictures = np.arange(2, dtype=np.uint8)[:, None, None] * np.ones((1, 28, 28), np.uint8)
    np.savez(tmp_path / "medmnist" / "breastmnist.npz", test_images=pictures)
    for name in ("mnist:test", "gtsrb:test", "medmnist:breastmnist:test"):
        images = mtlkit.load(name, data_root=tmp_path)
        assert len(images) == 2 and images.has_labels
        with pytest.raises(InputError, match="cannot be read"):
            images.open_labels()


def mentions_of_labels(tree: ast.AST, where: str) -> Iterator[str]:
    """Every way in which a module could ask for labels, or be handed them."""
    unused_y = {
        id(node.args)
        for node in ast.walk(tree)
        if where == "clusterer.py"
        and isinstance(node, ast.FunctionDef)
        and node.name == "fit"
        and not uses_y(node)
    }
    for node in ast.walk(tree):
        line = f"{where}:{getattr(node, 'lineno', '?')}"
        match node:
            case ast.Attribute(attr="open_labels" | "labels") | ast.Name(id="open_labels"):
                yield f"{line} mentions open_labels or an ImageSet's labels"
            case ast.alias(name="open_labels") | ast.Constant(value="open_labels" | "labels"):
                yield f"{line} mentions open_labels or an ImageSet's labels"
            case ast.arguments():
                every = [*node.posonlyargs, *node.args, *node.kwonlyargs]
                for argument in every:
                    allowed = argument.arg == "y" and id(node) in unused_y
                    if argument.arg in ("labels", "y") and not allowed:
                        yield f"{where}:{argument.lineno} takes {argument.arg}"


def uses_y(function: ast.FunctionDef) -> bool:
    """Whether the body names y, or could reach it under no name."""
    names = {
        node.id for line in function.body for node in ast.walk(line) if isinstance(node, ast.Name)
    }
    return bool(names & {"y", "locals", "vars", "eval", "exec"})


def forbidden_imports(tree: ast.AST, where: str) -> Iterator[str]:
    """Imports by which the heart could read data or score; the root package would bring `load`."""
    for node in ast.walk(tree):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""] + [f"{node.module}.{alias.name}" for alias in node.names]
            if node.level:
                yield f"{where}:{node.lineno} imports by a relative name, which is not followed"
        for module in modules:
            if module == "mtlkit" or module.startswith(FORBIDDEN):
                yield f"{where}:{node.lineno} imports {module}"


def modules(but: tuple[str, ...] = (), only: tuple[str, ...] = ()) -> list[str]:
    names = [path.relative_to(PACKAGE).as_posix() for path in sorted(PACKAGE.rglob("*.py"))]
    return [
        name
        for name in names
        if (not only or name.split("/")[0] in only) and name.split("/")[0] not in but
    ]


def read(name: str) -> ast.Module:
    return ast.parse((PACKAGE / name).read_text(encoding="utf-8"))


def test_the_modules_are_found() -> None:
    assert {"clusterer.py", "multitask/training.py", "multitask/tasks/base.py", "errors.py"} <= set(
        modules(but=MAY_OPEN)
    )
    assert not {"cli/fit.py", "data/images.py", "evaluation/scores.py"} & set(modules(but=MAY_OPEN))
    assert {"clusterer.py", "multitask/tasks/base.py", "preprocessing/edges.py"} <= set(
        modules(only=HEART)
    )


@pytest.mark.parametrize("name", modules(but=MAY_OPEN))
def test_only_scoring_opens_labels(name: str) -> None:
    assert list(mentions_of_labels(read(name), name)) == []


@pytest.mark.parametrize("name", modules(only=HEART))
def test_the_heart_imports_neither_data_nor_scores(name: str) -> None:
    assert list(forbidden_imports(read(name), name)) == []


LEARNS_BOXES = ("proposals", "discovery", "tasks", "tiles", "detector", "rounds")


@pytest.mark.parametrize("name", LEARNS_BOXES)
def test_what_learns_to_detect_imports_neither_data_nor_scores(name: str) -> None:
    tree = read(f"detection/{name}.py")
    assert list(forbidden_imports(tree, name)) == []
    imported = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert "mtlkit.detection.scores" not in imported


def test_annotated_boxes_are_opened_by_the_command_line_alone() -> None:
    callers = [
        name
        for name in modules(but=("data",))
        for node in ast.walk(read(name))
        if isinstance(node, ast.Attribute) and node.attr in ("open_boxes", "boxes_of")
    ]
    assert set(callers) == {"cli/detect.py"}


@pytest.mark.parametrize(
    "leak",
    [
        "truth = images.open_labels()",
        "truth = getattr(images, 'open_labels')()",
        "truth = images.labels()",
        "truth = vars(images)['labels']",
        "from somewhere import open_labels",
        "def loss(outputs, labels): ...",
        "def loss(outputs, *, y=None): ...",
        "score = lambda y: 0",
        "class A:\n def fit(self, X, y=None): return y",
        "class A:\n def fit(self, X, y=None): return locals()",
        "class A:\n def predict(self, X, y=None): return X",
    ],
)
def test_a_planted_leak_is_found(leak: str) -> None:
    assert list(mentions_of_labels(ast.parse(leak), "clusterer.py"))


def test_an_unused_y_is_scikit_learns_custom_in_fit_of_the_clusterer_alone() -> None:
    custom = ast.parse("class A:\n def fit(self, X, y=None): return self")
    assert not list(mentions_of_labels(custom, "clusterer.py"))
    assert list(mentions_of_labels(custom, "multitask/training.py"))
    functions = [
        node for node in ast.walk(read("clusterer.py")) if isinstance(node, ast.FunctionDef)
    ]
    (fit_of_the_clusterer,) = (function for function in functions if function.name == "fit")
    assert [argument.arg for argument in fit_of_the_clusterer.args.args] == ["self", "X", "y"]


@pytest.mark.parametrize(
    "leak",
    [
        "from mtlkit.evaluation import score",
        "from mtlkit import load",
        "import mtlkit",
        "import mtlkit.data.images as images",
        "from mtlkit.data.images import ImageSet",
        "def late():\n    from mtlkit.evaluation.scores import score",
        "from ..evaluation import score",
        "from sklearn.datasets import load_digits",
        "from sklearn import metrics",
    ],
)
def test_a_planted_import_is_found(leak: str) -> None:
    assert list(forbidden_imports(ast.parse(leak), "multitask/tasks/base.py"))
