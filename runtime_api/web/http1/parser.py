"""From bytes to events: httptools' parser, and what it leaves to its caller.

llhttp gets its bytes in parts that belong to one request each (`cutting.py`).
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from runtime_api.web.replies import BAD_FRAMING, BAD_REQUEST, HEAD_TOO_LARGE

from .cutting import Cutter
from .events import Broken, Data, End, Head
from .head_rules import OLD_PROTOCOL, fault_in_head
from .headers import add_header
from .targets import origin_form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime_api.web.replies import PlainReply

    from .events import Event

__all__ = ["FRAMING_BYTES", "HEAD_BYTES", "HEAD_LINES", "REQUEST_WORK", "ParserState", "RequestParser"]

HEAD_BYTES = 1_052_672  # Go's net/http, and so RIE: 1 MiB and 4 KiB of slack; X-Ray causes come near it
HEAD_LINES = 2000  # in a head, and in trailers: Node's default; SDKs send about twenty
# Sizes, extensions and line ends of a chunked body may take this much, or twice the body if that is more. A chunk of
# three bytes has five of framing, so only a peer that sends some 200,000 smaller ones reaches it.
FRAMING_BYTES = 1_048_576
REQUEST_WORK = 16  # what reading and answering a request counts for, in header lines
CHUNKS_PER_WORK = 8  # that count for one header line
_FRAMING = (b"content-length", b"transfer-encoding")


class ParserState(Enum):
    """Where in the stream of requests the parser is."""

    BETWEEN = auto()  # between two requests, or before the first
    HEAD = auto()
    BODY = auto()
    LAST = auto()  # after a request that ends the connection
    OVER = auto()  # nothing more is read


BETWEEN, HEAD, BODY, LAST, OVER = ParserState  # module-level names: see states.py


class RequestParser:
    """Parses what one peer sends."""

    def __init__(self) -> None:
        self.state = BETWEEN
        self.requests = 0  # whose head is complete
        self.work = 0  # done so far: in header lines; a call counts as one
        self.body_left = 0  # bytes of a body whose head says its length
        self.whole_bytes = 0  # of the last call, up to the end of the last request that ended in it
        self._pieces: list[bytes] = []  # of a body, which become one event
        self.on_body = self._pieces.append  # httptools calls this for each chunk: a peer may send millions
        self._llhttp = HttpRequestParser(self)
        self._cutter = Cutter()
        self._events: list[Event] = []
        self._fault: PlainReply | None = None
        self._url = b""
        self._headers: dict[bytes, bytes] = {}  # of the head, and later of the trailers
        self._repeated: list[tuple[bytes, bytes]] = []  # lines whose names had come before
        self._head_bytes = 0  # read since the last head was complete, bodies not counted
        self._lines = 0  # of the head, and later of the trailers
        self.body_bytes = 0  # of the request in hand, that have come
        self._framing_bytes = 0  # read of a body beside its own bytes
        self._closes = False  # the request that is being read ends the connection
        self._resumes = False  # the next head only makes a new parser read a body

    def feed(self, data: bytes) -> Sequence[Event]:
        """Parse the next bytes."""
        if self.state is OVER:
            return ()
        self._events = []
        in_body, request, before = self.state is BODY, self.requests, self.body_bytes
        fault = self._parse(data)
        self._end_piece()
        if in_body and self.state is BODY and self.requests == request:
            self._framing_bytes += len(data) - (self.body_bytes - before)
        fault = self._excess() or fault
        if fault is not None:
            # What follows a request that ends the connection is not read, so it cannot be wrong.
            self._stop(Broken(None if self.state is LAST else fault))
        return self._events

    def read_apart(self, body: bytes) -> Sequence[Event]:
        """The rest of a body of known length was read without this parser: end its request, with all of the body."""
        self._llhttp = HttpRequestParser(self)  # the one before waits for that rest
        self._events = [Data(body)]
        self.body_left = self.whole_bytes = 0
        self.on_message_complete()
        self._cutter.begin()
        return self._events

    def end(self, fault: PlainReply | None = None) -> Sequence[Event]:
        """The peer sends nothing more, or nothing more is read from it because of this fault."""
        if self.state is OVER:
            return ()
        self._events = []
        self._stop(Broken(fault))
        return self._events

    def _parse(self, data: bytes) -> PlainReply | None:
        """Collect events; returns the fault when the data is not HTTP."""
        self.whole_bytes = at = 0
        cutter = self._cutter
        while at < len(data) and self.state is not OVER:
            if self.state is BODY:
                end = at + self.body_left if self.body_left else cutter.end_of_body(data, at)
            elif self.state is LAST:
                return BAD_REQUEST
            elif self.state is BETWEEN and data[at] in b"\r\n":
                end = cutter.end_of_empty_lines(data, at)
            else:
                end = cutter.end_of_head(data, at)
            fault = self._parse_part(data[at:end])
            if fault is not None:
                return fault
            at = end
            if self.state is not HEAD and self.state is not BODY:
                self.whole_bytes = at
                cutter.begin()
        return None

    def _parse_part(self, part: bytes) -> PlainReply | None:
        self.work += 1
        if self.state is not BODY:
            self._head_bytes += len(part)
        try:
            self._llhttp.feed_data(part)
        except HttpParserUpgrade:
            return self._stay_in_http1()
        except HttpParserError:
            return self._fault or BAD_REQUEST
        return None

    def _excess(self) -> PlainReply | None:
        """The fault of a peer that sends more than anybody needs."""
        if self._head_bytes > HEAD_BYTES:
            return HEAD_TOO_LARGE
        return BAD_FRAMING if self._framing_bytes > max(FRAMING_BYTES, 2 * self.body_bytes) else None

    def _stay_in_http1(self) -> PlainReply | None:
        """Ignore an upgrade and let the request be answered, as RFC 9110 7.8 allows.

        llhttp takes the request for complete. If it has a body, a new parser reads it after a head that announces it.
        """
        self._llhttp = HttpRequestParser(self)
        head = self._events[-2]  # before its End
        assert isinstance(head, Head)
        if head.method == b"CONNECT":
            self._stop(Broken(None))  # what follows is not meant for this server
            return None
        lines = b"".join([b"%b: %b\r\n" % (name, head.headers[name]) for name in _FRAMING if name in head.headers])
        if not lines:
            return None
        del self._events[-1]
        self._resumes = True
        return self._parse_part(b"POST / HTTP/1.1\r\n%b\r\n" % lines)

    def _stop(self, event: Broken) -> None:
        self.state = OVER
        self._events.append(event)

    # httptools calls these from feed_data, and reports what they raise as the peer's mistake: they only collect.

    def on_message_begin(self) -> None:
        self.state = HEAD
        self._url = b""
        self._headers, self._repeated = {}, []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._lines += 1
        self.work += 1
        if self._lines > HEAD_LINES:
            self._refuse(HEAD_TOO_LARGE)
        if not add_header(self._headers, name, value) and self.state is HEAD:
            self._repeated.append((name, value))
        if self.state is BODY and name.lower() == b"connection":
            self._refuse(BAD_REQUEST)  # llhttp would follow it, though no trailer may be framing (RFC 9110 6.5.1)
        if self.state is BODY:  # a trailer: limited as a head is
            self._head_bytes += len(name) + len(value)

    def on_headers_complete(self) -> None:
        headers, self._headers = self._headers, {}  # what comes from now on are trailers
        repeated = tuple(self._repeated)
        self._head_bytes = self._lines = self.body_bytes = self._framing_bytes = 0
        self.state = BODY
        self.requests += 1
        length = self.body_left = int(headers.get(b"content-length", 0))
        if self._resumes:
            self._resumes = False
            return
        llhttp = self._llhttp
        protocol = self._cutter.protocol
        fault = fault_in_head(protocol, headers.get(b"host"))
        if fault is not None:
            self._refuse(fault)
        method = llhttp.get_method()
        path, _, query = self._url.partition(b"?")
        path = origin_form(path)
        # HTTP/1.0 has no codings: a proxy in between may have read another end of this body (RFC 9112 6.1).
        is_old = protocol == OLD_PROTOCOL
        old_coding = is_old and b"transfer-encoding" in headers
        self._closes = not llhttp.should_keep_alive() or method == b"CONNECT" or old_coding
        self._events.append(Head(method, path, query, headers, length, self._closes, is_old, repeated))

    def on_message_complete(self) -> None:
        self.work += REQUEST_WORK
        self._end_piece()
        self.body_bytes = self._framing_bytes = 0
        if self._headers:
            self._events.append(End(self._headers))
            self._head_bytes = self._lines = 0
        else:
            self._events.append(_PLAIN_END)
        self.state = LAST if self._closes else BETWEEN

    def _refuse(self, fault: PlainReply) -> None:
        self._fault = fault
        raise ValueError("httptools ends parsing at this")

    def _end_piece(self) -> None:
        """Make an event of what has come of a body."""
        pieces = self._pieces
        if not pieces:
            return
        chunk = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self.work += len(pieces) // CHUNKS_PER_WORK
        self.body_bytes += len(chunk)
        self.body_left = max(self.body_left - len(chunk), 0)
        self._events.append(Data(chunk))
        pieces.clear()


_PLAIN_END = End()
