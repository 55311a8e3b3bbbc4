"""A server's log: what it and its processes write to stdout and stderr."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ServerLog"]

PIPE_BYTES = 1 << 20


class ServerLog:
    """Reads the pipe that a server writes to."""

    def __init__(self, output: int) -> None:
        self._output = output
        self._data = b""
        self._start = 0  # of the part that belongs to the present case
        os.set_blocking(output, False)
        with contextlib.suppress(OSError):  # a user's pipes may not grow beyond /proc/sys/fs/pipe-user-pages-soft
            fcntl.fcntl(output, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def text(self) -> str:
        """What was written since the last `forget`."""
        self.drain(0)
        return self._data[self._start :].decode(errors="replace")

    def forget(self) -> None:
        """Start an empty log for the next case."""
        self.drain(0)
        self._start = len(self._data)

    def until(self, enough: Callable[[str], bool], timeout_s: float) -> str:
        """Wait until the log is enough, the server ends or the time is over; returns the log."""
        deadline = time.monotonic() + timeout_s
        while not enough(self.text()):
            left = deadline - time.monotonic()
            if left <= 0 or not self.drain(left):
                break
        return self.text()

    def drain(self, timeout_s: float) -> bool:
        """Read what the server wrote, waiting at most `timeout_s` for it; False when the pipe is closed."""
        ready = select.select([self._output], [], [], timeout_s)[0]
        while ready:
            try:
                data = os.read(self._output, 1 << 16)
            except BlockingIOError:
                break
            if not data:
                return False
            self._data += data
        return True

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._output)
