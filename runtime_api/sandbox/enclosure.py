"""One run of bwrap with a supervisor inside: built, used and taken down.

    BUILDING --the supervisor reports--> UP --either end hangs up--> ENDING --bwrap is reaped--> GONE

The supervisor's code travels over the socket, so that its file need not be visible inside. It is sent before bwrap is
started: a bwrap that fails at once cannot turn into a broken pipe here.
"""

from __future__ import annotations

import asyncio
import errno
import os
from contextlib import suppress
from enum import Enum
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .bwrap import BwrapProcess, Construction
from .control import Control, Report, SystemV, Up
from .users import GID, UID

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from types import CodeType

    from runtime_api.protocol.events import ExitStatus

    from .users import User

__all__ = ["OWN_PORT", "Enclosure", "Stage"]

OWN_PORT = 9001  # where AWS's own Runtime API listens
CLOSE_S = 5.0
SUPERVISOR = "runtime_api.sandbox.supervisor"
BOOT = (
    "import marshal,_socket\ns=_socket.socket(fileno={})\nc,u,p=marshal.loads(s.recv(1<<20))\n"
    "g={{'__name__':'supervisor'}}\nexec(c,g)\ng['main'](s,u,p)"
)


class Stage(Enum):
    """How far it has come."""

    BUILDING = "building"
    UP = "up"
    ENDING = "ending"  # the socket is closed: everything inside ends, and then bwrap
    GONE = "gone"


class Enclosure:
    """A sandbox of bubblewrap's; `reported` gets what the supervisor reports, and `gone` is called at its end."""

    def __init__(
        self,
        mounts: Sequence[str | Path],
        executable: Path,
        user: User | None,
        own_network: bool,
        reported: Callable[[Report], None],
        gone: Callable[[], None],
    ) -> None:
        """Begin to build it; `up` is done when it is ready, or fails. OSError if bwrap cannot be started."""
        self.up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.stage = Stage.BUILDING
        self.supervisor = 0  # its pid as seen from outside
        self.system_v: tuple[int, ...] = ()  # open until the end, see `system_v.py`
        self._listener: socket.socket | None = None
        self._reported = reported
        self._tell_gone = gone
        self._ended = asyncio.Event()
        self._control = Control(self._received, self._hang_up)
        try:
            inside = None if user is None else (UID, GID)
            self._control.send((_supervisor_code(), inside, OWN_PORT if own_network else None))
            program = (str(executable), "-I", "-S", "-c", BOOT.format(self._control.theirs))
            construction = Construction(mounts, program, user, own_network)
            self._bwrap = BwrapProcess(construction, self._control.theirs, self._bwrap_ended)
        except BaseException:
            self._control.close()
            raise
        finally:
            os.close(self._control.theirs)

    def claim_listener(self) -> socket.socket | None:
        """Take over the listener for the Runtime API; the taker closes it. None without a network of its own."""
        listener, self._listener = self._listener, None
        return listener

    def order(self, *order: Any, descriptors: Sequence[int] = ()) -> None:
        """Order the supervisor to do something. OSError if the order does not get through."""
        self._control.send(order, descriptors)

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
                self._bwrap.kill()
                await self._ended.wait()
        finally:
            listener = self.claim_listener()
            if listener is not None:
                listener.close()

    def _received(self, message: Up | SystemV | Report) -> None:
        if isinstance(message, Report):
            self._reported(message)
            return
        if isinstance(message, SystemV):
            self._take_system_v(message.lists)
            return
        self.stage = Stage.UP
        self.supervisor, self._listener = message
        if not self.up.done():  # its waiter may have given up
            self.up.set_result(None)

    def _take_system_v(self, lists: tuple[int, ...]) -> None:
        if self.stage is Stage.BUILDING and not self.system_v:  # later there may be functions that could send some
            self.system_v = lists
        else:
            _close_all(lists)

    def _hang_up(self) -> None:
        self._control.close()
        if self.stage is not Stage.GONE:
            self.stage = Stage.ENDING

    def _bwrap_ended(self, _status: ExitStatus, _maxrss: int) -> None:
        self._control.receive()  # the last reports
        self._hang_up()
        self.stage = Stage.GONE
        if not self.up.done():
            reason = self._bwrap.message() or "bwrap was killed"
            self.up.set_exception(OSError(errno.EPERM, f"the sandbox could not be built: {reason}"))
            self.up.exception()  # nothing may be waiting for it any more
        self._bwrap.release()
        _close_all(self.system_v)
        self.system_v = ()
        self._ended.set()
        self._tell_gone()


def _close_all(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


@cache
def _supervisor_code() -> CodeType:
    code = SourceFileLoader(SUPERVISOR, str(Path(__file__).with_name("supervisor.py"))).get_code(SUPERVISOR)
    assert code is not None
    return code
