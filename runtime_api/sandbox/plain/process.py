"""The plain process: a child of this one, with its own group and variables; the file system is the host's."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from typing import TYPE_CHECKING

from runtime_api.protocol.limits import CURRENT, Limits
from runtime_api.sandbox.locales import with_locale
from runtime_api.sandbox.network.connecting import connect_here
from runtime_api.sandbox.ownership import Belonging
from runtime_api.sandbox.processes.holdings import proportional_bytes
from runtime_api.sandbox.processes.managed_process import ManagedProcess, State
from runtime_api.sandbox.processes.memory import high_water, walk
from runtime_api.sandbox.processes.process_table import ProcessTable
from runtime_api.sandbox.processes.reaping import kill_group, when_ended
from runtime_api.sandbox.processes.spawning import encoded, spawn
from runtime_api.sandbox.refusals import cannot_change_directory, cannot_execute, cannot_start

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from pathlib import Path

    from runtime_api.sandbox import Exited, Launch, Notify, StartRefused
    from runtime_api.sandbox.entrypoint import Program

    from .guardian import Guardian
    from .own_tmp import OwnTmp

__all__ = ["PlainSandbox"]

CLOSE_S = 5.0
MARKS = ("AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_LOG_STREAM_NAME")  # no two environments have the same of both
MOST_MEASURED = 16  # descendants: it takes a tenth of a millisecond to measure one, and an invocation waits for that
# Linux adds up three kinds of memory from counters that each processor keeps (percpu_counter): a figure may lag
# behind by a batch of pages of each, and two readings of the same memory differ by as much.
_PROCESSORS = os.cpu_count() or 1
COUNTING_ERROR_BYTES = 3 * _PROCESSORS * max(32, 2 * _PROCESSORS) * os.sysconf("SC_PAGE_SIZE")


class PlainSandbox:
    """Runs each process as a child of this one.

    `guardian`: who ends them if this process is killed. `tmp`: their temporary directory; None is the host's.
    """

    def __init__(self, limits: Limits = CURRENT, guardian: Guardian | None = None, tmp: OwnTmp | None = None) -> None:
        self._limits = limits
        self._guardian = guardian
        self._processes = ProcessTable()
        self._tmp = tmp
        self._notify: Notify = lambda _event: None
        self._marks: tuple[bytes, ...] = ()

    def inside(self, path: str | Path) -> str:
        return str(path)

    def arranged(self, program: Program) -> Program:
        return program

    async def open(self, notify: Notify) -> None:
        self._notify = notify

    def start(self, launch: Launch) -> None:
        launch = with_locale(launch if self._tmp is None else self._tmp.given(launch))
        refusal = cannot_start(launch) or self._start(launch)
        if refusal is not None:
            self._notify(refusal)

    def signal(self, name: str, number: int) -> None:
        process = self._processes.find(name)
        if process is not None and process.state is State.RUNNING:  # once it is reaped its group has been killed
            kill_group(process.pid, number)

    def drain(self) -> None:
        self._processes.drain()

    def pause_output(self) -> None:
        self._processes.pause_output()

    def resume_output(self) -> None:
        self._processes.resume_output()

    def freeze(self) -> None:
        """Do nothing: if this process were killed, nothing would thaw them."""

    def thaw(self) -> None:
        """Do nothing."""

    def peak_bytes(self) -> int:
        """The kernel's maximum of each process, or what it takes with its descendants now if that is more.

        The runtime may be a shell that waits for the program that does the work.
        """
        for process in self._processes:
            if process.state is State.RUNNING:
                others = list(itertools.islice(walk(process.pid), MOST_MEASURED))
                if 0 < len(others) < MOST_MEASURED:
                    process.takes(proportional_bytes([process.pid, *others]))
        return sum(process.peak_bytes() for process in self._processes)

    async def connect(self, port: int) -> socket.socket:
        return await connect_here(port)

    def belonging(self) -> Belonging:
        leaders = tuple(process.pid for process in self._processes if process.state is State.RUNNING)
        return Belonging(leaders, marks=self._marks)

    async def close(self) -> None:
        for process in self._processes:
            self.signal(process.launch.name, signal.SIGKILL)
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._processes.emptied()
        finally:
            if self._tmp is not None:
                await self._tmp.remove()

    def _start(self, launch: Launch) -> StartRefused | None:
        try:
            process = ManagedProcess(launch, self._limits.log_line_bytes, self._notify, self._over)
        except OSError as error:
            return cannot_execute(launch, error.errno)
        try:
            child = spawn(launch, process.outputs.written, self._limits)
            when_ended(child, process.exited)
        except OSError as error:
            process.discard()
            return _start_failure(launch, error)
        process.outputs.give_away()
        if self._guardian is not None:
            self._guardian.watch(child.pid)
        # Our own maximum only grows, so what it is now covers what the child's may have begun with.
        process.started(child.pid, high_water(os.getpid()) + COUNTING_ERROR_BYTES)
        self._processes.add(process)
        self._marks = _marks(launch.variables)
        return None

    def _over(self, end: Exited | StartRefused) -> None:
        self._processes.remove(end.name)
        self._notify(end)


def _marks(variables: Mapping[str, str]) -> tuple[bytes, ...]:
    """The variables that name the environment; nothing if one of them is missing."""
    marks = tuple(encoded(f"{name}={variables[name]}") for name in MARKS if variables.get(name))
    return marks if len(marks) == len(MARKS) else ()


def _start_failure(launch: Launch, error: OSError) -> StartRefused:
    """Tell a bad working directory from a bad program: Popen's error names one or the other."""
    directory = str(launch.directory)
    is_the_program = launch.argv[0] == directory and os.path.isdir(directory)  # noqa: PTH112 - never raises
    if error.filename == directory and not is_the_program:
        return cannot_change_directory(launch, error.errno)
    return cannot_execute(launch, error.errno)
