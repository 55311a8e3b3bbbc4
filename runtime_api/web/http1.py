"""A thin HTTP/1.1 server: an asyncio.Protocol over httptools.

Theory of operation. `reader.py` collects requests; handlers run after the parser has returned, from
`Connection.advance`, one request of a connection at a time and in order. So pipelined requests wait their turn, a
request that is answered late (a long poll) holds its successors back, and a handler's bug is never mistaken for a
client's bad syntax. A connection stops reading while a request waits behind another, and takes no new request while
its peer does not read the answers: what one peer can make us hold is bounded by one request and one read.

A request with a body may be answered before the body has come (a refusal): the rest is read and dropped, up to
`DRAIN_BYTES`, so that the connection can go on.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from .exchange import Exchange, Handler
from .outbox import Outbox
from .reader import HEAD_BYTES, RequestReader
from .replies import CONTINUE, KEEP_ALIVE, reply_head

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

__all__ = ["DRAIN_BYTES", "HEAD_BYTES", "JOIN_BYTES", "Connection", "Exchange", "Handler", "HttpServer"]

DRAIN_BYTES = 67_108_864  # of a refused body, read for the sake of the connection
JOIN_BYTES = 65_536  # a body up to this is copied behind its head, for the sake of one write
BACKLOG = 64 * 1024  # connections waiting to be accepted: the kernel caps it at its own somaxconn


class Connection(asyncio.Protocol):
    """One peer: its reader, the exchange in hand, and those that wait behind it."""

    def __init__(
        self,
        handler: Handler,
        outbox: Outbox,
        made: Callable[[Connection], None],
        lost: Callable[[Connection], None],
    ) -> None:
        self._handler = handler
        self._outbox = outbox
        self._unsent = b""  # as long as it is in the outbox
        self._made, self._lost = made, lost
        self._reader = RequestReader(self, handler.body_bytes)
        self._feed: Callable[[bytes], None] = self._reader.feed
        self._arrived = self._reader.arrived
        self._transport: asyncio.Transport | None = None
        self._current: Exchange | None = None
        self._advancing = False
        self._paused = False
        self._held = False
        self._writable = True

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by class
        self._made(self)

    def data_received(self, data: bytes) -> None:
        self._feed(data)
        arrived = self._arrived
        if self._current is None and len(arrived) == 1 and arrived[0].complete and self._writable:
            self._take_only()
        else:
            self.advance()

    def eof_received(self) -> bool:
        self._reader.end()
        self.advance()
        exchange = self._current
        if exchange is None:
            return bool(self._arrived)
        exchange.close = not self._arrived
        return exchange.answered or self._handler.half_closed(exchange)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._transport = None
        self._arrived.clear()
        exchange, self._current = self._current, None
        if exchange is not None and not exchange.answered and not exchange.truncated:
            if exchange.complete or exchange.judged:
                self._handler.dropped(exchange)
            else:
                self._cut_short(exchange)
        self._lost(self)

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self.advance()

    # -- the way of an exchange

    def _take_only(self) -> None:
        """The usual case of `advance`, and nothing but it: one whole request, and none before or behind it."""
        exchange = self._current = self._arrived.popleft()
        exchange.judged = True
        self._advancing = True
        try:
            if exchange.overflow:
                self._handler.overflowed(exchange)
            else:
                self._handler.finished(exchange)
        finally:
            self._advancing = False
        if exchange.answered:
            self._current = None
            if exchange.close:
                self._end()
            elif self._reader.over:
                self.advance()

    def advance(self) -> None:
        """Take requests in order, as far as they have come and as far as they get answered."""
        if self._advancing:
            return
        self._advancing = True
        try:
            while self._step():
                pass
        finally:
            self._advancing = False
        if self._paused or self._arrived or not self._writable or self._held:
            self._adjust_reading()

    def _step(self) -> bool:
        """Go on with the exchange in hand, or the next one; False when there is nothing to do."""
        exchange = self._current
        if exchange is None:
            if self._transport is None or self._transport.is_closing():
                return False
            if not self._arrived:
                self._close_when_over()
                return False
            if not self._writable:
                return False
            exchange = self._current = self._arrived.popleft()
        if not exchange.answered and not exchange.judged:
            self._hand_over(exchange)
        if exchange.answered and exchange.complete and not exchange.close:
            self._current = None
            return True
        over = exchange.answered and (exchange.complete or exchange.withheld)
        # A peer that sends garbage behind a request that is not answered yet has lost its way: it gets nothing more.
        lost = exchange.garbled or exchange.raw > DRAIN_BYTES or self._reader.fault is not None
        if over or lost:
            self._end()
        return False

    def _hand_over(self, exchange: Exchange) -> None:
        """Tell the handler of what has come of a request."""
        if exchange.complete and not exchange.overflow:
            exchange.judged = True
            self._handler.finished(exchange)
            return
        if not exchange.started and not exchange.complete:
            self._start(exchange)
        if exchange.answered or self._is_leaving:
            return
        if exchange.overflow:
            exchange.judged = True
            self._handler.overflowed(exchange)
        elif exchange.garbled:
            self._cut_short(exchange)

    def _start(self, exchange: Exchange) -> None:
        exchange.started = True
        self._handler.started(exchange)
        wanted = not (exchange.answered or exchange.overflow or exchange.garbled or self._held)
        transport = self._transport
        if wanted and exchange.expects_continue and transport is not None and not transport.is_closing():
            exchange.continued = True
            self.flush()
            transport.write(CONTINUE)

    def _cut_short(self, exchange: Exchange) -> None:
        exchange.judged = exchange.truncated = exchange.close = True
        self._handler.truncated(exchange)

    def _adjust_reading(self) -> None:
        crowded = bool(self._arrived) or not self._writable or self._held
        if crowded is not self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = crowded
            if crowded:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def write_reply(self, exchange: Exchange, status: int, headers: str, body: bytes) -> None:
        """Put an answer on the wire; it is lost when the peer has gone."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if not exchange.complete and exchange.expects_continue and not exchange.continued:
            exchange.close = exchange.withheld = True
        if exchange.old and not exchange.close:
            headers += KEEP_ALIVE
        head = reply_head(status, headers, len(body), exchange.close)
        if exchange.method == b"HEAD":
            body = b""
        if self._unsent:
            self.flush()
        if len(body) > JOIN_BYTES:
            transport.writelines((head, body))
        elif self._outbox.is_open:
            self._unsent = head + body
            self._outbox.add(self)
        else:
            transport.write(head + body)
        if not self._advancing:
            if exchange.complete and not exchange.close and not self._arrived and not self._reader.over:
                self._current = None
            else:
                self.advance()

    def flush(self) -> None:
        """Write what is in the outbox."""
        unsent, self._unsent = self._unsent, b""
        if unsent and self._transport is not None:
            self._transport.write(unsent)

    # -- another protocol

    @property
    def _is_leaving(self) -> bool:
        """Whether the exchange in hand is another protocol's, or will be."""
        return self._held or self._transport is None

    def hold(self) -> None:
        """Read nothing more: the exchange in hand, and what follows it, will be handed over."""
        self._held = True
        self._adjust_reading()

    def hand_over(self, protocol: asyncio.Protocol) -> None:
        """Give the peer to another protocol, from the exchange in hand on, whose body may still be on its way.

        A peer that has sent half a head behind it already is hung up on: as one that pipelines, it has to try again
        what it got no answer to (RFC 9112, 9.3.2).
        """
        transport, exchange = self._transport, self._current
        if transport is None or transport.is_closing() or exchange is None:
            return
        if not self._reader.can_be_left:
            self._end()
            return
        self.flush()
        data = b"".join([each.as_bytes() for each in (exchange, *self._arrived)])
        self._transport = self._current = None
        self._arrived.clear()
        self._lost(self)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(data)
        if self._paused:
            transport.resume_reading()

    def _close_when_over(self) -> None:
        """All good requests are answered: what was wrong with the rest is told last."""
        if self._reader.over and self._transport is not None:
            fault, self._reader.fault = self._reader.fault, None
            if fault is not None:
                self.flush()
                self._transport.write(reply_head(fault.status, fault.headers, len(fault.body), True) + fault.body)
            self._end()

    def _end(self) -> None:
        if self._transport is not None:
            self.flush()
            self._transport.close()

    def finish(self) -> None:
        """End the connection as soon as what has been written is on its way."""
        self._end()

    def abort(self) -> None:
        """End the connection now, answered or not."""
        if self._transport is not None:
            self._transport.abort()


