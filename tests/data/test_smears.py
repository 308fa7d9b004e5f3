"""Generated smears: a seed is one photo, boxes hold what was drawn, labels stay shut."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from mtlkit.data import ImageSet, load
from mtlkit.data.smears import (
    CROP,
    STAINS,
    TEST,
    TRAIN,
    WINDOW,
    Drawn,
    draw_scene,
    load_smear_crops,
    paint,
    smear_photo,
    smear_photos,
)
from mtlkit.errors import InputError
from mtlkit.inputs import fit_squares


@pytest.fixture(scope="module")
def crops() -> ImageSet:
    return load("smears:crops")


FROZEN_COUNTS = [1392, 138, 118]
FROZEN_MEANS = [0.796, 0.7418, 0.7986]


def box_alone(drawn: Drawn, side: int) -> np.ndarray:
    """The box of the pixels that the object alone makes darker, before lens and noise."""
    field = np.zeros((2, side, side), np.float32)
    paint(field, drawn)
    light = np.exp(-np.einsum("dc,dyx->cyx", STAINS, field))
    rows, columns = np.nonzero((light < 0.98).any(0))
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two boxes."""
    common = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    areas = [np.prod(box[2:] - box[:2]) for box in (one, other)]
    both = np.prod(common.clip(0))
    return float(both / (sum(areas) - both))


def test_overlap_of_known_boxes() -> None:
    one = np.array([0, 0, 10, 10])
    assert overlap(one, one) == 1
    assert overlap(one, np.array([0, 5, 10, 15])) == pytest.approx(1 / 3)
    assert overlap(one, np.array([20, 20, 30, 30])) == 0


def test_the_same_seed_gives_the_same_bytes_whatever_was_drawn_before() -> None:
    first = smear_photo(7, 96)
    later = list(smear_photos(range(4, 9), 96))[3]
    assert first.image.tobytes() == later.image.tobytes()
    assert first.boxes.tobytes() == later.boxes.tobytes()
    assert first.kinds.tolist() == later.kinds.tolist()
    np.random.default_rng(0).random()
    assert smear_photo(np.int64(7), 96).image.tobytes() == first.image.tobytes()  # type: ignore[arg-type]


def test_other_seeds_give_other_photos() -> None:
    images = [photo.image for photo in smear_photos(range(20), 64)]
    assert len({image.tobytes() for image in images}) == 20
    tints = np.array([np.median(image, axis=(1, 2)) for image in images])
    assert (tints.std(0) > 0.02).all()  # light and stain differ, not only where cells lie


@pytest.mark.parametrize("side", [64, 320, 401])
def test_a_photo_is_what_it_says(side: int) -> None:
    for photo in smear_photos(range(3), side):
        assert photo.image.shape == (3, side, side) and photo.image.dtype == np.float32
        assert photo.image.min() >= 0 and photo.image.max() <= 1
        np.testing.assert_allclose(photo.image * 255, np.rint(photo.image * 255), atol=1e-4)
        assert photo.boxes.shape == (len(photo.kinds), 4) and photo.boxes.dtype == np.float32
        assert (photo.boxes >= 0).all() and (photo.boxes <= side).all()
        assert (photo.boxes[:, 2:] > photo.boxes[:, :2]).all()
        assert set(photo.kinds.tolist()) <= {0, 1, 2}


@pytest.mark.parametrize("seed", range(8))
def test_boxes_hold_each_object_drawn_alone(seed: int) -> None:
    photo, scene = smear_photo(seed), draw_scene(seed)
    assert photo.kinds.tolist() == [drawn.kind for drawn in scene]
    pairs = zip(photo.boxes, scene, strict=True)
    assert min(overlap(box, box_alone(drawn, 320)) for box, drawn in pairs) >= 0.95


def test_what_lies_in_a_box_is_darker_than_the_ground() -> None:
    for photo in smear_photos(range(8)):
        green = photo.image[1]
        ground = np.ones_like(green, bool)
        for left, top, right, bottom in photo.boxes.astype(int):
            ground[top:bottom, left:right] = False
        for left, top, right, bottom in photo.boxes.astype(int):
            assert green[top:bottom, left:right].mean() < green[ground].mean() - 0.01


def test_kinds_differ_in_size_and_number_as_in_real_smears(crops: ImageSet) -> None:
    photos = list(smear_photos(range(40)))
    boxes = np.concatenate([photo.boxes for photo in photos])
    kinds = np.concatenate([photo.kinds for photo in photos])
    whole = (boxes[:, :2] > 0).all(1) & (boxes[:, 2:] < 320).all(1)
    size = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(1))
    red, white, platelet = (np.median(size[whole & (kinds == kind)]) for kind in range(3))
    assert (whole & (kinds == 1)).any() and platelet < red / 2 < white / 2
    assert 45 < red < 60 and 15 < platelet < 27  # BCCD's medians at half its size are 52 and 20
    labels = crops.open_labels()
    assert labels is not None
    reds, whites, platelets = np.bincount(labels)
    assert 9 < reds / whites < 13 and 9 < reds / platelets < 13


def test_the_border_cuts_cells_and_their_boxes_end_there() -> None:
    cut = whole = 0
    for seed in range(10):
        photo = smear_photo(seed)
        touching = (photo.boxes[:, :2] == 0).any(1) | (photo.boxes[:, 2:] == 320).any(1)
        cut, whole = cut + touching.sum(), whole + (~touching).sum()
        for drawn in draw_scene(seed):
            assert np.zeros((320, 320))[drawn.place].shape == drawn.dyes.shape[1:]
    assert cut > 10 and whole > cut


