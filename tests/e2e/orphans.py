"""Ends and names what a test leaves running. `tests/conftest.py` makes every orphan a child of this process."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from pathlib import Path

__all__ = ["children", "end_all"]

END_SECONDS = 5


def children() -> set[int]:
    """The direct children of this process that have not ended, adopted ones included."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                found.add(int(stat.parent.name))
    return found


def end_all(before: set[int]) -> list[str]:
    """Kill every child that is not in `before`, and the orphans that they leave; return their command lines."""
    ended = []
    while left := children() - before:
        for pid in left:
            ended.append(_command_line(pid))
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
        return f"process {pid}"