class HttpServer:
    """A listener on one address, and the connections it has accepted."""

    def __init__(self, handler: Handler, outbox: Outbox | None = None) -> None:
        self._handler = handler
        self._outbox = outbox or Outbox()
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._empty: asyncio.Event | None = None  # once somebody waits for the last connection's end

    async def listen(self, host: str, port: int, listener: socket.socket | None = None) -> tuple[str, int]:
        """Open the listener, or take one that stands already; gives its address, with the port that was picked.

        One that was open before is closed. OSError when the address cannot be had.
        """
        self.stop_listening()
        loop = asyncio.get_running_loop()
        place: dict[str, Any] = {"host": host, "port": port} if listener is None else {"sock": listener}
        self._server = await loop.create_server(
            lambda: Connection(self._handler, self._outbox, self._connections.add, self._lost),
            **place,
            backlog=BACKLOG,
        )
        bound = self._server.sockets[0].getsockname()
        return bound[0], bound[1]

    @property
    def connections(self) -> int:
        """How many peers are connected."""
        return len(self._connections)

    def stop_listening(self) -> None:
        """Take no new connections; those that are there go on."""
        if self._server is not None:
            self._server.close()

    async def close(self, timeout_s: float = 0) -> None:
        """End every connection, quiet ones first; what is written gets this long to be read.

        Every exchange in hand has been told of it when this returns.
        """
        self.stop_listening()
        for connection in list(self._connections):
            connection.finish()
        if not await self._emptied(timeout_s):
            for connection in list(self._connections):
                connection.abort()
            await self._emptied(None)
        if self._server is not None:
            await self._server.wait_closed()

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
