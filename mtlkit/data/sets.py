"""The sets that are fetched: which files they need, and how images and labels are read from them.

MNIST, Fashion-MNIST, CIFAR-10 and GTSRB lie as torchvision's loaders want them, MedMNIST's sets are
what medmnist says. Places and checksums of the downloads are those of the two packages, which are
imported late: that takes seconds. `sets.json` has what the packages do not tell.
"""

import json
import warnings
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mtlkit.data.archive import channels_first, headers
from mtlkit.data.download import Remote, md5_of
from mtlkit.data.folder import Progress, load_folder
from mtlkit.data.images import ImageSet, check_memory, row_names
from mtlkit.data.root import DataRoot, data_root
from mtlkit.errors import InputError, as_input_error, nearest

SIGN_SIDE = 32  # px
PARTS = ("train", "test", "val")


class Part(NamedTuple):
    """What the official part of a set has.

    size: its number of images.
    files: what it needs below the data root, images first, with the MD5 ("" where none is known).
    counts: its number of images of each class, where that is known.
    """

    size: int
    files: dict[str, str] = {}  # noqa: RUF012 (never changed)
    counts: tuple[int, ...] = ()


@dataclass(frozen=True)
class FetchedSet:
    """A set that is fetched once and then lies below the data root; a subclass for each way to read
    one.

    name: as in `load(name)`: alone or with `:train` for the train part, with `:test` for the test
        part.
    about, licence, megabytes: for the list; megabytes are those of the download. The data card says
        more.
    class_names: what label 0, 1, ... is called.
    parts: the official parts.
    places: folders of the net that have the files, beside those that torchvision knows.
    packed: the files to fetch, where no package lists them.
    """

    name: str
    about: str
    licence: str
    megabytes: int
    class_names: tuple[str, ...]
    parts: dict[str, Part]
    places: tuple[str, ...] = ()
    packed: tuple[Remote, ...] = ()

    def remotes(self) -> tuple[Remote, ...]:
        """Return the files to fetch."""
        return self.packed

    def files(self, part: str) -> dict[str, str]:
        """Return what a part needs, see `Part`."""
        return self.parts[part].files

    def first(self, part: str) -> str:
        """Return the path of a part's images below the data root."""
        return next(iter(self.files(part)))

    def load(
        self, part: str, root: DataRoot, size: int | None = None, progress: Progress | None = None
    ) -> ImageSet:
        """Return a part, its labels kept for `open_labels()`. Raises `InputError` when it is not
        there, or damaged.
        """
        place = data_root(root)
        if absent := [path for path in self.files(part) if not (place / path).exists()]:
            raise InputError(
                f"{self.name}: {place / absent[0]} is not there: run `mtlkit data "
                f"fetch {self.name}`, or give"
                " another --data-root; without a network, take `digits`."
            )
        name = self.name if part == "train" else f"{self.name}:{part}"
        found, names = self.read(place, part, size, progress), self.class_names
        labels = partial(self.labels, place, part, found.paths)
        return replace(found, name=name, n_clusters=len(names), class_names=names, labels=labels)

    def read(self, root: Path, part: str, size: int | None, progress: Progress | None) -> ImageSet:
        """Read the images, and no label; `size` and `progress` are for sets of files."""
        raw = channels_first(self.opened(root, part, False))
        check_memory(self.name, raw.shape)
        pixels = np.divide(
            raw, 255, dtype=np.float32, order="C"
        )  # beside it only the 8 bits, a quarter of it
        return ImageSet(pixels, self.name, row_names(f"{self.name}/{part}", range(len(raw))))

    def labels(self, root: Path, part: str, paths: tuple[str, ...]) -> np.ndarray:
        """Read the N labels of the rows that `read` named `paths`."""
        return self.opened(root, part, True, paths).astype(int)

    def opened(
        self, root: Path, part: str, labels: bool, paths: tuple[str, ...] = ()
    ) -> np.ndarray:
        """Call `array` on its file: whatever it raises on a damaged one becomes a sentence."""
        path = root / list(self.files(part))[labels and len(self.files(part)) == 2]
        what = f"{path}: cannot be read, it is cut short or of another kind"
        with as_input_error(what, f"run `mtlkit data fetch {self.name}` to fetch it anew"):
            return self.array(path, part, labels, paths)

    def array(self, path: Path, part: str, labels: bool, paths: tuple[str, ...]) -> np.ndarray:
        """Read N x H x W or N x H x W x 3 of 8 bits, or the labels. May raise anything."""
        raise NotImplementedError


def _torchvision() -> Any:
    from torchvision import datasets  # takes seconds

    return datasets


class _Idx(FetchedSet):
    """MNIST, and what has its format and torchvision's class of its folder's name."""

    def remotes(self) -> tuple[Remote, ...]:
        folder = self.first("train").split("/")[0]
        official = getattr(_torchvision(), folder)
        return tuple(
            Remote(
                f"{folder}/raw/{name}",
                md5,
                tuple(place + name for place in (*official.mirrors, *self.places)),
                (name.removesuffix(".gz"),),
                "train" if name.startswith("train") else "test",
            )
            for name, md5 in official.resources
        )

    def array(self, path: Path, part: str, labels: bool, paths: tuple[str, ...]) -> np.ndarray:
        mnist = _torchvision().mnist
        return (mnist.read_label_file if labels else mnist.read_image_file)(str(path)).numpy()


