"""Keeps a command from ending in good order."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from runtime_api.sandbox.processes.memory import tree
from tests.e2e.running import SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["state", "stopped", "unreaped", "wait_until"]

PTRACE_SEIZE = 0x4206
WALL = 0x40000000  # wait for threads and traced processes, too

_LIBC = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def unreaped(pid: int) -> Iterator[None]:
    """Keep a process, once it has ended, from being reaped by its parent: its tracer has to see it first."""
    assert _LIBC.ptrace(PTRACE_SEIZE, pid, None, None) == 0, os.strerror(ctypes.get_errno())
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, WALL)


@contextlib.contextmanager
def stopped(server: int) -> Iterator[int]:
    """Stop all of a server's sandbox but the runtime, and give its pid: nothing reports its end to the server."""
    *others, runtime = tree(server)
    assert others, "not in bubblewrap"
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield runtime
    finally:
        for pid in others:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def state(pid: int) -> str:
    """The kernel's letter for what a process is doing; X when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "X"


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.001)
