"""Many runs of a chapter over a grid of parameters: side by side, a folder a run, one table and one
figure over all.
"""

import json
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import nbformat
from joblib import Parallel, delayed, parallel_config
from jupyter_core.utils import ensure_event_loop
from pandas import DataFrame

from mtlkit.course.building import method_digest
from mtlkit.course.execution import (
    FILES,
    THREADS,
    kill_kernels,
    prepare_environment,
    rounded,
    run_chapter,
)
from mtlkit.course.figures import sweep_figure
from mtlkit.course.parameters import parameters_of
from mtlkit.data.catalogue import CATALOGUE
from mtlkit.data.download import md5_of
from mtlkit.data.root import data_root
from mtlkit.data.sets import find
from mtlkit.deployment.run_folder import RunFailed, new_run, versions
from mtlkit.errors import InputError, as_input_error
from mtlkit.evaluation import to_png
from mtlkit.tables import write_csv

RESULTS = ("runs.csv", "summary.csv")
AT_WORK: dict[Path, Path] = {}  # passing folders of the runs at work here -> their own
PATIENCE = 30.0  # seconds that the runs of a sweep that ends early have for their end


@dataclass(frozen=True)
class Run:
    """One point of the grid: the parameters that it is given, and its folder, which is there once
    the run is whole.

    The folder is `PARAMETERS-POINT_MADE`: a digest of all parameters, and one of what else counts.
    """

    values: dict[str, Any]
    folder: Path

    @property
    def recorded(self) -> dict[str, Any] | None:
        """What the run recorded, or None if it is not finished."""
        report = self.folder / "report.json"
        return (
            json.loads(report.read_text(encoding="utf-8"))["recorded"] if report.is_file() else None
        )

    @property
    def is_outdated(self) -> bool:
        """Is it finished by another chapter, method, version or data only?"""
        point = self.folder.name.rpartition("_")[0]
        return self.recorded is None and any(
            self.folder.parent.glob(f"{point}_????????/report.json")
        )


def plan(
    chapter: Path, points: list[dict[str, Any]], fixed: dict[str, Any], out: Path
) -> list[Run]:
    """Return the runs of a grid's points.

    A run's folder has its name from what it depends on (the parameters; the chapter's code, the
    method, the versions of the packages, the data): the same run finds its folder again, and
    another does not.

    Raises:
        InputError: a parameter is both in the grid and fixed, or its source is no part of a set.
    """
    if twice := sorted(set(fixed).intersection(*points)):
        raise InputError(f"{twice[0]}: is given twice, with -p and in the grid.")
    cells = [cell.source for cell in nbformat.read(chapter, 4).cells if cell.cell_type == "code"]
    code = [cells, _code("\n".join(cells))]
    default = parameters_of(chapter).get("source")
    usual = {"source": default.default} if default else {}
    sources = [str((usual | fixed | point).get("source", "")) for point in points]
    data = {source: _data(source) for source in set(sources)}
    runs = {}
    for point, source in zip(points, sources, strict=True):
        texts = ",".join(f"{name}={value}" for name, value in point.items())
        name = re.sub("[^A-Za-z0-9_.,=-]+", "-", texts)[:80]
        same, made = (
            joblib.hash([chapter.stem, fixed | point])[:8],
            joblib.hash([code, data[source]])[:8],
        )
        folder = out / f"{name}-{same}_{made}"
        runs[folder] = Run(fixed | point, folder)
    return list(runs.values())


def _code(text: str) -> tuple[str, dict[str, str]]:
    """Return what is installed here: a digest of the method as `text` uses it, and versions."""
    return method_digest(text), versions()


def _data(source: str) -> list[tuple[str, str]]:
    """Return name and MD5 of each file that a source reads, in the data root or at a path."""
    if not source or source in CATALOGUE:  # embedded
        return []
    places = [Path(source).expanduser()]
    if named := find(source):
        fetched, part = named
        places = [data_root() / name for name in fetched.parts[part].files]
    files = [
        (place, path)
        for place in places
        for path in (place, *sorted(place.rglob("*")))
        if path.is_file()
    ]
    return [(path.relative_to(place.parent).as_posix(), md5_of(path)) for place, path in files]


def work(name: str, text: str, run: Run, timeout: float) -> tuple[Run, str, dict[str, bytes]]:
    """Do one run in a passing folder, on this machine or another; return what went wrong (or ""),
    and the run's files.
    """
    os.environ.update(dict.fromkeys(THREADS, "1"))
    with tempfile.TemporaryDirectory(prefix="mtlkit-", ignore_cleanup_errors=True) as passing:
        chapter, folder, wrong = Path(passing, name), Path(passing, "run"), ""
        chapter.write_text(text, encoding="utf-8")
        folder.mkdir()
        AT_WORK[folder] = run.folder
        try:
            run_chapter(chapter, run.values, folder, progress=False, timeout=timeout)
        except Exception as fault:  # whatever it is, the other runs go on
            wrong = (
                str(fault)
                if isinstance(fault, (InputError, RunFailed))
                else f"{type(fault).__name__}: {fault}"
            )
        finally:
            AT_WORK.pop(folder)
        ensure_event_loop().close()  # a thread has its own, that nbclient made
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
    return run, wrong, files