def test_red_cells_overlap_in_some_photos() -> None:
    photo_overlaps = []
    for photo in smear_photos(range(10)):
        reds = photo.boxes[photo.kinds == 0]
        photo_overlaps += [max(overlap(a, b) for a in reds for b in reds if a is not b)]
    assert max(photo_overlaps) > 0.2


def test_where_two_overlap_the_thinner_counts_a_third() -> None:
    field = np.zeros((2, 8, 8), np.float32)
    thick = Drawn(0, (slice(0, 4), slice(0, 4)), np.full((2, 4, 4), 0.9))
    thin = Drawn(0, (slice(2, 6), slice(3, 7)), np.full((2, 4, 4), 0.3))
    assert [paint(field, thick), paint(field, thin)] == [(0, 0, 4, 4), (3, 2, 7, 6)]
    assert field[0, 3, 3] == pytest.approx(0.9 + 0.1) and field[0, 0, 0] == pytest.approx(0.9)
    assert field[1, 5, 6] == pytest.approx(0.3) and field[1, 7, 7] == 0


def test_crops_are_the_windows_of_their_photo(crops: ImageSet) -> None:
    assert crops.images.shape[1:] == (3, CROP, CROP) and crops.images.dtype == np.float32
    assert crops.paths[0] == "smears/0000/00" and len(set(crops.paths)) == len(crops)
    assert (crops.n_clusters, crops.class_names) == (3, ("red cell", "white cell", "platelet"))
    row = crops.paths.index("smears/0003/02")
    photo, labels = smear_photo(3), crops.open_labels()
    left, top = ((photo.boxes[2, :2] + photo.boxes[2, 2:] + WINDOW) // 2).astype(int)
    padded = np.pad(photo.image, ((0, 0), (WINDOW, WINDOW), (WINDOW, WINDOW)), "edge")
    window = padded[None, :, top : top + WINDOW, left : left + WINDOW]
    expected = fit_squares(window, CROP)[0]
    np.testing.assert_array_equal(crops.images[row], expected)
    assert labels is not None and labels[row] == photo.kinds[2]


def test_the_generator_is_frozen(crops: ImageSet) -> None:
    """Results rest on these photos, and the card quotes their number: another drawing is another
    set, with another name.
    """
    labels = crops.open_labels()
    assert labels is not None
    assert np.bincount(labels).tolist() == FROZEN_COUNTS
    means = [smear_photo(seed).image.mean() for seed in (0, 1, 2)]
    assert means == pytest.approx(FROZEN_MEANS, abs=1e-3)
    card = Path(__file__).parents[2] / "data" / "cards" / "smears.md"
    reds, whites, platelets = FROZEN_COUNTS
    assert (
        f"{len(crops):,} ({reds:,} red cells, {whites} white cells, {platelets} platelets)"
        in card.read_text(encoding="utf-8")
    )


def test_photos_of_the_test_part_are_never_in_train(crops: ImageSet) -> None:
    test = load_smear_crops("smears:crops:test", TEST[:2])
    assert not set(TRAIN) & set(TEST)
    assert {path.split("/")[1] for path in test.paths} == {"10000", "10001"}
    assert not {a.tobytes() for a in test.images} & {a.tobytes() for a in crops.images}
    assert load("smears:crops:test").first(len(test)).paths == test.paths


def test_labels_stay_shut_until_they_are_opened(crops: ImageSet) -> None:
    arrays = [value for value in vars(crops).values() if isinstance(value, np.ndarray)]
    assert crops.has_labels and len(arrays) == 1 and arrays[0] is crops.images
    one, other = crops.open_labels(), crops.open_labels()
    assert one is not None and other is not None
    one[:] = 9  # of a caller's copy
    assert other.max() == 2 and crops.open_labels().max() == 2  # type: ignore[union-attr]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(crops)).open_labels(), other)


def test_photos_have_no_labels() -> None:
    photos = load("smears")
    assert photos.images.shape == (100, 3, 320, 320)
    assert not photos.has_labels and photos.n_clusters is None
    assert photos.images[5].tobytes() == smear_photo(5).image.tobytes()
    assert photos.paths[5] == "smears/0005"


@pytest.mark.parametrize("side", [0, 63, 1025, -320, 320.0, "320", None])
def test_sides_out_of_bounds_are_refused(side: object) -> None:
    with pytest.raises(InputError, match=r"side must be a whole number from 64 to 1024, not"):
        smear_photo(0, side)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [-1, 2**31, 0.5, "0", None])
def test_seeds_that_are_none_are_refused(seed: object) -> None:
    with pytest.raises(InputError, match=r"seed must be a whole number from 0 to .*, not"):
        smear_photo(seed)  # type: ignore[arg-type]


@pytest.mark.parametrize("side", [64, 1024])
def test_the_bounds_themselves_can_be_drawn(side: int) -> None:
    assert smear_photo(0, side).image.shape == (3, side, side)


def test_cells_grow_with_the_side() -> None:
    sizes = []
    for side in (160, 320):
        boxes = np.concatenate([photo.boxes for photo in smear_photos(range(10), side)])
        sizes.append(np.median(boxes[:, 2:] - boxes[:, :2]))
    assert 2 * sizes[0] == pytest.approx(sizes[1], rel=0.1)
