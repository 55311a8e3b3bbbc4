"""From bytes to requests: httptools' parser, and what it leaves to its user.

The parser's callbacks only collect: requests stand in `arrived`, in order, as soon as their heads are complete.

A client asks the same again and again. A request that comes whole, in one read, with the very head of an earlier one,
is not parsed again: see `Head`.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from .exchange import Exchange
from .replies import BAD_REQUEST, HEAD_TOO_LARGE

if TYPE_CHECKING:
    from .http1 import Connection
    from .replies import PlainReply

__all__ = ["HEAD_BYTES", "RequestReader"]

KNOWN_BYTES = 8192  # a longer head is parsed each time
# What makes a request other than its head and so many bytes.
_SPECIAL = frozenset({b"transfer-encoding", b"upgrade", b"expect", b"connection"})
HEAD_BYTES = 1_052_672  # Go's net/http, and so RIE: 1 MiB and 4 KiB of slack; X-Ray causes come near it


class Head(NamedTuple):
    """The head of a request as it came, and all that there is to know of it."""

    text: bytes  # with the empty line
    total: int  # bytes of the request, body included
    method: bytes
    path: bytes
    query: bytes
    headers: dict[bytes, bytes]


class RequestReader:
    """Reads the requests of one connection."""

    def __init__(self, connection: Connection, body_bytes: int) -> None:
        self.arrived: deque[Exchange] = deque()
        self.over = False  # nothing that comes from now on is read
        self.fault: PlainReply | None = None  # what the peer is to be told, after its good requests
        self._connection = connection
        self._body_bytes = body_bytes
        self._parser = HttpRequestParser(self)
        self._parsing: Exchange | None = None  # whose body the parser is in
        self._last: Exchange | None = None
        self._resumed: Exchange | None = None
        self._url: bytes | None = None  # None between requests
        self._headers: dict[bytes, bytes] = {}
        self._head_bytes = 0  # read since the last head was complete, outside bodies
        self._known: Head | None = None  # of the last request that came twice, all but for its body
        self._last_paths: tuple[bytes, bytes] = (b"", b"")  # of the last two that came whole

    def feed(self, data: bytes) -> None:
        """Take what has come; `arrived`, `over` and `fault` tell what came of it."""
        known = self._known
        if known is not None and len(data) == known.total and self._url is None and data.startswith(known.text):
            if not self.over:
                self._take_known(known, data)
            return
        if self.over:
            return
        whole = self._url is None and not self.arrived
        if self._parsing is None:
            self._head_bytes += len(data)
        else:
            self._parsing.raw += len(data)
        while True:
            try:
                self._parser.feed_data(data)
            except HttpParserUpgrade as upgrade:
                data = self._stay_in_http1() + data[upgrade.args[0] :]
                if data and not self.over:
                    continue
            except HttpParserError:
                self._fail(BAD_REQUEST)
            break
        if self._head_bytes > HEAD_BYTES:
            self._fail(HEAD_TOO_LARGE)
        elif whole and len(self.arrived) == 1:
            self._learn(data)

    def _take_known(self, known: Head, data: bytes) -> None:
        """A request whose head has been parsed before."""
        exchange = Exchange(self._connection, known.method, known.path, known.query, known.headers, False)
        exchange.complete = True
        body = data[len(known.text) :]
        if body:
            exchange.raw = len(body)
            exchange.add(body, self._body_bytes)
        self._last = exchange
        self.arrived.append(exchange)

    def _learn(self, data: bytes) -> None:
        """Keep the head of what has come, if it is a plain request, and one that is likely to come again."""
        exchange = self.arrived[0]
        again = exchange.path in self._last_paths  # of two, since a runtime asks and answers in turns
        self._last_paths = (exchange.path, self._last_paths[0])
        if not again or not exchange.complete or exchange.close or self._url is not None or exchange.overflow:
            return
        headers, size = exchange.headers, exchange.size
        if _SPECIAL.isdisjoint(headers) and len(data) - size <= KNOWN_BYTES:
            head = data[: len(data) - size]
            self._known = Head(head, len(data), exchange.method, exchange.path, exchange.query, headers)

    @property
    def can_be_left(self) -> bool:
        """Whether everything that was read stands in the requests that have arrived."""
        return not self.over and (self._parsing is not None or self._url is None)

    def end(self) -> None:
        """The peer will send nothing more: a request that is half here stays so."""
        self.over = True
        for exchange in (self._parsing, self._resumed):
            if exchange is not None:
                exchange.garbled = True

    def _fail(self, fault: PlainReply) -> None:
        if not (self._last is not None and self._last.close and self._last.complete):
            self.fault = fault  # what follows a request that ends the connection is not held against it
        self.end()

    def _stay_in_http1(self) -> bytes:
        """Nothing here speaks another protocol: an upgrade is ignored and the request answered, as the RFC allows.

        The parser has taken the request for complete. If it has a body, a new parser needs a head that announces one.
        """
        exchange = self._last
        assert exchange is not None
        self._parser = HttpRequestParser(self)
        if exchange.method == b"CONNECT":
            exchange.close = self.over = True  # what follows was never meant for this server
            return b""
        framing = [name for name in (b"content-length", b"transfer-encoding") if name in exchange.headers]
        if not framing:
            return b""
        exchange.complete = False
        self._resumed = exchange
        lines = b"".join(b"%b: %b\r\n" % (name, exchange.headers[name]) for name in framing)
        return b"POST / HTTP/1.1\r\n%b\r\n" % lines

    # -- the parser's callbacks

    def on_message_begin(self) -> None:
        self._url = b""
        if self._headers:
            self._headers = {}

    def on_url(self, url: bytes) -> None:
        self._url = url if not self._url else self._url + url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.setdefault(name.lower(), value)
        if self._parsing is not None:  # a trailer: limited as a head is
            self._head_bytes += len(name) + len(value)

    def on_headers_complete(self) -> None:
        headers, self._headers = self._headers, {}  # what comes from now on are trailers
        self._head_bytes = 0
        if self._resumed is not None:
            self._parsing, self._resumed = self._resumed, None
            return
        parser = self._parser
        assert self._url is not None
        path, _, query = self._url.partition(b"?")
        if not path.startswith(b"/"):
            path = _origin_form(path)
        close = not parser.should_keep_alive()
        exchange = Exchange(self._connection, parser.get_method(), path, query, headers, close)
        if b"connection" in headers or b"expect" in headers:
            exchange.old = parser.get_http_version() == "1.0"
        length = headers.get(b"content-length")
        if length is not None and int(length) > self._body_bytes:
            exchange.overflow = True
        self._parsing = self._last = exchange
        self.arrived.append(exchange)

    def on_body(self, chunk: bytes) -> None:
        assert self._parsing is not None
        self._parsing.add(chunk, self._body_bytes)

    def on_message_complete(self) -> None:
        exchange = self._parsing
        assert exchange is not None
        exchange.complete = True
        if self._headers:
            exchange.trailers = self._headers
            self._head_bytes = 0
        self._parsing = self._url = None


def _origin_form(target: bytes) -> bytes:
    """The path of a request target in absolute form, as a proxy's client sends it; others stay as they are."""
    _, scheme, rest = target.partition(b"://")
    if not scheme:
        return target
    _, slash, path = rest.partition(b"/")
    return slash + path or b"/"
