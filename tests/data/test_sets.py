"""The sets that are fetched: images, labels kept apart, and what is said of files that are missing
or damaged.
"""

from __future__ import annotations

import inspect
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mtlkit.data import catalogue_names, load
from mtlkit.data.sets import SETS, find
from mtlkit.data.store import fetch
from mtlkit.errors import InputError

SHARED = Path(os.environ.get("MTLKIT_DATA") or Path(__file__).parents[3] / "shared" / "data")
needs_sets = pytest.mark.skipif(
    not (SHARED / "MNIST").is_dir(), reason=f"MNIST and GTSRB do not lie in {SHARED}"
)


@pytest.mark.parametrize(
    ("source", "part"), [("mnist", "train"), ("mnist:train", "train"), ("mnist:test", "test")]
)
def test_mnist(source: str, part: str, small_mnist: Any, tmp_path: Path) -> None:
    fetch(SETS["mnist"], tmp_path)
    images = load(source, data_root=tmp_path)
    np.testing.assert_array_equal(np.rint(images.images[:, 0] * 255), small_mnist.images[part])
    np.testing.assert_array_equal(images.open_labels(), small_mnist.labels[part])
    assert images.images.dtype == np.float32 and images.images.flags.c_contiguous
    assert (images.name, images.n_clusters) == ("mnist" if part == "train" else "mnist:test", 10)
    assert images.paths[:2] == (f"mnist/{part}/0000", f"mnist/{part}/0001")
    assert images.class_names == tuple("0123456789")


@pytest.mark.parametrize("part", ["train", "test"])
def test_cifar10(part: str, small_cifar: Any, tmp_path: Path) -> None:
    fetch(SETS["cifar10"], tmp_path)
    images = load(f"cifar10:{part}", data_root=tmp_path)
    np.testing.assert_array_equal(np.rint(images.images * 255), small_cifar.images[part])
    np.testing.assert_array_equal(images.open_labels(), small_cifar.labels[part])
    assert images.images.flags.c_contiguous and images.class_names[3] == "cat"


def test_cifar10_of_other_files_is_never_unpickled(small_cifar: Any, tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "harm",)

    fetch(SETS["cifar10"], tmp_path)
    for name in ("data_batch_3", "test_batch", "batches.meta"):
        path = tmp_path / "cifar-10-batches-py" / name
        official = path.read_bytes()
        path.write_bytes(pickle.dumps(Harm()))
        with pytest.raises(
            InputError,
            match=(
                rf"{name}: is not the official file .* stays shut: run `mtlkit data "
                r"fetch cifar10`"
            ),
        ):
            load("cifar10", data_root=tmp_path)
        assert not (tmp_path / "harm").exists()
        path.write_bytes(official)
    labelled = load("cifar10:test", data_root=tmp_path)
    (tmp_path / "cifar-10-batches-py" / "test_batch").write_bytes(
        pickle.dumps(Harm())
    )  # between images and labels
    with pytest.raises(InputError, match="stays shut"):
        labelled.open_labels()
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("part", ["train", "test"])
def test_gtsrb(part: str, small_gtsrb: Any, tmp_path: Path) -> None:
    fetch(SETS["gtsrb"], tmp_path)
    calls: list[tuple[int, int]] = []
    images = load(
        f"gtsrb:{part}",
        data_root=tmp_path,
        progress=lambda done, total: calls.append((done, total)),
    )
    labels = images.open_labels()
    assert (
        images.images.shape == (len(small_gtsrb.labels[part]), 3, 32, 32) and images.n_clusters == 3
    )
    np.testing.assert_array_equal(labels, small_gtsrb.labels[part])
    np.testing.assert_array_equal(
        np.rint(images.images[:, 0, 16, 16] * 255 / 80), labels
    )  # the colour tells the class
    assert images.paths[0] == ("00000/00000_00000.ppm" if part == "train" else "00000.ppm")
    assert calls[-1] == (len(images), len(images))


def test_gtsrb_at_another_size_is_read_at_that_size(small_gtsrb: Any, tmp_path: Path) -> None:
    fetch(SETS["gtsrb"], tmp_path)
    images = load("gtsrb", data_root=tmp_path, size=48)
    assert images.images.shape == (12, 3, 48, 48) and not any(
        "from 32 x 32" in note for note in images.notes
    )


