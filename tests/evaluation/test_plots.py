"""Tables, curves and bars: the numbers that they show, and how."""

from __future__ import annotations

import numpy as np
import pytest

from mtlkit.errors import InputError
from mtlkit.evaluation import confusion, losses, put_aside, score, scoreboard, to_png

from .samples import BOARD, HISTORY


def test_confusion_shows_counts_up_to_twenty_classes_and_the_clusters_without_a_class():
    figure = confusion(score([0, 0, 1, 1, 2], [0, 0, 1, 1, 1]), class_names=["cat", "dog"])
    axes = figure.axes[0]
    assert [t.get_text() for t in axes.texts] == ["2", "2", "1"]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["cat", "dog"]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["0", "1", "2"]
    assert "matched to none" in axes.get_xlabel()
    assert figure.get_suptitle() == "80.0% of 5 images lie in their class's cluster"
    many = np.repeat(np.arange(30), 2)
    assert not confusion(score(many, many)).axes[0].texts
    assert len(confusion(score(many, many)).axes[0].get_yticklabels()) == 15
    empty = confusion(score([0, 0], [0, 1])).axes[0]
    assert [t.get_text() for t in empty.get_xticklabels()] == ["0", "none"]


def test_losses_are_drawn_where_a_task_has_one_and_stages_are_named():
    axes = losses(HISTORY).axes[0]
    assert axes.get_yscale() == "log"
    assert np.isnan(axes.lines[1].get_ydata()[:4]).all()
    assert axes.lines[1].get_ydata()[4:].tolist() == [row["loss/groups"] for row in HISTORY[4:]]
    assert [t.get_text() for t in axes.texts] == ["views", "round 1", "round 2"]
    lines = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == ":"]
    assert lines == [3.5, 6.5]


def test_losses_below_zero_get_a_straight_axis_and_narrow_stages_upright_names():
    rows = [{"stage": f"round {i // 2}", "epoch": i, "loss/a": -1.0 + i} for i in range(40)]
    axes = losses(rows).axes[0]
    assert axes.get_yscale() == "linear"
    assert {t.get_rotation() for t in axes.texts if t.get_text().startswith("round")} == {90}


def test_every_loss_is_named_beside_its_colour_and_marker():
    rows = [
        {"stage": "all", "epoch": i, **{f"loss/{name}": 1.0 + i for name in "abcd"}}
        for i in range(3)
    ]
    figure = losses(rows)
    legend = figure.legends[0]
    assert [t.get_text() for t in legend.get_texts()] == list("abcd")
    looks = [
        [(line.get_color(), line.get_marker()) for line in lines]
        for lines in (legend.get_lines(), figure.axes[0].lines)
    ]
    assert looks[0] == looks[1][:4]
    assert len(set(looks[0])) == 4
    to_png(figure)
    # beside the curves, not on them
    assert legend.get_window_extent().x0 > figure.axes[0].get_window_extent().x1


def test_a_scoreboard_shows_means_and_ranges_and_what_stands_out():
    figure = scoreboard(BOARD)
    axes = figure.axes[0]
    assert figure.get_suptitle() == "ours is the most accurate: 90.0% of the images"
    assert [patch.get_width() for patch in axes.patches] == [0.9, 0.7]
    assert [bool(patch.get_hatch()) for patch in axes.patches] == [True, False]
    assert [t.get_text() for t in axes.texts] == [
        "0.900 (0.800 to 0.950)",
        "0.700 (0.600 to 0.750)",
    ]
    assert [list(line.get_xdata()) for line in axes.lines] == [[0.8, 0.95], [0.6, 0.75]]


@pytest.mark.parametrize(("function", "word"), [(losses, "epoch"), (scoreboard, "method")])
def test_nothing_to_show_is_said(function, word):
    with pytest.raises(InputError, match=f"no rows: give one row an? {word}"):
        function([])


def test_putting_doubtful_images_aside_leaves_fewer_mistakes():
    confidence, right = [0.9, 0.5, 1.0, 0.6], [True, False, True, False]
    axes = put_aside(confidence, right).axes[0]
    expected, found = (line.get_xydata() for line in axes.lines)
    np.testing.assert_allclose(expected[:, 0], [0.75, 0.5, 0.25, 0])  # the share put aside
    np.testing.assert_allclose(expected[:, 1], [0, 0.1 / 2, 0.5 / 3, 1 / 4], atol=1e-12)
    np.testing.assert_allclose(found[:, 1], [0, 0, 1 / 3, 1 / 2])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "expected, by the confidence",
        "found with the labels",
    ]
