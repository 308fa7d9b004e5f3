"""`mtlkit data list | fetch | check`: sets that are fetched once, to work without a network."""

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
LINE = "{name:14} {images:,} images, {megabytes} MB: {about} (licence: {licence}); there: {parts}"


@data.command("list")
def list_sets(data_root: DataRoot = None, as_json: AsJson = False) -> None:
    """Name the sets to fetch, and say which are there."""
    from mtlkit.data import root, sets

    folder = root.data_root(data_root)
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "there": [part for part in fetched.parts if not fetched.absent(folder, part)],
            "about": fetched.about,
            "licence": fetched.licence,
            "images": sum(part.size for part in fetched.parts.values()),
            "megabytes": fetched.megabytes,
        }
        for name, fetched in sets.SETS.items()
    ]
    lines = [LINE.format(**row, parts=" and ".join(row["there"]) or "nothing") for row in rows]
    lines.append("medmnist:NAME  MedMNIST's flat sets, as medmnist:bloodmnist (extra: medical)")
    lines.append(f"data root      {folder}")
    show({"data_root": str(folder), "sets": rows}, as_json, lines)


@data.command()
def fetch(names: Names = None, data_root: DataRoot = None, as_json: AsJson = False) -> None:
    """Fetch sets into the data root; go on where a download was cut off."""
    from mtlkit.data import store

    states = []
    for fetched in _find_sets(names):
        states += store.fetch(fetched, data_root, _bytes_bar)
    _show_states(states, as_json)


@data.command()
def check(names: Names = None, data_root: DataRoot = None, as_json: AsJson = False) -> None:
    """Say whether sets are complete, a subset, damaged or missing.

    Without NAME, all that are there.
    """
    from mtlkit.data import sets, store

    states = []
    with progress_bar("checking") as progress:
        for fetched in _find_sets(names or [*sets.SETS]):
            states += store.check(fetched, data_root, progress)
    _show_states([state for state in states if names or state.state != "missing"], as_json)


def _find_sets(names: list[str] | None) -> list[Any]:
    """Return the sets of these names, each one once."""
    from mtlkit.data.sets import SETS, find

    listed = f"{', '.join(SETS)}, medmnist:NAME"
    if not names:
        raise InputError(f"no set is named: give one or more of {listed}.")
    named = {}
    for name in names:
        found = find(name)
        if not found:
            raise InputError(
                f"{name!r} is not a set to fetch.{nearest(name, SETS)} Known are {listed}."
            )
        fetched = SETS.get(found[0].name.partition(":")[0], found[0])  # and not a view of it
        named[fetched.name] = fetched
    return list(named.values())


def _bytes_bar(name: str) -> Any:
    from tqdm import tqdm

    # The total comes with the answer, and nothing is shown before that; a set can be many files.
    shown = {"delay": 0.001, "mininterval": 0, "leave": False}
    return tqdm(desc=name, total=1, unit="B", unit_scale=True, **shown)


def _show_states(states: list[Any], as_json: bool) -> None:
    lines = [f"{state.name}:{state.part:6} {state.state:14} {state.text}" for state in states]
    show([vars(state) for state in states], as_json, lines)
    if any(state.state in ("damaged", "missing") for state in states):
        raise typer.Exit(1)
