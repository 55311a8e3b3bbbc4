"""Waiting for a child's end: without a thread where the kernel has pidfds, with one elsewhere."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from runtime_api.protocol.events import ExitStatus

if TYPE_CHECKING:
    import subprocess

__all__ = ["Reaped", "awaited", "when_ended"]

Reaped = Callable[[ExitStatus, int], None]

awaited: set[int] = set()  # the children whose end somebody waits for

MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes; kilobytes on Linux


def when_ended(process: subprocess.Popen[bytes], reaped: Reaped) -> None:
    """Reap the process when it ends, and tell how it ended and its maximum resident size in bytes."""
    loop = asyncio.get_running_loop()
    awaited.add(process.pid)
    descriptor = _pidfd(process.pid)
    if descriptor is not None:

        def ended() -> None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            reaped(*_reap(process))

        loop.add_reader(descriptor, ended)
    else:

        def wait() -> None:
            found = _reap(process)
            loop.call_soon_threadsafe(reaped, *found)

        threading.Thread(target=wait, name=f"wait for {process.pid}", daemon=True).start()


def _pidfd(pid: int) -> int | None:
    """A descriptor that becomes readable when the process ends; None where there are none, or none is left."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _reap(process: subprocess.Popen[bytes]) -> tuple[ExitStatus, int]:
    _, status, usage = os.wait4(process.pid, 0)
    awaited.discard(process.pid)
    process.returncode = os.waitstatus_to_exitcode(status)  # so that Popen does not wait for it again
    if os.WIFSIGNALED(status):
        exit_status = ExitStatus(None, os.WTERMSIG(status), os.WCOREDUMP(status))
    else:
        exit_status = ExitStatus(os.WEXITSTATUS(status))
    return exit_status, usage.ru_maxrss * MAXRSS_UNIT
