"""The rest of a large body, read from the socket into the bytes that the handler gets.

Read as usual, a body is copied three times on its way: out of the transport's buffer, out of the parser, and from its
pieces into one. Its length is known, and no parser has to look at it, so for as long as it comes another protocol
stands in for the connection, and lends the transport the body's final place.
"""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .exchange import Exchange

__all__ = ["BEGUN_BYTES", "LARGE_BYTES", "LargeBody"]

LARGE_BYTES = 131_072  # that are missing: for fewer, changing the protocol costs more than the copies
BEGUN_BYTES = 65_536  # that have come: an announcement alone gets no memory


class Receiver(Protocol):
    """The connection that the body is for."""

    def body_arrived(self, body: bytes) -> None:
        """All of it is here, what had come before included."""

    def eof_received(self) -> bool: ...
    def connection_lost(self, error: Exception | None, /) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


class LargeBody(asyncio.BufferedProtocol):
    """Takes the place of `receiver` until this exchange has its whole body, which begins with `begun`."""

    def __init__(self, receiver: Receiver, transport: asyncio.Transport, exchange: Exchange, begun: bytes) -> None:
        self._receiver = receiver
        self._transport = transport
        self._exchange: Exchange | None = exchange
        self._place = BytesIO(bytes(exchange.announced))
        self._view = self._place.getbuffer()
        self._view[: len(begun)] = begun
        self._arrived = len(begun)
        self._switch_to(self)

    def get_buffer(self, _hint: int) -> memoryview:
        return self._view[self._arrived :]

    def buffer_updated(self, count: int) -> None:
        assert self._exchange is not None  # or another protocol would be reading
        self._arrived += count
        self._exchange.arrived += count
        if self._arrived == len(self._view):
            self._exchange.arrived = 0  # `Exchange.receive` counts all of it
            self._switch_to(self._receiver)
            self._receiver.body_arrived(self._let_go())

    def _let_go(self) -> bytes:
        """The body, of which nothing is kept here: uvloop keeps the last protocol that lent it memory."""
        body = self._place.getvalue()  # the place itself, without a copy
        self._forget()
        return body

    def _forget(self) -> None:
        self._place, self._view, self._exchange = BytesIO(), memoryview(b""), None

    def eof_received(self) -> bool:
        return self._receiver.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self._forget()  # a place that the collector finds while it is lent makes Python 3.13 complain on stderr
        self._receiver.connection_lost(error)

    def pause_writing(self) -> None:
        self._receiver.pause_writing()

    def resume_writing(self) -> None:
        self._receiver.resume_writing()

    def _switch_to(self, protocol: Any) -> None:
        """Pause and resume: until then, uvloop keeps reading for the previous protocol."""
        self._transport.set_protocol(protocol)
        self._transport.pause_reading()
        self._transport.resume_reading()
