"""The bubblewrap sandbox: Lambda's paths, a private /tmp, namespaces of its own, and a supervisor as first process.

bwrap builds the file system and becomes the supervisor (`supervisor.py`), which starts processes on request. Seen
from outside all of them are descendants of one child, and end with it.
"""

from __future__ import annotations

import asyncio
import errno
import itertools
import signal
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from runtime_api.protocol.events import ExitStatus
from runtime_api.protocol.limits import CURRENT, Limits
from runtime_api.sandbox import Exited, Moved, Notice, Output, StartRefused
from runtime_api.sandbox.network import Network
from runtime_api.sandbox.network.connecting import connect_here, connected
from runtime_api.sandbox.network.names import name_files
from runtime_api.sandbox.network.outside_helper import OutsideLost
from runtime_api.sandbox.ownership import Belonging
from runtime_api.sandbox.processes.holdings import Taken
from runtime_api.sandbox.processes.managed_process import ManagedProcess
from runtime_api.sandbox.processes.memory import MemoryWatch
from runtime_api.sandbox.processes.pidfds import pidfd_of_child
from runtime_api.sandbox.processes.process_table import ProcessTable
from runtime_api.sandbox.processes.reaping import exit_status
from runtime_api.sandbox.processes.spawning import encoded
from runtime_api.sandbox.processes.system_v import system_v_bytes
from runtime_api.sandbox.refusals import cannot_change_directory, cannot_execute, cannot_execute_because, cannot_start
from runtime_api.sandbox.seccomp import system_call_filter
from runtime_api.sandbox.view.interpreters import own_installation
from runtime_api.sandbox.view.visible import View, check_paths, hidden_program, mount_arguments, view_of

from .confinement import SUPERVISOR_BYTES, Confinement, group_bounds, resource_limits
from .enclosure import Enclosure, Plan, Stage
from .kernel_bounds import KernelBounds
from .opt import hold_merged, with_merged
from .reports import Verb
from .users import outside_user

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence
    from pathlib import Path

    from runtime_api.sandbox import Launch, Notify
    from runtime_api.sandbox.entrypoint import Program
    from runtime_api.sandbox.network.outside import Outside
    from runtime_api.service.seams.archives import Lease

    from .cgroup import Hierarchy
    from .opt import SharedTrees
    from .reports import Report

__all__ = ["BubblewrapSandbox", "Confinement"]

OPEN_S = 10.0
CLOSE_S = 5.0
SANDBOX = "sandbox"  # whose line it is when no process has a name


