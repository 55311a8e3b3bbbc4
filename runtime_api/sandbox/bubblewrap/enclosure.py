"""One run of bwrap with a supervisor inside: built, used and taken down.

    BUILDING --the supervisor reports--> UP --either end hangs up--> ENDING --bwrap is reaped--> GONE

If it has a way to the outside, the helper that makes it starts as soon as bwrap has made the namespaces. By the time
that the supervisor is there, it is ready; in any case the supervisor waits, so that no function meets a network that
is not there yet.

The supervisor's code travels over the socket, so that its file need not be visible inside. It is sent before bwrap is
started: a bwrap that fails at once cannot turn into a broken pipe here.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections import deque
from contextlib import suppress
from enum import Enum
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from runtime_api.sandbox.network import OWN_PORT, Network
from runtime_api.sandbox.network.loopback import LoopbackForwarder
from runtime_api.sandbox.network.outside_helper import OutsideHelper, OutsideLost, OutsideReady
from runtime_api.sandbox.processes.pidfds import parent_of, pidfd_of_child

from .bwrap import BwrapProcess, Construction
from .control import Control, Lie, Opened, SystemV, Up
from .reports import Ledger, Report, Teller
from .users import GID, UID

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from types import CodeType

    from runtime_api.protocol.events import ExitStatus
    from runtime_api.sandbox.network.outside import Tool

    from .bwrap import Argument
    from .control import Message
    from .users import User

__all__ = ["Enclosure", "Plan", "Stage"]

CLOSE_S = 5.0
FIRST_UNPRIVILEGED = 1024  # port
PROGRAM = ("rights", "supervisor")  # modules of this package, each importing only those before it
BOOT = (
    "import marshal,sys,_socket\ns=_socket.socket(fileno={})\nm,*a=marshal.loads(s.recv(1<<20))\n"
    "for n,c in m:\n g=sys.modules[n]=type(sys)(n)\n exec(c,g.__dict__)\ng.main(s,*a)"
)


class Stage(Enum):
    """How far it has come."""

    BUILDING = "building"
    UP = "up"
    ENDING = "ending"  # the socket is closed: everything inside ends, and then bwrap
    GONE = "gone"


class Plan(NamedTuple):
    """What to build."""

    mounts: Sequence[Argument]
    executable: Path  # the Python that runs the supervisor
    user: User | None
    network: Network = Network.HOST
    ports: tuple[int, ...] = ()  # of this machine's loopback, forwarded to a network of its own
    tool: Tool | None = None  # makes the way out of it
    system_calls: bytes | None = None  # the filter of those that the kernel refuses; None for none
    no_user_namespaces: bool = False  # see `Construction`

    @property
    def listens_on(self) -> list[int]:
        """The ports inside, that of the Runtime API first."""
        return [] if self.network is Network.HOST else [OWN_PORT, *self.ports]

    def agrees_with(self, addresses: Sequence[tuple[str, int]]) -> bool:
        """Whether listeners at these addresses are none but those that the supervisor is to open, each once."""
        agreed = {("127.0.0.1", port) for port in self.listens_on} | {("::1", port) for port in self.ports}
        return len(set(addresses)) == len(addresses) and agreed.issuperset(addresses)


class Enclosure:
    """A sandbox of bubblewrap's; `reported` gets what is reported of it, and `gone` is called at its end.

    A supervisor that lies is killed, with all that is inside; `lied` gets the lie before `gone` is called.
    """

    def __init__(
        self,
        plan: Plan,
        reported: Callable[[Report | OutsideLost], None],
        gone: Callable[[], None],
        lied: Callable[[str], None],
    ) -> None:
        """Begin to build it; `up` is done when it is ready, or fails. OSError if bwrap cannot be started."""
        self.up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.stage = Stage.BUILDING
        self.supervisor = 0  # its pid as seen from outside
        self._plan = plan
        self.system_v: tuple[int, ...] = ()  # open until the end, see `system_v.py`
        self._listener: socket.socket | None = None
        self._forwarder: LoopbackForwarder | None = None
        self._helper: OutsideHelper | None = None
        self._gate = -1  # open until functions may use their network
        self._reported = reported
        self._tell_gone = gone
        self._tell_lied = lied
        self._ledger = Ledger()
        self._ordered: deque[asyncio.Future[socket.socket]] = deque()  # sockets, in the order in which they come
        self._lie = ""
        self._ended = asyncio.Event()
        self._control = Control(self._received, self._hang_up)
        inherited = [self._control.theirs]
        try:
            self._bwrap = self._start(inherited)
        except BaseException:
            self._open_gate()
            self._control.close()
            raise
        finally:
            for descriptor in inherited:
                os.close(descriptor)

    @property
    def unique_user(self) -> int | None:
        """The uid on the host that only the processes inside have; None if they share one with other processes."""
        return self._bwrap.unique_user

    def claim_listener(self) -> socket.socket | None:
        """Take over the listener for the Runtime API; the taker closes it. None without a network of its own."""
        listener, self._listener = self._listener, None
        return listener

    def order(self, *order: Any, descriptors: Sequence[int] = ()) -> None:
        """Order the supervisor to do something. OSError if the order does not get through."""
        self._control.send(order, descriptors)

    def start(self, tag: int, *how: Any, descriptors: Sequence[int]) -> None:
        """Order the supervisor to start a process and to report what becomes of it. OSError as of `order`."""
        self.order("start", tag, *how, descriptors=descriptors)
        self._ledger.ordered(tag)

    async def open_socket(self) -> socket.socket:
        """Have the supervisor open a socket of TCP in the network inside. OSError if that fails."""
        made: asyncio.Future[socket.socket] = asyncio.get_running_loop().create_future()
        self.order("socket")
        self._ordered.append(made)
        return await made

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is left."""
        return self.stage is Stage.GONE and (self._helper is None or self._helper.is_reaped)

    def cut_off(self) -> None:
        """Begin to end the way to the outside, which takes the kernel longest."""
        if self._helper is not None:
            self._helper.close()

    def end(self) -> None:
        """End everything inside; `gone` is called once it has ended."""
        self._hang_up()

    async def close(self) -> None:
        """End everything inside and close every descriptor."""
        try:
            if self.stage is Stage.UP or self.stage is Stage.ENDING:
                self._hang_up()
                with suppress(TimeoutError):
                    async with asyncio.timeout(CLOSE_S):
                        await self._ended.wait()
            if self.stage is not Stage.GONE:
                self._kill()
                await self._ended.wait()
        finally:
            listener = self.claim_listener()
            if listener is not None:
                listener.close()
            if self._helper is not None:
                await self._helper.ended()

    def _start(self, inherited: list[int]) -> BwrapProcess:
        """Start bwrap; descriptors that it inherits are added."""
        plan, gate = self._plan, None
        if plan.tool is not None:
            gate, self._gate = os.pipe()
            inherited.append(gate)
        inside = None if plan.user is None else (UID, GID)
        self._control.send((_program_code(), inside, plan.listens_on, gate, plan.system_calls))
        program = (str(plan.executable), "-I", "-S", "-c", BOOT.format(self._control.theirs))
        low_ports = any(port < FIRST_UNPRIVILEGED for port in plan.ports)
        construction = Construction(
            plan.mounts, program, plan.user, plan.network, inherited, low_ports, plan.no_user_namespaces
        )
        return BwrapProcess(construction, self._bwrap_ended, self._born if plan.tool is not None else None)

    # -- the network

    def _born(self, pid: int) -> None:
        assert self._plan.tool is not None
        try:
            self._helper = OutsideHelper(self._plan.tool, pid, self._outside)
        except OSError as error:
            self._outside(OutsideLost(f"{self._plan.tool.name} cannot be started: {error.strerror}", False))

    def _outside(self, event: OutsideReady | OutsideLost) -> None:
        self._open_gate()
        if isinstance(event, OutsideLost):
            self._reported(event)

    def _open_gate(self) -> None:
        if self._gate >= 0:
            os.close(self._gate)
            self._gate = -1

    def _take(self, listeners: Sequence[socket.socket]) -> str:
        """Take over what was opened inside; returns what is wrong with it."""
        found = {listener.getsockname()[:2]: listener for listener in listeners}
        self._listener = found.pop(("127.0.0.1", OWN_PORT), None)
        self._forwarder = LoopbackForwarder(found.values())
        missing = [port for port in self._plan.ports if ("127.0.0.1", port) not in found]
        if not missing:
            return ""
        return (
            f"port {missing[0]} cannot be forwarded to it: ports below 1024 need root. Give a port from 1024 on, or "
            "share the host's network"
        )

    # -- what happens to it

    def _received(self, message: Message) -> None:
        match message:
            case Report():
                if self._ledger.believes(message, self._teller(message.pid)):
                    self._reported(message)
                else:
                    self._distrust(f"a process was {message.verb.value}, which is not so")
            case Lie(what):
                self._distrust(what)
            case SystemV(pid, lists):
                # Later there may be functions that could send some.
                if self.stage is Stage.BUILDING and not self.system_v and parent_of(pid) == self._bwrap.pid:
                    self.system_v = lists
                else:
                    _close_all(lists)
                    self._distrust("the lists of System V's memory, which nobody has asked for")
            case Opened(pid, made):
                if pid == self.supervisor and self._ordered:
                    self._hand_on(made)
                else:
                    if made is not None:
                        made.close()
                    self._distrust("a socket, which nobody has asked for")
            case Up(pid, listeners):
                agrees = self._plan.agrees_with([listener.getsockname()[:2] for listener in listeners])
                if agrees and self.stage is Stage.BUILDING and parent_of(pid) == self._bwrap.pid:
                    self._is_up(pid, listeners)
                else:
                    for listener in listeners:
                        listener.close()
                    self._distrust("it is up, which is not so")

    def _hand_on(self, made: socket.socket | None) -> None:
        waiter = self._ordered.popleft()
        if waiter.done():  # it has given up
            if made is not None:
                made.close()
        elif made is None:
            reason = "the sandbox has ended, or has no descriptors left"
            waiter.set_exception(ConnectionRefusedError(errno.ECONNREFUSED, reason))
        else:
            waiter.set_result(made)

    def _is_up(self, supervisor: int, listeners: Sequence[socket.socket]) -> None:
        self.stage = Stage.UP
        self.supervisor = supervisor
        refusal = self._take(listeners)
        if self.up.done():  # its waiter has given up
            return
        if refusal:
            self._fail(refusal)
        else:
            self.up.set_result(None)

    def _fail(self, reason: str) -> None:
        self.up.set_exception(OSError(errno.EPERM, f"the sandbox could not be built: {reason}"))
        self.up.exception()  # nothing may be waiting for it any more

    def _teller(self, pid: int) -> Teller:
        if pid == self.supervisor:
            return Teller.SUPERVISOR
        return Teller.CHILD if parent_of(pid) in (self.supervisor, 0) else Teller.OTHER

    def _distrust(self, lie: str) -> None:
        self._lie = lie
        self._hang_up()
        self._kill()
        self._tell_lied(lie)

    def _kill(self) -> None:
        """Kill everything inside; only before the end of bwrap.

        The supervisor may have left bwrap's process group. With it the kernel kills its namespace; bwrap reaps it
        and ends.
        """
        supervisor = pidfd_of_child(self.supervisor, self._bwrap.pid)
        if supervisor < 0:
            self._bwrap.kill()
            return
        signal.pidfd_send_signal(supervisor, signal.SIGKILL)
        os.close(supervisor)

    def _hang_up(self) -> None:
        self._open_gate()
        self._control.close()
        while self._ordered:
            self._hand_on(None)
        if self._forwarder is not None:
            self._forwarder.close()
        if self._helper is not None:
            self._helper.close()
        if self.stage is not Stage.GONE:
            self.stage = Stage.ENDING

    def _bwrap_ended(self, _status: ExitStatus, _maxrss: int) -> None:
        self._control.receive()  # the last reports
        self._hang_up()
        self.stage = Stage.GONE
        if not self.up.done():
            self._fail(self._bwrap.message() or self._lie or "bwrap was killed")
        self._bwrap.release()
        _close_all(self.system_v)
        self.system_v = ()
        self._ended.set()
        self._tell_gone()


def _close_all(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


@cache
def _program_code() -> list[tuple[str, CodeType]]:
    return [(f"{__package__}.{module}", _code(f"{__package__}.{module}")) for module in PROGRAM]


def _code(module: str) -> CodeType:
    file = Path(__file__).with_name(f"{module.rpartition('.')[2]}.py")
    code = SourceFileLoader(module, str(file)).get_code(module)
    assert code is not None
    return code
