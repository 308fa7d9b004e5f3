"""A server here that can misbehave, small sets in place of the real ones, and pictures."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import re
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
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
    # One answer each is cut off after so many bytes.
    cut_after: list[int] = field(default_factory=list)
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
    """A small set: its files as they lie unpacked; images N x H x W (x 3) and labels by part."""

    raw: dict[str, bytes]
    images: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]


SIZES = {"train": 40, "test": 20}


def serve(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    archives: dict[str, bytes],
    **facts: Any,
) -> None:
    """Let a set's archives, by their names, come from the server, and change its facts."""
    from mtlkit.data.sets import SETS

    remotes = []
    for remote in SETS[name].remotes:
        body = archives[Path(remote.path).name]
        url = f"{name}/{Path(remote.path).name}"
        server.files[url] = body
        remotes.append(replace(remote, md5=md5(body), urls=[server.url + url]))
    monkeypatch.setitem(SETS, name, replace(SETS[name], remotes=remotes, **facts))


@pytest.fixture
def small_mnist(server: Server, monkeypatch: pytest.MonkeyPatch) -> Small:
    """40 + 20 images, four and two of each class, on the server, as if MNIST was no more."""
    from mtlkit.data.readers import Part

    random, raw, parts = np.random.default_rng(0), {}, {}
    images, labels = {}, {}
    for part, start in (("train", "train"), ("test", "t10k")):
        images[part] = random.integers(0, 256, (SIZES[part], 28, 28), np.uint8)
        labels[part] = np.arange(SIZES[part]) % 10
        own = {
            f"{start}-images-idx3-ubyte": idx(images[part]),
            f"{start}-labels-idx1-ubyte": idx(labels[part]),
        }
        raw |= own
        files = {f"MNIST/raw/{name}": md5(body) for name, body in own.items()}
        parts[part] = Part(SIZES[part], files)
    archives = {f"{name}.gz": gzip.compress(body) for name, body in raw.items()}
    serve(server, monkeypatch, "mnist", archives, parts=parts)
    return Small(raw, images, labels)


@pytest.fixture
def small_cifar(server: Server, monkeypatch: pytest.MonkeyPatch) -> Small:
    """50 + 20 images; torchvision takes them for the official ones, too."""
    from torchvision.datasets import CIFAR10

    from mtlkit.data.readers import Part

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
    files = {f"cifar-10-batches-py/{name}": md5(body) for name, body in raw.items()}
    parts = {part: Part(len(images[part]), files) for part in images}
    archives = {"cifar-10-python.tar.gz": packed.getvalue()}
    serve(server, monkeypatch, "cifar10", archives, parts=parts)
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
    from mtlkit.data.readers import Part
    from mtlkit.data.sets import SETS

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
    archives = {}
    for name, start in (
        ("GTSRB-Training_fixed.zip", "GTSRB/Training"),
        ("GTSRB_Final_Test_Images.zip", "GTSRB/Final_Test"),
        ("GTSRB_Final_Test_GT.zip", "GT"),
    ):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for path, body in raw.items():
                if path.startswith(start):
                    archive.writestr(path, body)
        archives[name] = packed.getvalue()
    parts = {part: Part(len(labels[part]), SETS["gtsrb"].parts[part].files) for part in labels}
    serve(server, monkeypatch, "gtsrb", archives, parts=parts, class_names=("0", "1", "2"))
    return Small(raw, {}, {part: np.array(values) for part, values in labels.items()})


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


Draw = Callable[..., None]
Fill = Callable[[Path, int, int], None]


@pytest.fixture(scope="session")
def draw() -> Draw:
    """Writes a picture of one shade."""

    def draw(path: Path, shade: int, size: tuple[int, int] = (16, 16), mode: str = "L") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size, shade).convert(mode).save(path)

    return draw


@pytest.fixture(scope="session")
def fill(draw: Draw) -> Fill:
    """Writes `good` images and `bad` files with an image's suffix that hold none."""

    def fill(folder: Path, good: int, bad: int) -> None:
        for row in range(good):
            draw(folder / f"good{row}.png", row)
        for row in range(bad):
            (folder / f"bad{row}.png").write_bytes(b"no image")

    return fill
