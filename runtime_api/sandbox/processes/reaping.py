"""Waits for child processes without polling: with a pidfd where the kernel has them, with a thread elsewhere.

A child leads a process group of its own. When it ends, the rest of the group is killed *before* the child is reaped:
until then the kernel cannot give its pid, which is also the group's number, to any other process.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from runtime_api.protocol.events import ExitStatus

from .pidfds import open_pidfd

if TYPE_CHECKING:
    import subprocess

__all__ = ["Reaped", "awaited", "exit_status", "kill_group", "when_ended"]

Reaped = Callable[[ExitStatus, int], None]

awaited: set[int] = set()  # children that are reaped here; any other child is an adopted orphan

MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024  # ru_maxrss: bytes on macOS, kilobytes on Linux (getrusage(2))
LOST = ExitStatus(255)  # as asyncio reports a child that other code has reaped


def when_ended(process: subprocess.Popen[bytes], reaped: Reaped) -> None:
    """Reap the process when it ends and call `reaped` with its exit status and maximum resident size in bytes.

    OSError when neither a descriptor nor a thread is left to wait with; the process has been killed then.
    """
    loop = asyncio.get_running_loop()
    awaited.add(process.pid)
    descriptor = open_pidfd(process.pid)
    if descriptor >= 0:

        def ended() -> None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            reaped(*_reap(process))

        loop.add_reader(descriptor, ended)
        return

    def wait() -> None:
        found = _reap(process)
        loop.call_soon_threadsafe(reaped, *found)

    try:
        threading.Thread(target=wait, name=f"wait for {process.pid}", daemon=True).start()
    except RuntimeError as error:  # "can't start new thread"
        kill_group(process.pid)
        _reap(process)
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from error


def kill_group(pid: int, number: int = signal.SIGKILL) -> None:
    """Signal the group of a child that has not been reaped."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def exit_status(status: int) -> ExitStatus:
    """Translate a status of wait4(2)."""
    if os.WIFSIGNALED(status):
        return ExitStatus(None, os.WTERMSIG(status), os.WCOREDUMP(status))
    return ExitStatus(os.WEXITSTATUS(status))


def _reap(process: subprocess.Popen[bytes]) -> tuple[ExitStatus, int]:
    """Wait for the end of the process, kill the rest of its group, and reap it."""
    pid = process.pid
    try:
        if hasattr(os, "waitid"):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            kill_group(pid)
            _, status, usage = os.wait4(pid, 0)
        else:  # macOS before Python 3.13: the pid may be in use again by the time the group is killed
            _, status, usage = os.wait4(pid, 0)
            kill_group(pid)
    except ChildProcessError:  # another waitpid(-1) in this program was faster, or SIGCHLD is ignored
        process.returncode = LOST.code
        return LOST, 0
    finally:
        awaited.discard(pid)
    process.returncode = os.waitstatus_to_exitcode(status)  # keeps Popen from waiting for it again
    return exit_status(status), usage.ru_maxrss * MAXRSS_UNIT
