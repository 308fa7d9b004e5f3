"""How each set that has a name is read: its images, and its labels only when they are opened.

MNIST, Fashion-MNIST, CIFAR-10 and GTSRB lie as torchvision's loaders want them, MedMNIST's sets as
medmnist's do, BCCD as Pascal VOC. torchvision is imported late: that takes seconds.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mtlkit.data.archive import channels_first, read_headers
from mtlkit.data.boxes import Annotated, read_signs, read_voc
from mtlkit.data.crops import crops, whole_photos
from mtlkit.data.download import Remote, md5_of
from mtlkit.data.folder import load_folder
from mtlkit.data.images import ImageSet, check_memory, row_names
from mtlkit.data.reading import Progress
from mtlkit.data.root import DataRoot, data_root
from mtlkit.errors import InputError, as_input_error

SIDE = 32  # px, of images in files of any size
WINDOW = 128  # px, of BCCD's photos: a cell and its surroundings
CELLS = ("RBC", "WBC", "Platelets")  # BCCD's kinds, as its annotations have them


class Part(NamedTuple):
    """What a part of a set has as it was published.

    size: its number of images.
    files: what it needs below the data root, images first and labels last, with the MD5 ("" where
        none is published).
    needs: where those are too many to name, the files and folders that must be there to be read.
    """

    size: int
    files: dict[str, str]
    needs: Sequence[str] = ()


@dataclass(frozen=True)
class FetchedSet:
    """A set that is fetched once and then lies below the data root; a subclass for each format.

    name: as in `load(name)`: alone or with `:train` for the train part, with `:test` for the test
        part.
    about, licence, megabytes: for the list; megabytes are those of the download. The data card says
        more.
    class_names: what label 0, 1, ... is called; empty where an image has several labels.
    parts: the parts that were published.
    remotes: the files to fetch.
    views: other ways to read the same files, as `load("NAME:VIEW")`; one that was asked for stands
        in `name`.
    """

    name: str
    about: str
    licence: str
    megabytes: int
    class_names: tuple[str, ...]
    parts: dict[str, Part]
    remotes: Sequence[Remote]
    views: Sequence[str] = ()

    @property
    def whole_photos(self) -> bool:
        """Whether it has views and none is asked for: then it has boxes and no labels."""
        return bool(self.views) and ":" not in self.name

    def path(self, root: Path, part: str, kind: str) -> Path:
        """Return the file or the folder that holds a part's `images` or `labels`."""
        files = self.needs(part)
        return root / files[0 if kind == "images" else -1]

    def absent(self, root: Path, part: str) -> list[Path]:
        """Return the files of a part that are not there."""
        paths = [root / name for name in self.needs(part)]
        return [path for path in paths if not path.exists()]

    def needs(self, part: str) -> Sequence[str]:
        """Return what must be there below the data root: images first, labels last."""
        return self.parts[part].needs or list(self.parts[part].files)

    def load(
        self, part: str, root: DataRoot, size: int | None = None, progress: Progress | None = None
    ) -> ImageSet:
        """Return a part, its labels kept for `open_labels()`.

        `size` and `progress` are for sets of image files. Raises `InputError` when the part is not
        there, or damaged.
        """
        folder = self.found(part, root)
        images = self.read(folder, part, size, progress)
        name = self.name if part == "train" else f"{self.name}:{part}"
        opened = partial(self.opened, folder, part, images.paths)
        if self.whole_photos:
            return replace(images, name=name, boxes=opened)
        if not self.class_names:
            note = "Each image has several labels, which are not read."
            return replace(images, name=name, notes=(*images.notes, note))
        return replace(
            images,
            name=name,
            n_clusters=len(self.class_names),
            class_names=self.class_names,
            labels=opened,
        )

    def found(self, part: str, root: DataRoot, instead: str = "digits") -> Path:
        """Return the data root that has a part; `InputError` names what lacks, and `instead`."""
        folder = data_root(root)
        if absent := self.absent(folder, part):
            raise InputError(
                f"{self.name}: {absent[0]} is not there: run `mtlkit data fetch "
                f"{self.name}`, or give another --data-root; without a network, take `{instead}`."
            )
        return folder

    def opened(self, root: Path, part: str, paths: tuple[str, ...]) -> Any:
        """Return what `labels` reads; whatever a damaged file raises becomes a sentence."""
        with self.damage_named(self.path(root, part, "labels")):
            return self.labels(root, part, paths)

    def read(self, root: Path, part: str, size: int | None, progress: Progress | None) -> ImageSet:
        """Read the images, and no label."""
        path = self.path(root, part, "images")
        if path.is_dir():
            return load_folder(path, size or SIDE, progress=progress)
        with self.damage_named(path):
            raw = channels_first(self.array(path, part, "images"))
        check_memory(self.name, raw.shape)
        pixels = np.divide(raw, 255, dtype=np.float32, order="C")  # no other copy is this large
        return ImageSet(pixels, self.name, row_names(f"{self.name}/{part}", range(len(raw))))

    def labels(self, root: Path, part: str, paths: tuple[str, ...]) -> np.ndarray:
        """Read the N labels of the rows that `read` named `paths`. May raise anything."""
        return self.array(self.path(root, part, "labels"), part, "labels").astype(int)

    def damage_named(self, path: Path) -> AbstractContextManager[None]:
        """Turn whatever is raised on a damaged file into a sentence."""
        what = f"{path}: cannot be read, it is cut short or of another kind"
        return as_input_error(what, f"run `mtlkit data fetch {self.name}` to fetch it again")

    def array(self, path: Path, part: str, kind: str) -> np.ndarray:
        """Read N x H x W or N x H x W x 3 of 8 bits, or the labels. May raise anything."""
        raise NotImplementedError


