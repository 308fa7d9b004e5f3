"""One notebook is executed with parameters, in one thread; a sentence says what went wrong."""

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
from mtlkit.course.parameters import Values, parameters_of
from mtlkit.data.root import data_root
from mtlkit.deployment.run_folder import versions
from mtlkit.deployment.runs import RunFailed
from mtlkit.errors import InputError

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
KERNEL: dict[str, Any] = {
    "kernel_name": "python3",
    "config": Config(KernelManager={"transport_encryption": "auto"}),  # else it warns of plain text
    "shutdown_kernel": "immediate",  # a slow end complains when interrupted
}
NOTEBOOK, REPORT = "notebook.ipynb", "report.json"
FILES = (NOTEBOOK, REPORT)  # of a finished run
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
    kernels = [KERNELS.get(str(folder)) for folder in folders]
    files = {kernel.connection_file for kernel in kernels if kernel and kernel.connection_file}
    for child in psutil.Process().children():
        with suppress(psutil.Error):  # it has ended
            if files.intersection(child.cmdline()):
                for process in (*child.children(recursive=True), child):
                    process.kill()


def prepare_environment() -> None:
    """Set what kernels inherit and the user has not set: threads, Python, where the data lie."""
    for name in (*THREADS, "JUPYTER_PREFER_ENV_PATH"):  # the last: a kernel of this very Python
        os.environ.setdefault(name, "1")
    # The programs of a Python that was not activated, too: nbgrader calls alembic.
    programs = sysconfig.get_path("scripts")
    path = os.environ.get("PATH", "")
    if programs not in path.split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([programs, path])
    os.environ["MTLKIT_DATA"] = str(data_root().absolute())  # a kernel works in its run's folder


def run_chapter(
    chapter: Path, values: Values, folder: Path, progress: bool = True, timeout: float = 0
) -> dict[str, Any]:
    """Execute a chapter with other parameters into `folder`, and report what it recorded there.

    `folder` then has `notebook.ipynb` and `report.json`. A chapter with a `run_folder` writes its
    own files into it, too; what its `report.json` says stays in there.

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
    prepare_environment()
    started = time.monotonic()
    defaults = {name: parameter.default for name, parameter in parameters_of(chapter).items()}
    own_files = {"run_folder": "."} if "run_folder" in defaults else {}
    defaults.pop("run_folder", None)
    _execute(chapter, values | own_files, folder, progress, timeout)
    notebook = nbformat.read(folder / NOTEBOOK, 4)
    for part in (notebook, *notebook.cells):
        part.metadata.pop("papermill", None)  # times and paths of this machine
    nbformat.write(notebook, folder / NOTEBOOK)
    path = folder / REPORT
    report = {
        "versions": versions(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **(json.loads(path.read_bytes()) if path.is_file() else {}),
        "chapter": chapter.stem,
        "parameters": defaults | values,
        "recorded": recorded(notebook),
        "wall_seconds": round(time.monotonic() - started, 1),
    }
    text = json.dumps(report, indent=1, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8", errors="replace")
    return report


def _execute(chapter: Path, values: Values, folder: Path, progress: bool, timeout: float) -> None:
    """Let papermill execute a chapter into `folder`; raise as `run_chapter` does."""
    import papermill
    from papermill.exceptions import PapermillExecutionError

    for name in ("papermill", "asyncio"):  # what went wrong is told once, below
        logging.getLogger(name).addHandler(logging.NullHandler())
    out = folder / NOTEBOOK
    end = time.monotonic() + timeout

    def time_left(cell: NotebookNode) -> float:
        return max(0.1, end - time.monotonic())

    try:
        papermill.execute_notebook(
            nbformat.read(chapter, 4),
            str(out).replace("{", "{{").replace("}", "}}"),
            values,
            progress_bar={"smoothing": 0} if progress else False,
            timeout_func=time_left if timeout else None,
            resources={"metadata": {"path": str(folder)}},
            kernel_manager_class=RunKernel,
            **KERNEL,
        )
    except PapermillExecutionError as fault:
        if fault.ename == "InputError":
            raise InputError(fault.evalue) from fault
        wrong = " ".join(f"{last_cell(out)} failed with {fault.ename}: {fault.evalue}".split())
        raise RunFailed(f"{chapter.name}: {wrong}") from fault
    except (TimeoutError, RuntimeError) as fault:  # the second is nbclient's: the kernel is gone
        wrong = "the kernel died (was the memory used up?)"
        if isinstance(fault, TimeoutError):
            wrong = f"not done in {timeout:g} s, and stopped"
        raise RunFailed(f"{chapter.name}: {last_cell(out)}: {wrong}") from fault
    finally:  # after Ctrl-C its kernel may be there, and must not lose its folder
        kill_kernels([folder])
        KERNELS.pop(str(folder), None)


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
    numbers: dict[str, Any] = {}
    for cell in notebook.cells:
        for data in output_data(cell):
            numbers |= data.get(RECORD, {})
    return numbers


def output_data(cell: NotebookNode) -> list[dict[str, Any]]:
    """Return what each output of a cell shows, by its MIME type."""
    return [output.get("data", {}) for output in cell.get("outputs", [])]


def rounded(value: Any) -> Any:
    """Return a number with six digits that count; what is whole or no number stays as it is.

    >>> rounded(2 / 3), rounded(1234567.0), rounded("plain")
    (0.666667, 1234567.0, 'plain')
    """
    if not isinstance(value, float) or value.is_integer():
        return value
    return float(f"{value:.6g}")
