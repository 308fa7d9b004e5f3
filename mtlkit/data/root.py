"""Where downloaded sets lie: one answer for `load`, the command line and `mtlkit doctor`."""

import os
from pathlib import Path

from platformdirs import user_data_path

DataRoot = str | Path | None


def data_root(given: DataRoot = None) -> Path:
    """Return the folder of the sets that were fetched.

    It is `given`, else `$MTLKIT_DATA`, else the clone's `data/` when run inside one, else the
    user's data folder of the system (by platformdirs). It need not be there.

    >>> data_root("/somewhere").as_posix()
    '/somewhere'
    """
    if named := given or os.environ.get("MTLKIT_DATA"):
        return Path(named).expanduser()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "mtlkit/data/root.py").is_file() and (folder / "pyproject.toml").is_file():
            return folder / "data"
    return user_data_path("mtlkit", appauthor=False)
