"""What a chapter draws shows the values given, names them where they are, and fits on a phone."""

from __future__ import annotations

import re
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from matplotlib.colors import same_color
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from seaborn import color_palette

from mtlkit.course.figures import bars, contact_sheet, dots, heat_map, lines, show
from mtlkit.errors import InputError
from mtlkit.evaluation import to_png
from mtlkit.evaluation.galleries import TILE

OURS, RIVALS, *_ = color_palette("colorblind")
ALT = 'A made-up figure, whose "values" are known before it is drawn.'
LONG = "Looking at the strangest first finds most of the scarce cells, sooner!"  # 70
NAME = "fifty labels and a linear SVM xx"  # 32
IMAGES = np.random.default_rng(0).random((60, 1, 8, 8), dtype=np.float32)
GROUPS = np.arange(60) % 3
X = np.array([1, 10, 100, 1000])
CURVES = {"ours": (X, [0.5, 0.7, 0.8, 0.9]), "50 labels, a SVM": (X, [0.4, 0.7, 0.8, 0.91])}
ROWS = {NAME: [0.91, 0.88, 0.95], "Ward on HOG": [0.842], "k-means": [0.7, 0.8]}
MATRIX = np.arange(15).reshape(3, 5) / 10
LEFT = ["pixels", "HOG", "pretrained features"]
BELOW = ["moved", "turned", "brighter", "blurred", "of another stain"]


def draw(kind: str, title: str = LONG) -> Figure:
    """Return a figure of each kind, with the longest texts that it takes."""
    if kind == "contact_sheet":
        names = ["erythroblast", "immature granulocyte", "platelet"]
        return contact_sheet(IMAGES, GROUPS, title, ALT, np.arange(60), names)
    if kind == "lines":
        band = {"ours": (np.zeros(4), np.ones(4))}
        return lines(CURVES, "cells looked at", "share found, of 1", title, ALT, band, True)
    if kind == "bars":
        values = {NAME: 38, "Ward on HOG": 24}
        unit = "scarce cells among the fifty that were looked at first"
        return bars(values, unit, title, ALT, ["Ward on HOG"], "d")
    if kind == "dots":
        return dots(ROWS, "balanced accuracy of all the groups found", title, ALT, ["Ward on HOG"])
    return heat_map(MATRIX, LEFT, BELOW, title, ALT, "distance to the unchanged image, in pixels")


KINDS = ("contact_sheet", "lines", "bars", "dots", "heat_map")
each_kind = pytest.mark.parametrize("kind", KINDS)


