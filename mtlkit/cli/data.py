"""`mtlkit data list | fetch | check`: the sets that are fetched once and then work without a
network.
"""

import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer

from mtlkit.cli.shell import AsJson, DataRoot, progress_bar, show
from mtlkit.errors import InputError, nearest

data = typer.Typer(
    help="Sets of images: which are there, fetch one, is it whole?", no_args_is_help=True
)
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME...", help="Sets, as `mtlkit data list` names them."),
]


@data.command("list")
def list_sets(data_root: DataRoot = None, as_json: AsJson = False) -> None:
    """Name the sets to fetch, and say which are there."""
    from mtlkit.data.root import data_root as root_of
    from mtlkit.data.sets import SETS

    rows: list[dict[str, Any]] = []
    root = root_of(data_root)
    for name, known in SETS.items():
        there = [
            part
            for part, one in known.parts.items()
            if all((root / path).exists() for path in one.files)
        ]
        rows.append(
            {
                "name": name,
                "there": there,
                "about": known.about,
                "licence": known.licence,
                "images": sum(one.size for one in known.parts.values()),
                "megabytes": known.megabytes,
            }
        )
    text = "{name:14} {images:,} images, {megabytes} MB: {about} (licence: {licence}); there: "
    lines = [text.format(**row) + (" and ".join(row["there"]) or "nothing") for row in rows]
    more = [
        "medmnist:NAME  MedMNIST's flat sets, as medmnist:bloodmnist (extra: medical)",
        f"data root      {root}",
    ]
    show({"data_root": str(root), "sets": rows}, as_json, lines + more)


@data.command()
def fetch(names: Names = None, data_root: DataRoot = None, as_json: AsJson = False) -> None:
    """Fetch sets into the data root; go on where a download was cut off."""
    from mtlkit.data.store import fetch as fetch_set

    _tell_states(
        [state for known in _sets(names) for state in fetch_set(known, data_root, _bytes_bar)],
        as_json,
    )


@data.command()
def check(names: Names = None, data_root: DataRoot = None, as_json: AsJson = False) -> None:
    """Say whether sets are complete, a subset, in another order, damaged or missing; without NAME
    all that are there.
    """
    from mtlkit.data.sets import SETS
    from mtlkit.data.store import check as check_set

    with progress_bar("checking") as progress:
        states = [
            state
            for known in _sets(names or list(SETS))
            for state in check_set(known, data_root, progress)
        ]
    _tell_states([state for state in states if names or state.state != "missing"], as_json)


def _sets(names: list[str] | None) -> list[Any]:
    from mtlkit.data.sets import SETS, find

    known, found = f"{', '.join(SETS)}, medmnist:NAME", {name: find(name) for name in names or ()}
    if wrong := [name for name, one in found.items() if one is None]:
        raise InputError(
            f"{wrong[0]!r} is not a set to fetch.{nearest(wrong[0], SETS)} Known are {known}."
        )
    if not found:
        raise InputError(f"no set is named: give one or more of {known}.")
    return list({one[0].name: one[0] for one in found.values() if one}.values())


def _bytes_bar(name: str) -> Any:
    from tqdm import tqdm

    # The total comes with the answer, and nothing is shown before that.
    return tqdm(
        desc=name, total=1, unit="B", unit_scale=True, delay=0.001, mininterval=0, file=sys.stderr
    )


def _tell_states(states: list[Any], as_json: bool) -> None:
    lines = [f"{state.name}:{state.part:6} {state.state:14} {state.text}" for state in states]
    show([asdict(state) for state in states], as_json, lines)
    if any(state.state in ("damaged", "missing") for state in states):
        raise typer.Exit(1)