class IdxSet(FetchedSet):
    """MNIST, and what has its format."""

    def array(self, path: Path, part: str, kind: str) -> np.ndarray:
        from torchvision.datasets import mnist

        read = mnist.read_image_file if kind == "images" else mnist.read_label_file
        return read(str(path)).numpy()


class CifarSet(FetchedSet):
    """CIFAR-10: pickles, which can run anything, so only the official files are ever opened."""

    def array(self, path: Path, part: str, kind: str) -> np.ndarray:
        from torchvision.datasets import CIFAR10

        root = path.parents[1]
        for name, md5 in self.parts[part].files.items():
            if md5_of(root / name) != md5:
                raise InputError(
                    f"{root / name}: is not the official file (its MD5 is another), and to open it "
                    f"could run anything, so it stays shut: run `mtlkit data fetch {self.name}` "
                    "to fetch it again."
                )
        batches = CIFAR10(str(root), train=part == "train")
        return batches.data if kind == "images" else np.array(batches.targets)


class SignSet(FetchedSet):
    """GTSRB: a file an image, of any size, with some road round the sign.

    Its view `native` is cut to the sign's box, before it is brought to one size. The rows keep the
    files' names: they name the track, by which images are split.
    """

    whole_photos = False

    def read(self, root: Path, part: str, size: int | None, progress: Progress | None) -> ImageSet:
        """Read the images; of the tables, for `native`, where the signs are."""
        folder = self.path(root, part, "images")
        if ":" in self.name:
            tables = sorted(folder.glob("*/GT-*.csv")) or [self.path(root, part, "labels")]
            images = crops(read_signs(folder, tables), folder, size or SIDE, None, progress)
            images = replace(images, paths=tuple(f"{path[:-3]}.ppm" for path in images.paths))
        else:
            images = super().read(root, part, size, progress)
        return replace(images, track=".*_" if part == "train" else "")

    def labels(self, root: Path, part: str, paths: tuple[str, ...]) -> np.ndarray:
        from torchvision.datasets import GTSRB

        folder = self.path(root, part, "images")
        labels = {Path(file): label for file, label in GTSRB(str(root), split=part)._samples}
        return np.array([labels[folder / path] for path in paths])