def written(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


@each_kind
def test_a_title_has_70_characters_at_most(kind):
    assert draw(kind).get_suptitle().replace("\n", " ") == LONG
    with pytest.raises(InputError, match="has 71 characters: say it in 70 or fewer"):
        draw(kind, LONG + "!")


@each_kind
def test_nothing_is_cut_at_a_border(kind):
    grey = np.asarray(Image.open(BytesIO(to_png(draw(kind)))).convert("L"), dtype=int)
    for border in (grey[0], grey[-1], grey[:, 0], grey[:, -1]):
        assert np.ptp(border) < 60


@each_kind
def test_letters_are_nine_points_on_a_phone(kind):
    figure = draw(kind)
    to_png(figure)  # makes the ticks
    texts = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
    pixels = figure.get_size_inches()[0] * figure.dpi
    points = [t.get_fontsize() * figure.dpi / 72 * 390 / pixels * 72 / 96 for t in texts]
    assert min(points) >= 9 - 1e-9


@each_kind
def test_no_text_stands_on_another(kind):
    figure = draw(kind)
    to_png(figure)
    boxes = [Text.get_window_extent(t).padded(-1) for t in figure.axes[0].texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@each_kind
def test_a_figure_keeps_its_text_and_show_adds_it(kind):
    page = show(draw(kind)).data
    assert 'alt="A made-up figure, whose &quot;values&quot; are known' in page
    assert 'alt="Another."' in show(draw(kind), "Another.").data
    picture = Image.open(BytesIO(b64decode(re.findall('base64,([^"]+)', page)[0])))
    assert picture.size[0] == 594
    assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_lines_are_those_given_and_are_named_at_their_ends():
    figure = draw("lines")
    axes = figure.axes[0]
    to_png(figure)
    for line, (x, y) in zip(axes.lines, CURVES.values(), strict=True):
        np.testing.assert_array_equal(line.get_xydata(), np.transpose([x, y]))
    assert written(figure) == list(CURVES)
    assert [text.xy[1] for text in axes.texts] == [0.9, 0.91]
    assert [line.get_marker() for line in axes.lines] == ["o", "s"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("cells looked at", "share found, of 1")
    assert len(axes.collections) == 1 and same_color(
        axes.collections[0].get_facecolor()[0][:3], OURS
    )
    low, high = axes.get_xlim()
    ticks = zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
    assert [t.get_text() for at, t in ticks if low <= at <= high] == ["1", "10", "100", "1,000"]
    assert not any(t.get_text() for t in axes.get_xticklabels(minor=True))


def test_a_short_log_axis_counts_between_the_tens_too():
    axes = lines({"ours": ([2, 50], [0, 1])}, "x", "y", "Up", ALT, log_x=True).axes[0]
    to_png(axes.figure)
    assert {"2", "5", "10", "20", "50"} <= {t.get_text() for t in axes.get_xticklabels()}


def test_names_of_lines_that_end_together_stand_in_their_order_within_the_axes():
    curves = {f"curve {i}": ([0, 1], [0, 1 + i / 1000]) for i in (3, 1, 2)}
    figure = lines(curves, "x", "y", "All end alike", ALT)
    heights = {text.get_text(): text.xyann[1] for text in figure.axes[0].texts}
    assert sorted(heights, key=heights.__getitem__) == ["curve 1", "curve 2", "curve 3"]
    assert max(heights.values()) <= 1


def test_bars_begin_at_zero_and_rivals_are_hatched():
    figure = draw("bars")
    axes = figure.axes[0]
    assert [(patch.get_x(), patch.get_width()) for patch in axes.patches] == [(0, 38), (0, 24)]
    assert [patch.get_hatch() or "" for patch in axes.patches] == ["", "//"]
    colours = zip(axes.patches, (OURS, RIVALS), strict=True)
    assert all(same_color(patch.get_facecolor(), colour) for patch, colour in colours)
    assert written(figure) == [NAME, "38", "Ward on HOG", "24"]
    assert axes.get_xlabel().endswith("\nhatched: rivals")


def test_dots_are_the_seeds_with_their_mean_and_range():
    figure = draw("dots")
    axes = figure.axes[0]
    means, seeds = axes.lines[::2], axes.lines[1::2]
    assert [line.get_xdata().tolist() for line in seeds] == list(ROWS.values())
    np.testing.assert_allclose([line.get_xdata()[0] for line in means], [2.74 / 3, 0.842, 0.75])
    assert [line.get_marker() for line in seeds] == ["o", "s", "o"]
    assert written(figure)[1::2] == ["0.913 (0.880 to 0.950)", "0.842", "0.750 (0.700 to 0.800)"]
    assert written(figure)[::2] == list(ROWS)
    assert axes.get_xlabel().endswith("dots: single runs; bar: their mean; squares: rivals")
    assert "rivals" not in dots(ROWS, "accuracy", "No rival", ALT).axes[0].get_xlabel()


def test_a_heat_map_has_its_numbers_in_the_cells():
    figure = draw("heat_map")
    axes = figure.axes[0]
    assert written(figure) == [f"{value:.2f}" for value in MATRIX.flat]
    assert [t.get_text() for t in axes.get_yticklabels()] == LEFT
    assert [t.get_text() for t in axes.get_xticklabels()] == BELOW
    assert {t.get_rotation() for t in axes.get_xticklabels()} == {40}
    few = heat_map(MATRIX[:, :2], LEFT, BELOW[:2], "Few", ALT, "pixels").axes[0]
    assert {t.get_rotation() for t in few.get_xticklabels()} == {0}
    with pytest.raises(ValueError, match="Shape"):
        heat_map(MATRIX, LEFT, BELOW[:2], "Few", ALT, "pixels")


def test_a_contact_sheet_is_smooth_unless_pixels_are_the_point():
    plain = contact_sheet(IMAGES, GROUPS, "Noise", ALT, hard_pixels=True)
    sheets = [np.asarray(f.axes[0].images[0].get_array()) for f in (draw("contact_sheet"), plain)]
    shades = [len(np.unique(sheet[3 : TILE + 1, 3 : TILE + 1])) for sheet in sheets]
    assert shades[1] <= 64 < shades[0]
    assert plain.axes[0].get_yticklabels()[2].get_text() == "group 2\nn = 20"
    assert plain.axes[0].get_xlabel() == "members: in the order given"
    assert draw("contact_sheet").axes[0].get_yticklabels()[1].get_text().startswith("immature")


@pytest.mark.parametrize("draws", [bars, dots])
def test_a_row_that_has_no_room_or_a_rival_that_is_no_row_is_refused(draws):
    value = 1 if draws is bars else [1]
    with pytest.raises(InputError, match=r"the row .* has 33 characters"):
        draws({NAME + "x": value}, "accuracy", "Long", ALT)
    with pytest.raises(InputError, match="no row is called 'Wrad'"):
        draws({"Ward": value}, "accuracy", "Typing", ALT, ["Wrad"])


def test_a_curve_whose_name_has_no_room_is_refused():
    with pytest.raises(InputError, match=r"the curve .* has 17 characters"):
        lines({17 * "c": ([0, 1], [0, 1])}, "x", "y", "Long", ALT)


def test_a_line_has_few_numbers_below_it_so_that_they_do_not_run_into_each_other():
    axes = lines({"ours": ([0.8, 1], [0, 1])}, "confidence", "share right", "Up", ALT).axes[0]
    to_png(axes.figure)
    assert 3 <= len(axes.get_xticks()) <= 7
