"""The bubblewrap sandbox: Lambda's paths, a private /tmp, namespaces of its own, and a supervisor as first process.

bwrap builds the file system and becomes the supervisor (`supervisor.py`), which starts what it is told to. Seen from
here all of them are descendants of one child, which end when it does. A root's sandbox has two users: the supervisor
is root, without privileges but to start others, and these are a user that exists nowhere else on the machine. Anybody
else's has one, who is called the same inside.
"""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import re
import resource
import signal
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.protocol.errors import ErrorType
from runtime_api.protocol.events import ExitStatus
from runtime_api.protocol.limits import CURRENT, Limits

from . import Exited, Moved, Output, StartRefused
from .cgroup import Bounds, ControlGroup, new_group
from .enclosure import OWN_PORT, Enclosure, outside_user
from .interpreters import interpreter_of, own_installation
from .memory import MemoryWatch, high_water
from .opt import hold_merged, with_merged
from .outputs import Outputs
from .view import View, mount_arguments, view_of

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from runtime_api.service.seams.archives import Lease

    from . import Launch, Notify
    from .cgroup import Hierarchy
    from .entrypoint import Program
    from .opt import SharedTrees

__all__ = ["BubblewrapSandbox", "Confinement"]

OPEN_S = 10.0
CLOSE_S = 5.0
LINGER_S = 0.25  # a process that has ended is waited for by those that hold its pipes no longer than this
SUPERVISOR_BYTES = 16 << 20  # more than the supervisor takes


class Confinement(NamedTuple):
    """What a function may have of the machine."""

    memory_mb: int
    tmp_mb: int
    own_network: bool = False  # none but a loopback interface of its own
    cpus: float | None = None  # as many processors' time at most, where there may be control groups


