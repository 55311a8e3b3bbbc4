"""Kills everything that this process has started, when there is no time left to close it in order."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

from .memory import tree
from .reaping import awaited

__all__ = ["kill_descendants"]

ROUNDS = 10  # a process may fork while its children are being listed


def kill_descendants() -> None:
    """Kill every descendant, without waiting for its end; without /proc, the groups of the processes started here."""
    for group in tuple(awaited):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    killed: set[int] = set()
    for _ in range(ROUNDS):
        found = set(tree(os.getpid())) - killed
        if not found:
            return
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed |= found
