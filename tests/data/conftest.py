"""A server on this machine that can misbehave, and small sets that torchvision's classes take for
the official ones.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import re
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from PIL import Image


@dataclass
class Server:
    """What the server has, how it misbehaves, and what it was asked for."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    resumes: bool = True  # understands Range
    cut_after: list[int] = field(
        default_factory=list
    )  # one answer each is cut off after so many bytes
    status: int = 200
    content_type: str = "application/octet-stream"
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # (path, Range)
    gate: threading.Event | None = None  # answers wait for it


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr("mtlkit.data.download.PAUSE", 0.0)
    for name in (
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, wanted = self.path.lstrip("/").split("?")[0], self.headers.get("Range")
            state.asked.append((path, wanted))
            if state.gate:
                state.gate.wait(20)
            body, status = state.files.get(path), state.status
            if body is None or status >= 400:
                self.send_error(404 if body is None else status)
                return
            if wanted and state.resumes:
                start = int(re.findall(r"\d+", wanted)[0])
                if start >= len(body):
                    self.send_error(416)
                    return
                body, status = body[start:], 206
            self.send_response(status)
            self.send_header("Content-Type", state.content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: state.cut_after.pop(0)] if state.cut_after else body)

        def log_message(self, *_: Any) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = Server(f"http://127.0.0.1:{httpd.server_address[1]}/")
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield state
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def idx(values: np.ndarray) -> bytes:
    """An array of bytes in MNIST's format."""
    head = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    return head + values.astype(np.uint8).tobytes()


@dataclass
class Small:
    """A small set: its files by name as they lie unpacked, images N x H x W (x 3) and labels by
    part.
    """

    raw: dict[str, bytes]
    images: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]


SIZES = {"train": 40, "test": 20}


@pytest.fixture
def small_mnist(server: Server, monkeypatch: pytest.MonkeyPatch) -> Small:
    """40 + 20 images, four and two of each class, on the server; to torchvision and mtlkit they are
    the official MNIST.
    """
    from torchvision.datasets import MNIST

    from mtlkit.data.sets import SETS, Part

    random, raw, images, labels = np.random.default_rng(0), {}, {}, {}
    for part, start in (("train", "train"), ("test", "t10k")):
        images[part] = random.integers(0, 256, (SIZES[part], 28, 28), np.uint8)
        labels[part] = np.arange(SIZES[part]) % 10
        raw[f"{start}-images-idx3-ubyte"], raw[f"{start}-labels-idx1-ubyte"] = (
            idx(images[part]),
            idx(labels[part]),
        )
        files = {
            f"MNIST/raw/{name}": md5(body) for name, body in raw.items() if name.startswith(start)
        }
        official = Part(SIZES[part], files, (SIZES[part] // 10,) * 10)
        monkeypatch.setitem(SETS["mnist"].parts, part, official)
    for name, body in raw.items():
        server.files[f"mnist/{name}.gz"] = gzip.compress(body)
    monkeypatch.setattr(MNIST, "mirrors", [f"{server.url}mnist/"])
    monkeypatch.setattr(
        MNIST, "resources", [(f"{name}.gz", md5(server.files[f"mnist/{name}.gz"])) for name in raw]
    )
    return Small(raw, images, labels)


@pytest.fixture
def small_cifar(server: Server, monkeypatch: pytest.MonkeyPatch) -> Small:
    from torchvision.datasets import CIFAR10

    random, raw = np.random.default_rng(0), {}
    images = {
        "train": random.integers(0, 256, (50, 3, 32, 32), np.uint8),
        "test": random.integers(0, 256, (20, 3, 32, 32), np.uint8),
    }
    labels = {"train": np.arange(50) % 10, "test": np.arange(20) % 10}
    for number in range(5):
        rows = slice(10 * number, 10 * number + 10)
        raw[f"data_batch_{number + 1}"] = pickle.dumps(
            {
                "data": images["train"][rows].reshape(10, -1),
                "labels": labels["train"][rows].tolist(),
            }
        )
    raw["test_batch"] = pickle.dumps(
        {"data": images["test"].reshape(20, -1), "labels": labels["test"].tolist()}
    )
    raw["batches.meta"] = pickle.dumps({"label_names": list("abcdefghij")})
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, body in raw.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    server.files["cifar.tar.gz"] = packed.getvalue()
    monkeypatch.setattr(CIFAR10, "url", f"{server.url}cifar.tar.gz")
    monkeypatch.setattr(CIFAR10, "tgz_md5", md5(packed.getvalue()))
    monkeypatch.setattr(
        CIFAR10, "train_list", [[name, md5(raw[name])] for name in raw if name.startswith("data")]
    )
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", md5(raw["test_batch"])]])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": md5(raw["batches.meta"])})
    return Small(raw, images, labels)


