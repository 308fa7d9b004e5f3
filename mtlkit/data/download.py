"""One file from the net, whole or not there: a thin face on pooch.

pooch's downloader writes into `NAME.part`, and a later call goes on from there where the server
can. Only a file with the expected MD5 gets its final name, by a rename, and so does what is
unpacked from it. (pooch's own retries would begin each time with an empty file.)
"""

import os
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from requests.exceptions import ChunkedEncodingError, ConnectionError, RequestException

from mtlkit.errors import InputError

ATTEMPTS = 3  # at each place
PAUSE = 1.0  # seconds before the second attempt, twice that before the third
CHUNK = 2**18  # bytes written at a time
TIMEOUT = 30  # seconds without a byte
PASSING = (408, 416, 425, 429)  # of the answers 4xx; after 416 another part is asked for
REASONS = {ChunkedEncodingError: "cut off", ConnectionError: "no connection"}
Bar = Callable[[str], Any]  # a file's name -> a progress bar, as tqdm's


class DownloadFailed(InputError):
    """No place gave the file: the call was right and the work failed."""

    status = 1


@dataclass(frozen=True)
class Remote:
    """A file to fetch.

    path: its place below the data root.
    md5: its official MD5.
    urls: the places that have it, the best one first.
    leaves: what of its content is wanted, below its own folder; empty for a file that stays as it
        is.
    part: the part of the set that it belongs to.
    """

    path: str
    md5: str
    urls: Sequence[str]
    leaves: Sequence[str] = ()
    part: str = "train"


def md5_of(path: Path) -> str:
    """Return a file's MD5: it tells damage, and the official file from another."""
    import pooch  # here, and not above: it brings a progress bar that complains in a notebook

    return pooch.file_hash(str(path), alg="md5")


def fetch_file(remote: Remote, root: Path, bar: Bar | None = None) -> Path:
    """Fetch one file below `root`, if it is not there and right, and return its path.

    A download that was cut off is gone on with, three times at each place; then the next place is
    asked. Where the answer will not change (as 404), that is done at once.

    Raises `DownloadFailed` when no place gives the file: what was cut off stays as `NAME.part` for
    the next call, what was wrong is deleted. An error of the disk is an `OSError`.
    """
    path = root / remote.path
    if path.is_file() and md5_of(path) == remote.md5:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    faults: list[str] = []
    for url in remote.urls:
        for attempt in range(ATTEMPTS):
            time.sleep(PAUSE * attempt)
            reason, lasting = _attempt(url, path, remote.md5, bar)
            if reason is None:
                return path
            faults.append(f"{url}: {reason}")
            if lasting:
                break
    raise DownloadFailed(
        f"{path.name}: could not be fetched ({'; '.join(dict.fromkeys(faults))}): start the same "
        f"command again when the network is there, or put the file into {path.parent} by hand "
        "first."
    )


def _attempt(url: str, path: Path, md5: str, bar: Bar | None) -> tuple[str | None, bool]:
    """Fetch a file from one place; return why that failed, and whether it would fail again."""
    part = path.with_name(f"{path.name}.part")
    resumed = part.exists() and part.stat().st_size > 0
    try:
        with bar(path.name) if bar else nullcontext(False) as shown:
            _download(url, part, shown)
    except RequestException as fault:
        if fault.response is None:
            return REASONS.get(type(fault), str(fault)), False
        status = fault.response.status_code
        lasting = 400 <= status < 500 and status not in PASSING
        return f"the server answered {status}", lasting
    if md5_of(part) == md5:
        os.replace(part, path)
        return None, False
    part.unlink()
    # Two halves that do not fit are another matter than a wrong file: the whole is tried.
    return f"its MD5 is not {md5}", not resumed


def _download(url: str, part: Path, bar: Any) -> None:
    """Append to `part` what it lacks; start again where the server cannot go on from the middle."""
    import pooch

    with part.open("ab") as file:
        headers = {"Accept-Encoding": "identity"}
        if start := file.tell():
            headers["Range"] = f"bytes={start}-"
        hooks = {"response": partial(_judge, file)}
        get = pooch.HTTPDownloader(bar, CHUNK, headers=headers, timeout=TIMEOUT, hooks=hooks)
        get(url, file, None)


def _judge(file: IO[bytes], response: Any, **_: Any) -> None:
    """Look at an answer before its body is written behind what the file holds."""
    status, kind = response.status_code, response.headers.get("Content-Type", "")
    if status in (200, 206) and "text/html" in kind:
        raise RequestException(
            "a web page came instead of the file, as from a proxy or a log-in page"
        )
    if status in (200, 416):  # it sends the whole; or the file is longer than the whole
        file.truncate(0)


def unpack(archive: Path, leaves: Sequence[str]) -> None:
    """Unpack an archive beside itself and delete it; each of `leaves` gets its name by a rename."""
    from torchvision.datasets.utils import extract_archive

    with tempfile.TemporaryDirectory(dir=archive.parent, prefix=".unpacking-") as name:
        with warnings.catch_warnings(action="ignore"):  # Python 3.12 wants a filter for a .tar
            extract_archive(str(archive), name)  # that is the official one, by its MD5
        for number, leaf in enumerate(leaves):
            target = archive.parent / leaf
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_dir():  # damaged, or it would not be replaced
                os.replace(target, f"{name}/old{number}")
            os.replace(f"{name}/{leaf}", target)
    archive.unlink()
