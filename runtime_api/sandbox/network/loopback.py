"""Forwards connections from a sandbox's loopback to this machine's, port by port.

The listeners were opened inside and passed out. For each connection that one of them accepts, another is made to the
same port here, and bytes are passed on both ways. A direction holds one chunk at most and reads no more until its
receiver has taken that, so a slow side slows down the other. The last byte of a side ends its direction only.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["LoopbackForwarder"]

CHUNK_BYTES = 64 * 1024
MOST_CONNECTIONS = 256  # of one sandbox; further ones wait to be accepted, so that no function takes all descriptors
PAUSE_S = 1.0  # after an accept that failed because there was no descriptor left
PLACES = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
WITH_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST (socket(7))


class LoopbackForwarder:
    """Forwards what the listeners accept, which it owns, until it is closed."""

    def __init__(self, listeners: Iterable[socket.socket]) -> None:
        self._loop = asyncio.get_running_loop()
        self._listeners = list(listeners)
        self._links: set[_Link] = set()
        self._accepting = False
        self._pause: asyncio.TimerHandle | None = None
        for listener in self._listeners:
            listener.setblocking(False)
        self._accept_more()

    def close(self) -> None:
        """Reset every connection, and close the listeners."""
        self._accept_none()
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener.close()
        for link in tuple(self._links):
            link.reset()

    def _accept_more(self) -> None:
        if not self._accepting and len(self._links) < MOST_CONNECTIONS:
            self._accepting = True
            for listener in self._listeners:
                self._loop.add_reader(listener.fileno(), self._accept, listener)

    def _accept_none(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
        if self._accepting:
            self._accepting = False
            for listener in self._listeners:
                self._loop.remove_reader(listener.fileno())

    def _accept(self, listener: socket.socket) -> None:
        try:
            inside, _ = listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError:
            self._accept_none()
            self._pause = self._loop.call_later(PAUSE_S, self._accept_more)
            return
        link = _Link(self._loop, inside, self._over)
        self._links.add(link)
        link.connect()
        if len(self._links) >= MOST_CONNECTIONS:
            self._accept_none()

    def _over(self, link: _Link) -> None:
        self._links.discard(link)
        self._accept_more()


class _Link:
    """One connection of the sandbox's, and the one that is made for it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, inside: socket.socket, over: Callable[[_Link], None]) -> None:
        self._loop = loop
        self._sockets = [inside]
        self._over = over
        self._flows: list[_Flow] = []
        # A server on the host's `localhost` may listen on one of the two addresses only.
        self._families = sorted(PLACES, key=lambda family: family is not inside.family)
        inside.setblocking(False)

    def connect(self) -> None:
        """Connect to this machine's port, by the address family of the connection first; or reset that."""
        port = self._sockets[0].getsockname()[1]
        while self._families:
            family = self._families.pop(0)
            try:
                outside = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            except OSError:
                continue  # no such addresses here, or no descriptor left
            if outside.connect_ex((PLACES[family], port)) in (0, errno.EINPROGRESS):
                self._sockets.append(outside)
                self._loop.add_writer(outside.fileno(), self._connected, outside)
                return
            outside.close()
        self.reset()

    def reset(self) -> None:
        """End both connections as one whose program has crashed ends: what was under way is lost."""
        for end in self._sockets:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, WITH_RESET)
        self._close()

    def ended(self) -> None:
        """One direction is over; close both connections if the other one is, too."""
        if all(flow.is_over for flow in self._flows):
            self._close()

    def _connected(self, outside: socket.socket) -> None:
        self._loop.remove_writer(outside.fileno())
        if outside.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._sockets.remove(outside)
            outside.close()
            self.connect()
            return
        for end in self._sockets:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        inside = self._sockets[0]
        self._flows = [_Flow(self._loop, inside, outside, self), _Flow(self._loop, outside, inside, self)]

    def _close(self) -> None:
        for end in self._sockets:
            self._loop.remove_reader(end.fileno())
            self._loop.remove_writer(end.fileno())
            end.close()
        self._sockets = []
        self._over(self)


class _Flow:
    """One direction of a link: it reads until it has a chunk, and writes until it has none."""

    def __init__(self, loop: asyncio.AbstractEventLoop, source: socket.socket, target: socket.socket, link: _Link):
        self.is_over = False
        self._loop = loop
        self._source = source
        self._target = target
        self._link = link
        self._chunk = b""
        loop.add_reader(source.fileno(), self._read)

    def _read(self) -> None:
        try:
            chunk = self._source.recv(CHUNK_BYTES)
            if not chunk:
                self.is_over = True
                self._loop.remove_reader(self._source.fileno())
                self._target.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            return
        except OSError:
            self._link.reset()
            return
        if not chunk:
            self._link.ended()
        elif not self._send(chunk):
            self._loop.remove_reader(self._source.fileno())
            self._loop.add_writer(self._target.fileno(), self._write)

    def _write(self) -> None:
        if self._send(self._chunk) and not self.is_over:
            self._loop.remove_writer(self._target.fileno())
            self._loop.add_reader(self._source.fileno(), self._read)

    def _send(self, chunk: bytes) -> bool:
        """Whether nothing is left to be sent, after an attempt to send it."""
        try:
            self._chunk = chunk[self._target.send(chunk) :]
        except BlockingIOError:
            self._chunk = chunk
        except OSError:
            self._chunk = b""
            self.is_over = True
            self._link.reset()
        return not self._chunk
