"""Generated road scenes: a seed is one scene, boxes hold what can be seen, kinds stay shut."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtlkit.data import load
from mtlkit.data.road_objects import COLOURS, DRAWINGS, KINDS, SHINING, SIGNS, SORTS, TABLE, shapes
from mtlkit.data.road_views import draw_scene
from mtlkit.data.roads import FINER, SCENES, load_roads, paint, road_scene
from mtlkit.errors import InputError

FROZEN = {  # SHA-256 of the pixels and boxes of seeds 0, 1 and 2
    "day": "49504764a7ac7da8471c1244148ea00f716646aa9ac8ed432ac0d9f3e8406311",
    "night": "7a6966b540ff44fd54691d5aad4adee20c1162ed638c1cceffe9658b1674980b",
    "rain": "69782b26221f18d3384ecbc43a0c8d8e2d0d35b0013694fac5716e9bfd3028a8",
}


def masks_alone(seed: int, side: int) -> list[np.ndarray]:
    """Where each object alone hides the ground: the pixels that are alike on black and on white."""
    masks = []
    for drawn in draw_scene(seed):
        if drawn.kind >= 0:
            both = []
            for ground in (0, 255):
                canvas = Image.new("RGBA", (FINER * side, FINER * side), (ground,) * 4)
                paint(canvas, drawn, 1)
                both.append(np.asarray(canvas.convert("RGB")))
            masks.append((both[0] == both[1]).all(2))
    return masks


def hidden_by(seed: int, side: int) -> list[np.ndarray]:
    """What is painted over each object: all that comes later: what is nearer, poles, shadows."""
    scene = draw_scene(seed)
    covers = []
    for number, drawn in enumerate(scene):
        if drawn.kind >= 0:
            canvas = Image.new("RGBA", (FINER * side, FINER * side), (0, 0, 0, 99))
            for nearer in scene[number + 1 :]:
                paint(canvas, nearer, 0)
            covers.append(np.asarray(canvas)[..., 3] != 99)
    return covers


def box_of(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(mask)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) / FINER


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two boxes."""
    common = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    areas = [np.prod(box[2:] - box[:2]) for box in (one, other)]
    both = np.prod(common.clip(0))
    return float(both / (sum(areas) - both))


def test_the_same_seed_gives_the_same_bytes_whatever_was_drawn_before() -> None:
    for condition in FROZEN:
        first = road_scene(7, 96, condition)
        np.random.default_rng(0).random()
        road_scene(8, 96, condition)
        later = road_scene(np.int64(7), 96, condition)  # type: ignore[arg-type]
        assert first.image.tobytes() == later.image.tobytes()
        assert first.boxes.tobytes() == later.boxes.tobytes()


@pytest.mark.parametrize("condition", FROZEN)
def test_the_generator_is_frozen(condition: str) -> None:
    """Results rest on these scenes: another drawing is another set, with another name."""
    digest = hashlib.sha256()
    for seed in range(3):
        scene = road_scene(seed, condition=condition)
        digest.update(scene.image.tobytes() + scene.boxes.tobytes())
    assert digest.hexdigest() == FROZEN[condition]


@pytest.mark.parametrize("side", [64, 320, 401, 1024])
def test_a_scene_is_what_it_says(side: int) -> None:
    scene = road_scene(3, side)
    assert scene.image.shape == (3, side, side) and scene.image.dtype == np.float32
    assert scene.image.min() >= 0 and scene.image.max() <= 1
    np.testing.assert_allclose(scene.image * 255, np.rint(scene.image * 255), atol=1e-4)
    assert scene.boxes.shape == (len(scene.kinds), 4) and scene.boxes.dtype == np.float32
    assert (scene.boxes >= 0).all() and (scene.boxes <= side).all()
    assert (scene.boxes[:, 2:] > scene.boxes[:, :2]).all()


def test_a_side_changes_the_size_and_not_the_scene() -> None:
    small, large = road_scene(5, 160), road_scene(5, 640)
    assert small.kinds.tolist() == large.kinds.tolist()
    np.testing.assert_allclose(4 * small.boxes, large.boxes, atol=6)


@pytest.mark.parametrize("seed", range(8))
def test_boxes_hold_what_can_be_seen_of_each_object_drawn_alone(seed: int) -> None:
    scene = road_scene(seed)
    masks, covers = masks_alone(seed, 320), hidden_by(seed, 320)
    for box, mask, cover in zip(scene.boxes, masks, covers, strict=True):
        assert overlap(box, box_of(mask & ~cover)) >= 0.95
        assert (mask & ~cover).sum() > 0.3 * mask.sum()  # nothing is all but hidden


