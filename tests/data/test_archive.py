"""An `.npz` from elsewhere: layouts, scales, labels, and everything that can be wrong with it."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mtlkit.data import ImageSet, load
from mtlkit.data.catalogue import check_trainable
from mtlkit.errors import InputError

RAMP = np.linspace(0, 1, 4 * 8 * 10).reshape(4, 8, 10)  # N x H x W


def saved(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "set.npz", **arrays)
    return folder / "set.npz"


def test_known_values(tmp_path: Path) -> None:
    images = load(saved(tmp_path, images=RAMP, labels=[5, 3, 3, 5]))
    np.testing.assert_array_equal(images.images, RAMP[:, None].astype(np.float32))
    assert (images.name, images.paths[3], images.n_clusters, images.notes) == (
        "set",
        "set/0003",
        None,
        (),
    )
    assert images.class_names == ("3", "5")
    labels = images.open_labels()
    assert labels is not None and labels.tolist() == [1, 0, 0, 1]
    labels[:] = 0  # the caller's own copy
    assert np.any(images.open_labels())


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((5, 8, 9), (5, 1, 8, 9)),
        ((5, 1, 8, 9), (5, 1, 8, 9)),
        ((5, 3, 8, 9), (5, 3, 8, 9)),
        ((5, 4, 8, 9), (5, 3, 8, 9)),
        ((5, 3, 8, 1), (5, 3, 8, 1)),  # both fit: the first reading counts
        ((5, 8, 9, 1), (5, 1, 8, 9)),
        ((5, 8, 9, 3), (5, 3, 8, 9)),
        ((5, 8, 9, 4), (5, 3, 8, 9)),
    ],
)
def test_layouts(shape: tuple[int, ...], expected: tuple[int, ...], tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).random(shape)
    images = load(saved(tmp_path, images=pixels)).images
    assert images.shape == expected and images.flags["C_CONTIGUOUS"]
    whole = pixels[:, None] if pixels.ndim == 3 else pixels
    last = whole.transpose(0, 3, 1, 2) if whole.shape[1] == 8 else whole
    np.testing.assert_array_equal(images, last[:, : expected[1]].astype(np.float32))


@pytest.mark.parametrize(
    ("pixels", "expected", "note"),
    [
        (np.array([0, 51, 255], np.uint8), [0, 0.2, 1], False),
        (np.array([0, 13107, 65535], np.uint16), [0, 0.2, 1], False),
        (np.array([0, 13107, 65535], ">u2"), [0, 0.2, 1], False),
        (np.array([False, True, True]), [0, 1, 1], False),
        (np.array([0, 0.25, 0.5], np.float16), [0, 0.25, 0.5], False),
        (np.array([0, 51, 255], np.int64), [0, 0.2, 1], True),
        (np.array([0, 51, 255], np.uint32), [0, 0.2, 1], True),
        (np.array([-1, 0, 1], np.float32), [0, 0.5, 1], True),
        (np.array([-1.7e308, 0, 1.7e308]), [0, 0.5, 1], True),
        (np.array([0, 1, 2]), [0, 0.5, 1], True),
        (np.array([-(2**63), 0, 2**63 - 1]), [0, 0.5, 1], True),
    ],
)
def test_scales(pixels: np.ndarray, expected: list[float], note: bool, tmp_path: Path) -> None:
    images = load(saved(tmp_path, images=np.tile(pixels[:, None, None], (1, 8, 8))))
    np.testing.assert_allclose(images.images[:, 0, 0, 0], expected, rtol=1e-6)
    assert images.images.dtype == np.float32
    assert bool(images.notes) == note and all("set's own range" in words for words in images.notes)


@settings(max_examples=60, deadline=None)
@given(
    pixels=hnp.arrays(
        st.sampled_from([np.uint8, np.int16, np.uint32, np.float32, np.float64]),
        st.tuples(st.integers(2, 4), st.integers(1, 9), st.integers(1, 9)),
        elements={"allow_nan": False, "allow_infinity": False},
    )
)
def test_any_numbers_come_to_0_1_or_are_refused(
    pixels: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = saved(tmp_path_factory.mktemp("any"), images=pixels)
    try:
        images = load(path).images
    except InputError as refused:
        assert "images are equal" in str(refused)
        return
    assert images.shape == (len(pixels), 1, *pixels.shape[1:])
    assert images.min() >= 0 and images.max() <= 1


def test_size_keeps_the_aspect(tmp_path: Path) -> None:
    bars = np.zeros((2, 8, 16))
    bars[0, :, 8:] = 1
    images = load(saved(tmp_path, images=bars), size=32)
    assert images.images.shape == (2, 1, 32, 32)
    np.testing.assert_allclose(images.images[0, 0, 8:24, :14], 0, atol=1e-6)
    np.testing.assert_allclose(images.images[0, 0, 8:24, 18:], 1, atol=1e-6)
    # Filled, one shade.
    assert np.ptp(images.images[0, 0, :8]) == np.ptp(images.images[0, 0, 24:]) == 0


@pytest.mark.parametrize("key", ["images", "x", "anything"])
def test_keys_of_images(key: str, tmp_path: Path) -> None:
    path = saved(tmp_path, **{key: RAMP, "other": np.arange(3), "y": np.arange(4)})
    images = load(path)
    assert len(images) == 4 and images.has_labels


@pytest.mark.parametrize(
    ("labels", "codes", "names"),
    [
        (np.array(["cat", "ant", "cat", "bee"]), [2, 0, 2, 1], ("ant", "bee", "cat")),
        (np.array(["é", "a", "a", "é"]).astype("U"), [1, 0, 0, 1], ("a", "é")),
        (np.array([b"b", b"a", b"a", b"b"]), [1, 0, 0, 1], ("a", "b")),
        (np.array([[3], [-1], [3], [7]], np.int8), [1, 0, 1, 2], ("-1", "3", "7")),
        (np.array([True, False, True, True]), [1, 0, 1, 1], ("False", "True")),
    ],
)
def test_labels_are_numbered(
    labels: np.ndarray, codes: list[int], names: tuple[str, ...], tmp_path: Path
) -> None:
    images = load(saved(tmp_path, images=RAMP, labels=labels))
    opened = images.open_labels()
    assert opened is not None and opened.tolist() == codes and images.class_names == names


def with_hole(value: float) -> np.ndarray:
    pixels = RAMP.copy()
    pixels[2, 3, 3] = pixels[3, 0, 0] = value
    return pixels


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"images": with_hole(np.nan)}, "2 of 4 images .* row 2"),
        ({"images": with_hole(-np.inf)}, "2 of 4 images .* row 2"),
        ({"images": np.array([None, "a"], object)}, "'images' is pickled"),
        ({"images": RAMP, "labels": np.array([None] * 4)}, "'labels' is pickled"),
        ({"a": RAMP, "b": RAMP}, r"has a \(4 x 8 x 10, float64\)"),
        ({"a": np.zeros(3)}, r"it has a \(3, float64\)"),
        ({"a": np.float64(3)}, r"it has a \(one value, float64\)"),
        ({}, "it has no array"),
        ({"images": np.zeros((4, 64))}, "'images' is 4 x 64 of"),
        ({"images": np.zeros((4, 2, 8, 8))}, "4 x 2 x 8 x 8 of float64"),
        ({"images": np.zeros((4, 2, 8, 8, 3))}, "which are no images"),
        ({"images": np.zeros((0, 8, 8))}, "0 x 8 x 8 of float64"),
        ({"images": np.zeros((4, 8, 0))}, "which are no images"),
        ({"images": RAMP.astype(complex)}, "of complex128, which"),
        ({"images": RAMP.astype("U8")}, "of <U8, which"),
        ({"images": RAMP.astype("M8[s]")}, "which are no images"),
        ({"images": RAMP, "labels": [0, 1, 0]}, "'labels' is 3 .* 4 images"),
        ({"images": RAMP, "y": np.zeros((4, 2), int)}, "'y' is 4 x 2 .* 4 images"),
        ({"images": RAMP, "labels": [0.5, 1, 0, 1]}, "'labels' is 4 of float64"),
        ({"images": RAMP, "labels": [b"\xff", b"a", b"a", b"b"]}, r"cannot be read as \.npz"),
    ],
)
def test_bad_arrays_are_refused(arrays: dict[str, Any], words: str, tmp_path: Path) -> None:
    path = saved(tmp_path, **arrays)
    with pytest.raises(InputError, match=words) as refused:
        load(path)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (RAMP[:1], "only one image"),
        (np.ones((5, 8, 8)), "all 5 images"),
        (np.full((5, 8, 8), 7), "all 5 images"),
        (np.zeros((5, 8, 8), int), "all 5 images"),
    ],
)
def test_arrays_of_which_nothing_can_be_learnt_are_read_and_not_trained_on(
    images: np.ndarray, words: str, tmp_path: Path
) -> None:
    path = saved(tmp_path, images=images)
    read = load(path)
    assert len(read) == len(images)
    with pytest.raises(InputError, match=words) as refused:
        check_trainable(path, read)
    assert str(path) in str(refused.value)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def an_npy(path: Path) -> None:
    np.save(path.with_suffix(".npy"), RAMP)
    path.with_suffix(".npy").replace(path)


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[600] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        cut_short,
        flip_a_bit,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("not a zip"),
        lambda path: path.write_bytes(pickle.dumps(RAMP)),
        an_npy,
    ],
    ids=["cut", "bit", "empty", "text", "pickle", "npy"],
)
def test_damaged_files_are_refused(damage: Any, tmp_path: Path) -> None:
    path = saved(tmp_path, images=RAMP)
    damage(path)
    with pytest.raises(InputError, match=r"set\.npz: cannot be read"):
        load(path)


def bomb(path: Path, name: str, shape: tuple[int, ...], dtype: str = "|u1") -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": dtype, "fortran_order": False, "shape": shape}
    )
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, header.getvalue())


@pytest.mark.parametrize("shape", [(100_000, 200, 200), (2**40, 2**40, 2**40)])
def test_bombs_are_refused_by_their_headers(shape: tuple[int, ...], tmp_path: Path) -> None:
    bomb(tmp_path / "bomb.npz", "images.npy", shape)
    with pytest.raises(InputError, match="at most 8 GB"):
        load(tmp_path / "bomb.npz")


def test_bombs_of_labels_are_refused_too(tmp_path: Path) -> None:
    path = saved(tmp_path, images=RAMP)
    bomb(path, "labels.npy", (4,), "<U520000000")
    with pytest.raises(InputError, match=r"'labels': .* 8\.3 GB"):
        load(path)


def test_an_entry_without_suffix_cannot_stand_in_for_the_judged_one(tmp_path: Path) -> None:
    path = saved(tmp_path, images=RAMP)
    bomb(path, "images", (2**40, 8, 8))
    assert load(path).images.shape == (4, 1, 8, 10)


def test_arrays_beside_the_images_are_never_opened(tmp_path: Path) -> None:
    images = load(saved(tmp_path, images=RAMP, extra=np.array([{}, []], object)))
    assert isinstance(images, ImageSet) and not images.has_labels
