"""Sheets and maps: which image stands where, and what is said of it."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from mtlkit.evaluation import contact_sheet, embedding, gallery, to_png
from mtlkit.evaluation.galleries import TILE, _tile

RNG = np.random.default_rng(0)
IMAGES = RNG.random((60, 1, 8, 8), dtype=np.float32)
GROUPS = np.arange(60) % 3
SURE = RNG.random(60)
FEATURES = RNG.normal(size=(60, 5)) + 4 * GROUPS[:, None]


def texts(figure: Figure) -> list[str]:
    return [
        item.get_text() for item in figure.findobj(Text) if item.get_visible() and item.get_text()
    ]


def picture(figure: Figure) -> np.ndarray:
    return np.asarray(figure.axes[0].images[0].get_array())


def middles(sheet: np.ndarray, row: int) -> np.ndarray:
    """The shade in the middle of each cell of a row of a sheet of square images."""
    cell = TILE + 4  # with its frame and a white line
    return sheet[row * cell + cell // 2, cell // 2 : -2 : cell, 0]


def test_a_contact_sheet_goes_from_the_surest_to_the_most_doubtful():
    shades = np.linspace(0, 1, 40, dtype=np.float32)  # the brighter, the surer
    images = np.broadcast_to(shades[:, None, None, None], (40, 1, 8, 8))
    order = np.random.default_rng(1).permutation(40)
    figure = contact_sheet(images[order], np.zeros(40, int), shades[order], per_class=16)
    gap = [1]
    expected = np.concatenate([shades[:-11:-1], gap, shades[5::-1]])
    np.testing.assert_allclose(middles(picture(figure), 0), expected, atol=1e-6)


def test_the_gap_of_a_contact_sheet_is_white_from_top_to_bottom():
    sheet = picture(contact_sheet(np.zeros_like(IMAGES), GROUPS, SURE))
    white = (sheet == 1).all(axis=(0, 2))
    cell = TILE + 4
    assert white[10 * cell : 11 * cell + 2].all()
    assert white.sum() == 17 * 2 + cell  # and lines between images


def test_a_small_class_fills_its_row_from_the_left_and_the_gap_stays():
    images = np.zeros((12, 1, 8, 8), np.float32)
    sheet = picture(contact_sheet(images, [0] * 12, np.arange(12)))
    assert middles(sheet, 0).tolist() == [0] * 10 + [1] + [0] * 2 + [1] * 4


def test_a_contact_sheet_without_confidence_shows_the_first_members_in_order():
    shades = np.arange(20, dtype=np.float32) / 20
    images = np.broadcast_to(shades[:, None, None, None], (20, 1, 8, 8))
    figure = contact_sheet(images, np.arange(20) % 2, per_class=4)
    sheet = picture(figure)
    np.testing.assert_allclose(middles(sheet, 0), shades[[0, 2, 4, 6]], atol=1e-6)
    np.testing.assert_allclose(middles(sheet, 1), shades[[1, 3, 5, 7]], atol=1e-6)
    assert "in the order given" in figure.axes[0].get_xlabel()
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
    assert "the first 40 of 100" in many.axes[0].get_xlabel()
    dogs = contact_sheet(IMAGES, GROUPS, names={2: "dogs"})
    assert dogs.axes[0].get_yticklabels()[2].get_text() == "dogs\nn = 20"


@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (3, 8, 8), (1, 50, 50), (3, 101, 130), (3, 224, 224), (1, 5, 60)]
)
def test_tiles_are_of_about_one_size_in_colour_and_keep_their_mean(shape):
    image = np.full(shape, 0.5, np.float32)
    image[0] = 0.25
    tile = _tile(image)
    assert 45 <= max(tile.shape[:2]) <= 100
    inner = tile[1:-1, 1:-1]
    np.testing.assert_allclose(inner[..., 0], 0.25, atol=1e-6)
    np.testing.assert_allclose(inner[..., 2], 0.25 if shape[0] == 1 else 0.5, atol=1e-6)


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


def test_a_gallery_shows_each_image_above_its_caption():
    figure = gallery(IMAGES[:5], [f"class {n}\n{n}%" for n in range(5)], columns=3)
    captions = [axes.get_xlabel() for axes in figure.axes]
    assert captions == [f"class {n}\n{n}%" for n in range(5)] + [""]
    assert [len(axes.images) for axes in figure.axes] == [1] * 5 + [0]
