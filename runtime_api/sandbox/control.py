"""The server's end of the socket to a sandbox's supervisor: orders go in, reports come out.

Nothing that comes out is trusted. A report is a short line of ASCII that a pattern checks, the pid of its sender is
the kernel's word (SO_PASSCRED), and it can only concern the sandbox that the socket belongs to.
"""

from __future__ import annotations

import array
import asyncio
import errno
import marshal
import os
import re
import socket
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Control", "Report", "SystemV", "Up"]

REPORT_BYTES = 4096
DESCRIPTOR_BYTES = 4
MOST_DESCRIPTORS = 3  # System V's lists
CREDENTIALS_BYTES = 12  # pid, uid, gid (unix(7))
RIGHTS_BYTES = socket.CMSG_SPACE(CREDENTIALS_BYTES) + socket.CMSG_SPACE(MOST_DESCRIPTORS * DESCRIPTOR_BYTES)
REPORT = re.compile(rb"(started|refused|ended) ([\w.-]{1,128})((?: \d{1,10})*)")


class Up(NamedTuple):
    """The supervisor is ready."""

    pid: int  # as seen from outside
    listener: socket.socket | None  # for the Runtime API, in a network of the sandbox's own; the receiver closes it


class SystemV(NamedTuple):
    """The lists of System V's memory inside, see `system_v.py`; the receiver closes them."""

    lists: tuple[int, ...]  # descriptors


class Report(NamedTuple):
    """What became of an order."""

    verb: str
    name: str  # of the process
    numbers: tuple[int, ...]
    pid: int  # who reports: the process itself, or the supervisor


class Control:
    """Sends orders; gives what comes back to `received`, and calls `hung_up` when the supervisor has gone."""

    def __init__(self, received: Callable[[Up | SystemV | Report], None], hung_up: Callable[[], None]) -> None:
        """OSError when there are no descriptors left."""
        self._loop = asyncio.get_running_loop()
        self._received = received
        self._hung_up = hung_up
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.theirs = theirs.detach()  # for the supervisor; the caller closes it
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._loop.add_reader(self._socket.fileno(), self.receive)

    @property
    def is_open(self) -> bool:
        """Whether orders can be sent."""
        return self._socket.fileno() >= 0

    def send(self, order: Any, descriptors: Sequence[int] = ()) -> None:
        """Send an order; orders are carried out one after the other. OSError when it does not get through.

        A supervisor that has just ended is no error: its end is about to be noticed.
        """
        if not self.is_open:
            return
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        try:
            self._socket.sendmsg([marshal.dumps(order)], rights)
        except (BrokenPipeError, ConnectionResetError):
            return
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                raise
            raise OSError(errno.E2BIG, os.strerror(errno.E2BIG)) from None  # as execve(2) calls it

    def receive(self) -> None:
        """Read all that has arrived."""
        while self.is_open:
            try:
                packet, ancillary, _, _ = self._socket.recvmsg(REPORT_BYTES, RIGHTS_BYTES)
            except BlockingIOError:
                return
            except OSError:
                packet, ancillary = b"", []
            if not packet:
                self.close()
                self._hung_up()
                return
            self._take(packet, _sender(ancillary), _descriptors(ancillary))

    def close(self) -> None:
        """Hang up: the supervisor then ends, and with it everything inside."""
        if self.is_open:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _take(self, packet: bytes, pid: int, descriptors: list[int]) -> None:
        if packet == b"system v":
            self._received(SystemV(tuple(descriptors)))
            return
        if packet == b"up":
            listener = socket.socket(fileno=descriptors.pop()) if descriptors else None
            self._received(Up(pid, listener))
        for descriptor in descriptors:
            os.close(descriptor)
        found = REPORT.fullmatch(packet)
        if found:
            verb, name, numbers = found.groups()
            self._received(Report(verb.decode(), name.decode(), tuple(map(int, numbers.split())), pid))


def _sender(ancillary: Sequence[tuple[int, int, bytes]]) -> int:
    """The pid of who sent a packet, as this process knows it."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            return int.from_bytes(data[:4], sys.byteorder)
    return 0


def _descriptors(ancillary: Sequence[tuple[int, int, bytes]]) -> list[int]:
    found = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return list(found)
