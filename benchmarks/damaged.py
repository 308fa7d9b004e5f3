"""What does a folder of 2,000 damaged images do to `load`? It must end, in bounded memory, and
count what it skipped.

    python benchmarks/damaged.py

Good images of ten kinds (AVIF, HEIC and grey of 16 bits among them) are damaged at random: bytes
flipped, the end cut off, headers swapped, sizes lied about. What can be decoded is found file by
file with `read_image`; then the whole folder, with 38,000 copies of good files beside them, must
skip exactly the others. Results go to `results/damaged.json`.
"""

from __future__ import annotations

import io
import json
import os
import resource
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from accuracy import RESULTS
from PIL import Image

from mtlkit import InputError, load
from mtlkit.data import read_image
from mtlkit.data.formats import formats
from mtlkit.deployment.run_folder import versions

DAMAGED, GOOD = 2_000, 38_000
KINDS = {  # suffix -> format, as Pillow names it
    "png": "PNG",
    "jpg": "JPEG",
    "bmp": "BMP",
    "gif": "GIF",
    "tif": "TIFF",
    "webp": "WEBP",
    "ppm": "PPM",
    "avif": "AVIF",
    "heic": "HEIF",
    "16.tif": "TIFF",  # grey of 16 bits
}


def good(random: np.random.Generator, suffix: str) -> bytes:
    """One image of random blocks, 20 to 80 px, grey or colour."""
    height, width = random.integers(20, 80, 2)
    file = io.BytesIO()
    if suffix == "16.tif":
        deep = random.integers(0, 65536, (height, width), dtype=np.uint16)
        Image.fromarray(deep).save(file, "TIFF")
        return file.getvalue()
    blocks = random.integers(0, 256, (8, 8) if random.random() < 0.3 else (8, 8, 3), dtype=np.uint8)
    Image.fromarray(blocks).resize((int(width), int(height))).save(file, KINDS[suffix])
    return file.getvalue()


def damage(random: np.random.Generator, content: bytes, other: bytes) -> bytes:
    way = random.integers(5)
    changed = bytearray(content)
    if way == 0:  # some bytes flipped
        for place in random.integers(0, len(changed), random.integers(1, 30)):
            changed[place] ^= int(random.integers(1, 256))
    elif way == 1:  # cut short
        changed = changed[: random.integers(0, len(changed))]
    elif way == 2:  # another format's header
        length = int(random.integers(4, 40))
        changed[:length] = other[:length]
    elif way == 3:  # sizes and counts lied about: four bytes of the header become huge
        place = int(random.integers(4, min(60, len(changed) - 4)))
        changed[place : place + 4] = (
            b"\x7f\xff\xff\xff" if random.random() < 0.5 else b"\xff\xff\xff\x7f"
        )
    else:  # a piece of the middle is gone, noise stands at the end
        start = int(random.integers(0, len(changed)))
        del changed[start : start + int(random.integers(1, 200))]
        changed += random.bytes(50)
    return bytes(changed)


def decodes(path: Path) -> bool:
    try:
        read_image(path, 32)
    except InputError:
        return False
    return True


def main() -> None:
    formats()  # with pillow-heif, Pillow writes HEIC from here on
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pool = {suffix: [good(random, suffix) for _ in range(20)] for suffix in KINDS}
        for number in range(DAMAGED):
            suffix, other = random.choice(list(KINDS), 2)
            content = damage(random, pool[suffix][number % 20], pool[other][0])
            (folder / f"damaged-{number:04}.{suffix}").write_bytes(content)
        broken = {path.name for path in sorted(folder.iterdir()) if not decodes(path)}
        for number in range(20):
            (folder / f"good-{number:02}-0.png").write_bytes(pool["png"][number])
        for number in range(20, GOOD):
            os.link(
                folder / f"good-{number % 20:02}-0.png",
                folder / f"good-{number % 20:02}-{number}.png",
            )
        before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
        images = load(folder, size=32)
        seconds = time.perf_counter() - started
        more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    skipped = {item.path for item in images.skipped}
    content = {
        "command": "python benchmarks/damaged.py",
        "damaged": DAMAGED,
        "that cannot be decoded": len(broken),
        "skipped": len(skipped),
        "exact": skipped == broken,
        "images": len(images),
        "seconds": round(seconds, 1),
        "megabytes of the images": round(images.images.nbytes / 2**20),
        "megabytes more at the peak": round(more),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": versions(),
    }
    print(json.dumps(content, indent=1))
    (RESULTS / "damaged.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