@pytest.mark.parametrize("part", ["train", "test", "val"])
def test_medmnist(part: str, small_blood: Any, tmp_path: Path) -> None:
    name = f"medmnist:bloodmnist:{part}"
    fetch(find(name)[0], tmp_path)  # type: ignore[index]
    images = load(name, data_root=tmp_path)
    np.testing.assert_array_equal(
        np.rint(images.images.transpose(0, 2, 3, 1) * 255), small_blood.images[part]
    )
    np.testing.assert_array_equal(images.open_labels(), small_blood.labels[part])
    assert (
        images.images.flags.c_contiguous
        and images.n_clusters == 8
        and images.paths[0] == f"medmnist:bloodmnist/{part}/0000"
    )
    if part == "train":
        assert load("medmnist:bloodmnist", data_root=tmp_path).name == "medmnist:bloodmnist"


def test_medmnist_is_not_unpickled(small_blood: Any, tmp_path: Path) -> None:
    (tmp_path / "medmnist").mkdir()
    pickled = np.array([{}] * 24, dtype=object)
    np.savez(tmp_path / "medmnist" / "bloodmnist.npz", train_images=pickled, train_labels=pickled)
    with pytest.raises(
        InputError,
        match=r"bloodmnist\.npz: cannot be read, .*allow_pickle=False.*: run `mtlkit data fetch",
    ):
        load("medmnist:bloodmnist", data_root=tmp_path)


def test_a_bomb_in_medmnists_file_is_refused_by_its_header(
    small_blood: Any, tmp_path: Path
) -> None:
    (tmp_path / "medmnist").mkdir()
    np.savez(
        tmp_path / "medmnist" / "bloodmnist.npz",
        train_images=np.broadcast_to(np.uint8(0), (10**6, 1, 1)),
    )
    path = tmp_path / "medmnist" / "bloodmnist.npz"
    path.write_bytes(path.read_bytes().replace(b"(1000000, 1, 1)", b"(1000000,99,99)"))
    with pytest.raises(InputError, match=r"39\.2 GB"):
        load("medmnist:bloodmnist", data_root=tmp_path)


def test_without_medmnist_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "medmnist.info", None)
    with pytest.raises(
        InputError, match=r'needs medmnist: install it with `pip install "mtlkit\[medical\]"`'
    ):
        load("medmnist:bloodmnist")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("mnist:val", "mnist has no part 'val': it has train and test"),
        ("mnist:tset", "Did you mean 'mnist:test'"),
        ("mnits", "Did you mean 'mnist'"),
        ("medmnist:blodmnist", "Did you mean 'bloodmnist'"),
        ("medmnist:chestmnist", "'medmnist:chestmnist' is not a known set.*one label a row"),
        ("medmnist:organmnist3d", "is not a known set.*flat"),
        ("train", "'train' is not a known set"),
        (":test", "':test' is not a known set"),
    ],
)
def test_names_that_are_none(
    source: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=words):
        load(source)


