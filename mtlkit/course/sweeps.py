"""Many runs of a chapter over a grid of parameters, side by side, a folder a run."""

import os
import re
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import joblib
import nbformat
from joblib import Parallel, delayed, parallel_config
from jupyter_core.utils import ensure_event_loop

from mtlkit.course.building import method_digest
from mtlkit.course.execution import FILES, THREADS, kill_kernels, prepare_environment, run_chapter
from mtlkit.course.parameters import Values, parameters_of
from mtlkit.course.sweep_results import RESULTS, SweepRun, write_results
from mtlkit.data.catalogue import CATALOGUE, PASTED
from mtlkit.data.download import md5_of
from mtlkit.data.root import data_root
from mtlkit.data.sets import find
from mtlkit.deployment.run_folder import versions
from mtlkit.deployment.runs import RunFailed, new_run
from mtlkit.errors import InputError, as_input_error

RUNNING: dict[Path, Path] = {}  # temporary folders of the runs at work here -> their own
PATIENCE = 30.0  # seconds that the runs of a sweep that ends early have for their end
Installed = tuple[str, dict[str, str]]  # a digest of the method, and versions


def plan(chapter: Path, points: list[Values], fixed: Values, out: Path) -> list[SweepRun]:
    """Return the runs of a grid's points.

    A run's folder has its name from what it depends on (the parameters; the chapter's code, the
    method, the versions of the packages, the data): the same run finds its folder again, and
    another does not.

    Raises:
        InputError: a parameter is both in the grid and fixed, or its source is no part of a set.
    """
    if twice := sorted(set(fixed).intersection(*points)):
        raise InputError(f"{twice[0]}: is given twice, with -p and in the grid.")
    notebook = nbformat.read(chapter, 4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    code = [cells, _installed("\n".join(cells))]
    defaults = {name: parameter.default for name, parameter in parameters_of(chapter).items()}
    data: dict[str, Any] = {}
    runs = {}
    for point in points:
        values = fixed | point
        source = str((defaults | values).get("source", ""))
        if source not in data:
            data[source] = _data(source)
        texts = ",".join(f"{name}={value}" for name, value in point.items())
        name = re.sub("[^A-Za-z0-9_.,=-]+", "-", texts)[:80]
        same = joblib.hash([chapter.stem, values])[:8]
        made = joblib.hash([code, data[source]])[:8]
        folder = out / f"{name}-{same}_{made}"
        runs[folder] = SweepRun(values, folder)
    return list(runs.values())


def _installed(text: str) -> Installed:
    """Return a digest of the method as the code in `text` uses it, and the packages' versions."""
    return method_digest(text), versions()


def _data(source: str) -> list[tuple[str, str]]:
    """Return name and MD5 of each file that a source reads, in the data root or at a path."""
    if not source or source in CATALOGUE:  # embedded
        return []
    places = [Path(source).expanduser()]
    if fetched := find("gtsrb" if source in PASTED else source):
        images, part = fetched
        places = [data_root() / name for name in images.parts[part].files]
    files = []
    for place in places:
        for path in (place, *sorted(place.rglob("*"))):
            if path.is_file():
                files.append((path.relative_to(place.parent).as_posix(), md5_of(path)))
    return files


def work(name: str, text: str, run: SweepRun, timeout: float) -> tuple[SweepRun, str, bytes]:
    """Do one run in a temporary folder, on this machine or another.

    Returns the run, what went wrong (or ""), and a ZIP archive of the run's files.
    """
    os.environ.update(dict.fromkeys(THREADS, "1"))
    with tempfile.TemporaryDirectory(prefix="mtlkit-", ignore_cleanup_errors=True) as temporary:
        chapter = Path(temporary, name)
        folder = Path(temporary, "run")
        wrong = ""
        chapter.write_text(text, encoding="utf-8")
        folder.mkdir()
        RUNNING[folder] = run.folder
        try:
            run_chapter(chapter, run.values, folder, progress=False, timeout=timeout)
        except (InputError, RunFailed) as fault:
            wrong = str(fault)
        except Exception as fault:  # whatever it is, the other runs go on
            wrong = f"{type(fault).__name__}: {fault}"
        finally:
            del RUNNING[folder]
        ensure_event_loop().close()  # a thread has its own, that nbclient made
        archive = shutil.make_archive(str(folder), "zip", folder)
        return run, wrong, Path(archive).read_bytes()


def sweep(
    chapter: Path,
    runs: list[SweepRun],
    by: list[str],
    out: Path,
    jobs: int = 1,
    timeout: float = 0,
    cluster: str = "",
) -> Iterator[tuple[SweepRun, str]]:
    """Do the runs that are not finished, `jobs` at a time; yield each at its end, and what failed.

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
    text = chapter.read_text(encoding="utf-8")
    failed = dict[Path, str]()
    missing = [run for run in runs if run.recorded is None]
    tasks = [delayed(work)(chapter.name, text, run, timeout) for run in missing]
    results_folder = new_run(out / "results", True, files=RESULTS, anew=True)
    with results_folder as results, _backend(cluster, jobs):
        parallel = Parallel(pre_dispatch="n_jobs", return_as="generator_unordered")
        try:
            for run, wrong, archive in parallel(tasks):
                with suppress(RunFailed), new_run(run.folder, files=FILES, anew=True) as folder:
                    zipfile.ZipFile(BytesIO(archive)).extractall(folder)
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
        left = [temporary for temporary, run in list(RUNNING.items()) if run.parent == out]
        if not left:
            break
        kill_kernels(left)  # again and again: one may have been about to start its kernel
        time.sleep(0.1)


def _backend(cluster: str, jobs: int) -> Any:
    """Let joblib use threads (a run works in a process of its own, its kernel), or a cluster."""
    if not cluster:
        return parallel_config("threading", n_jobs=jobs)
    from distributed import Client

    what = f"--cluster {cluster}: cannot be used"
    remedy = (
        "start `dask scheduler` there, and `dask worker` where the same mtlkit[course] is installed"
    )
    with as_input_error(what, remedy, (OSError, ValueError, ImportError)):
        client = Client(cluster, timeout=10, set_as_default=False)
        client.run(prepare_environment)
        workers = client.run(_installed, "")
        if not workers:
            raise OSError("it has no workers")
        if any(installed != _installed("") for installed in workers.values()):
            raise OSError("a worker has another version of mtlkit, or of its packages")
    return parallel_config("dask", client=client)