class _Cifar(FetchedSet):
    """CIFAR-10. Its files are pickles, which can run anything: one that is not the official file is
    never opened.
    """

    def remotes(self) -> tuple[Remote, ...]:
        official = _torchvision().CIFAR10
        return (
            Remote(official.filename, official.tgz_md5, (official.url,), (official.base_folder,)),
        )

    def files(self, part: str) -> dict[str, str]:
        official = _torchvision().CIFAR10
        batches = [
            *official.train_list,
            *official.test_list,
            (official.meta["filename"], official.meta["md5"]),
        ]
        return {f"{official.base_folder}/{name}": md5 for name, md5 in batches}

    def array(self, path: Path, part: str, labels: bool, paths: tuple[str, ...]) -> np.ndarray:
        root = path.parents[1]
        if other := [name for name, md5 in self.files(part).items() if md5_of(root / name) != md5]:
            raise InputError(
                f"{root / other[0]}: is not the official file (its MD5 is another), "
                "and to open it could run"
                f" anything, so it stays shut: run `mtlkit data fetch {self.name}` "
                "to fetch it anew."
            )
        batches = _torchvision().CIFAR10(str(root), train=part == "train")
        return np.array(batches.targets) if labels else batches.data


class _Signs(FetchedSet):
    """GTSRB: a file an image, of any size. The rows keep the files' names: they tell the track, by
    which one splits.
    """

    def read(self, root: Path, part: str, size: int | None, progress: Progress | None) -> ImageSet:
        return load_folder(root / self.first(part), size or SIGN_SIDE, progress)

    def array(self, path: Path, part: str, labels: bool, paths: tuple[str, ...]) -> np.ndarray:
        root = path.parents[2 if part == "train" else 1]
        samples = _torchvision().GTSRB(str(root), split=part)._samples
        labels_of = {Path(file): label for file, label in samples}
        return np.array([labels_of[root / self.first(part) / path] for path in paths])


class _Medical(FetchedSet):
    """A flat set of MedMNIST: one .npz with all parts, of which only the array that is asked for is
    read.
    """

    def array(self, path: Path, part: str, labels: bool, paths: tuple[str, ...]) -> np.ndarray:
        key = f"{part}_labels" if labels else f"{part}_images"
        check_memory(self.name, headers(path)[key].shape)
        with np.load(path, allow_pickle=False) as archive:
            found = archive[key].astype(np.uint8, casting="safe", copy=False)
        return found[:, 0] if labels else found


def medical(name: str) -> FetchedSet:
    """Return a set by `medmnist:NAME`. Raises `InputError` without medmnist, and for a name that it
    has not.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # it wants a folder in the home folder
            from medmnist.info import INFO
    except ImportError as fault:
        raise InputError(
            f'{name}: needs medmnist: install it with `pip install "mtlkit[medical]"`.'
        ) from fault
    flag = name.removeprefix("medmnist:")
    flat = [
        key
        for key, info in INFO.items()
        if not key.endswith("3d") and "multi-label" not in info["task"]
    ]
    if flag not in flat:
        known = (
            f"Those of one flat image and one label a row are {', '.join(flat)}: give one of them."
        )
        raise InputError(f"{name!r} is not a known set.{nearest(flag, flat)} {known}")
    info, path = INFO[flag], f"medmnist/{flag}.npz"
    return _Medical(
        name,
        f"MedMNIST v2, {info['task']}, 28 px",
        info["license"],
        0,
        tuple(info["label"].values()),
        {part: Part(info["n_samples"][part], {path: info["MD5"]}) for part in PARTS},
        packed=(Remote(path, info["MD5"], (info["url"],)),),
    )


def _known(name: str, parts: Any, remotes: Any = (), **facts: Any) -> FetchedSet:
    kind = {"cifar10": _Cifar, "gtsrb": _Signs}.get(name, _Idx)
    official = {part: Part(**one) for part, one in parts.items()}
    return kind(name, parts=official, packed=tuple(Remote(**one) for one in remotes), **facts)


def _frozen(facts: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in facts.items()}


_FACTS = json.loads(
    Path(__file__).with_name("sets.json").read_text(encoding="utf-8"), object_hook=_frozen
)
SETS: dict[str, FetchedSet] = {name: _known(name, **facts) for name, facts in _FACTS.items()}


def find(source: str) -> tuple[FetchedSet, str] | None:
    """Return the set and the part that a name asks for, or None for any other name.

    Raises `InputError` for a part that the set has not, and as `medical`.

    >>> found, part = find("mnist:test")
    >>> found.about, part, found.parts[part].size
    ('handwritten digits, 28 px, grey', 'test', 10000)
    """
    before, _, last = source.rpartition(":")
    name, part = (before, last) if last in PARTS else (source, "train")
    known = medical(name) if name.startswith("medmnist:") else SETS.get(name)
    if known and part not in known.parts:
        raise InputError(
            f"{source}: {name} has no part {part!r}: it has {' and '.join(known.parts)}."
        )
    return (known, part) if known else None