def ppm(colour: int, size: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (colour, 40, 200)).save(file, "PPM")
    return file.getvalue()


@pytest.fixture
def small_gtsrb(server: Server, monkeypatch: pytest.MonkeyPatch) -> Small:
    """Three classes of four and two signs, of many sizes, in the three archives."""
    import dataclasses

    from mtlkit.data.sets import SETS, Part

    raw, labels = {}, {"train": [], "test": []}
    table = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\n"
    for label in range(3):
        for frame in range(4):
            raw[f"GTSRB/Training/{label:05d}/00000_{frame:05d}.ppm"] = ppm(
                80 * label + frame, (20 + 9 * frame, 31)
            )
            labels["train"].append(label)
    for row, label in enumerate((2, 0, 1, 1, 2, 0)):
        raw[f"GTSRB/Final_Test/Images/{row:05d}.ppm"] = ppm(80 * label, (25, 30 + row))
        table += f"{row:05d}.ppm;1;1;1;1;1;1;{label}\n"
        labels["test"].append(label)
    raw["GT-final_test.csv"] = table.encode()
    known, remotes = SETS["gtsrb"], []
    for remote, start in zip(
        known.packed, ("GTSRB/Training", "GTSRB/Final_Test", "GT"), strict=True
    ):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, body in raw.items():
                if name.startswith(start):
                    archive.writestr(name, body)
        name = remote.path.split("/")[1]
        server.files[name] = packed.getvalue()
        remotes.append(
            dataclasses.replace(remote, md5=md5(packed.getvalue()), urls=(server.url + name,))
        )
    parts = {part: Part(len(found), known.parts[part].files) for part, found in labels.items()}
    changed = dataclasses.replace(
        known, packed=tuple(remotes), parts=parts, class_names=("0", "1", "2")
    )
    monkeypatch.setitem(SETS, "gtsrb", changed)
    return Small(raw, {}, {part: np.array(found) for part, found in labels.items()})


@pytest.fixture
def small_blood(server: Server, monkeypatch: pytest.MonkeyPatch) -> Small:
    """BloodMNIST with 24 + 16 + 8 images."""
    from medmnist.info import INFO

    random, arrays, file = np.random.default_rng(0), {}, io.BytesIO()
    for part, size in (("train", 24), ("test", 16), ("val", 8)):
        arrays[f"{part}_images"] = random.integers(0, 256, (size, 28, 28, 3), np.uint8)
        arrays[f"{part}_labels"] = (np.arange(size) % 8)[:, None].astype(np.uint8)
    np.savez(file, **arrays)
    server.files["bloodmnist.npz"] = file.getvalue()
    facts = {
        "url": f"{server.url}bloodmnist.npz?download=1",
        "MD5": md5(file.getvalue()),
        "n_samples": {"train": 24, "test": 16, "val": 8},
    }
    monkeypatch.setitem(INFO, "bloodmnist", INFO["bloodmnist"] | facts)
    images = {part: arrays[f"{part}_images"] for part in ("train", "test", "val")}
    return Small({}, images, {part: arrays[f"{part}_labels"][:, 0] for part in images})
