"""The table of sets agrees with the packages that publish them, the cards and the catalogue."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from torchvision import datasets

from mtlkit.data import catalogue_names
from mtlkit.data.sets import SETS, find


def test_gtsrbs_places_are_torchvisions() -> None:
    source = inspect.getsource(datasets.GTSRB.download)
    assert len(SETS["gtsrb"].remotes) == 3
    for remote in SETS["gtsrb"].remotes:
        (url,) = remote.urls
        assert url.rpartition("/")[0] in source
        assert url.rpartition("/")[2] in source
        assert remote.md5 in source


@pytest.mark.parametrize(
    ("name", "official", "places"), [("mnist", "MNIST", 2), ("fashion-mnist", "FashionMNIST", 2)]
)
def test_places_and_checksums_are_torchvisions(name: str, official: str, places: int) -> None:
    published = getattr(datasets, official)
    remotes = SETS[name].remotes
    assert [(Path(remote.path).name, remote.md5) for remote in remotes] == published.resources
    for remote in remotes:
        ours = {url.removesuffix(Path(remote.path).name) for url in remote.urls}
        assert len(ours) == places and ours >= set(published.mirrors)
        assert remote.path == f"{official}/raw/{remote.leaves[0]}.gz"


def test_cifars_files_are_torchvisions() -> None:
    official = datasets.CIFAR10
    (remote,) = SETS["cifar10"].remotes
    assert (remote.path, remote.md5) == (official.filename, official.tgz_md5)
    assert list(remote.urls) == [official.url] and list(remote.leaves) == [official.base_folder]
    meta = [official.meta["filename"], official.meta["md5"]]
    batches = [*official.train_list, *official.test_list, meta]
    files = {f"{official.base_folder}/{name}": md5 for name, md5 in batches}
    assert all(part.files == files for part in SETS["cifar10"].parts.values())


def test_medmnists_files_are_the_packages() -> None:
    from medmnist.info import INFO

    named = find("medmnist:bloodmnist")
    assert named and named[0].remotes[0].md5 == INFO["bloodmnist"]["MD5"]
    larger = find("medmnist:bloodmnist_224:val")
    assert larger and larger[0].remotes[0].md5 == INFO["bloodmnist"]["MD5_224"]
    assert larger[0].remotes[0].urls == [INFO["bloodmnist"]["url_224"]]


def test_cards_and_catalogue_name_the_same_sets() -> None:
    cards = Path(__file__).parents[2] / "data" / "cards"
    names = {"digits", "slide", "smears", "roads", "medmnist", *SETS}
    assert {path.stem for path in cards.glob("*.md")} == names
    for card in cards.glob("*.md"):
        text = card.read_text(encoding="utf-8")
        headings = [
            "What",
            "Number",
            "Size",
            "Licence",
            "Source",
            "Known flaws",
            "How it is fetched",
        ]
        assert [word for word in headings if f"**{word}**" not in text] == [], card
    assert "never opened" in (cards / "cifar10.md").read_text(encoding="utf-8")


def test_the_catalogue_names_every_part() -> None:
    assert {
        "mnist:train",
        "mnist:test",
        "gtsrb:test",
        "cifar10:train",
        "fashion-mnist:test",
    } <= set(catalogue_names())
