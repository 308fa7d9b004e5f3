"""The sets that are fetched: images, labels kept apart, and files that are missing or damaged."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mtlkit.data import load
from mtlkit.data.download import md5_of
from mtlkit.data.sets import PARTS, SETS, find
from mtlkit.data.store import fetch
from mtlkit.errors import InputError


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
        with pytest.raises(InputError, match=(rf"{name}: .*shut: .*fetch cifar10")):
            load("cifar10", data_root=tmp_path)
        assert not (tmp_path / "harm").exists()
        path.write_bytes(official)
    labelled = load("cifar10:test", data_root=tmp_path)
    # Between images and labels.
    (tmp_path / "cifar-10-batches-py" / "test_batch").write_bytes(pickle.dumps(Harm()))
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
    assert images.images.shape == (len(small_gtsrb.labels[part]), 3, 32, 32)
    assert images.n_clusters == 3
    np.testing.assert_array_equal(labels, small_gtsrb.labels[part])
    # The colour tells the class.
    np.testing.assert_array_equal(np.rint(images.images[:, 0, 16, 16] * 255 / 80), labels)
    assert images.paths[0] == ("00000/00000_00000.ppm" if part == "train" else "00000.ppm")
    assert calls[-1] == (len(images), len(images))


def test_gtsrb_at_another_size_is_read_at_that_size(small_gtsrb: Any, tmp_path: Path) -> None:
    fetch(SETS["gtsrb"], tmp_path)
    images = load("gtsrb", data_root=tmp_path, size=48)
    assert images.images.shape == (12, 3, 48, 48)
    assert not any("from 32 x 32" in note for note in images.notes)


@pytest.mark.parametrize("part", ["train", "test", "val"])
def test_medmnist(part: str, small_blood: Any, tmp_path: Path) -> None:
    name = f"medmnist:bloodmnist:{part}"
    fetch(find(name)[0], tmp_path)  # type: ignore[index]
    images = load(name, data_root=tmp_path)
    np.testing.assert_array_equal(
        np.rint(images.images.transpose(0, 2, 3, 1) * 255), small_blood.images[part]
    )
    np.testing.assert_array_equal(images.open_labels(), small_blood.labels[part])
    assert images.images.flags.c_contiguous
    assert images.n_clusters == 8
    assert images.paths[0] == f"medmnist:bloodmnist/{part}/0000"
    if part == "train":
        assert load("medmnist:bloodmnist", data_root=tmp_path).name == "medmnist:bloodmnist"


def test_medmnist_at_a_larger_side(
    server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from medmnist.info import INFO

    file = tmp_path / "there.npz"
    np.savez(
        file, val_images=np.full((5, 64, 64), 51, np.uint8), val_labels=np.zeros((5, 14), np.uint8)
    )
    server.files["chestmnist_64.npz"] = file.read_bytes()
    url = f"{server.url}chestmnist_64.npz?download=1"
    facts = {"url_64": url, "MD5_64": md5_of(file), "n_samples": dict.fromkeys(PARTS, 5)}
    monkeypatch.setitem(INFO, "chestmnist", INFO["chestmnist"] | facts)
    assert fetch(find("medmnist:chestmnist_64")[0], tmp_path)[0].state == "complete"  # type: ignore[index]
    images = load("medmnist:chestmnist_64:val", data_root=tmp_path)
    assert images.images.shape == (5, 1, 64, 64) and np.allclose(images.images, 0.2)
    assert not images.has_labels and images.n_clusters is None and images.class_names == ()
    assert images.notes == ("Each image has several labels, which are not read.",)
    with pytest.raises(InputError, match=r"chestmnist\.npz is not there"):
        load("medmnist:chestmnist", data_root=tmp_path)


def test_medmnist_is_not_unpickled(small_blood: Any, tmp_path: Path) -> None:
    (tmp_path / "medmnist").mkdir()
    pickled = np.array([{}] * 24, dtype=object)
    np.savez(tmp_path / "medmnist" / "bloodmnist.npz", train_images=pickled, train_labels=pickled)
    with pytest.raises(InputError, match=r"bloodmnist\.npz: .*data fetch"):
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
    with pytest.raises(InputError, match=r"mtlkit\[medical\]"):
        load("medmnist:bloodmnist")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("mnist:val", "no part 'val': .* train and test"),
        ("mnist:tset", "Did you mean 'mnist:test'"),
        ("mnits", "Did you mean 'mnist'"),
        ("medmnist:blodmnist", "Did you mean 'bloodmnist'"),
        ("medmnist:bloodmnist_28", "bloodmnist_28' .*_64, _128 or _224"),
        ("medmnist:bloodmnist_", "bloodmnist_' is not"),
        ("medmnist:chest/../mnist", "is not a known set"),
        ("medmnist:organmnist3d", "organmnist3d.* flat image"),
        ("train", "'train' is not"),
        (":test", "':test' is not"),
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
    text = str(caught.value)
    assert str(tmp_path / "root") in text
    assert f"`mtlkit data fetch {name.removesuffix(':test')}`" in text
    assert "`digits`" in text and "\n" not in text


@pytest.mark.parametrize("keep", [0, 3, 10, 500])
def test_an_idx_file_cut_short(keep: int, small_mnist: Any, tmp_path: Path) -> None:
    fetch(SETS["mnist"], tmp_path)
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        path = tmp_path / "MNIST" / "raw" / name
        path.write_bytes(
            path.read_bytes()[: min(keep, 20)] if "labels" in name else path.read_bytes()[:keep]
        )
    with pytest.raises(InputError, match=r"train-images-.*data fetch mnist"):
        load("mnist", data_root=tmp_path)
    (tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte").write_bytes(
        small_mnist.raw["train-images-idx3-ubyte"]
    )
    images = load("mnist", data_root=tmp_path)
    with pytest.raises(InputError, match=r"train-labels-.*cannot be read"):
        images.open_labels()


def test_a_sign_that_is_not_in_the_table(small_gtsrb: Any, tmp_path: Path) -> None:
    fetch(SETS["gtsrb"], tmp_path)
    table = tmp_path / "gtsrb" / "GT-final_test.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:-1]))
    images = load("gtsrb:test", data_root=tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        images.open_labels()
