"""Tracks: which images show one thing. Only whether two keys are equal counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtlkit.errors import InputError
from mtlkit.preprocessing.tracks import Tracks, in_pairs

KEYS = st.lists(st.integers(0, 5), min_size=1, max_size=30)


@given(KEYS, st.permutations(range(6)))
def test_other_names_of_the_same_tracks_are_the_same_tracks(
    keys: list[int], names: list[int]
) -> None:
    first, second = Tracks(keys, len(keys)), Tracks([f"{names[key]}/7" for key in keys], len(keys))
    np.testing.assert_array_equal(first.numbers, second.numbers)
    assert first.count == len(set(keys))


@given(KEYS)
def test_means_are_those_of_a_naive_loop(keys: list[int]) -> None:
    rows = np.random.default_rng(0).random((len(keys), 2)).astype(np.float32)
    tracks = Tracks(keys, len(keys))
    expected = [
        np.mean([row for row, other in zip(rows, keys, strict=True) if other == key], axis=0)
        for key in keys
    ]
    found = tracks.of_images(tracks.means(rows))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_where_no_tracks_are_known_rows_stay_as_they_are_and_nothing_is_assumed() -> None:
    rows, nothing = np.ones((3, 2)), Tracks(None, 3)
    assert nothing.means(rows) is rows and nothing.of_images(rows) is rows
    assert nothing.assumptions() == [] and nothing.count == 3
    (said,) = Tracks([4, 5, 4], 3).assumptions()
    assert "one track" in said and "3 images, in 2 tracks" in said


@pytest.mark.parametrize("keys", [[1, 2], [[1], [2], [3]], 7, []])
def test_not_one_key_an_image(keys: object) -> None:
    with pytest.raises(InputError, match=r"tracks of shape .* for 3 images: give one key"):
        Tracks(keys, 3)


@given(KEYS)
def test_pairs_of_a_group_lie_together_in_the_order_of_their_first(keys: list[int]) -> None:
    groups = np.array(keys)
    order = in_pairs(groups)
    expected: list[int] = []
    for place, group in enumerate(keys):  # a naive loop
        if place not in expected:
            others = [n for n in range(place, len(keys)) if keys[n] == group and n not in expected]
            expected += others[:2]
    assert order.tolist() == expected
