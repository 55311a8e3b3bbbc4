"""End the processes that a test leaves running, and name them.

`tests/traces.py` has made this process the reaper of orphans, so every process that is left is its child.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from pathlib import Path

from tests import traces

__all__ = ["children", "end_all"]

END_SECONDS = 5


def children() -> set[int]:
    """Return the direct children of this process that have not ended, adopted ones included."""
    return {pid for pid in traces.children() if _command_line(pid)}  # one that is ending has none any more


def end_all(before: set[int]) -> list[str]:
    """Kill every child that is not in `before` and everything those leave; return their command lines."""
    ended = []
    while left := children() - before:
        for pid in left:
            ended.append(_command_line(pid) or f"process {pid}")
            _end(pid)
    return ended


def _end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        descriptor = os.pidfd_open(pid)
        try:
            os.kill(pid, signal.SIGKILL)
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            assert poll.poll(END_SECONDS * 1000), f"process {pid} does not end"
            os.waitpid(pid, os.WNOHANG)
        finally:
            os.close(descriptor)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""
