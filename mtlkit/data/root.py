"""Where downloaded sets lie: one answer for `load`, the command line and `mtlkit doctor`."""

import os
from pathlib import Path

from platformdirs import user_data_path

DataRoot = str | Path | None


def data_root(given: DataRoot = None) -> Path:
    """Return `given`, else `$MTLKIT_DATA`, else the clone's `data/` when run inside one, else the
    user's data folder.

    The folder need not be there. The user's data folder is the system's own, by platformdirs.

    >>> data_root("/somewhere").as_posix()
    '/somewhere'
    """
    if named := given or os.environ.get("MTLKIT_DATA"):
        return Path(named).expanduser()
    here = Path.cwd()
    for place in (here, *here.parents):
        if (place / "mtlkit" / "data" / "root.py").is_file() and (
            place / "pyproject.toml"
        ).is_file():
            return place / "data"
    return user_data_path("mtlkit", appauthor=False)
