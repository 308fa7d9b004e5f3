"""What `check` finds in the data root, and how `fetch` brings sets there."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mtlkit.data.download import DownloadFailed
from mtlkit.data.sets import SETS, find
from mtlkit.data.store import PartState, check, fetch
from mtlkit.errors import InputError


def states(parts: list[PartState]) -> dict[str, str]:
    return {part.part: part.state for part in parts}


def left(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("small", "name", "wanted"),
    [
        (
            "small_mnist",
            "mnist",
            {"MNIST/raw/train-images-idx3-ubyte", "MNIST/raw/t10k-labels-idx1-ubyte"},
        ),
        (
            "small_cifar",
            "cifar10",
            {"cifar-10-batches-py/data_batch_1", "cifar-10-batches-py/batches.meta"},
        ),
        (
            "small_gtsrb",
            "gtsrb",
            {"gtsrb/GTSRB/Training/00000/00000_00000.ppm", "gtsrb/GT-final_test.csv"},
        ),
        ("small_blood", "medmnist:bloodmnist", {"medmnist/bloodmnist.npz"}),
    ],
)
def test_missing_is_fetched_and_then_complete(
    small: str,
    name: str,
    wanted: set[str],
    server: Any,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    request.getfixturevalue(small)
    fetched = find(name)[0]  # type: ignore[index]
    assert set(states(check(fetched, tmp_path)).values()) == {"missing"}
    assert set(states(fetch(fetched, tmp_path)).values()) == {"complete"}
    files = left(tmp_path)
    assert wanted <= files
    assert not [path for path in files if path.endswith((".gz", ".zip", ".part"))]
    assert not list(tmp_path.rglob(".unpacking*"))
    asked = len(server.asked)
    assert set(states(fetch(fetched, tmp_path)).values()) == {"complete"}
    assert len(server.asked) == asked


def test_only_what_is_damaged_is_fetched(small_mnist: Any, server: Any, tmp_path: Path) -> None:
    fetch(SETS["mnist"], tmp_path)
    server.asked.clear()
    path = tmp_path / "MNIST" / "raw" / "t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    assert states(check(SETS["mnist"], tmp_path)) == {"train": "complete", "test": "damaged"}
    assert states(fetch(SETS["mnist"], tmp_path)) == {"train": "complete", "test": "complete"}
    assert {path for path, _ in server.asked} == {
        "mnist/t10k-images-idx3-ubyte.gz",
        "mnist/t10k-labels-idx1-ubyte.gz",
    }


def test_a_stopped_fetch_does_not_fetch_again(
    small_mnist: Any, server: Any, tmp_path: Path
) -> None:
    last = server.files.pop("mnist/t10k-labels-idx1-ubyte.gz")
    with pytest.raises(DownloadFailed, match="t10k-labels"):
        fetch(SETS["mnist"], tmp_path)
    assert set(states(check(SETS["mnist"], tmp_path)).values()) == {"missing"}  # nothing half-there
    server.asked.clear()
    server.files["mnist/t10k-labels-idx1-ubyte.gz"] = last
    assert set(states(fetch(SETS["mnist"], tmp_path)).values()) == {"complete"}
    assert [path for path, _ in server.asked] == ["mnist/t10k-labels-idx1-ubyte.gz"]


def test_an_archive_put_there_by_hand_is_taken(
    small_gtsrb: Any, server: Any, tmp_path: Path
) -> None:
    (tmp_path / "gtsrb").mkdir()
    for remote in SETS["gtsrb"].remotes:
        (tmp_path / remote.path).write_bytes(server.files.pop(remote.path))
    assert set(states(fetch(SETS["gtsrb"], tmp_path)).values()) == {"complete"}
    assert server.asked == []


def mnist(root: Path, part: str, images: np.ndarray, labels: np.ndarray) -> None:
    for name, values in (
        (f"{part}-images-idx3-ubyte", images),
        (f"{part}-labels-idx1-ubyte", labels),
    ):
        head = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
        (root / "MNIST" / "raw" / name).write_bytes(head + values.astype(np.uint8).tobytes())


def test_what_check_says_of_mnist(small_mnist: Any, tmp_path: Path) -> None:
    fetch(SETS["mnist"], tmp_path)
    images, labels = small_mnist.images["train"], small_mnist.labels["train"]

    def state_of(images: np.ndarray, labels: np.ndarray) -> str:
        mnist(tmp_path, "train", images, labels)
        return states(check(SETS["mnist"], tmp_path))["train"]

    assert state_of(images, labels) == "complete"
    order = np.random.default_rng(0).permutation(40)
    assert state_of(images[order], labels[order]) == "damaged"  # readable, but not as published
    assert state_of(images[:30], labels[:30]) == "subset"
    assert state_of(images[:30], labels) == "damaged"  # another number of labels
    assert state_of(images[order], labels) == "damaged"  # the labels belong to other images
    assert state_of(images[order], np.zeros(40)) == "damaged"  # other classes
    assert state_of(np.concatenate([images, images]), np.concatenate([labels, labels])) == "damaged"
    (tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte").unlink()
    train = check(SETS["mnist"], tmp_path)[0]
    assert train.state == "damaged" and "train-labels-idx1-ubyte" in train.text


def test_other_files_than_the_published_ones_are_replaced(
    small_mnist: Any, server: Any, tmp_path: Path
) -> None:
    fetch(SETS["mnist"], tmp_path)
    for part, start in (("train", "train"), ("test", "t10k")):
        mnist(tmp_path, start, small_mnist.images[part][::-1], small_mnist.labels[part][::-1])
    assert set(states(check(SETS["mnist"], tmp_path)).values()) == {"damaged"}
    assert set(states(fetch(SETS["mnist"], tmp_path)).values()) == {"complete"}


def test_what_check_says_of_signs(small_gtsrb: Any, tmp_path: Path) -> None:
    fetch(SETS["gtsrb"], tmp_path)
    first = tmp_path / "gtsrb" / "GTSRB" / "Training" / "00001" / "00000_00002.ppm"
    whole = first.read_bytes()
    first.write_bytes(whole[:-200])
    train = check(SETS["gtsrb"], tmp_path)[0]
    assert train.state == "damaged" and "00001/00000_00002.ppm" in train.text
    first.unlink()
    assert states(check(SETS["gtsrb"], tmp_path)) == {"train": "subset", "test": "complete"}
    (tmp_path / "gtsrb" / "GT-final_test.csv").unlink()
    assert states(check(SETS["gtsrb"], tmp_path))["test"] == "damaged"


def test_a_damaged_folder_is_replaced(small_gtsrb: Any, tmp_path: Path) -> None:
    fetch(SETS["gtsrb"], tmp_path)
    for path in (tmp_path / "gtsrb" / "GTSRB" / "Training").rglob("*.ppm"):
        path.write_bytes(b"P6 cut")
    assert set(states(fetch(SETS["gtsrb"], tmp_path)).values()) == {"complete"}


def test_a_subset_is_not_overwritten(small_gtsrb: Any, server: Any, tmp_path: Path) -> None:
    fetch(SETS["gtsrb"], tmp_path)
    shutil.rmtree(tmp_path / "gtsrb" / "GTSRB" / "Training" / "00002")
    server.asked.clear()
    with pytest.raises(InputError, match=r"subset is in .*GTSRB: .*move it"):
        fetch(SETS["gtsrb"], tmp_path)
    assert not server.asked


def test_what_check_says_of_medmnist(small_blood: Any, tmp_path: Path) -> None:
    fetched = find("medmnist:bloodmnist")[0]  # type: ignore[index]
    fetch(fetched, tmp_path)
    path = tmp_path / "medmnist" / "bloodmnist.npz"
    with np.load(path) as archive:
        arrays = dict(archive)
    path.write_bytes(path.read_bytes()[:5000])
    assert set(states(check(fetched, tmp_path)).values()) == {"damaged"}
    # Medmnist's own len() would fail here.
    np.savez(path, **{name: array[:7] for name, array in arrays.items()})
    assert set(states(check(fetched, tmp_path)).values()) == {"subset"}
    np.savez(path, **{name: array[::-1] for name, array in arrays.items()})
    assert set(states(check(fetched, tmp_path)).values()) == {"damaged"}


def test_cifar_is_official_or_damaged(small_cifar: Any, tmp_path: Path) -> None:
    fetch(SETS["cifar10"], tmp_path)
    path = tmp_path / "cifar-10-batches-py" / "data_batch_2"
    path.write_bytes(path.read_bytes()[:-1])
    parts = check(SETS["cifar10"], tmp_path)
    assert set(states(parts).values()) == {"damaged"} and "stays shut" in parts[0].text
    assert set(states(fetch(SETS["cifar10"], tmp_path)).values()) == {"complete"}


def test_two_at_once_one_ends_well_and_one_says_so(
    small_mnist: Any, server: Any, tmp_path: Path
) -> None:
    server.gate = threading.Event()
    ended: list[Any] = []
    first = threading.Thread(target=lambda: ended.append(states(fetch(SETS["mnist"], tmp_path))))
    first.start()
    try:
        for _ in range(200):
            if server.asked:
                break
            threading.Event().wait(0.05)
        with pytest.raises(InputError, match=r"mnist: .*already: wait"):
            fetch(SETS["mnist"], tmp_path)
    finally:
        server.gate.set()
        first.join()
    assert ended == [{"train": "complete", "test": "complete"}]
    assert states(fetch(SETS["mnist"], tmp_path)) == ended[0]  # and the lock is off


def test_a_data_root_that_cannot_be_written(
    small_mnist: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match=r"file.* written .*--data-root"):
        fetch(SETS["mnist"], tmp_path / "file" / "root")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "somewhere")

    monkeypatch.setattr("mtlkit.data.store.unpack", full)
    with pytest.raises(InputError, match=r"somewhere: .*No space left"):
        fetch(SETS["mnist"], tmp_path / "root")
    assert set(states(check(SETS["mnist"], tmp_path / "root")).values()) == {"missing"}


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has other permissions")
def test_a_read_only_data_root(small_mnist: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o555)
        root = os.geteuid() == 0  # whom permissions do not bind: be nobody meanwhile
        if root:
            os.seteuid(65534)
        try:
            with pytest.raises(InputError, match=r"Permission denied.*--data-root"):
                fetch(SETS["mnist"], name)
            assert os.listdir(name) == []
        finally:
            if root:
                os.seteuid(0)
            os.chmod(name, 0o755)


def test_a_missing_part_is_fetched_beside_a_subset(
    small_gtsrb: Any, server: Any, tmp_path: Path
) -> None:
    fetch(SETS["gtsrb"], tmp_path)
    shutil.rmtree(tmp_path / "gtsrb" / "GTSRB" / "Training" / "00002")
    shutil.rmtree(tmp_path / "gtsrb" / "GTSRB" / "Final_Test")
    server.asked.clear()
    assert states(fetch(SETS["gtsrb"], tmp_path)) == {"train": "subset", "test": "complete"}
    assert "gtsrb/GTSRB-Training_fixed.zip" not in {path for path, _ in server.asked}