def test_objects_have_the_sizes_and_numbers_that_are_said() -> None:
    scenes = [road_scene(seed) for seed in range(100)]
    numbers = [len(scene.kinds) for scene in scenes]
    assert 4 < np.mean(numbers) < 7 and max(numbers) < 16
    boxes = np.concatenate([scene.boxes for scene in scenes])
    kinds = np.concatenate([scene.kinds for scene in scenes])
    assert set(kinds.tolist()) == set(range(len(KINDS)))
    longer = (boxes[:, 2:] - boxes[:, :2]).max(1)
    signs, vehicles = longer[kinds < len(SIGNS)], longer[kinds == KINDS.index("vehicle")]
    assert signs.min() > 6 and 40 < signs.max() < 65
    assert vehicles.min() > 10 and 90 < vehicles.max() < 130
    covered = [
        (mask & cover).any()
        for seed in range(12)
        for mask, cover in zip(masks_alone(seed, 320), hidden_by(seed, 320), strict=True)
    ]
    assert 0.1 < np.mean(covered) < 0.9


def test_night_is_dark_and_rain_is_dull() -> None:
    day, night, rain = (
        np.stack([road_scene(seed, 128, condition).image for seed in range(10)])
        for condition in FROZEN
    )
    assert night.mean() < 0.5 * day.mean() and night.max() > 0.9  # lamps shine
    assert np.ptp(rain, axis=1).mean() < np.ptp(day, axis=1).mean()


def test_the_weather_changes_no_place() -> None:
    scenes = [draw_scene(4, condition) for condition in FROZEN]
    for same in zip(*scenes, strict=True):
        assert len({drawn.kind for drawn in same}) == 1
        for _, outline in (drawn.parts[0] for drawn in same):
            np.testing.assert_array_equal(outline, same[0].parts[0][1])


def test_what_is_drawn_is_drawn_in_known_colours() -> None:
    assert {sort.drawing for sort in SORTS} == set(DRAWINGS)
    drawings = [*DRAWINGS.values(), [sort.under for sort in SORTS]]
    used = {name for texts in drawings for text in texts for name, _ in shapes(text)}
    assert used.union(row[0] for row in TABLE["ground"]) == set(COLOURS) >= set(SHINING)


def test_a_scene_may_be_without_objects() -> None:
    empty = road_scene(0, 64, draw=lambda seed, condition: draw_scene(seed, condition)[:1])
    assert empty.boxes.shape == (0, 4) and empty.kinds.shape == (0,)


def test_sets_have_boxes_and_no_labels() -> None:
    rain = load_roads("roads:rain", SCENES["roads:rain"][0][:3], "rain")
    assert rain.images.shape == (3, 3, 320, 320) and not rain.has_labels
    assert rain.paths[0] == "roads/30000" and rain.n_clusters is None
    assert "synthetic" in rain.notes[0]
    scene = road_scene(30_001, condition="rain")
    assert rain.images[1].tobytes() == scene.image.tobytes()
    photos = rain.open_boxes()
    assert photos is not None and photos[1].path == rain.paths[1]
    np.testing.assert_array_equal(photos[1].boxes, scene.boxes)
    assert list(photos[1].kinds) == [KINDS[kind] for kind in scene.kinds]
    assert photos[1].names[0] == "roads/30001/00"


def test_no_scene_is_in_two_sets() -> None:
    assert len({seed for seeds, _ in SCENES.values() for seed in seeds}) == 500
    test = load("roads:test").first(2)
    assert test.paths == ("roads/10000", "roads/10001")


@pytest.mark.parametrize("side", [0, 63, 1025, -320, 320.0, "320", None])
def test_sides_out_of_bounds_are_refused(side: object) -> None:
    with pytest.raises(InputError, match=r"side must be a whole number from 64 to 1024, not"):
        road_scene(0, side)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [-1, 2**31, 0.5, "0", None])
def test_seeds_that_are_none_are_refused(seed: object) -> None:
    with pytest.raises(InputError, match=r"seed must be a whole number from 0 to .*, not"):
        road_scene(seed)  # type: ignore[arg-type]


@pytest.mark.parametrize("condition", ["snow", "", None, 3])
def test_other_conditions_are_refused(condition: object) -> None:
    with pytest.raises(InputError, match="condition must be one of day, night, rain, not"):
        road_scene(0, 64, condition)  # type: ignore[arg-type]


def test_the_card_quotes_the_sets() -> None:
    photos = load("roads:test").open_boxes()
    assert photos is not None
    objects = sum(len(photo.kinds) for photo in photos)
    card = (Path(__file__).parents[2] / "data/cards/roads.md").read_text(encoding="utf-8")
    for seeds, _ in SCENES.values():
        assert f"{seeds[0]:,} to {seeds[-1]:,}" in card
    assert f"10,000 to 10,099; {objects})" in card
