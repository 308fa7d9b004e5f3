"""A run on digits, and a folder of photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .helpers import QUICK, succeed


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "first"
    result = succeed("fit", "digits:small", "--out", out, *QUICK)
    assert "accuracy" in result.stdout
    assert str(out / "report.html") in result.stdout
    assert "This takes about" in result.stderr
    return out


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes of 12 colour pictures, and a text file with an image's name."""
    random = np.random.default_rng(0)
    for name, colour in (("red", (200, 40, 30)), ("blue", (20, 40, 200))):
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for number in range(12):
            pixels = np.clip(random.normal(colour, 30, (40, 50, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    (tmp_path / "photos" / "red" / "broken.png").write_text("no image")
    return tmp_path / "photos"
