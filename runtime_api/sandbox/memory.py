"""Memory of processes: the peak of one, and the sum over a tree of them, sampled while they run."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MemoryWatch", "high_water", "tree"]

PERIOD_S = 0.02
SHARE = 0.03  # how much of a core the samples of one sandbox may take
STATUS_BYTES = 8192  # more than /proc/PID/status has
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class MemoryWatch:
    """Samples a tree of processes while it runs; calls `over` with the sum when it is more than `most_bytes`.

    Memory that processes share counts once (proportional set size). The kernel takes long to compute that, so it is
    asked only if the plain sum would be a new maximum.
    """

    def __init__(self, most_bytes: int, over: Callable[[int], None]) -> None:
        self.peak_bytes = 0
        self._most_bytes = most_bytes
        self._over = over
        self._root = 0
        self._timer: asyncio.TimerHandle | None = None

    def start(self, root: int) -> None:
        """Sample the descendants of this process from now on."""
        self._root = root
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PERIOD_S, self._look)

    def stop(self) -> None:
        """Stop sampling, for a while or for good."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def reset(self) -> None:
        """Stop, and begin a new maximum."""
        self.stop()
        self.peak_bytes = 0

    def _look(self) -> None:
        began = time.perf_counter()
        pids = tree(self._root)
        taken = sum(map(_resident, pids))
        if len(pids) > 1 and taken > self.peak_bytes:
            taken = sum(map(_proportional, pids))
        self.peak_bytes = max(self.peak_bytes, taken)
        cost = time.perf_counter() - began
        self._timer = asyncio.get_running_loop().call_later(max(PERIOD_S, cost / SHARE), self._look)
        if taken > self._most_bytes:
            self._over(taken)


def tree(root: int) -> list[int]:
    """The descendants of a process."""
    found: list[int] = []
    parents = [root]
    while parents:
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


def _resident(pid: int) -> int:
    with suppress(OSError, IndexError), open(f"/proc/{pid}/statm", "rb") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * PAGE_BYTES
    return 0


def _proportional(pid: int) -> int:
    """Resident memory with shared pages divided by their users; undivided where the kernel does not report that."""
    with suppress(OSError):
        _, found, rest = Path(f"/proc/{pid}/smaps_rollup").read_bytes().partition(b"Pss:")
        if found:
            return int(rest.split(None, 1)[0]) * 1024
    return _resident(pid)


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