@pytest.mark.parametrize("name", [*SETS, "gtsrb:test", "medmnist:bloodmnist"])
def test_a_set_that_is_not_there_says_where_and_how(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(name, data_root=tmp_path / "root")
    said = str(caught.value)
    assert (
        str(tmp_path / "root") in said
        and f"`mtlkit data fetch {name.removesuffix(':test')}`" in said
    )
    assert "without a network, take `digits`" in said and "\n" not in said


@pytest.mark.parametrize("keep", [0, 3, 10, 500])
def test_an_idx_file_cut_short(keep: int, small_mnist: Any, tmp_path: Path) -> None:
    fetch(SETS["mnist"], tmp_path)
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        path = tmp_path / "MNIST" / "raw" / name
        path.write_bytes(
            path.read_bytes()[: min(keep, 20)] if "labels" in name else path.read_bytes()[:keep]
        )
    with pytest.raises(
        InputError,
        match=r"train-images-idx3-ubyte: cannot be read, it is cut short.*data fetch mnist",
    ):
        load("mnist", data_root=tmp_path)
    (tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte").write_bytes(
        small_mnist.raw["train-images-idx3-ubyte"]
    )
    images = load("mnist", data_root=tmp_path)
    with pytest.raises(InputError, match="train-labels-idx1-ubyte: cannot be read"):
        images.open_labels()


def test_a_sign_that_is_not_in_the_table(small_gtsrb: Any, tmp_path: Path) -> None:
    fetch(SETS["gtsrb"], tmp_path)
    table = tmp_path / "gtsrb" / "GT-final_test.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:-1]))
    images = load("gtsrb:test", data_root=tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        images.open_labels()


def test_gtsrbs_places_are_torchvisions() -> None:
    from torchvision.datasets import GTSRB

    source = inspect.getsource(GTSRB.download)
    assert len(SETS["gtsrb"].remotes()) == 3
    for remote in SETS["gtsrb"].remotes():
        (url,) = remote.urls
        assert (
            url.rpartition("/")[0] in source
            and url.rpartition("/")[2] in source
            and remote.md5 in source
        )


def test_places_and_checksums_are_those_of_the_packages() -> None:
    from medmnist.info import INFO
    from torchvision.datasets import CIFAR10, MNIST

    first = SETS["mnist"].remotes()[0]
    assert (
        first.urls == tuple(place + "train-images-idx3-ubyte.gz" for place in MNIST.mirrors)
        and len(first.urls) == 2
    )
    assert [remote.md5 for remote in SETS["mnist"].remotes()] == [md5 for _, md5 in MNIST.resources]
    assert all(len(remote.urls) == 2 for remote in SETS["fashion-mnist"].remotes())
    assert [(remote.urls, remote.md5) for remote in SETS["cifar10"].remotes()] == [
        ((CIFAR10.url,), CIFAR10.tgz_md5)
    ]
    blood = find("medmnist:bloodmnist")
    assert blood and blood[0].remotes()[0].md5 == INFO["bloodmnist"]["MD5"]
    for known in SETS.values():
        for part in known.parts.values():
            assert not part.counts or sum(part.counts) == part.size


def test_cards_and_catalogue_name_the_same_sets() -> None:
    cards = Path(__file__).parents[2] / "data" / "cards"
    assert {path.stem for path in cards.glob("*.md")} == {"digits", "medmnist", *SETS}
    for card in cards.glob("*.md"):
        text = card.read_text(encoding="utf-8")
        headings = [
            "What",
            "Number",
            "Size",
            "Licence",
            "Source",
            "Known flaws",
            "How it is fetched",
        ]
        assert [word for word in headings if f"**{word}**" not in text] == [], card
    assert "never opened" in (cards / "cifar10.md").read_text(encoding="utf-8")


@needs_sets
def test_the_real_sets() -> None:
    for source, shape, counts in (
        ("mnist", (60_000, 1, 28, 28), 6742),
        ("mnist:test", (10_000, 1, 28, 28), 1135),
        ("gtsrb:test", (1_290, 3, 32, 32), 30),
    ):
        images = load(source, data_root=SHARED)
        labels = images.open_labels()
        assert (
            images.images.shape == shape
            and labels is not None
            and np.bincount(labels).max() == counts
        )


@needs_sets
def test_signs_of_mixed_sizes() -> None:
    images = load("gtsrb", data_root=SHARED.parent / "data" / "gtsrb_native")
    labels = images.open_labels()
    assert images.images.shape == (1408, 3, 32, 32) and images.n_clusters == 43
    assert (
        labels is not None and [int(path.split("/")[0]) for path in images.paths] == labels.tolist()
    )


@needs_sets
def test_mnist_takes_little_more_memory_than_its_result() -> None:
    import tracemalloc

    load("mnist:test", data_root=SHARED)  # imports
    tracemalloc.start()
    try:
        images = load("mnist", data_root=SHARED)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.4 * images.images.nbytes  # the 8 bits, and 60,000 names


def test_the_catalogue_names_every_part() -> None:
    assert {
        "mnist:train",
        "mnist:test",
        "gtsrb:test",
        "cifar10:train",
        "fashion-mnist:test",
    } <= set(catalogue_names())
