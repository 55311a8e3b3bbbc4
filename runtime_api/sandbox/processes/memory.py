"""Memory of processes: the peak of one, and what a tree of them takes, sampled while it runs."""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from .holdings import Holdings, Taken

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    Sample = Generator[bool, None, Taken]

__all__ = ["MemoryWatch", "high_water", "tree", "walk"]

PERIOD_S = 0.02
SHARE = 0.03  # how much of a core it may take to measure one sandbox, and to count its processes
FIND_S = 1e-5  # to find one process
AT_ONCE_S = 0.002  # for a sample on the event loop; a thread takes the rest
STATUS_BYTES = 8192  # more than /proc/PID/status has


class MemoryWatch:
    """Samples a tree of processes while it runs; calls `over` with what it takes when that exceeds a limit.

    A function may have a thousand processes, and looking at them must cost other functions little: samples take a
    bounded share of a core, and what takes long or may block happens in a thread.
    """

    def __init__(self, most: Taken, over: Callable[[Taken], None]) -> None:
        self.peak_bytes = 0
        self._loop = asyncio.get_running_loop()
        self._most = most
        self._over = over
        self._root = 0
        self._holdings = Holdings()
        self._sample: Sample | None = None  # the one that a thread is taking
        self._due = 0.0  # when the next one may be taken, by the loop's clock
        self._timer: asyncio.TimerHandle | None = None

    def start(self, root: int, system_v: Sequence[int] = ()) -> None:
        """Sample the descendants of this process from now on. `system_v`: see `Holdings`."""
        self._root = root
        if self._timer is None:
            self._holdings = Holdings(system_v)
            self._timer = self._loop.call_later(PERIOD_S, self._look)

    def stop(self) -> None:
        """Stop sampling, for a while or for good."""
        self._sample = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def reset(self) -> None:
        """Stop, and begin a new maximum."""
        self.stop()
        self.peak_bytes = 0

    def _look(self) -> None:
        """Count the processes, and begin to measure them unless that would be too much work.

        Processes multiply in less time than a measurement of all of them takes.
        """
        pids = list(itertools.islice(walk(self._root), self._most.threads + 1))
        self._timer = self._loop.call_later(max(PERIOD_S, len(pids) * FIND_S / SHARE), self._look)
        if len(pids) > self._most.threads:
            self._over(Taken(0, len(pids)))
        elif self._sample is None and self._loop.time() >= self._due:
            self._begin(self._holdings.measure(pids, self.peak_bytes))

    def _begin(self, sample: Sample) -> None:
        """Take a sample; nearly every one is over at once."""
        began, until = time.thread_time(), time.perf_counter() + AT_ONCE_S
        self._sample = sample
        try:
            while not next(sample) and time.perf_counter() < until:
                pass
        except StopIteration as over:
            self._taken(sample, over.value, time.thread_time() - began)
        else:
            self._go_on(sample, time.thread_time() - began)

    def _go_on(self, sample: Sample, cost_s: float) -> None:
        """Have a thread of its own take the rest: a pool would have none left if several samples have to wait."""

        def take() -> None:
            began = time.thread_time()
            taken = _rest_of(sample)
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._taken, sample, taken, cost_s + time.thread_time() - began)

        try:
            threading.Thread(target=take, daemon=True).start()
        except RuntimeError:  # "can't start new thread"
            take()

    def _taken(self, sample: Sample, taken: Taken, cost_s: float) -> None:
        if self._sample is not sample:
            return  # stopped meanwhile
        self._sample = None
        self._due = self._loop.time() + cost_s / SHARE
        self.peak_bytes = max(self.peak_bytes, taken.memory_bytes)
        if taken.memory_bytes > self._most.memory_bytes or taken.threads > self._most.threads:
            self._over(taken)


def _rest_of(sample: Sample) -> Taken:
    while True:
        try:
            next(sample)
        except StopIteration as over:
            taken: Taken = over.value
            return taken


def tree(root: int) -> list[int]:
    """The descendants of a process."""
    return list(walk(root))


def walk(root: int) -> Iterator[int]:
    """The descendants of a process, as they are found."""
    parents = [root]
    while parents:
        children = _children(parents.pop())
        parents += children
        yield from children


def _children(pid: int) -> list[int]:
    listed: list[int] = []
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - runs many times a second
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:  # noqa: PTH123
                listed += map(int, file.read().split())
    return listed


def high_water(pid: int) -> int:
    """VmHWM of a process in bytes; 0 if it cannot be read: the process has ended, or there is no /proc."""
    try:
        descriptor = os.open(f"/proc/{pid}/status", os.O_RDONLY)  # not pathlib: an invocation waits for this
    except OSError:
        return 0
    try:
        status = os.read(descriptor, STATUS_BYTES)
    except OSError:
        return 0
    finally:
        os.close(descriptor)
    _, found, rest = status.partition(b"VmHWM:")
    return int(rest.split(None, 1)[0]) * 1024 if found else 0