class BubblewrapSandbox:
    """Runs processes inside bubblewrap."""

    def __init__(
        self,
        program: Program,
        confinement: Confinement,
        trees: SharedTrees,
        limits: Limits = CURRENT,
        hierarchies: Sequence[Hierarchy] = (),
        outside: Outside | None = None,
    ) -> None:
        """`trees`: where several layers are merged. `hierarchies`: where control groups may be made.

        `outside`: the way out of a network of its own.
        """
        self._loop = asyncio.get_running_loop()
        self._executable, self._own = own_installation()
        self._program = program
        self._view = View((), ())
        self._unsaid = self._view.left_out
        self._trees = trees
        self._merging: asyncio.Future[Lease] | None = None
        self._confinement = confinement
        self._system_calls = system_call_filter() if confinement.seccomp else None
        self._limits = limits
        self._hierarchies = hierarchies
        self._outside = outside
        self._bounds: KernelBounds | None = None
        self._notify: Notify = lambda _event: None
        self._processes = ProcessTable()
        self._tags: dict[str, int] = {}  # what a named process is called inside
        self._serial = itertools.count(1)
        self._enclosure: Enclosure | None = None
        self._enclosures: list[Enclosure] = []  # that one, and those that were killed and are not quite gone
        self._watch = MemoryWatch(Taken(confinement.memory_mb << 20, limits.processes), self._exceeded)

    def inside(self, path: str | Path) -> str:
        return self._view.inside(path)

    def arranged(self, program: Program) -> Program:
        return self._program

    async def open(self, notify: Notify) -> socket.socket | None:
        self._notify = notify
        check_paths(self._program)
        if len(self._program.layers) > 1:
            self._merging = self._loop.run_in_executor(None, hold_merged, self._program.layers, self._trees)
            merged = await asyncio.shield(self._merging)
            self._program = with_merged(self._program, merged.path)
        self._view = view_of(self._program, self._own)
        self._unsaid = self._view.left_out
        self._bounds = KernelBounds(self._hierarchies, group_bounds(self._confinement, self._limits))
        enclosure = self._build()
        try:
            async with asyncio.timeout(OPEN_S):
                await enclosure.up
        except TimeoutError:
            raise OSError(errno.ETIMEDOUT, f"the sandbox could not be built within {OPEN_S:g} s") from None
        return enclosure.claim_listener()

    def start(self, launch: Launch) -> None:
        refusal = cannot_start(launch) or self._hidden_interpreter(launch) or self._start(launch)
        if refusal is not None:
            self._notify(refusal)

    def signal(self, name: str, number: int) -> None:
        process = self._processes.find(name)
        if process is not None:
            if number == signal.SIGKILL:
                process.kill()  # before the supervisor gets to it, the process could make another call
            self._order("signal", self._tags[name], int(number))

    def drain(self) -> None:
        self._processes.drain()

    def pause_output(self) -> None:
        self._processes.pause_output()

    def resume_output(self) -> None:
        self._processes.resume_output()

    def freeze(self) -> None:
        self._watch.stop()
        self._order("freeze")

    def thaw(self) -> None:
        self._order("thaw")
        if self._processes and self._enclosure is not None:
            self._watch.start(self._enclosure.supervisor, self._enclosure.system_v)

    def peak_bytes(self) -> int:
        """The highest sum of all processes that was seen, or the kernel's own maximum of a named one."""
        return max(self._watch.peak_bytes, *(process.peak_bytes() for process in self._processes), 0)

    async def connect(self, port: int) -> socket.socket:
        if self._confinement.network is Network.HOST:
            return await connect_here(port)
        enclosure = self._enclosure
        if enclosure is None or enclosure.stage is not Stage.UP:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "nothing runs in the sandbox")
        return await connected(await enclosure.open_socket(), "127.0.0.1", port)

    def belonging(self) -> Belonging | None:
        if self._confinement.network is not Network.HOST:
            return None
        enclosure = self._enclosure
        if enclosure is None or enclosure.stage is not Stage.UP:
            return Belonging()
        return Belonging(supervisor=enclosure.supervisor, user=enclosure.unique_user)

    async def close(self) -> None:
        async with AsyncExitStack() as parts:  # each is closed, in reverse order, even if closing another one fails
            parts.push_async_callback(self._release_layers)
            if self._bounds is not None:
                parts.push_async_callback(self._bounds.close)
            parts.push_async_callback(self._processes.emptied)
            for enclosure in self._enclosures:
                parts.push_async_callback(enclosure.close)
                enclosure.cut_off()
            parts.callback(self._watch.stop)
            for process in self._processes:
                self.signal(process.launch.name, signal.SIGKILL)
            with suppress(TimeoutError):  # a supervisor that does not report is killed with all that is inside
                async with asyncio.timeout(CLOSE_S):
                    await self._processes.emptied()

    async def _release_layers(self) -> None:
        if self._merging is not None:
            with suppress(OSError):  # `open` has raised it
                await self._loop.run_in_executor(None, (await self._merging).release)

    # -- the enclosure

    def _build(self) -> Enclosure:
        """Have bwrap build it, for the first time or because the last one was killed."""
        self._enclosure = enclosure = Enclosure(self._plan(), self._reported, self._gone, self._lied)
        self._enclosures = [each for each in self._enclosures if not each.is_over] + [enclosure]
        enclosure.up.add_done_callback(partial(self._is_up, enclosure))
        return enclosure

    def _plan(self) -> Plan:
        network = self._confinement.network
        tool = self._outside.tool if self._outside is not None and network is Network.OWN else None
        files = name_files(network, outside=tool is not None)
        mounts = mount_arguments(self._view, self._confinement.tmp_mb << 20, files)
        shown = [*(outside for outside, _ in self._view.own), *map(str, self._program.mounts)]
        return Plan(
            mounts,
            self._executable,
            outside_user(shown),
            network,
            self._confinement.loopback_ports,
            tool,
            self._system_calls,
            self._confinement.no_user_namespaces,
        )

    def _is_up(self, enclosure: Enclosure, up: asyncio.Future[None]) -> None:
        if self._bounds is not None and not up.cancelled() and up.exception() is None:
            self._bounds.admit(enclosure.supervisor)  # while it works: it takes the kernel a while

    def _moved(self, enclosure: Enclosure, _up: asyncio.Future[None]) -> None:
        listener = enclosure.claim_listener()
        if listener is not None:
            self._notify(Moved(listener))

    def _standing(self) -> Enclosure:
        enclosure = self._enclosure
        if enclosure is None or enclosure.stage is Stage.GONE:
            enclosure = self._build()
            enclosure.up.add_done_callback(partial(self._moved, enclosure))
        return enclosure

    def _order(self, *order: Any) -> None:
        if self._enclosure is not None:
            with suppress(OSError):  # the socket is full: a supervisor that does not keep up is killed by `close`
                self._enclosure.order(*order)

    def _gone(self) -> None:
        """The sandbox was killed with everything in it."""
        self._watch.stop()
        for process in self._processes:
            process.exited(ExitStatus(None, signal.SIGKILL), 0)

    def _lied(self, lie: str) -> None:
        """Say so in the log of the function."""
        named = next((process.launch.name for process in self._processes), SANDBOX)
        line = f"bootjack: killed the sandbox, because its first process reported what cannot be true: {lie}\n"
        self._notify(Output(named, line.encode()))

    # -- processes

    def _hidden_interpreter(self, launch: Launch) -> StartRefused | None:
        """Refuse a script whose interpreter is on the host and not inside: the kernel would name the script."""
        reason = hidden_program(launch.argv[0], self._view)
        return cannot_execute_because(launch, reason) if reason else None

    def _start(self, launch: Launch) -> StartRefused | None:
        try:
            enclosure = self._standing()
            process = ManagedProcess(launch, self._limits.log_line_bytes, self._notify, self._over)
        except OSError as error:
            return cannot_execute(launch, error.errno)
        tag = next(self._serial)  # no report can be mistaken for one of an earlier process
        try:
            enclosure.start(
                tag,
                [encoded(argument) for argument in launch.argv],
                encoded(str(launch.directory)),
                {encoded(name): encoded(value) for name, value in launch.variables.items()},
                resource_limits(self._limits),
                descriptors=process.outputs.written,
            )
        except OSError as error:
            process.discard()
            return cannot_execute(launch, error.errno)
        process.outputs.give_away()
        self._processes.add(process)
        self._tags[launch.name] = tag
        self._say_what_is_left_out(launch)
        return None

    def _say_what_is_left_out(self, launch: Launch) -> None:
        """Tell the function's log, once, what it may look for in vain."""
        lines = "".join(f"bootjack: {left_out}\n" for left_out in self._unsaid)
        self._unsaid = ()
        if lines:
            self._notify(Output(launch.name, encoded(lines)))

    def _reported(self, report: Report | OutsideLost) -> None:
        if isinstance(report, OutsideLost):
            self._tell(report)
            return
        process = next((found for found in self._processes if self._tags[found.launch.name] == report.tag), None)
        if process is None or self._enclosure is None:
            return
        supervisor = self._enclosure.supervisor
        match report.verb, report.numbers:
            case Verb.STARTED, _:
                process.started(report.pid, SUPERVISOR_BYTES, pidfd_of_child(report.pid, supervisor))
                self._watch.start(supervisor, self._enclosure.system_v)
            case Verb.REFUSED, (number, changing_directory):
                refuse = cannot_change_directory if changing_directory else cannot_execute
                process.refused(refuse(process.launch, number))
            case _, (status, maxrss_kb):
                process.exited(exit_status(status), maxrss_kb * 1024)

    def _tell(self, lost: OutsideLost) -> None:
        """Tell the user that there is no way to the outside; only once if there never was one."""
        assert self._outside is not None
        if lost.was_ready:
            text = f"an execution environment reaches nothing outside its sandbox any more, since {lost.reason}"
        else:
            text = self._outside.news(f"functions reach nothing outside their sandboxes, since {lost.reason}")
        if text:
            self._notify(Notice(text))

    def _over(self, end: Exited | StartRefused) -> None:
        self._processes.remove(end.name)
        if isinstance(end, Exited) and self._bounds is not None:
            # The kernel may have been faster than a sample of the watch.
            over = end.over_bytes or (0 if end.over_processes else self._bounds.exceeded_bytes(end.status))
            peak = max(end.peak_bytes, self._watch.peak_bytes, over)
            end = end._replace(peak_bytes=peak, over_bytes=over)
        if not self._processes:
            self._watch.reset()
        self._notify(end)

    def _exceeded(self, taken: Taken) -> None:
        over_memory = taken.memory_bytes > self._confinement.memory_mb << 20
        for process in self._processes:
            process.over_bytes = taken.memory_bytes if over_memory else 0
            process.over_processes = 0 if over_memory else taken.threads
            process.kill()
        if self._enclosure is not None and system_v_bytes(self._enclosure.system_v):
            self._enclosure.end()  # only that ends the memory: the next process gets a sandbox without it
            return
        for process in self._processes:
            self.signal(process.launch.name, signal.SIGKILL)
