"""What a training shares with its process and its machine: seeds, threads, devices."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

from mtlkit.errors import InputError, as_input_error

TURN = threading.RLock()  # a process shares torch's random numbers, and its number of threads


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let torch draw from this seed for a while; the caller's own random numbers go on untouched.

    All threads of a process share torch's generator, so they take turns in here.
    """
    with TURN, torch.random.fork_rng(devices=[]):
        # torch.manual_seed asks for GPUs, too, which is 30 times as slow.
        torch.default_generator.manual_seed(seed)
        yield


def check_device(name: str) -> torch.device:
    """Return the device of that name, after a look whether it is there.

    >>> check_device("cpu")
    device(type='cpu')
    """
    with as_input_error(
        f"device {name!r} is not there", "use cpu, or cuda where torch finds a GPU"
    ):
        there_and_back = torch.zeros(1, device=name).cpu().to(name)  # torch's "meta" only pretends
        return there_and_back.device


@contextmanager
def threads(number: int, wait: bool = True) -> Iterator[None]:
    """Use so many threads in torch, numpy and scikit-learn for a while.

    One is quickest for small images. The number is that of the whole process, so a second thread
    waits here until the first is done. With `wait=False` it goes on at once with the number that is
    set, as work may that draws nothing.
    """
    if number < 1:
        raise InputError(f"the number of threads is {number}: ask for 1 or more.")
    if not TURN.acquire(blocking=wait):
        yield
        return
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(number)
        with threadpool_limits(number):
            yield
    finally:
        torch.set_num_threads(before)
        TURN.release()
