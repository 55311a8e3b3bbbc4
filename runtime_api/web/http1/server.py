"""A listener, and the connections that it has accepted."""

from __future__ import annotations

import asyncio
import os
import select
import socket
from typing import TYPE_CHECKING, Any

from runtime_api.protocol.wire import host_port

from .connection import Connection
from .doorway import Doorway, Place
from .outbox import Outbox
from .roster import Bounds, Roster

if TYPE_CHECKING:
    from collections.abc import Callable

    from .doorway import Door
    from .handler import Handler

__all__ = ["HttpServer"]

BACKLOG = 64 * 1024  # connections waiting to be accepted: the kernel caps it at its own somaxconn
# In one turn of the event loop. Without a descriptor left, asyncio's own loop tries and fails as often, reports each
# failure (selector_events.py, _accept_connection) and pauses for a second.
ACCEPTED_AT_ONCE = 16


class HttpServer:
    """A listener on one address, and the connections it has accepted; `door` judges who may connect.

    `note` gets a line for the log when the bounds are too narrow for what comes.
    """

    def __init__(
        self,
        handler: Handler,
        outbox: Outbox | None = None,
        bounds: Bounds | None = None,
        note: Callable[[str], None] = lambda _line: None,
        door: Door | None = None,
    ) -> None:
        self._handler = handler
        self._outbox = outbox or Outbox()
        self._door = door
        self._doorways: set[Doorway] = set()
        self._note = note
        self._address = ("", 0)
        self.roster = Roster(bounds or Bounds(), self._name_and_note)
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int, listener: socket.socket | None = None) -> tuple[str, int]:
        """Open the listener, or take over an open one; returns its address, with the port that was picked.

        The listener before it is closed. OSError when the address is not available.
        """
        self.stop_listening()
        self.roster.open()
        loop = asyncio.get_running_loop()
        listener = listener or _bound(host, port)
        place: dict[str, Any] = {"host": host, "port": port} if listener is None else {"sock": listener}
        self._server = await loop.create_server(self._accepted, **place, backlog=ACCEPTED_AT_ONCE)
        for each in self._server.sockets:
            with socket.socket(fileno=os.dup(each.fileno())) as listening:
                listening.listen(BACKLOG)
        self._address = self._server.sockets[0].getsockname()[:2]
        return self._address

    @property
    def connections(self) -> int:
        """How many peers are connected, those included that may turn out to be refused."""
        return len(self.roster) + sum(doorway.place is Place.WAITING for doorway in self._doorways)

    @property
    def has_unread(self) -> bool:
        """Whether peers have sent what has not been handled: data, the end of a connection, a new connection."""
        if any(doorway.place is Place.WAITING for doorway in self._doorways):
            return True
        descriptors = [] if self._server is None else [each.fileno() for each in self._server.sockets]
        poll = select.poll()
        for guest in self.roster:
            if guest.is_parsing:
                return True
            descriptors.append(guest.descriptor)
        for descriptor in descriptors:
            if descriptor >= 0:
                poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))

    def stop_listening(self) -> None:
        """Accept no new connections; the open ones continue."""
        if self._server is not None:
            self._server.close()

    async def close(self, timeout_s: float = 0) -> None:
        """Close every connection; peers get `timeout_s` to read what is written.

        When this returns, the handler has learned what became of every exchange.
        """
        self.stop_listening()
        for doorway in list(self._doorways):
            doorway.abort()
        await self.roster.close(timeout_s)
        if self._server is not None:
            await self._server.wait_closed()

    def _accepted(self) -> Connection | Doorway:
        if self._door is None:
            return self._connection()
        return Doorway(self._door, self._connection, self._doorways)

    def _connection(self) -> Connection:
        return Connection(self._handler, self._outbox, self.roster.admit, self.roster.discard)

    def _name_and_note(self, line: str) -> None:
        self._note(f"{host_port(self._address)}: {line}")


def _bound(host: str, port: int) -> socket.socket | None:
    """Bind a socket to an IPv4 address; None for a name, for which the loop imports large tables."""
    try:
        socket.inet_pton(socket.AF_INET, host)
    except OSError:
        return None
    try:
        return socket.create_server((host, port), backlog=ACCEPTED_AT_ONCE)
    except OSError as error:
        number = error.errno or 0
        raise OSError(number, f"{host_port((host, port))}: {os.strerror(number).lower()}") from error
