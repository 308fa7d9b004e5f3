"""What holds for every figure: named axes, readable text, and the same bytes for the same data."""

from __future__ import annotations

import warnings

import matplotlib.pyplot
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from mtlkit.evaluation import (
    confusion,
    contact_sheet,
    embedding,
    losses,
    put_aside,
    score,
    scoreboard,
    to_png,
)

from .samples import BOARD, HISTORY

RNG = np.random.default_rng(0)
IMAGES = RNG.random((60, 1, 8, 8), dtype=np.float32)
GROUPS = np.arange(60) % 3
SURE = RNG.random(60)
FEATURES = RNG.normal(size=(60, 5)) + 4 * GROUPS[:, None]
MAKERS = {
    "contact_sheet": lambda **more: contact_sheet(IMAGES, GROUPS, SURE, **more),
    "confusion": lambda **more: confusion(score(GROUPS, np.roll(GROUPS, 2)), **more),
    "more clusters": lambda **more: confusion(score(np.arange(60) % 4, GROUPS), **more),
    "embedding": lambda **more: embedding(FEATURES, GROUPS, **more),
    "losses": lambda **more: losses(HISTORY, **more),
    "scoreboard": lambda **more: scoreboard(BOARD, **more),
    "put_aside": lambda **more: put_aside(SURE, GROUPS > 0, **more),
}
NAMED = {
    "contact_sheet": lambda names: contact_sheet(IMAGES, GROUPS, names=names),
    "confusion": lambda names: confusion(score(GROUPS, GROUPS), names),
    "embedding": lambda names: embedding(FEATURES, GROUPS, names=names),
}
OTHER_DATA = {
    "contact_sheet": lambda: contact_sheet(IMAGES[::-1], GROUPS, SURE),
    "confusion": lambda: confusion(score(GROUPS, np.sort(GROUPS))),
    "more clusters": lambda: confusion(score(np.arange(60) % 5, GROUPS)),
    "embedding": lambda: embedding(FEATURES[::-1] ** 2, GROUPS),
    "losses": lambda: losses(HISTORY[:-1]),
    "scoreboard": lambda: scoreboard(BOARD[::-1]),
    "put_aside": lambda: put_aside(SURE**2, GROUPS > 0),
}


@pytest.mark.parametrize("name", MAKERS)
def test_every_figure_has_a_title_named_axes_and_readable_text(name):
    figure = MAKERS[name]()
    png = to_png(figure)  # draws, so that all texts are made
    assert isinstance(figure, Figure)
    assert png.startswith(b"\x89PNG")
    assert figure.get_suptitle()
    assert figure.axes[0].get_xlabel()
    assert figure.axes[0].get_ylabel()
    texts = [text for text in figure.findobj(Text) if text.get_text()]
    assert min(text.get_fontsize() for text in texts) >= 9
    assert figure.get_facecolor() == (1, 1, 1, 1)


def drawn_texts(figure: Figure) -> list[Text]:
    """All texts but those of ticks beyond the ends of an axis, which matplotlib does not draw."""
    axes = figure.axes[0]
    frame = axes.get_window_extent()
    ticks = dict.fromkeys(axes.get_xticklabels(which="both"), 0)
    ticks |= dict.fromkeys(axes.get_yticklabels(which="both"), 1)
    drawn = []
    for text in figure.findobj(Text):
        along = ticks.get(text)  # 0: x, 1: y
        middle = text.get_window_extent().get_points().mean(axis=0)
        beyond = along is not None and not frame.min[along] <= middle[along] <= frame.max[along]
        if text.get_visible() and text.get_text() and not beyond:
            drawn.append(text)
    return drawn


@pytest.mark.parametrize("name", MAKERS)
def test_no_text_is_cut_off_at_the_edge(name):
    figure = MAKERS[name]()
    figure.set_dpi(110)  # as to_png draws
    to_png(figure)
    width, height = figure.get_size_inches() * figure.dpi
    texts = drawn_texts(figure)
    assert len(texts) >= 6
    for text in texts:
        box = text.get_window_extent()
        assert min(box.x0, box.y0) >= -1, text.get_text()
        assert max(box.x1 - width, box.y1 - height) <= 1, text.get_text()


@pytest.mark.parametrize("name", MAKERS)
def test_same_data_same_bytes_and_other_data_other_bytes(name):
    png = to_png(MAKERS[name]())
    assert png == to_png(MAKERS[name]())
    assert png != to_png(OTHER_DATA[name]())
    assert b"Software" not in png


@pytest.mark.parametrize("name", MAKERS)
def test_a_title_is_the_finding_and_may_be_left_out(name):
    priced = MAKERS[name](title="It costs $5 and $6")
    assert priced.get_suptitle() == r"It costs \$5 and \$6"  # no formula
    assert MAKERS[name](title="").get_suptitle() == ""
    assert "\n" in MAKERS[name](title="long " * 40).get_suptitle()


@pytest.mark.parametrize("name", MAKERS)
def test_pyplot_is_left_alone(name):
    before = matplotlib.pyplot.get_fignums()
    MAKERS[name]()
    assert matplotlib.pyplot.get_fignums() == before


@pytest.mark.parametrize("name", NAMED)
def test_a_name_in_another_script_is_drawn_and_not_warned_of(name):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        figure = NAMED[name](["猫", "犬"])
        drawn = to_png(figure)
    texts = [text.get_text() for text in figure.findobj(Text)]
    assert any("猫" in text for text in texts)
    assert any("犬" in text for text in texts)
    assert [str(warning.message) for warning in seen] == []
    assert drawn != to_png(NAMED[name]([" ", " "]))  # a box, if not the sign
