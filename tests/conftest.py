"""What holds for every test: one thread a process, no window, no network, the real sets if they are
near.
"""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import settings

# Before numpy and torch are imported: two test processes share two cores, and results depend on the
# threads.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MPLBACKEND"] = "Agg"
SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"
if SHARED_DATA.is_dir():
    os.environ.setdefault("MTLKIT_DATA", str(SHARED_DATA))
if (
    signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    and threading.current_thread() is threading.main_thread()
):
    # A shell starts what runs in the background deaf to Ctrl-C, and children would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Hypothesis's own: the same examples every time, no deadline on a busy machine.
settings.load_profile("ci")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
    def guard(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_here(address[0]):
            # No OSError: code that falls back when the network fails must not hide that it tried.
            raise RuntimeError(
                f"a test tried to reach {address[0]}: tests use no network but loopback"
            )
        return connect(self, address)

    return guard


def pytest_configure() -> None:
    """Forbid connections that leave the machine, in docstrings too (a fixture here would not reach
    those).
    """
    for name in ("connect", "connect_ex"):
        setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
