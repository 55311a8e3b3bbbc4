"""The server's end of the socket to a sandbox's supervisor: orders go in, reports come out.

Nothing that comes out is trusted. The kernel says who has sent a packet (SO_PASSCRED), a report must have the form
that `reports.py` reads, and descriptors may come only with the packet that is meant to bring them.
"""

from __future__ import annotations

import array
import asyncio
import errno
import marshal
import os
import socket
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from .reports import Report, read_report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Control", "Lie", "Message", "Opened", "SystemV", "Up"]

REPORT_BYTES = 256
QUOTED_BYTES = 60
DESCRIPTOR_BYTES = 4
CREDENTIALS_BYTES = 12  # pid, uid, gid (unix(7))
MOST_DESCRIPTORS = 253  # in one packet (SCM_MAX_FD, linux/net/scm.h)
RIGHTS_BYTES = socket.CMSG_SPACE(CREDENTIALS_BYTES) + socket.CMSG_SPACE(MOST_DESCRIPTORS * DESCRIPTOR_BYTES)
INCOMPLETE = socket.MSG_TRUNC | socket.MSG_CTRUNC  # the packet, or what came with it, was longer
SYSTEM_V_LISTS = 3


class Up(NamedTuple):
    """The supervisor is ready."""

    pid: int  # as seen from outside
    listeners: list[socket.socket]  # opened in a network of the sandbox's own; the receiver closes them


class SystemV(NamedTuple):
    """The lists of System V's memory inside, see `system_v.py`; the receiver closes them."""

    pid: int  # of who sends them, as seen from outside
    lists: tuple[int, ...]  # descriptors


class Opened(NamedTuple):
    """A socket of the sandbox's network, as it was ordered; the receiver closes it."""

    pid: int  # of who sends it, as seen from outside
    socket: socket.socket | None  # None when there are no descriptors left


class Lie(NamedTuple):
    """Something that no supervisor of ours sends."""

    what: str


Message = Up | SystemV | Opened | Report | Lie


class Control:
    """Sends orders; gives what comes back to `received`, and calls `hung_up` when the supervisor has gone.

    After a lie nothing more is received: the receiver closes it.
    """

    def __init__(self, received: Callable[[Message], None], hung_up: Callable[[], None]) -> None:
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
        """Read all that has arrived. That is not much: true reports are few, and the first lie is the last."""
        while self.is_open:
            try:
                packet, ancillary, flags, _ = self._socket.recvmsg(
                    REPORT_BYTES, RIGHTS_BYTES, socket.MSG_CMSG_CLOEXEC
                )
            except BlockingIOError:
                return
            except OSError:
                packet, ancillary, flags = b"", [], 0
            if not packet:
                _close(_descriptors(ancillary))
                self.close()
                self._hung_up()
                return
            self._received(_read(packet, ancillary, flags))

    def close(self) -> None:
        """Hang up: the supervisor then ends, and with it everything inside."""
        if self.is_open:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()


def _read(packet: bytes, ancillary: Sequence[tuple[int, int, bytes]], flags: int) -> Message:
    """Read a packet; what it brought along is closed unless it is passed on."""
    pid, descriptors = _sender(ancillary), _descriptors(ancillary)
    if packet == b"system v" and len(descriptors) == SYSTEM_V_LISTS and not flags & INCOMPLETE:
        return SystemV(pid, tuple(descriptors))
    if packet == b"socket" and len(descriptors) <= 1 and not flags & INCOMPLETE:
        if not descriptors:
            return Opened(pid, None)
        made = _tcp_socket(descriptors[0])
        return Opened(pid, made) if made is not None else Lie("a descriptor that is no socket of TCP")
    if packet == b"up" and not flags & INCOMPLETE:
        found = [_listener(descriptor) for descriptor in descriptors]
        listeners = [listener for listener in found if listener is not None]
        if len(listeners) == len(found):
            return Up(pid, listeners)
        for listener in listeners:
            listener.close()
        return Lie("a descriptor that is no listener")
    _close(descriptors)
    report = None if descriptors or flags & INCOMPLETE else read_report(packet, pid)
    more = " and more, or no room here for them" if flags & INCOMPLETE else ""
    return report or Lie(f"{packet[:QUOTED_BYTES]!r} with {len(descriptors)} descriptors{more}")


def _listener(descriptor: int) -> socket.socket | None:
    """A socket that listens on TCP; None for any other descriptor, which is closed then."""
    found = _tcp_socket(descriptor)
    if found is None or found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return found
    found.close()
    return None


def _tcp_socket(descriptor: int) -> socket.socket | None:
    """A socket of TCP; None for any other descriptor, which is closed then."""
    try:
        found = socket.socket(fileno=descriptor)
    except OSError:  # no socket at all
        os.close(descriptor)
        return None
    if found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM:
        return found
    found.close()
    return None


def _close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


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
