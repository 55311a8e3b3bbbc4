"""The plain process: own session and group, own variables, 1024 descriptors. The file system is the host's."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import resource
import signal
import subprocess
from functools import partial
from typing import TYPE_CHECKING

from runtime_api.protocol.errors import ErrorType
from runtime_api.protocol.limits import CURRENT, Limits

from . import Exited, Output, StartRefused
from .memory import high_water
from .outputs import Outputs
from .reaping import when_ended

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runtime_api.protocol.events import ExitStatus

    from . import Launch, Notify
    from .entrypoint import Program

__all__ = ["PlainSandbox"]

# After a process has ended its pipes are read to their end. A descendant that left the group may hold them open for
# ever: it is waited for no longer than this, in seconds.
LINGER_S = 0.25
CLOSE_S = 5.0
# Linux adds up three kinds of memory from counters that each processor keeps (percpu_counter): a figure may lag
# behind by a batch of pages of each, and two readings of the same memory differ by as much.
_PROCESSORS = os.cpu_count() or 1
COUNTING_ERROR_BYTES = 3 * _PROCESSORS * max(32, 2 * _PROCESSORS) * os.sysconf("SC_PAGE_SIZE")
SPARE_FILES = 32  # descriptors that starting a process takes for a moment, and other threads may


class PlainSandbox:
    """Runs each process as a child of this one."""

    def __init__(self, limits: Limits = CURRENT) -> None:
        self._limits = limits
        self._children: dict[str, _Child] = {}
        self._notify: Notify = lambda _event: None
        self._throttled = False
        self._empty = asyncio.Event()
        self._empty.set()

    def inside(self, path: str | Path) -> str:
        return str(path)

    def arranged(self, program: Program) -> Program:
        return program

    async def open(self, notify: Notify) -> None:
        self._notify = notify

    def start(self, launch: Launch) -> None:
        if not launch.argv:
            reason = f"Couldn't find valid bootstrap(s): [{' '.join(launch.looked_for)}]"
            self._notify(StartRefused(launch.name, ErrorType.INVALID_ENTRYPOINT, reason))
            return
        try:
            child = _Child(launch, self._limits, self._notify, partial(self._ended, launch.name))
        except (OSError, ValueError) as error:
            self._notify(StartRefused(launch.name, *_start_failure(launch, error)))
        else:
            child.outputs.throttle(self._throttled)
            self._children[launch.name] = child
            self._empty.clear()

    def signal(self, name: str, number: int) -> None:
        if name in self._children:
            self._children[name].signal(number)

    def drain(self) -> None:
        if not self._throttled:
            for child in self._children.values():
                child.outputs.drain()

    def throttle(self, wait: bool) -> None:
        self._throttled = wait
        for child in self._children.values():
            child.outputs.throttle(wait)

    def freeze(self, still: bool) -> None:
        """Nothing: should this process be killed, nobody would ever let them go on."""

    def peak_bytes(self) -> int:
        return sum(child.peak_bytes() for child in self._children.values())

    async def close(self) -> None:
        for child in self._children.values():
            child.signal(signal.SIGKILL)
        async with asyncio.timeout(CLOSE_S):
            await self._empty.wait()

    def _ended(self, name: str, event: Exited) -> None:
        del self._children[name]
        if not self._children:
            self._empty.set()
        self._notify(event)


class _Child:
    """One process, what it writes, and the wait for its end."""

    def __init__(self, launch: Launch, limits: Limits, notify: Notify, ended: Notify) -> None:
        """OSError or ValueError when it cannot be started."""
        self._name = launch.name
        self._ended = ended
        self._peak = 0
        self._status: ExitStatus | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.outputs = Outputs(limits.log_line_bytes, lambda lines: notify(Output(launch.name, lines)), self._settle)
        try:
            self._process = _spawn(launch, self.outputs.written, limits)
        except BaseException:
            self.outputs.close()
            raise
        self.outputs.give_away()
        self._own_peak = high_water(os.getpid()) + COUNTING_ERROR_BYTES
        when_ended(self._process, self._reaped)

    def signal(self, number: int) -> None:
        # Until it is reaped the pid is ours; the group lives on while any member does.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def peak_bytes(self) -> int:
        """VmHWM of the process; what it was before it ended, once it has."""
        if self._status is None:
            self._peak = max(self._peak, high_water(self._process.pid))
        return self._peak

    def _reaped(self, status: ExitStatus, maxrss_bytes: int) -> None:
        self._status = status
        # A child is born with the memory of this process and its maximum remembers that, so the kernel's figure
        # says something of the child only where it is above our own (VmHWM: our own maximum remembers our parent's).
        if maxrss_bytes > self._own_peak:
            self._peak = max(self._peak, maxrss_bytes)
        # Members of the group that outlive their leader have no one to work for any more.
        self.signal(signal.SIGKILL)
        self.outputs.read_available()
        self._timer = asyncio.get_running_loop().call_later(LINGER_S, self._give_up)
        self._settle()

    def _settle(self) -> None:
        """Once the process is reaped and its pipes are at their end, it is over."""
        if self._timer is not None and self.outputs.at_end:
            self._timer.cancel()
            self._timer = None
            assert self._status is not None
            self._ended(Exited(self._name, self._status, self._peak))

    def _give_up(self) -> None:
        self.outputs.close()
        self._settle()


def _spawn(launch: Launch, outputs: tuple[int, ...], limits: Limits) -> subprocess.Popen[bytes]:
    """Start the process as the leader of its own session and group, with these for stdout and stderr."""
    stdout, stderr = outputs

    def start(before_exec: Callable[[], None] | None) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            launch.argv,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=str(launch.directory),
            env={_bytes(name): _bytes(value) for name, value in launch.variables.items()},
            start_new_session=True,
            preexec_fn=before_exec,
        )

    return _with_open_files(limits.open_files, max(outputs), start)


def _with_open_files(
    files: int, highest: int, start: Callable[[Callable[[], None] | None], subprocess.Popen[bytes]]
) -> subprocess.Popen[bytes]:
    """Start a process whose limit of open descriptors stands before its first instruction.

    A child inherits the soft limit, so it is lowered here for the moment of a vfork, which costs a tenth of the fork
    that code between fork and exec would need (0.2 ms against 1.5, and 4 ms where this process has grown). The hard
    limit follows from outside at once, and takes back what the program may have raised by then. Where this process
    has more descriptors open than that itself, or there is no prlimit, it is the fork.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        files = min(files, hard)
    own = (files, files)
    if highest + SPARE_FILES > files or not hasattr(resource, "prlimit"):
        return start(partial(resource.setrlimit, resource.RLIMIT_NOFILE, own))
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    try:
        process = start(None)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with contextlib.suppress(ProcessLookupError, PermissionError):
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, own)
    return process


def _bytes(text: str) -> bytes:
    """UTF-8 whatever the locale, and bytes that were none as they came."""
    return text.encode("utf-8", "surrogateescape")


def _start_failure(launch: Launch, error: OSError | ValueError) -> tuple[ErrorType, str]:
    """What Lambda calls a start that failed, and why it did, in Go's form (spec 4)."""
    if isinstance(error, ValueError):  # a NUL or a lone surrogate in a name, an argument or a variable
        return ErrorType.INVALID_ENTRYPOINT, f"fork/exec {launch.argv[0]}: {error}"
    reason = os.strerror(error.errno or errno.EIO).lower()
    if error.filename == str(launch.directory) and not launch.directory.is_dir():
        return ErrorType.INVALID_WORKING_DIR, f"chdir {launch.directory}: {reason}"
    return ErrorType.INVALID_ENTRYPOINT, f"fork/exec {launch.argv[0]}: {reason}"
