"""Annotations that were damaged: does reading end in a sentence or in exact counts, and soon?

    python benchmarks/damaged_boxes.py

1,000 Pascal VOC files and 1,000 COCO files of drawn road scenes are damaged in one of eight ways
each, and read. Every one must be read in seconds, raise nothing but `InputError`, and where it is
read, boxes kept and left out must add up to those that were found. Results go to
`results/damaged_boxes.json`.
"""

from __future__ import annotations

import json
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from accuracy import RESULTS
from PIL import Image
from tqdm import tqdm

from mtlkit.data.boxes import Annotated, read_coco, read_voc
from mtlkit.data.road_objects import KINDS
from mtlkit.data.roads import road_scene
from mtlkit.deployment.run_folder import versions
from mtlkit.errors import InputError

NUMBER = 1_000  # of each format
LONGEST = 5.0  # s, for one file
STRANGE = [b"nan", b"-1", b"1e400", b"", b"\xff\xfe", b"999999999999", b"null", b"[]", "é".encode()]


def cut_short(text: bytes, dice: random.Random) -> bytes:
    return text[: dice.randrange(len(text))]


def flip(text: bytes, dice: random.Random) -> bytes:
    changed = bytearray(text)
    for _ in range(dice.randint(1, 20)):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


def insert(text: bytes, dice: random.Random) -> bytes:
    place = dice.randrange(len(text))
    return text[:place] + dice.choice(STRANGE) * dice.randint(1, 50) + text[place:]


def drop(text: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(text))
    return text[:start] + text[start + dice.randint(1, 60) :]


def repeat(text: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(text))
    piece = text[start : start + dice.randint(1, 300)]
    return text[:start] + piece * dice.randint(2, 5) + text[start:]


def numbers(text: bytes, dice: random.Random) -> bytes:
    return re.sub(rb"\d+", lambda m: m[0] if dice.random() < 0.8 else dice.choice(STRANGE), text)


def words(text: bytes, dice: random.Random) -> bytes:
    found = sorted(set(re.findall(rb"[a-z_]{4,}", text)))
    return text.replace(dice.choice(found), dice.choice(found))


def nest(text: bytes, dice: random.Random) -> bytes:
    place = dice.randrange(len(text))
    return text[:place] + dice.choice([b"<a>", b"[", b'{"a":']) * 5_000 + text[place:]


DAMAGES: list[Callable[[bytes, random.Random], bytes]] = [
    cut_short,
    flip,
    insert,
    drop,
    repeat,
    numbers,
    words,
    nest,
]


def voc_of(seed: int, folder: Path) -> bytes:
    scene = road_scene(seed, side=64)
    Image.new("RGB", (64, 64)).save(folder / f"{seed}.png")
    objects = "".join(
        f"<object><name>{KINDS[kind]}</name><bndbox><xmin>{a:g}</xmin><ymin>{b:g}</ymin>"
        f"<xmax>{c:g}</xmax><ymax>{d:g}</ymax></bndbox></object>"
        for kind, (a, b, c, d) in zip(scene.kinds, scene.boxes.tolist(), strict=True)
    )
    size = "<size><width>64</width><height>64</height></size>"
    name = f"<filename>{seed}.png</filename>"
    return f"<annotation>{name}{size}{objects}</annotation>".encode()


def coco_of(seeds: list[int]) -> bytes:
    annotations = []
    for seed in seeds:
        scene = road_scene(seed, side=64)
        for kind, (a, b, c, d) in zip(scene.kinds.tolist(), scene.boxes.tolist(), strict=True):
            row = {"id": len(annotations), "image_id": seed, "category_id": kind}
            annotations.append(row | {"bbox": [a, b, c - a, d - b]})
    images = [{"id": s, "file_name": f"{s}.png", "width": 64, "height": 64} for s in seeds]
    categories = [{"id": number, "name": name} for number, name in enumerate(KINDS)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    return json.dumps(content).encode()


def outcome(read: Callable[[], Annotated]) -> str:
    """Return how reading ended; whatever else it raises ends the benchmark."""
    started = time.perf_counter()
    try:
        found = read()
    except InputError:
        told = "refused in a sentence"
    else:
        kept = sum(len(photo.boxes) for photo in found.photos)
        assert all(len(photo.kinds) == len(photo.boxes) for photo in found.photos)
        counted = kept + len(found.flawed)
        # A photo that is lost counts with all its boxes, or as one.
        assert counted + len(found.lost) <= found.total
        assert found.lost or counted == found.total
        told = "read, some left out" if found.lost or found.flawed else "read in full"
    assert time.perf_counter() - started < LONGEST
    return told


def main() -> None:
    dice = random.Random(0)
    ends: dict[str, Counter[str]] = {"Pascal VOC": Counter(), "COCO": Counter()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [voc_of(seed, folder) for seed in range(20)]
        whole = coco_of(list(range(20)))
        for number in tqdm(range(NUMBER), unit="pair"):
            damage = DAMAGES[number % len(DAMAGES)]
            one = folder / "voc"
            one.mkdir(exist_ok=True)
            (one / "0.xml").write_bytes(damage(files[number % len(files)], dice))
            ends["Pascal VOC"][outcome(lambda: read_voc(folder / "voc", folder))] += 1
            (folder / "all.json").write_bytes(damage(whole, dice))
            ends["COCO"][outcome(lambda: read_coco(folder / "all.json", folder))] += 1
    content = {
        "command": "python benchmarks/damaged_boxes.py",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": versions(),
        "damages": [damage.__name__ for damage in DAMAGES],
        "ends": ends,
    }
    print(ends)
    (RESULTS / "damaged_boxes.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
