"""Ends plain processes after a server that was killed: one small process beside the server, and a mark on the others.

The guardian is a shell that waits for the end of a pipe whose other end only the server has. When the server is gone,
however it ended, the shell becomes `left_behind.py`. What a function starts inherits its limits, through fork, exec,
setsid and whatever it does to its variables. So the mark is the hard limit of the time that a real-time process may
run (RLIMIT_RTTIME, getrlimit(2)): a number of microseconds that nobody reaches and no other server has.
"""

from __future__ import annotations

import asyncio
import os
import resource
import secrets
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from runtime_api.sandbox.processes.reaping import kill_group, when_ended

from .own_tmp import new_prefix

__all__ = ["Guardian"]

RLIMIT_RTTIME = 15  # linux/include/uapi/asm-generic/resource.h; Python has no name for it
HIGHEST_MARK = 1 << 61
LOWEST_MARK = 1 << 45  # a year
WAIT = "trap '' HUP INT QUIT TERM; read -r nothing; exec \"$@\""
PROGRAM = Path(__file__).with_name("left_behind.py")


class Guardian:
    """Watches over the processes that it is told of; does nothing where the system offers no way."""

    def __init__(self) -> None:
        self.tmp_prefix = new_prefix()  # of the temporary directories that it removes when the server has been killed
        self._mark = _new_mark()
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe = -1  # our end; nothing is ever written
        self._ended = asyncio.Event()

    def watch(self, pid: int) -> None:
        """Mark a child that has just been started, and with it what it will start."""
        if not self._mark:
            return
        with suppress(OSError):  # it has ended, or has become another user
            resource.prlimit(pid, RLIMIT_RTTIME, (self._mark, self._mark))
        if self._process is None:
            with suppress(OSError):  # there will be another process to try it with
                self._start()

    async def close(self) -> None:
        """Dismiss it; every process has ended."""
        if self._process is not None:
            kill_group(self._process.pid)
            await self._ended.wait()

    def _start(self) -> None:
        program = (sys.executable, "-I", "-S", str(PROGRAM), str(self._mark), self.tmp_prefix)
        command = ["/bin/sh", "-c", WAIT, "bootjack", *program]
        nothing = subprocess.DEVNULL
        self._ended.clear()
        theirs, self._pipe = os.pipe()
        try:
            process = subprocess.Popen(
                command, stdin=theirs, stdout=nothing, stderr=nothing, cwd="/", env={}, start_new_session=True
            )
            when_ended(process, lambda _status, _maxrss: self._over())
        except OSError:
            os.close(self._pipe)
            raise
        finally:
            os.close(theirs)
        self._process = process

    def _over(self) -> None:
        self._process = None
        os.close(self._pipe)
        self._ended.set()


def _new_mark() -> int:
    """A number that no other server has; 0 where processes cannot be marked.

    A server that is itself a function's descendant bears a mark, which is as high as it may go.
    """
    if not sys.platform.startswith("linux") or not sys.executable or not hasattr(os, "pidfd_open"):
        return 0
    _, hard = resource.getrlimit(RLIMIT_RTTIME)
    highest = HIGHEST_MARK if hard == resource.RLIM_INFINITY else min(hard, HIGHEST_MARK)
    return highest // 2 + secrets.randbelow(highest // 2) if highest > LOWEST_MARK else 0
