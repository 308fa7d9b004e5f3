"""A folder of real pictures as a user might have one: three or four kinds, mixed formats and sizes, light that varies.

    python benchmarks/folder.py --data-root FOLDER --out photos

FOLDER holds the sets `bccd/` and `gtsrb/`. The kinds are crops of blood smears and two kinds of traffic signs; a subfolder each,
so that a result can be scored. `--development` draws other kinds, from the tracks and photos on which recipes may be chosen.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image

FORMATS = ("png", "jpg", "bmp", "webp", "tiff")
KINDS = ("RBC", "WBC", "Platelets")  # of BCCD
REPORTED = (38, 13)  # GTSRB's classes beside the smears: "keep right", blue and round; "yield", a triangle
DEVELOPMENT = ((12, 17), (1, 14, 33), (35, 18, 25))
WINDOW = 128  # px: about a red cell and its surroundings


def cells(root: Path, photos: str, window: int | None = WINDOW) -> tuple[list[Image.Image], np.ndarray]:
    """Return a crop for each annotated cell of BCCD's photos ("train", "val" or "test"), and its kind.

    With `window` all crops have that size, so that a cell's size can be seen; with None they are cut to the box.
    """
    base = root / "bccd" / "BCCD"
    crops, kinds = [], []
    for name in sorted((base / "ImageSets" / "Main" / f"{photos}.txt").read_text().split()):
        photo = Image.open(base / "JPEGImages" / f"{name}.jpg").convert("RGB")
        for cell in ElementTree.parse(base / "Annotations" / f"{name}.xml").iter("object"):
            left, top, right, bottom = (
                int(cell.findtext(f"bndbox/{side}", "0")) for side in ("xmin", "ymin", "xmax", "ymax")
            )
            if right <= left or bottom <= top:  # two boxes of the set have no area
                continue
            if window:
                left, top = (left + right - window) // 2, (top + bottom - window) // 2
                left, top = (
                    int(np.clip(start, 0, size - window)) for start, size in zip((left, top), photo.size, strict=True)
                )
                right, bottom = left + window, top + window
            crops.append(photo.crop((left, top, right, bottom)))
            kinds.append(KINDS.index(cell.findtext("name", "")))
    return crops, np.array(kinds)


def signs(root: Path, parity: int) -> tuple[list[Path], np.ndarray]:
    """Return the files of GTSRB's train tracks of even (0) or odd (1) number, and their classes: never a track in both."""
    files = sorted((root / "gtsrb" / "GTSRB" / "Training").glob("*/*.ppm"))
    files = [file for file in files if int(file.stem.split("_")[0]) % 2 == parity]
    return files, np.array([int(file.parent.name) for file in files])


def write_folder(
    root: Path, out: Path, classes: tuple[int, ...], development: bool, seed: int = 0, each: int = 107
) -> None:
    """Write `each` pictures of every kind below `out`, formats and sizes mixed."""
    random = np.random.default_rng(seed)
    smears, _ = cells(root, "train" if development else "test", window=None)
    files, _ = signs(root, 0 if development else 1)
    kinds = {"smear": smears} | {
        f"sign-{one:02d}": [Image.open(file) for file in files if int(file.parent.name) == one] for one in classes
    }
    for kind, pictures in kinds.items():
        (out / kind).mkdir(parents=True, exist_ok=True)
        for number, row in enumerate(random.permutation(len(pictures))[:each]):
            size = random.uniform(0.8, 2.0)  # times its own
            picture = pictures[row]
            picture = picture.resize(tuple(max(12, int(side * size)) for side in picture.size))
            picture.convert("RGB").save(out / kind / f"{number:03d}.{random.choice(FORMATS)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, required=True, help="folder of bccd/ and gtsrb/")
    parser.add_argument("--out", type=Path, required=True, help="the folder to make")
    parser.add_argument(
        "--development", type=int, choices=range(len(DEVELOPMENT)), help="the number of a development folder"
    )
    parser.add_argument("--seed", type=int, default=0, help="which pictures, in which formats and sizes")
    options = parser.parse_args()
    development = options.development is not None
    classes = DEVELOPMENT[options.development] if development else REPORTED
    if options.out.exists():
        parser.error(f"--out {options.out}: is there already; name a folder that is not")
    write_folder(options.data_root, options.out, classes, development, options.seed)


if __name__ == "__main__":
    main()