class MedicalSet(FetchedSet):
    """A flat set of MedMNIST: one .npz with all parts, of which only what is asked for is read."""

    def array(self, path: Path, part: str, kind: str) -> np.ndarray:
        key = f"{part}_{kind}"
        check_memory(self.name, read_headers(path)[key].shape)
        with np.load(path, allow_pickle=False) as archive:
            values = archive[key].astype(np.uint8, casting="safe", copy=False)
        return values if kind == "images" else values[:, 0]


class BoxSet(FetchedSet):
    """BCCD: photos of blood with a box round each cell, as Pascal VOC.

    Alone it is the whole photos, which have boxes and no labels; its views are an image a box.
    """

    def read(self, root: Path, part: str, size: int | None, progress: Progress | None) -> ImageSet:
        """Read photos or cells; of the annotation, where the cells are."""
        folder = self.path(root, part, "images")
        found = self._annotated(root, part)
        if self.whole_photos:
            return whole_photos(found, folder, progress)
        window = WINDOW if self.name == "bccd:crops" else None
        return crops(found, folder, size or SIDE, window, progress)

    def labels(self, root: Path, part: str, paths: tuple[str, ...]) -> Any:
        """Read the kinds of the cells that `read` named `paths`; of photos, their boxes."""
        photos = self._annotated(root, part).photos
        if self.whole_photos:
            by_path = {photo.path: photo for photo in photos}
            return [by_path[path] for path in paths]
        kinds: dict[str, str] = {}
        for photo in photos:
            kinds.update(zip(photo.names, photo.kinds, strict=True))
        return np.array([CELLS.index(kinds[path]) for path in paths])

    def _annotated(self, root: Path, part: str) -> Annotated:
        photos, listed, annotations = (root / path for path in self.needs(part))
        with self.damage_named(listed):
            names = sorted(listed.read_text(encoding="utf-8").split())
        return read_voc(annotations, photos, names, CELLS)


def load_slide() -> ImageSet:
    """Return scikit-image's stained tissue (CMMI, IHC of colonic glands), cut into a grid.

    >>> load_slide()
    ImageSet('slide', 256 x 3 x 32 x 32)
    """
    from skimage import data

    slide = data.immunohistochemistry()  # 512 x 512 x 3
    count = len(slide) // SIDE
    patches = slide.reshape(count, SIDE, count, SIDE, 3).transpose(0, 2, 4, 1, 3)
    return ImageSet(
        images=patches.reshape(-1, 3, SIDE, SIDE) / np.float32(255),
        name="slide",
        paths=tuple(f"slide/{row:02d}-{column:02d}" for row, column in np.ndindex(count, count)),
        notes=("The patches are of one slide; what each shows was never labelled.",),
    )


def load_digits(classes: int = 10) -> ImageSet:
    """Return scikit-learn's handwritten digits of the first classes (Alpaydin and Kaynak, 1998).

    >>> load_digits(3)
    ImageSet('digits:small', 537 x 1 x 8 x 8)
    """
    from sklearn import datasets  # here: it takes a second

    digits = datasets.load_digits()
    rows = np.flatnonzero(digits.target < classes)  # they define the set; no label is kept
    ink = digits.images[rows, None]  # N x 1 x 8 x 8, from 0 to 16
    return ImageSet(
        images=(ink / 16).astype(np.float32),
        name="digits" if classes == 10 else "digits:small",
        paths=row_names("digits", rows),
        n_clusters=classes,
        class_names=tuple(map(str, range(classes))),
        labels=partial(_digit_labels, rows),
    )


def _digit_labels(rows: np.ndarray) -> np.ndarray:
    from sklearn import datasets

    return datasets.load_digits().target[rows]
