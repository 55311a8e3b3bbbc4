"""One run of bwrap with a supervisor inside: built, used and taken down.

    BUILDING --the supervisor reports--> UP --either end hangs up--> ENDING --bwrap is reaped--> GONE

The supervisor's code travels over the socket, so that its file need not be visible inside. It is sent before bwrap is
started: a bwrap that fails at once cannot turn into a broken pipe here.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from contextlib import suppress
from enum import Enum
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .bwrap import BwrapProcess, Construction
from .control import Control, Lie, Up
from .pidfds import parent_of, pidfd_of_child
from .reports import Ledger, Report, Teller
from .users import GID, UID

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from types import CodeType

    from runtime_api.protocol.events import ExitStatus

    from .users import User

__all__ = ["OWN_PORT", "Enclosure", "Restrictions", "Stage"]

OWN_PORT = 9001  # where AWS's own Runtime API listens
CLOSE_S = 5.0
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


class Restrictions(NamedTuple):
    """What the kernel refuses to every process inside."""

    system_calls: bytes | None  # the filter; None for none
    no_user_namespaces: bool  # see `Construction`


class Enclosure:
    """A sandbox of bubblewrap's; `reported` gets what the supervisor reports, and `gone` is called at its end.

    A supervisor that lies is killed, with all that is inside; `lied` gets the lie before `gone` is called.
    """

    def __init__(
        self,
        mounts: Sequence[str | Path],
        executable: Path,
        user: User | None,
        own_network: bool,
        reported: Callable[[Report], None],
        gone: Callable[[], None],
        lied: Callable[[str], None],
        restrictions: Restrictions,
    ) -> None:
        """Begin to build it; `up` is done when it is ready, or fails. OSError if bwrap cannot be started."""
        self.up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.stage = Stage.BUILDING
        self.supervisor = 0  # its pid as seen from outside
        self._listener: socket.socket | None = None
        self._reported = reported
        self._tell_gone = gone
        self._tell_lied = lied
        self._ledger = Ledger()
        self._lie = ""
        self._ended = asyncio.Event()
        self._control = Control(self._received, self._hang_up)
        try:
            inside = None if user is None else (UID, GID)
            port = OWN_PORT if own_network else None
            self._control.send((_program_code(), inside, port, restrictions.system_calls))
            program = (str(executable), "-I", "-S", "-c", BOOT.format(self._control.theirs))
            construction = Construction(mounts, program, user, own_network, restrictions.no_user_namespaces)
            self._bwrap = BwrapProcess(construction, self._control.theirs, self._bwrap_ended)
        except BaseException:
            self._control.close()
            raise
        finally:
            os.close(self._control.theirs)

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

    def _received(self, message: Up | Report | Lie) -> None:
        match message:
            case Report():
                if self._ledger.believes(message, self._teller(message.pid)):
                    self._reported(message)
                else:
                    self._distrust(f"a process was {message.verb.value}, which is not so")
            case Lie(what):
                self._distrust(what)
            case Up(pid, listener):
                self._listener = listener or self._listener
                if self.stage is Stage.BUILDING and parent_of(pid) == self._bwrap.pid:
                    self._is_up(pid)
                else:
                    self._distrust("it is up, which is not so")

    def _is_up(self, supervisor: int) -> None:
        self.stage = Stage.UP
        self.supervisor = supervisor
        if not self.up.done():  # its waiter may have given up
            self.up.set_result(None)

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
        self._control.close()
        if self.stage is not Stage.GONE:
            self.stage = Stage.ENDING

    def _bwrap_ended(self, _status: ExitStatus, _maxrss: int) -> None:
        self._control.receive()  # the last reports
        self._hang_up()
        self.stage = Stage.GONE
        if not self.up.done():
            reason = self._bwrap.message() or self._lie or "bwrap was killed"
            self.up.set_exception(OSError(errno.EPERM, f"the sandbox could not be built: {reason}"))
            self.up.exception()  # nothing may be waiting for it any more
        self._bwrap.release()
        self._ended.set()
        self._tell_gone()


@cache
def _program_code() -> list[tuple[str, CodeType]]:
    return [(f"{__package__}.{module}", _code(f"{__package__}.{module}")) for module in PROGRAM]


def _code(module: str) -> CodeType:
    file = Path(__file__).with_name(f"{module.rpartition('.')[2]}.py")
    code = SourceFileLoader(module, str(file)).get_code(module)
    assert code is not None
    return code
