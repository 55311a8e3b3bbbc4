"""Adopts descendants that have left their process group, and ends them with this process.

A plain process cannot stop what it starts from making a session of its own. On Linux this process can become the
parent of such descendants once their own has ended (PR_SET_CHILD_SUBREAPER); elsewhere init adopts them, and they
stay. It is a setting of the whole process, so only a command makes it.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .reaping import awaited

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

__all__ = ["adopted_orphans", "reap_for_ever", "reaped_orphans"]

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
END_S = 2.0
REAP_S = 5.0  # between two looks for adopted processes that have ended
PAUSE_S = 0.005


@contextmanager
def adopted_orphans() -> Iterator[None]:
    """Adopt what is orphaned inside this block, and end it with the block."""
    libc = ctypes.CDLL(None)
    can_adopt = hasattr(libc, "prctl") and libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    try:
        yield
    finally:
        if can_adopt:
            _end_orphans()


async def reap_for_ever() -> None:
    """Reap adopted processes that have ended, again and again, until cancelled."""
    while True:
        await asyncio.sleep(REAP_S)
        _reap_orphans()


@asynccontextmanager
async def reaped_orphans() -> AsyncIterator[None]:
    """Reap adopted processes that have ended while the block runs."""
    reaping = asyncio.ensure_future(reap_for_ever())
    try:
        yield
    finally:
        reaping.cancel()


def _reap_orphans() -> None:
    """Reap adopted processes that have ended."""
    for pid in _orphans():
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def _orphans() -> set[int]:
    """The children of this process that it did not start itself."""
    children: set[int] = set()
    for listed in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            children.update(map(int, listed.read_text().split()))
    return children - awaited


def _end_orphans() -> None:
    """Kill them, and their children, which are adopted in turn, until none is left."""
    until = time.monotonic() + END_S
    while (orphans := _orphans()) and time.monotonic() < until:
        for pid in orphans:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        _reap_orphans()
        time.sleep(PAUSE_S)
