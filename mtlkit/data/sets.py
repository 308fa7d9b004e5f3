"""Which sets are fetched, by their names; `sets.json` has their files, places and checksums.

Those are what torchvision gives for MNIST, Fashion-MNIST, CIFAR-10 and GTSRB, which a test
compares. MedMNIST's sets are what medmnist says. BCCD is published file by file: `bccd.json` has
an MD5 of each.
"""

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from mtlkit.data.download import Remote
from mtlkit.data.readers import BoxSet, CifarSet, FetchedSet, IdxSet, MedicalSet, Part, SignSet
from mtlkit.errors import InputError, nearest

PARTS = ("train", "test", "val")
READERS = {
    "mnist": IdxSet,
    "fashion-mnist": IdxSet,
    "cifar10": CifarSet,
    "gtsrb": SignSet,
    "bccd": BoxSet,
}


def _table() -> dict[str, FetchedSet]:
    """Return the sets whose files, places and checksums stand beside this module."""
    facts: dict[str, Any] = {}
    for file in ("sets.json", "bccd.json"):
        facts |= json.loads(Path(__file__).with_name(file).read_text(encoding="utf-8"))
    return {name: _fetched_set(name, values) for name, values in facts.items()}


def _fetched_set(name: str, facts: dict[str, Any]) -> FetchedSet:
    facts["class_names"] = tuple(facts["class_names"])
    for part, values in facts["parts"].items():
        facts["parts"][part] = Part(**values)
    remotes = [Remote(**values) for values in facts["remotes"]]
    facts["remotes"] = remotes or _single_files(facts)
    return READERS[name](name, **facts)


def _single_files(facts: dict[str, Any]) -> list[Remote]:
    """Return every file of a set that has no archive with a checksum."""
    places = facts.pop("places")
    return [
        Remote(path, md5, [place + path.partition("/")[2] for place in places], part=part)
        for part, values in facts["parts"].items()
        for path, md5 in values.files.items()
    ]


SETS = _table()


def medical(name: str) -> FetchedSet:
    """Return a set by `medmnist:NAME`, or `NAME_64` and the like for larger images.

    `InputError` without medmnist, and for any other name.

    >>> medical("medmnist:bloodmnist_64").about
    'MedMNIST v2, multi-class, 64 px'
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # it wants a folder in the home folder
            from medmnist.info import INFO
    except ImportError as fault:
        raise InputError(
            f'{name}: needs medmnist: install it with `pip install "mtlkit[medical]"`.'
        ) from fault
    flag = name.removeprefix("medmnist:")
    flat = [key for key in INFO if not key.endswith("3d")]
    stem, line, side = flag.partition("_")
    if stem not in flat or f"MD5{line}{side}" not in INFO[stem]:
        raise InputError(
            f"{name!r} is not a known set.{nearest(stem, flat)} Those of flat images are "
            f"{', '.join(flat)} (28 px; with _64, _128 or _224, of that side): give one of them."
        )
    info, path = INFO[stem], f"medmnist/{flag}.npz"
    md5, several = info[f"MD5{line}{side}"], "multi-label" in info["task"]
    return MedicalSet(
        name,
        about=f"MedMNIST v2, {info['task']}, {side or 28} px",
        licence=info["license"],
        megabytes=0,
        class_names=() if several else tuple(info["label"].values()),
        parts={part: Part(info["n_samples"][part], {path: md5}) for part in PARTS},
        remotes=[Remote(path, md5, [info[f"url{line}{side}"]])],
    )


def find(source: str) -> tuple[FetchedSet, str] | None:
    """Return the set and the part that a name asks for, or None for any other name.

    Raises `InputError` for a part that the set has not, and as `medical`.

    >>> fetched, part = find("mnist:test")
    >>> fetched.about, part, fetched.parts[part].size
    ('handwritten digits, 28 px, grey', 'test', 10000)
    """
    before, _, last = source.rpartition(":")
    name, part = (before, last) if last in PARTS else (source, "train")
    base, _, view = name.partition(":")
    fetched = medical(name) if base == "medmnist" and view else SETS.get(base)
    if fetched is None or (view and base != "medmnist" and view not in fetched.views):
        return None
    if part not in fetched.parts:
        raise InputError(
            f"{source}: {name} has no part {part!r}: it has {' and '.join(fetched.parts)}."
        )
    return replace(fetched, name=name), part
