"""A listener, and the connections that it has accepted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from .connection import Connection
from .doorway import Doorway, Place
from .outbox import Outbox

if TYPE_CHECKING:
    import socket

    from .doorway import Door
    from .handler import Handler

__all__ = ["HttpServer"]

BACKLOG = 64 * 1024  # connections waiting to be accepted: the kernel caps it at its own somaxconn


class HttpServer:
    """A listener on one address, and the connections it has accepted; `door` judges who may connect."""

    def __init__(self, handler: Handler, outbox: Outbox | None = None, door: Door | None = None) -> None:
        self._handler = handler
        self._outbox = outbox or Outbox()
        self._door = door
        self._doorways: set[Doorway] = set()
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._empty: asyncio.Event | None = None  # made when `close` waits for the last connection

    async def listen(self, host: str, port: int, listener: socket.socket | None = None) -> tuple[str, int]:
        """Open the listener, or take over an open one; returns its address, with the port that was picked.

        The listener before it is closed. OSError when the address is not available.
        """
        self.stop_listening()
        loop = asyncio.get_running_loop()
        place: dict[str, Any] = {"host": host, "port": port} if listener is None else {"sock": listener}
        self._server = await loop.create_server(self._accepted, **place, backlog=BACKLOG)
        bound = self._server.sockets[0].getsockname()
        return bound[0], bound[1]

    @property
    def connections(self) -> int:
        """How many peers are connected, those included that may turn out to be refused."""
        return len(self._connections) + sum(doorway.place is Place.WAITING for doorway in self._doorways)

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
        for connection in list(self._connections):
            connection.finish()
        if not await self._emptied(timeout_s):
            for connection in list(self._connections):
                connection.abort()
            await self._emptied(None)
        if self._server is not None:
            await self._server.wait_closed()

    def _accepted(self) -> Connection | Doorway:
        if self._door is None:
            return self._connection()
        return Doorway(self._door, self._connection, self._doorways)

    def _connection(self) -> Connection:
        return Connection(self._handler, self._outbox, self._connections.add, self._lost)

    async def _emptied(self, timeout_s: float | None) -> bool:
        """Whether the last connection ends within this time."""
        if not self._connections:
            return True
        self._empty = asyncio.Event()
        try:
            async with asyncio.timeout(timeout_s):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    def _lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if self._empty is not None and not self._connections:
            self._empty.set()
