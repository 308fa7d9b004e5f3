"""A folder of real pictures as a user might have one: three or four kinds, mixed formats and sizes,
light that varies.

    python benchmarks/folder.py --data-root FOLDER --out photos

FOLDER holds the sets `bccd/` and `gtsrb/`. The kinds are crops of blood smears and two kinds of
traffic signs; a subfolder each, so that a result can be scored. `--development` draws other kinds,
from the tracks and photos on which recipes may be chosen.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from real import cells, read, signs

FORMATS = ("png", "jpg", "bmp", "webp", "tiff")
# GTSRB's classes beside the smears: "keep right", blue and round; "yield", a triangle.
REPORTED = (38, 13)
DEVELOPMENT = ((12, 17), (1, 14, 33), (35, 18, 25))


def write_folder(
    root: Path,
    out: Path,
    classes: tuple[int, ...],
    development: bool,
    seed: int = 0,
    each: int = 107,
) -> None:
    """Write `each` pictures of every kind below `out`, formats and sizes mixed."""
    random = np.random.default_rng(seed)
    files, kinds_of_signs = signs(root, 0 if development else 1)
    kinds = {"smear": cells(root, "train" if development else "test", window=None)[0]}
    for one in classes:
        kinds[f"sign-{one:02d}"] = [
            read(files[row]) for row in np.flatnonzero(kinds_of_signs == one)
        ]
    for kind, pictures in kinds.items():
        (out / kind).mkdir(parents=True, exist_ok=True)
        for number, row in enumerate(random.permutation(len(pictures))[:each]):
            size = random.uniform(0.8, 2.0)  # times its own
            picture = pictures[row].resize(
                tuple(max(12, int(side * size)) for side in pictures[row].size)
            )
            picture.save(out / kind / f"{number:03d}.{random.choice(FORMATS)}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-root", type=Path, required=True, help="folder of bccd/ and gtsrb/")
    parser.add_argument("--out", type=Path, required=True, help="the folder to make")
    parser.add_argument(
        "--development",
        type=int,
        choices=range(len(DEVELOPMENT)),
        help="the number of a development folder",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="which pictures, in which formats and sizes"
    )
    options = parser.parse_args()
    if options.out.exists():
        parser.error(f"--out {options.out}: is there already; name a folder that is not")
    development = options.development is not None
    classes = DEVELOPMENT[options.development] if development else REPORTED
    write_folder(options.data_root, options.out, classes, development, options.seed)


if __name__ == "__main__":
    main()
