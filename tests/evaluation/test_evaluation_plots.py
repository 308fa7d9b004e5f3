"""Figures: named axes, readable text, what is shown where, and the same bytes for the same data."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from mtlkit.errors import InputError
from mtlkit.evaluation import confusion, contact_sheet, embedding, losses, score, scoreboard, to_png
from mtlkit.evaluation.galleries import GAP, _tiles

RNG = np.random.default_rng(0)
IMAGES = RNG.random((60, 1, 8, 8), dtype=np.float32)
GROUPS = np.arange(60) % 3
SURE = RNG.random(60)
FEATURES = RNG.normal(size=(60, 5)) + 4 * GROUPS[:, None]
HISTORY = [
    {
        "stage": stage,
        "epoch": epoch,
        "seconds": 1.0,
        "weight/views": 1.0,
        "loss/views": 2.0 / (epoch + 1),
    }
    | ({"loss/groups": 1.0 / (epoch + 1)} if stage != "views" else {})
    for epoch, stage in enumerate(["views"] * 4 + ["round 1"] * 3 + ["round 2"] * 3)
]
BOARD = [
    {"name": "ours", "mean": 0.9, "min": 0.8, "max": 0.95, "highlight": True},
    {"name": "k-means", "mean": 0.7, "min": 0.6, "max": 0.75},
]
MAKERS = {
    "contact_sheet": lambda **more: contact_sheet(IMAGES, GROUPS, SURE, **more),
    "confusion": lambda **more: confusion(score(GROUPS, np.roll(GROUPS, 2)), **more),
    "embedding": lambda **more: embedding(FEATURES, GROUPS, **more),
    "losses": lambda **more: losses(HISTORY, **more),
    "scoreboard": lambda **more: scoreboard(BOARD, **more),
}
OTHER_DATA = {
    "contact_sheet": lambda: contact_sheet(IMAGES[::-1], GROUPS, SURE),
    "confusion": lambda: confusion(score(GROUPS, np.sort(GROUPS))),
    "embedding": lambda: embedding(FEATURES[::-1] ** 2, GROUPS),
    "losses": lambda: losses(HISTORY[:-1]),
    "scoreboard": lambda: scoreboard(BOARD[::-1]),
}


def texts(figure: Figure) -> list[str]:
    return [
        item.get_text() for item in figure.findobj(Text) if item.get_visible() and item.get_text()
    ]


@pytest.mark.parametrize("name", MAKERS)
def test_every_figure_has_a_title_named_axes_and_readable_text(name):
    figure = MAKERS[name]()
    png = to_png(figure)  # draws, so that all texts are made
    assert isinstance(figure, Figure)
    assert png.startswith(b"\x89PNG")
    assert figure.get_suptitle()
    for axes in figure.axes[:1]:
        assert axes.get_xlabel()
        assert axes.get_ylabel()
    small = {
        t.get_text(): t.get_fontsize()
        for t in figure.findobj(Text)
        if t.get_text() and t.get_fontsize() < 9
    }
    assert not small
    assert figure.get_facecolor() == (1, 1, 1, 1)


@pytest.mark.parametrize("name", MAKERS)
def test_no_text_is_cut_off_at_the_edge(name):
    figure = MAKERS[name]()
    figure.set_dpi(110)  # as to_png draws
    to_png(figure)
    width, height = figure.get_size_inches() * figure.dpi
    for text in figure.findobj(Text):
        box = text.get_window_extent()
        outside_axis = (
            text in figure.axes[0].yaxis.get_ticklabels(which="both") and not 0 < box.y0 < height
        )
        if (
            text.get_visible() and text.get_text() and not outside_axis
        ):  # ticks beyond the axis are not drawn
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
    assert (
        MAKERS[name](title="It costs $5 and $6").get_suptitle() == r"It costs \$5 and \$6"
    )  # no formula
    assert MAKERS[name](title="").get_suptitle() == ""
    assert "\n" in MAKERS[name](title="long " * 40).get_suptitle()


@pytest.mark.parametrize("name", MAKERS)
def test_pyplot_is_left_alone(name):
    import matplotlib.pyplot

    before = matplotlib.pyplot.get_fignums()
    MAKERS[name]()
    assert matplotlib.pyplot.get_fignums() == before


def picture(figure: Figure) -> np.ndarray:
    return np.asarray(figure.axes[0].images[0].get_array())


def test_a_contact_sheet_goes_from_the_surest_to_the_most_doubtful():
    shades = np.linspace(0, 1, 40, dtype=np.float32)  # the brighter, the surer
    images = np.broadcast_to(shades[:, None, None, None], (40, 1, 8, 8))
    order = np.random.default_rng(1).permutation(40)
    sheet = picture(contact_sheet(images[order], np.zeros(40, int), shades[order], per_class=16))
    side = (sheet.shape[1] - GAP) // 16
    middles = [side * c + side // 2 + GAP * (c >= 10) for c in range(16)]
    expected = (255 * np.concatenate([shades[:-11:-1], shades[5::-1]])).round()
    assert sheet[side // 2, middles, 0].tolist() == expected.tolist()
    assert (sheet[:, side * 10 : side * 10 + GAP] == 255).all()


def test_a_contact_sheet_without_confidence_shows_the_first_members_in_order():
    images = (
        np.arange(20, dtype=np.float32)[:, None, None, None]
        / 20
        * np.ones((1, 1, 8, 8), np.float32)
    )
    figure = contact_sheet(images, np.arange(20) % 2, per_class=4)
    sheet = picture(figure)
    side = sheet.shape[1] // 4
    assert sheet[side // 2, side // 2 :: side, 0].tolist() == [
        round(255 * i / 20) for i in (0, 2, 4, 6)
    ]
    assert sheet[side + side // 2, side // 2 :: side, 0].tolist() == [
        round(255 * i / 20) for i in (1, 3, 5, 7)
    ]
    assert "in the order of the data" in figure.axes[0].get_xlabel()
    assert "⋯" not in texts(figure)


def test_the_dots_of_a_contact_sheet_say_that_members_are_hidden():
    groups = np.array([0] * 17 + [1] * 16)
    assert texts(contact_sheet(IMAGES[:33], groups, SURE[:33])).count("⋯") == 1


def test_a_contact_sheet_names_its_rows_and_tells_how_many_it_leaves_out():
    figure = contact_sheet(
        IMAGES, GROUPS, names=["cats", "price $x_1$ and more than there is room for"]
    )
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == [
        "cats\nn = 20",
        "price \\$x_1\\$ and more th…\nn = 20",
        "class 2\nn = 20",
    ]
    many = contact_sheet(np.repeat(IMAGES, 2, axis=0)[:100], np.arange(100))
    assert len(many.axes[0].get_yticklabels()) == 40
    assert "the first 40 of 100 classes" in many.axes[0].get_xlabel()
    assert (
        contact_sheet(IMAGES, GROUPS, names={2: "dogs"}).axes[0].get_yticklabels()[2].get_text()
        == "dogs\nn = 20"
    )


@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (3, 8, 8), (1, 50, 50), (3, 101, 130), (3, 224, 224), (1, 5, 60)]
)
def test_tiles_are_of_about_one_size_in_colour_and_keep_their_mean(shape):
    images = np.full((2, *shape), 0.5, np.float32)
    images[:, 0] = 0.25
    tiles = _tiles(images)
    assert tiles.dtype == np.uint8
    assert 45 <= max(tiles.shape[1:3]) <= 100
    inner = tiles[:, 2:-2, 2:-2]
    assert (inner[..., 0] == 64).all()
    assert (inner[..., 2] == (64 if shape[0] == 1 else 128)).all()


def test_a_name_in_another_script_is_drawn_and_not_warned_of():
    figure = contact_sheet(IMAGES, GROUPS, names=["猫", "犬"])
    heads = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert heads == ["猫\nn = 20", "犬\nn = 20", "class 2\nn = 20"]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        drawn = to_png(figure)
    assert [str(one.message) for one in seen] == []
    assert drawn != to_png(
        contact_sheet(IMAGES, GROUPS, names=[" ", " "])
    )  # a box, if not the sign


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
    assert "none" in texts(confusion(score([0, 0], [0, 1])))


def test_an_embedding_names_its_groups_and_tells_them_apart_by_markers_too():
    figure = embedding(FEATURES, GROUPS, names=["cats", "dogs"])
    assert [t.get_text() for t in figure.axes[0].texts] == ["cats", "dogs", "2"]
    shapes = {
        collection.get_paths()[0].vertices.tobytes() for collection in figure.axes[0].collections
    }
    assert len(shapes) == 3


def test_an_embedding_is_drawn_from_at_most_limit_points_by_seed():
    figure = embedding(FEATURES, GROUPS, limit=40, seed=3)
    assert sum(len(c.get_offsets()) for c in figure.axes[0].collections) == 40
    assert figure.get_suptitle().startswith("40 of 60 images")
    assert to_png(figure) != to_png(embedding(FEATURES, GROUPS, limit=40, seed=4))


def test_an_embedding_keeps_groups_apart():
    offsets = [np.asarray(c.get_offsets()) for c in embedding(FEATURES, GROUPS).axes[0].collections]
    middles = np.array([o.mean(axis=0) for o in offsets])
    for i, places in enumerate(offsets):
        nearest = np.linalg.norm(places[:, None] - middles, axis=2).argmin(axis=1)
        assert np.mean(nearest == i) > 0.9


@pytest.mark.parametrize(
    "features",
    [
        RNG.random((20, 5)),
        RNG.random((60, 2)),
        RNG.random((60, 1)),
        np.ones((60, 4)),
        RNG.random((2, 9)),
    ],
)
def test_few_points_or_dimensions_are_shown_by_their_principal_components(features):
    figure = embedding(features, np.arange(len(features)) % 3)
    assert figure.axes[0].get_xlabel() == "principal component 1"
    assert sum(len(c.get_offsets()) for c in figure.axes[0].collections) == len(features)


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
    assert looks[0] == looks[1][:4] and len(set(looks[0])) == 4
    to_png(figure)
    assert (
        legend.get_window_extent().x0 > figure.axes[0].get_window_extent().x1
    )  # beside the curves, not on them


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
    assert axes.collections[0].get_segments()[0][:, 0].tolist() == pytest.approx([0.8, 0.95])


@pytest.mark.parametrize(
    ("function", "sentence"),
    [(losses, "history has no rows"), (scoreboard, "scoreboard has no rows")],
)
def test_nothing_to_show_is_said(function, sentence):
    with pytest.raises(InputError, match=sentence):
        function([])