class BubblewrapSandbox:
    """Runs processes inside bubblewrap."""

    def __init__(
        self,
        program: Program,
        confinement: Confinement,
        trees: SharedTrees,
        limits: Limits = CURRENT,
        hierarchies: Sequence[Hierarchy] = (),
    ) -> None:
        """`trees`: where several layers are merged. `hierarchies`: where groups may be made."""
        self._executable, self._own = own_installation()
        self._program = program
        self._view = View((), ())
        self._trees = trees
        self._merging: asyncio.Future[Lease] | None = None
        self._confinement = confinement
        self._limits = limits
        self._notify: Notify = lambda _event: None
        self._loop = asyncio.get_running_loop()
        self._processes: dict[str, _Process] = {}
        self._serial = itertools.count(1)
        self._throttled = False
        self._enclosure: Enclosure | None = None
        self._watch = MemoryWatch(confinement.memory_mb << 20, self._over)
        self._hierarchies = hierarchies
        self._group: ControlGroup | None = None
        self._admission: asyncio.Future[None] | None = None
        self._group_kills = 0
        self._empty = asyncio.Event()
        self._empty.set()

    def inside(self, path: str | Path) -> str:
        return self._view.inside(path)

    def arranged(self, program: Program) -> Program:
        return self._program

    async def open(self, notify: Notify) -> socket.socket | None:
        self._notify = notify
        if len(self._program.layers) > 1:
            self._merging = self._loop.run_in_executor(None, hold_merged, self._program.layers, self._trees)
            merged = await asyncio.shield(self._merging)
            self._program = with_merged(self._program, merged.path)
        self._view = view_of(self._program, self._own)
        self._group = new_group(self._hierarchies, _bounds(self._confinement, self._limits))
        enclosure = self._build()
        async with asyncio.timeout(OPEN_S):
            return await enclosure.up

    def start(self, launch: Launch) -> None:
        refusal = self._refusal(launch)
        if refusal is None:
            try:
                self._start(launch)
            except OSError as error:
                refusal = ErrorType.INVALID_ENTRYPOINT, _go_reason(launch, error.errno)
            except ValueError as error:  # a lone surrogate somewhere
                refusal = ErrorType.INVALID_ENTRYPOINT, f"fork/exec {launch.argv[0]}: {error}"
        if refusal is not None:
            self._notify(StartRefused(launch.name, *refusal))

    def signal(self, name: str, number: int) -> None:
        process = self._processes.get(name)
        if process is not None and self._enclosure is not None:
            if number == signal.SIGKILL:
                process.kill()
            self._enclosure.order("signal", process.tag, int(number))

    def drain(self) -> None:
        if not self._throttled:
            for process in self._processes.values():
                process.outputs.drain()

    def throttle(self, wait: bool) -> None:
        self._throttled = wait
        for process in self._processes.values():
            process.outputs.throttle(wait)

    def freeze(self, still: bool) -> None:
        if self._enclosure is not None:
            self._enclosure.order("stop" if still else "go on")
        if still:
            self._watch.stop()
        elif self._processes and self._enclosure is not None:
            self._watch.start(self._enclosure.supervisor)

    def peak_bytes(self) -> int:
        """The highest sum of all processes that was seen, or the kernel's own maximum of a named one."""
        return max(self._watch.peak_bytes, *(process.peak_bytes() for process in self._processes.values()), 0)

    async def close(self) -> None:
        for name in tuple(self._processes):
            self.signal(name, signal.SIGKILL)
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._empty.wait()
        finally:
            self._watch.stop()
            if self._enclosure is not None:
                await self._enclosure.close()
            if self._admission is not None:
                await self._admission
            if self._group is not None:
                await self._loop.run_in_executor(None, self._group.remove)
            if self._merging is not None:
                with suppress(OSError):  # what `open` has told
                    await self._loop.run_in_executor(None, (await self._merging).release)

    def _build(self) -> Enclosure:
        """Let bwrap build it, whether for the first time or because the last one was killed."""
        paths = [outside for outside, _ in self._view.own]
        self._enclosure = Enclosure(
            mount_arguments(self._view, self._confinement.tmp_mb << 20),
            self._executable,
            outside_user([*paths, *map(str, self._program.mounts)]),
            OWN_PORT if self._confinement.own_network else None,
            self._heard,
            self._gone,
        )
        self._enclosure.up.add_done_callback(self._admit)
        return self._enclosure

    def _admit(self, up: asyncio.Future[socket.socket | None]) -> None:
        """Put the supervisor in the group, beside what it does meanwhile: nobody waits for the kernel to do it."""
        if self._group is not None and self._enclosure is not None and not up.cancelled() and up.exception() is None:
            self._admission = self._loop.run_in_executor(None, self._group.admit, self._enclosure.supervisor)

    def _moved(self, up: asyncio.Future[socket.socket | None]) -> None:
        if not up.cancelled() and up.exception() is None:
            listener = up.result()
            if listener is not None:
                self._notify(Moved(listener))

    def _refusal(self, launch: Launch) -> tuple[ErrorType, str] | None:
        if not launch.argv:
            reason = f"Couldn't find valid bootstrap(s): [{' '.join(launch.looked_for)}]"
            return ErrorType.INVALID_ENTRYPOINT, reason
        interpreter = interpreter_of(Path(self._view.outside(launch.argv[0])))
        if interpreter is not None and interpreter.exists() and not self._view.shows(str(interpreter)):
            reason = f"{interpreter} is not visible in the sandbox: show it with --mount {interpreter.parent}"
            return ErrorType.INVALID_ENTRYPOINT, f"fork/exec {launch.argv[0]}: {reason}"
        return None

    def _start(self, launch: Launch) -> None:
        enclosure = self._enclosure
        if enclosure is None or enclosure.has_gone:
            enclosure = self._build()
            enclosure.up.add_done_callback(self._moved)
        process = _Process(launch, f"{launch.name}.{next(self._serial)}", self._limits, self._notify, self._ended)
        try:
            enclosure.order(
                "start",
                process.tag,
                [_bytes(argument) for argument in launch.argv],
                _bytes(str(launch.directory)),
                {_bytes(name): _bytes(value) for name, value in launch.variables.items()},
                _resource_limits(self._limits),
                descriptors=process.outputs.written,
            )
        except (OSError, ValueError):
            process.outputs.close()
            raise
        process.outputs.give_away()
        process.outputs.throttle(self._throttled)
        self._processes[launch.name] = process
        self._empty.clear()

    def _heard(self, word: str, tag: str, numbers: list[int], pid: int) -> None:
        """A word from inside: whatever it says, it can only concern this sandbox."""
        process = self._processes.get(tag.rpartition(".")[0])
        if process is None or process.tag != tag or self._enclosure is None:
            return  # one that was refused is told to have ended too, when the next may have its name
        if word == "started":
            process.started(pid)
            self._watch.start(self._enclosure.supervisor)
        elif word == "refused" and len(numbers) == 2:
            process.refuse(*numbers)
        elif word == "ended" and len(numbers) == 2:
            process.reaped(_exit_status(numbers[0]), numbers[1] * 1024)

    def _gone(self) -> None:
        """The sandbox was killed, and whatever was in it."""
        for process in tuple(self._processes.values()):
            process.reaped(ExitStatus(None, signal.SIGKILL), 0)

    def _over(self, taken: int) -> None:
        for name, process in self._processes.items():
            process.over_bytes = taken
            self.signal(name, signal.SIGKILL)

    def _ended(self, name: str, event: Exited | StartRefused) -> None:
        del self._processes[name]
        if isinstance(event, Exited):
            over = event.over_bytes or self._group_took(event.status)
            peak = max(event.peak_bytes, self._watch.peak_bytes, over)  # the kernel may have been sooner than a look
            event = event._replace(peak_bytes=peak, over_bytes=over)
        if not self._processes:
            self._watch.reset()
            self._empty.set()
        self._notify(event)

    def _group_took(self, status: ExitStatus) -> int:
        """What was in the group when the kernel killed this process for it; 0 when it did not."""
        if self._group is None or status.signal != signal.SIGKILL:
            return 0
        kills, self._group_kills = self._group_kills, self._group.killed()
        return _bounds(self._confinement, self._limits).memory_bytes if self._group_kills > kills else 0


