"""From bytes to requests: httptools' parser, and what it leaves to its user.

The parser's callbacks only collect: requests stand in `arrived`, in order, as soon as their heads are complete.

A client says the same again and again. When a request comes whole, in one read, and its head has come before, byte
for byte, it is not parsed again; nor when all of the head but its target has.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from .exchange import Exchange
from .headers import add_header
from .replies import BAD_REQUEST, HEAD_TOO_LARGE

if TYPE_CHECKING:
    from .http1 import Connection
    from .replies import PlainReply

__all__ = ["HEAD_BYTES", "RequestReader"]

KNOWN_BYTES = 8192  # a longer head is parsed each time
KNOWN_HEADS = 8  # of one connection
GIVEN_UP = 64  # unknown heads in a row, after which no more are kept
_PLAIN_TARGET = re.compile(rb"/[!-~]*").fullmatch
# What makes a request other than its head and so many bytes.
_SPECIAL = frozenset({b"transfer-encoding", b"upgrade", b"expect", b"connection"})
HEAD_BYTES = 1_052_672  # Go's net/http, and so RIE: 1 MiB and 4 KiB of slack; X-Ray causes come near it


class Head(NamedTuple):
    """What there is to know of a head."""

    method: bytes
    path: bytes
    query: bytes
    headers: dict[bytes, bytes]
    body_bytes: int


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
        self._known: dict[bytes, Head] = {}  # by the whole of it
        self._known_but_target: dict[bytes, Head] = {}  # by all that stands behind the target
        self._unknown = 0  # heads in a row that were none of these

    def feed(self, data: bytes) -> None:
        """Take what has come; `arrived`, `over` and `fault` tell what came of it."""
        if self._url is None and self._known and self._take_known(data):
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

    def _take_known(self, data: bytes) -> bool:
        """Read a request whose head is known; False when it is not."""
        head_end = data.find(b"\r\n\r\n") + 4
        head = self._known.get(data[:head_end]) or self._with_new_target(data, head_end)
        if head is None or len(data) - head_end != head.body_bytes or self.over:
            return False
        method, path, query, headers, body_bytes = head
        exchange = Exchange(self._connection, method, path, query, headers, False)
        exchange.complete = True
        if body_bytes:
            exchange.keep(data[head_end:])
        self._last = exchange
        self.arrived.append(exchange)
        self._unknown = 0
        return True

    def _with_new_target(self, data: bytes, head_end: int) -> Head | None:
        """The head of this request, when it is a known one but for what it asks for."""
        method_end = data.find(b" ")
        target_end = data.find(b" ", method_end + 1)
        head = self._known_but_target.get(data[target_end:head_end])
        target = data[method_end + 1 : target_end]
        if head is None or data[:method_end] != head.method or not _PLAIN_TARGET(target):
            return None
        path, _, query = target.partition(b"?")
        return Head(head.method, path, query, head.headers, head.body_bytes)

    def _learn(self, data: bytes) -> None:
        """Keep the head of the only request that has come, if it is a plain one."""
        exchange = self.arrived[0]
        self._unknown += 1
        if not exchange.complete or exchange.close or self._url is not None or exchange.overflow:
            return
        if self._unknown > GIVEN_UP or not _SPECIAL.isdisjoint(exchange.headers):
            return  # each head has a date, say, that no other has
        head_end = len(data) - exchange.size
        target_end = data.find(b" ", data.find(b" ") + 1)
        if head_end <= KNOWN_BYTES and data.endswith(b"\r\n\r\n", 0, head_end):
            if len(self._known) >= KNOWN_HEADS:
                self._known.clear()
                self._known_but_target.clear()
            head = Head(exchange.method, exchange.path, exchange.query, exchange.headers, exchange.size)
            self._known[data[:head_end]] = self._known_but_target[data[target_end:head_end]] = head

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
        add_header(self._headers, name, value)
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
