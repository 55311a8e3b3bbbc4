"""A thin HTTP/1.1 server: an asyncio.Protocol over httptools.

Theory of operation. The parser's callbacks only collect; handlers run after the parser has returned, from
`Connection.advance`, one request of a connection at a time and in order. So pipelined requests wait their turn, a
request that is answered late (a long poll) holds its successors back, and a handler's bug is never mistaken for a
client's bad syntax. A connection stops reading while a request waits behind another, and takes no new request while
its peer does not read the answers: what one peer can make us hold is bounded by one request and one read.

A request with a body may be answered before the body has come (a refusal): the rest is read and dropped, up to
`DRAIN_BYTES`, so that the connection can go on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from .replies import BAD_REQUEST, CONTINUE, HEAD_TOO_LARGE, KEEP_ALIVE, reply_head

if TYPE_CHECKING:
    from .replies import PlainReply

__all__ = ["Connection", "Exchange", "Handler", "HttpServer"]

HEAD_BYTES = 1_052_672  # Go's net/http, and so RIE: 1 MiB and 4 KiB of slack; X-Ray causes come near it
DRAIN_BYTES = 67_108_864  # of a refused body, read for the sake of the connection
JOIN_BYTES = 65_536  # a body up to this is copied behind its head, for the sake of one write
BACKLOG = 64 * 1024  # connections waiting to be accepted: the kernel caps it at its own somaxconn


class Handler(Protocol):
    """What a server does with requests. Every exchange is answered by `reply`, at once or later."""

    body_bytes: int  # the limit for a request's body

    def started(self, exchange: Exchange) -> None:
        """The head is here and the body is still on its way; not called when both came together."""

    def finished(self, exchange: Exchange) -> None:
        """The whole request is here."""

    def overflowed(self, exchange: Exchange) -> None:
        """The body went over the limit; what came of it is dropped."""

    def truncated(self, exchange: Exchange) -> None:
        """The peer ended, or garbled, the body in its midst; it may still read an answer."""

    def half_closed(self, exchange: Exchange) -> bool:
        """The peer will send nothing more; whether it is to be answered all the same."""

    def dropped(self, exchange: Exchange) -> None:
        """The peer has gone without an answer."""


class Exchange:
    """One request, and the place for its answer."""

    trailers: dict[bytes, bytes] | None = None  # once the request is complete
    size = 0  # bytes of body that have come
    started = False  # the handler has been told of the head
    complete = False  # the request has been read to its end
    overflow = False  # its body is over the limit
    judged = False  # the handler has been told of the body
    answered = False
    told_to_stay = False  # an HTTP/1.0 peer that keeps the connection only if the answer says so
    context: Any = None  # for the handler's own use

    def __init__(
        self,
        connection: Connection,
        method: bytes,
        path: bytes,
        query: bytes,
        headers: dict[bytes, bytes],
        close: bool,
    ) -> None:
        self.connection = connection
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers  # names in lower case
        self.close = close  # the connection ends with this exchange
        self._chunks: list[bytes] = []

    @property
    def body(self) -> bytes:
        """The body so far, in one piece."""
        chunks = self._chunks
        if len(chunks) == 1:
            return chunks[0]
        return b"".join(chunks)

    def add(self, chunk: bytes, limit: int) -> None:
        """Keep a piece of the body, or drop all of it once it is over the limit or nobody wants it."""
        self.size += len(chunk)
        if self.size > limit:
            self.overflow = True
        if self.overflow or self.answered:
            self._chunks.clear()
        else:
            self._chunks.append(chunk)

    def reply(self, status: int, headers: str = "", body: bytes = b"") -> None:
        """Answer. `headers` are whole lines with CRLF; length and connection headers are added here."""
        if not self.answered:
            self.answered = True
            self._chunks.clear()
            self.connection.write_reply(self, status, headers, body)


class Connection(asyncio.Protocol):
    """One peer: its parser, the exchange in hand, and those that wait behind it."""

    __slots__ = (
        "_advancing",
        "_backlog",
        "_current",
        "_eof",
        "_handler",
        "_head_bytes",
        "_headers",
        "_open",
        "_parser",
        "_parsing",
        "_paused",
        "_transport",
        "_url",
        "_writable",
    )

    def __init__(self, handler: Handler, open_connections: set[Connection]) -> None:
        self._handler = handler
        self._open = open_connections
        self._parser = HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._backlog: deque[Exchange] = deque()
        self._current: Exchange | None = None
        self._parsing: Exchange | None = None  # whose body the parser is in
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._head_bytes = 0
        self._advancing = False
        self._paused = False
        self._writable = True
        self._eof = False

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by class
        self._open.add(self)

    def data_received(self, data: bytes) -> None:
        if self._parsing is None:
            self._head_bytes += len(data)  # back to nothing as soon as a head is complete
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._go_on_in_http1(data[upgrade.args[0] :])
        except HttpParserError:
            self._garbled()
            return
        if self._head_bytes > HEAD_BYTES:
            self._reject(HEAD_TOO_LARGE)
        elif self._current is None and len(self._backlog) == 1 and self._backlog[0].complete and self._writable:
            self._take_only()
        elif self._backlog or self._current is not None:
            self.advance()

    def eof_received(self) -> bool:
        self._eof = True
        exchange = self._current
        if exchange is None:
            return False
        exchange.close = True
        if not exchange.complete:
            self._cut_short(exchange)
            return False
        return exchange.answered or self._handler.half_closed(exchange)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._open.discard(self)
        self._transport = None
        self._backlog.clear()
        exchange, self._current = self._current, None
        if exchange is None or exchange.answered:
            return
        if exchange.complete:
            self._handler.dropped(exchange)
        else:
            self._cut_short(exchange)

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self.advance()

    # -- the parser's callbacks: they collect, and nothing else

    def on_message_begin(self) -> None:
        self._url = b""
        if self._headers:
            self._headers = {}

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        held = self._headers.get(name)
        self._headers[name] = value if held is None else held + b", " + value

    def on_headers_complete(self) -> None:
        parser = self._parser
        path, _, query = self._url.partition(b"?")
        if not path.startswith(b"/"):
            path = _origin_form(path)
        headers, self._headers = self._headers, {}  # what comes from now on are trailers
        exchange = Exchange(self, parser.get_method(), path, query, headers, not parser.should_keep_alive())
        if b"connection" in headers:
            exchange.told_to_stay = not exchange.close and parser.get_http_version() == "1.0"
        length = headers.get(b"content-length")
        if length is not None and int(length) > self._handler.body_bytes:
            exchange.overflow = True
        self._head_bytes = 0
        self._parsing = exchange
        self._backlog.append(exchange)

    def on_body(self, chunk: bytes) -> None:
        assert self._parsing is not None
        self._parsing.add(chunk, self._handler.body_bytes)

    def on_message_complete(self) -> None:
        exchange = self._parsing
        assert exchange is not None
        exchange.complete = True
        if self._headers:
            exchange.trailers = self._headers
        self._parsing = None

    # -- the way of an exchange

    def _go_on_in_http1(self, rest: bytes) -> None:
        """Nothing here speaks another protocol: an upgrade is ignored and the request answered, as the RFC allows."""
        self._parser = HttpRequestParser(self)
        if rest:
            self.data_received(rest)

    def _take_only(self) -> None:
        """The usual case of `advance`, and nothing but it: one whole request, and none before or behind it."""
        exchange = self._current = self._backlog.popleft()
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

    def advance(self) -> None:
        """Take requests in order, as far as they have come and as far as they get answered."""
        if self._advancing:
            return
        self._advancing = True
        try:
            while True:
                exchange = self._current
                if exchange is None:
                    if not self._backlog or not self._writable or self._transport is None:
                        break
                    exchange = self._current = self._backlog.popleft()
                if not exchange.answered and not exchange.judged:
                    self._hand_over(exchange)
                if not (exchange.answered and exchange.complete):
                    if exchange.size > DRAIN_BYTES:
                        self._end()
                    break
                self._current = None
                if exchange.close:
                    self._end()
                    break
        finally:
            self._advancing = False
        if self._paused or self._backlog or not self._writable:
            self._adjust_reading()

    def _hand_over(self, exchange: Exchange) -> None:
        """Tell the handler of what has come of a request."""
        if exchange.complete and not exchange.overflow:
            exchange.judged = True
            self._handler.finished(exchange)
            return
        if not exchange.started and not exchange.complete:
            self._start(exchange)
        if exchange.overflow and not exchange.answered:
            exchange.judged = True
            self._handler.overflowed(exchange)

    def _start(self, exchange: Exchange) -> None:
        exchange.started = True
        self._handler.started(exchange)
        if exchange.headers.get(b"expect", b"").lower() == b"100-continue":
            if exchange.answered or exchange.overflow:
                exchange.close = True  # whether the peer still sends the body cannot be known
            elif self._transport is not None:
                self._transport.write(CONTINUE)

    def _adjust_reading(self) -> None:
        crowded = bool(self._backlog) or not self._writable
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
        if exchange.headers.get(b"expect") is not None and not exchange.complete:
            exchange.close = True
        if exchange.told_to_stay:
            headers += KEEP_ALIVE
        head = reply_head(status, headers, len(body), exchange.close or self._eof)
        if exchange.method == b"HEAD":
            body = b""
        if len(body) <= JOIN_BYTES:
            transport.write(head + body)
        else:
            transport.writelines((head, body))
        if not self._advancing:
            if exchange.complete and not exchange.close and not self._backlog:
                self._current = None
            else:
                self.advance()

    def _cut_short(self, exchange: Exchange) -> None:
        if not exchange.answered and not exchange.judged:
            exchange.judged = True
            self._handler.truncated(exchange)

    def _garbled(self) -> None:
        """What came is not HTTP: answer that if it is its turn, and end the connection."""
        exchange = self._current or (self._backlog[0] if self._backlog else None)
        if exchange is None:
            self._reject(BAD_REQUEST)
        elif not exchange.complete:
            exchange.close = True
            self._current = exchange
            self._cut_short(exchange)
            self._end()
        else:
            exchange.close = True
            self.advance()
            self._end()

    def _reject(self, reply: PlainReply) -> None:
        if self._transport is not None and self._current is None:
            self._transport.write(reply_head(reply.status, reply.headers, len(reply.body), True) + reply.body)
        self._end()

    def _end(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End the connection now, answered or not."""
        if self._transport is not None:
            self._transport.abort()

    @property
    def is_quiet(self) -> bool:
        """Whether no request is in hand or half read."""
        return self._current is None and not self._backlog and self._parsing is None


def _origin_form(target: bytes) -> bytes:
    """The path of a request target in absolute form, as a proxy's client sends it; others stay as they are."""
    _, scheme, rest = target.partition(b"://")
    if not scheme:
        return target
    _, slash, path = rest.partition(b"/")
    return slash + path or b"/"


class HttpServer:
    """A listener on one address, and the connections it has accepted."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int) -> tuple[str, int]:
        """Open the listener; gives the address, with the port that was picked when `port` is 0.

        OSError when the address cannot be had.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._handler, self._connections), host, port, backlog=BACKLOG
        )
        bound = self._server.sockets[0].getsockname()
        return bound[0], bound[1]

    @property
    def connections(self) -> int:
        """How many peers are connected."""
        return len(self._connections)

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._server is not None:
            self._server.close()
            for connection in list(self._connections):
                connection.abort()
            await self._server.wait_closed()
