"""An event loop whose listeners are in memory, and the peers that connect to them without a system call."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["MemoryLoop", "Peer"]


class MemoryLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, because it shows when it has nothing more to do; `problems` has what went wrong on it."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.tracebacks: list[str] = []
        self._factories: dict[int, Callable[[], asyncio.Protocol]] = {}
        self.set_exception_handler(lambda _loop, context: self.problems.append(_described(context)))
        self._log = _Log(self.tracebacks)
        logging.getLogger().addHandler(self._log)

    def close(self) -> None:
        logging.getLogger().removeHandler(self._log)
        super().close()

    async def create_server(  # type: ignore[override]
        self, protocol_factory: Callable[[], asyncio.Protocol], *_: Any, sock: socket.socket | None = None, **__: Any
    ) -> _Listener:
        """A listener that is in memory."""
        listener = _Listener(sock)
        self._factories[listener.port] = protocol_factory
        return listener

    def connect(self, port: int) -> Peer:
        """A new connection to this port."""
        return Peer(self, self._factories[port]())

    async def quiet(self, most: int = 10_000) -> bool:
        """Run until nothing is left to do but to wait; False when that takes more turns than this."""
        ready: Any = self._ready  # type: ignore[attr-defined]
        for _ in range(most):
            if not ready:
                return True
            await asyncio.sleep(0)
        return False


class _Listener:
    """What `create_server` returns, as far as servers look at it: its socket is real, but nobody connects to it."""

    def __init__(self, listener: socket.socket | None) -> None:
        self.sockets = [listener or socket.create_server(("127.0.0.1", 0))]
        self.port: int = self.sockets[0].getsockname()[1]

    def close(self) -> None:
        self.sockets[0].close()

    async def wait_closed(self) -> None: ...


class Peer(asyncio.Transport):
    """A client, which is the server's transport at the same time: what the server writes is in `received`."""

    def __init__(self, loop: MemoryLoop, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._loop = loop
        self._protocol: Any = protocol
        self.received = bytearray()
        self.ended = False  # by the server
        self.lost = False  # the protocol knows that the connection has ended
        self._reading = True
        self._unread: list[bytes] = []  # sent while the server does not read
        self._sent_eof = False
        protocol.connection_made(self)

    # the client's side

    def send(self, data: bytes) -> None:
        """Send, as one read of the server."""
        if self.ended or self.lost:
            return
        if self._reading:
            self._give(data)
        else:
            self._unread.append(data)

    def finish_sending(self) -> None:
        """Close this direction only."""
        if self._reading and not self._unread:
            self._give_eof()
        else:
            self._sent_eof = True

    def leave(self, error: Exception | None = None) -> None:
        """Close the connection, or reset it with an error."""
        if not self.lost:
            self.lost = self.ended = True
            self._protocol.connection_lost(error)

    def stop_reading(self) -> None:
        """Let the server's buffer be full."""
        if not self.lost:
            self._protocol.pause_writing()

    def read_on(self) -> None:
        """Let it run empty."""
        if not self.lost:
            self._protocol.resume_writing()

    def _give(self, data: bytes) -> None:
        while isinstance(self._protocol, asyncio.BufferedProtocol):
            place = memoryview(self._protocol.get_buffer(-1))
            some, data = data[: len(place)], data[len(place) :]
            place[: len(some)] = some
            self._protocol.buffer_updated(len(some))
            if not data:
                return
        self._protocol.data_received(data)

    def _give_eof(self) -> None:
        if not self.ended and not self._protocol.eof_received():
            self.close()

    # the server's side: asyncio.Transport

    def write(self, data: Any) -> None:
        if not self.ended:
            self.received += data

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        for data in list_of_data:
            self.write(data)

    def close(self) -> None:
        if not self.ended:
            self.ended = True
            self._loop.call_soon(self._lose)

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self.ended

    def is_reading(self) -> bool:
        return self._reading and not self.ended

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        if not self._reading:
            self._reading = True
            if self._unread or self._sent_eof:
                self._loop.call_soon(self._give_unread)

    def get_protocol(self) -> Any:
        return self._protocol

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name == "peername" else default

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def _lose(self) -> None:
        if not self.lost:
            self.lost = True
            self._protocol.connection_lost(None)

    def _give_unread(self) -> None:
        while self._unread and self._reading and not self.ended:
            self._give(self._unread.pop(0))
        if self._sent_eof and self._reading and not self._unread:
            self._sent_eof = False
            self._give_eof()


class _Log(logging.Handler):
    """Collects what would be a traceback on stderr."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._lines.append(f"{record.getMessage()}: {error!r}"[:500])


def _described(context: dict[str, Any]) -> str:
    return f"{context.get('message')}: {context.get('exception')!r}"
