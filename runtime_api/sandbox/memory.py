"""Memory of processes: the peak of one, and what a tree of them takes, sampled while it runs."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from .holdings import Holdings, Taken

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

__all__ = ["MemoryWatch", "high_water", "tree"]

PERIOD_S = 0.02
SHARE = 0.03  # how much of a core the samples of one sandbox may take
SLICE_S = 0.004  # a sample that takes longer goes on after as long a pause
STATUS_BYTES = 8192  # more than /proc/PID/status has


class MemoryWatch:
    """Samples a tree of processes while it runs; calls `over` with what it takes when that exceeds a limit.

    A function may have a thousand processes, and looking at them must cost other functions little: samples take a
    bounded share of a core, and only a few milliseconds at once.
    """

    def __init__(self, most: Taken, over: Callable[[Taken], None]) -> None:
        self.peak_bytes = 0
        self._most = most
        self._over = over
        self._root = 0
        self._holdings = Holdings()
        self._sample: Generator[None, None, Taken] | None = None
        self._cost_s = 0.0  # of this sample up to now
        self._timer: asyncio.TimerHandle | None = None

    def start(self, root: int, system_v: Sequence[int] = ()) -> None:
        """Sample the descendants of this process from now on. `system_v`: see `Holdings`."""
        self._root = root
        if self._timer is None:
            self._holdings = Holdings(system_v)
            self._look_in(PERIOD_S)

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
        """Go on with a sample, or begin one."""
        if self._sample is None:
            self._sample, self._cost_s = self._measured(), 0.0
        began, until = time.thread_time(), time.perf_counter() + SLICE_S
        taken = None
        try:
            while time.perf_counter() < until:
                next(self._sample)
        except StopIteration as over:
            taken, self._sample = over.value, None
        self._cost_s += time.thread_time() - began
        self._look_in(SLICE_S if taken is None else max(PERIOD_S, self._cost_s / SHARE))
        if taken is not None:
            self._judge(taken)

    def _measured(self) -> Generator[None, None, Taken]:
        pids = tree(self._root, self._most.threads + 1)
        if len(pids) > self._most.threads:
            return Taken(0, len(pids))  # too many already: there may be any number of them
        return (yield from self._holdings.measure(pids, self.peak_bytes))

    def _judge(self, taken: Taken) -> None:
        self.peak_bytes = max(self.peak_bytes, taken.memory_bytes)
        if taken.memory_bytes > self._most.memory_bytes or taken.threads > self._most.threads:
            self._over(taken)

    def _look_in(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)


def tree(root: int, most: int = sys.maxsize) -> list[int]:
    """The descendants of a process; a few more than `most` when there are that many."""
    found: list[int] = []
    parents = [root]
    while parents and len(found) < most:
        children = _children(parents.pop())
        found += children
        parents += children
    return found


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