def sweep(
    chapter: Path,
    runs: list[Run],
    by: list[str],
    out: Path,
    jobs: int = 1,
    timeout: float = 0,
    cluster: str = "",
) -> Iterator[tuple[Run, str]]:
    """Do the runs that are not finished, `jobs` at a time; yield each as it ends, and what went
    wrong (or "").

    At the end all are put together in `OUT/results`: see `write_results`. A run that failed leaves
    what was executed in `NAME.partial`, and is not finished. If the sweep ends early, so do its
    kernels.

    Args:
        chapter: the notebook.
        runs: what `plan` gave, finished or not.
        by: the parameters that tell groups of runs apart; over the others (the seed) means are
            taken.
        out: the folder of the sweep.
        timeout: seconds that a run may take; 0 is no limit.
        cluster: address of a Dask scheduler, whose workers do the runs in place of this machine.

    Raises:
        InputError: another sweep is at work there, or the cluster cannot do it.
    """
    text, failed = chapter.read_text(encoding="utf-8"), dict[Path, str]()
    with (
        new_run(out / "results", True, files=RESULTS, anew=True) as results,
        _backend(cluster, jobs),
    ):
        tasks = [
            delayed(work)(chapter.name, text, run, timeout) for run in runs if run.recorded is None
        ]
        try:
            for run, wrong, files in Parallel(
                pre_dispatch="n_jobs", return_as="generator_unordered"
            )(tasks):
                with suppress(RunFailed), new_run(run.folder, files=FILES, anew=True) as folder:
                    for name, content in files.items():
                        (folder / name).parent.mkdir(parents=True, exist_ok=True)
                        (folder / name).write_bytes(content)
                    if wrong:
                        failed[run.folder] = wrong
                        raise RunFailed(wrong)
                yield run, wrong
        finally:
            stop_runs(out)
        write_results(results, runs, by, failed)


def stop_runs(out: Path) -> None:
    """Kill what this process still does for a sweep, and wait for its end, but not for ever."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        left = [passing for passing, folder in list(AT_WORK.items()) if folder.parent == out]
        if not left:
            break
        kill_kernels(left)  # again and again: one may have been about to start its kernel
        time.sleep(0.1)


def _backend(cluster: str, jobs: int) -> Any:
    """Let joblib use threads (a run's work is in its kernel, a process of its own), or the workers
    of a cluster.
    """
    if not cluster:
        return parallel_config("threading", n_jobs=jobs)
    from distributed import Client

    remedy = (
        "start `dask scheduler` there, and `dask worker` where the same mtlkit[course] is installed"
    )
    with as_input_error(
        f"--cluster {cluster}: cannot be used", remedy, (OSError, ValueError, ImportError)
    ):
        client = Client(cluster, timeout=10, set_as_default=False)
        workers = client.run(_prepared)
        if not workers:
            raise OSError("it has no workers")
        if any(code != _code("") for code in workers.values()):
            raise OSError("a worker has another version of mtlkit, or of its packages")
    return parallel_config("dask", client=client)


def _prepared() -> tuple[str, dict[str, str]]:
    """Import on a worker what a run needs, and return what is installed there."""
    prepare_environment()
    return _code("")


def numbers(runs: list[Run], by: list[str]) -> DataFrame:
    """Return a row for each number that a run recorded: the run's parameters `by`, the metric and
    its value.
    """
    rows = [
        {name: run.values[name] for name in by} | {"metric": metric, "value": value}
        for run in runs
        for metric, value in (run.recorded or {}).items()
        if isinstance(value, float)
    ]
    return DataFrame(rows, columns=[*by, "metric", "value"]).sort_values(
        "metric", kind="stable"
    )  # else as in the grid


def summary(table: DataFrame) -> DataFrame:
    """Return a row for each metric and each combination of the other columns of `numbers`: mean and
    spread of its values.
    """
    groups = table.groupby(list(table.columns[:-1]), sort=False)["value"]
    found = groups.agg(runs="count", mean="mean", sd="std", min="min", max="max")
    return found.map(rounded).reset_index()


def write_results(folder: Path, runs: list[Run], by: list[str], failed: dict[Path, str]) -> None:
    """Write `runs.csv` (a row a run), `summary.csv` (mean and spread of each group), and
    `figure.png`.

    Numbers have six digits there; all digits are in the runs' own `report.json`.
    """
    tidy = []
    for run in runs:
        recorded = {name: rounded(value) for name, value in (run.recorded or {}).items()}
        tidy.append(
            run.values
            | recorded
            | {"failed": failed.get(run.folder, ""), "folder": run.folder.name}
        )
    write_csv(folder / "runs.csv", tidy)
    table = numbers(runs, by)
    summary(table).to_csv(folder / "summary.csv", index=False, encoding="utf-8-sig")
    if len(table):
        (folder / "figure.png").write_bytes(to_png(sweep_figure(table, by)))
