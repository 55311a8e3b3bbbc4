"""Descendants that have left their process group: adopted by this process, and ended with it.

A plain process cannot keep what it starts from making a session of its own. On Linux this process can ask to become
the parent of such descendants when theirs has ended; elsewhere they are init's, and stay. A setting of the whole
process, so only a command makes it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .reaping import awaited

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["adopted_orphans", "reap_orphans"]

PR_SET_CHILD_SUBREAPER = 36  # of Linux's prctl.h
PATIENCE_S = 2.0
LOOK_S = 0.005


@contextmanager
def adopted_orphans() -> Iterator[None]:
    """Adopt whatever is orphaned inside this block; at its end nothing of it is left."""
    libc = ctypes.CDLL(None)
    can_adopt = hasattr(libc, "prctl") and libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    try:
        yield
    finally:
        if can_adopt:
            _end_orphans()


def reap_orphans() -> None:
    """Let adopted processes that have ended go."""
    for pid in _orphans():
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def _orphans() -> set[int]:
    """The children of this process that it has not started itself."""
    children: set[int] = set()
    for listed in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            children.update(map(int, listed.read_text().split()))
    return children - awaited


def _end_orphans() -> None:
    """Kill them, and theirs, which are adopted in turn, until there are none."""
    until = time.monotonic() + PATIENCE_S
    while (orphans := _orphans()) and time.monotonic() < until:
        for pid in orphans:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        reap_orphans()
        time.sleep(LOOK_S)