def _bounds(confinement: Confinement, limits: Limits) -> Bounds:
    """A group's: what lies in /tmp is in the kernel's count too, so the memory itself is for the watch to bound."""
    memory = (confinement.memory_mb + confinement.tmp_mb << 20) + SUPERVISOR_BYTES
    return Bounds(memory, limits.processes + 1, confinement.cpus)


class _Process:
    """One process inside, and what it writes."""

    def __init__(
        self,
        launch: Launch,
        tag: str,
        limits: Limits,
        notify: Notify,
        ended: Callable[[str, Exited | StartRefused], None],
    ) -> None:
        self.tag = tag  # its name and a number that no other has: what it is called inside
        self._launch = launch
        self._ended = ended
        self._peak = 0
        self._end: Exited | StartRefused | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pid = 0  # as it is known outside
        self._pidfd = -1
        self.over_bytes = 0
        self.outputs = Outputs(limits.log_line_bytes, lambda lines: notify(Output(launch.name, lines)), self._settle)

    def started(self, pid: int) -> None:
        """It runs, by this number outside."""
        self._pid = pid
        with suppress(OSError):  # it has ended, or there are no descriptors left
            self._pidfd = os.pidfd_open(pid)

    def kill(self) -> None:
        """End it now: by the time the supervisor has heard of it, it might have made another call."""
        if self._pidfd >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def peak_bytes(self) -> int:
        """VmHWM; what it was before the end, once it has ended."""
        if self._pid and self._end is None:
            self._peak = max(self._peak, high_water(self._pid))
        return self._peak

    def reaped(self, status: ExitStatus, maxrss_bytes: int) -> None:
        """It has ended."""
        if maxrss_bytes > SUPERVISOR_BYTES:  # a forked child's maximum starts with the supervisor's memory
            self._peak = max(self._peak, maxrss_bytes)
        self._finish(Exited(self._launch.name, status, self._peak, self.over_bytes))

    def refuse(self, number: int, directory: int) -> None:
        """It could not become the program it was to be."""
        if directory:
            reason = f"chdir {self._launch.directory}: {os.strerror(number).lower()}"
            self._finish(StartRefused(self._launch.name, ErrorType.INVALID_WORKING_DIR, reason))
        else:
            reason = _go_reason(self._launch, number)
            self._finish(StartRefused(self._launch.name, ErrorType.INVALID_ENTRYPOINT, reason))

    def _finish(self, end: Exited | StartRefused) -> None:
        if self._end is None:
            self._end = end
            if self._pidfd >= 0:
                os.close(self._pidfd)
                self._pidfd = -1
            self.outputs.read_available()
            self._timer = asyncio.get_running_loop().call_later(LINGER_S, self._give_up)
            self._settle()

    def _settle(self) -> None:
        """Once it has ended and its pipes are at their end, it is over."""
        if self._timer is not None and self.outputs.at_end:
            self._timer.cancel()
            self._timer = None
            assert self._end is not None
            self._ended(self._launch.name, self._end)

    def _give_up(self) -> None:
        self.outputs.close()
        self._settle()


def _exit_status(status: int) -> ExitStatus:
    if os.WIFSIGNALED(status):
        return ExitStatus(None, os.WTERMSIG(status), os.WCOREDUMP(status))
    return ExitStatus(os.WEXITSTATUS(status))


def _go_reason(launch: Launch, number: int | None) -> str:
    """Why a start failed, in Go's form (spec 4)."""
    return f"fork/exec {launch.argv[0]}: {os.strerror(number or errno.EIO).lower()}"


def _resource_limits(limits: Limits) -> list[tuple[int, int]]:
    """Descriptors, and processes where the kernel counts them for each sandbox."""
    own = [(resource.RLIMIT_NOFILE, limits.open_files)]
    if os.geteuid() == 0 or _counts_processes_apart():
        own.append((resource.RLIMIT_NPROC, limits.processes))
    hard = {kind: resource.getrlimit(kind)[1] for kind, _ in own}
    return [(kind, most if hard[kind] == resource.RLIM_INFINITY else min(most, hard[kind])) for kind, most in own]


@cache
def _counts_processes_apart() -> bool:
    """Since Linux 5.14 a user's processes are counted for each user namespace."""
    found = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return found is not None and (int(found[1]), int(found[2])) >= (5, 14)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
