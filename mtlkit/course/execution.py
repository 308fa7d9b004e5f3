"""One notebook is executed: with parameters, in one thread, and what goes wrong is told in a
sentence.
"""

import json
import logging
import os
import sysconfig
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import psutil
from jupyter_client.manager import AsyncKernelManager
from nbformat import NotebookNode
from traitlets.config import Config

from mtlkit.course.figures import RECORD
from mtlkit.course.parameters import parameters_of
from mtlkit.data.root import data_root
from mtlkit.deployment.run_folder import RunFailed, versions
from mtlkit.errors import InputError

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
KERNEL: dict[str, Any] = {
    "kernel_name": "python3",
    "config": Config(
        KernelManager={"transport_encryption": "auto"}
    ),  # it warns of plain text otherwise
    "shutdown_kernel": "immediate",  # a slow end complains when interrupted
}
NOTEBOOK = "notebook.ipynb"
FILES = (NOTEBOOK, "report.json")  # of a finished run


KERNELS: dict[str, AsyncKernelManager] = {}  # by the folders of the runs that this process is doing


class RunKernel(AsyncKernelManager):
    """The kernel of a run: `KERNELS` tells it from those of a program that calls us."""

    async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]
        """Enter the kernel under its folder, and start it."""
        KERNELS[options["cwd"]] = self
        await super().start_kernel(**options)


def kill_kernels(folders: Iterable[Path]) -> None:
    """Kill the kernels of the runs in these folders: those runs end at once, as failed.

    What the kernels started is killed too.
    """
    names = {str(folder) for folder in folders}
    files = {kernel.connection_file for name, kernel in list(KERNELS.items()) if name in names}
    for child in psutil.Process().children():
        with suppress(psutil.Error):  # it has ended
            if (files - {""}).intersection(child.cmdline()):
                for process in (*child.children(recursive=True), child):
                    process.kill()


def prepare_environment() -> None:
    """Set what a kernel inherits, where the user has not: one thread, this very Python's kernel,
    where the data lie.
    """
    for name in (*THREADS, "JUPYTER_PREFER_ENV_PATH"):
        os.environ.setdefault(name, "1")
    programs = sysconfig.get_path(
        "scripts"
    )  # of a Python that was not activated, too: nbgrader calls alembic
    if programs not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", "")])
    os.environ["MTLKIT_DATA"] = str(data_root().absolute())  # a kernel works in its run's folder


def run_chapter(
    chapter: Path, values: dict[str, Any], folder: Path, progress: bool = True, timeout: float = 0
) -> dict[str, Any]:
    """Execute a chapter with other parameters into `folder`: `notebook.ipynb`, and `report.json`
    with what it recorded.

    A chapter with a `run_folder` writes its own files into `folder`, too; what its `report.json`
    says stays in there.

    Args:
        chapter: the notebook; it stays as it is.
        values: parameters by name.
        folder: exists; the kernel works in it. What was executed stays there, also if a cell fails.
        progress: show a bar of cells.
        timeout: seconds after which the kernel is killed; 0 is never.

    Returns:
        The report: chapter, all parameters, the recorded numbers, versions.

    Raises:
        InputError: the chapter refused a value.
        RunFailed: a cell failed (it is named), the kernel died, or it was killed at its time.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError

    prepare_environment()
    for teller in ("papermill", "asyncio"):  # what went wrong is told once, below
        logging.getLogger(teller).addHandler(logging.NullHandler())
    out, own_report = folder / NOTEBOOK, folder / "report.json"
    defaults = {name: known.default for name, known in parameters_of(chapter).items()}
    inside = {"run_folder": "."} if defaults.pop("run_folder", None) is not None else {}
    started = time.monotonic()
    limit = (lambda cell: max(0.1, started + timeout - time.monotonic())) if timeout else None
    try:
        papermill.execute_notebook(
            nbformat.read(chapter, 4),
            str(out).replace("{", "{{").replace("}", "}}"),
            values | inside,
            progress_bar={"smoothing": 0} if progress else False,
            timeout_func=limit,
            resources={"metadata": {"path": str(folder)}},
            kernel_manager_class=RunKernel,
            **KERNEL,
        )
    except PapermillExecutionError as fault:
        if fault.ename == "InputError":
            raise InputError(fault.evalue) from fault
        said = " ".join(f"failed with {fault.ename}: {fault.evalue}".split())
        raise RunFailed(f"{chapter.name}: {last_cell(out)} {said}") from fault
    except (
        TimeoutError,
        RuntimeError,
    ) as fault:  # the second is nbclient's, of a kernel that is gone
        late, dead = (
            f"not done in {timeout:g} s, and stopped",
            "the kernel died (was the memory used up?)",
        )
        said = late if isinstance(fault, TimeoutError) else dead
        raise RunFailed(f"{chapter.name}: {last_cell(out)}: {said}") from fault
    finally:  # after Ctrl-C its kernel may be there, and must not lose its folder
        kill_kernels([folder])
        KERNELS.pop(str(folder), None)
    done = nbformat.read(out, as_version=4)
    for metadata in (done.metadata, *(cell.metadata for cell in done.cells)):
        metadata.pop("papermill", None)  # times and paths of this machine
    nbformat.write(done, out)
    report: dict[str, Any] = {
        "versions": versions(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if own_report.is_file():
        report |= json.loads(own_report.read_text(encoding="utf-8"))
    report |= {
        "chapter": chapter.stem,
        "parameters": defaults | values,
        "recorded": recorded(done),
        "wall_seconds": round(time.monotonic() - started, 1),
    }
    text = json.dumps(report, indent=1, ensure_ascii=False)
    own_report.write_text(f"{text}\n", encoding="utf-8", errors="replace")
    return report


def last_cell(notebook: Path) -> str:
    """Return the name of the cell that was begun last, as `cell 'train' (In [7])`."""
    cells = nbformat.read(notebook, 4).cells if notebook.is_file() else []
    begun = [cell for cell in cells if cell.metadata.get("papermill", {}).get("start_time")]
    if not begun:
        return "the start"
    count = sum(cell.cell_type == "code" for cell in begun)
    return f"cell {begun[-1].id!r} (In [{count}])"


def recorded(notebook: NotebookNode) -> dict[str, Any]:
    """Return all numbers that the cells of an executed notebook recorded (see `figures.record`)."""
    found: dict[str, Any] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            found |= output.get("data", {}).get(RECORD, {})
    return found


def rounded(value: Any) -> Any:
    """Return a number with six digits that count; what is whole or no number stays as it is.

    >>> rounded(2 / 3), rounded(1234567.0), rounded("plain")
    (0.666667, 1234567.0, 'plain')
    """
    if not isinstance(value, float) or value.is_integer():
        return value
    return float(f"{value:.6g}")
