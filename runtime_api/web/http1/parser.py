"""From bytes to events: httptools' parser, and what it leaves to its caller."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from runtime_api.web.replies import BAD_REQUEST, HEAD_TOO_LARGE

from .events import Broken, Data, End, Head
from .headers import add_header

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime_api.web.replies import PlainReply

    from .events import Event

__all__ = ["HEAD_BYTES", "ParserState", "RequestParser"]

HEAD_BYTES = 1_052_672  # Go's net/http, and so RIE: 1 MiB and 4 KiB of slack; X-Ray causes come near it
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
        self._llhttp = HttpRequestParser(self)
        self._events: list[Event] = []
        self._url = b""
        self._headers: dict[bytes, bytes] = {}  # of the head, and later of the trailers
        self._repeated: list[tuple[bytes, bytes]] = []  # lines whose names had come before
        self._head_bytes = 0  # read since the last head was complete, bodies not counted
        self._closes = False  # the request that is being read ends the connection
        self._resumes = False  # the next head only makes a new parser read a body

    def feed(self, data: bytes) -> Sequence[Event]:
        """Parse the next bytes."""
        if self.state is OVER:
            return ()
        self._events = []
        if self.state is not BODY:
            self._head_bytes += len(data)
        fault = self._parse(data)
        if self._head_bytes > HEAD_BYTES:
            fault = HEAD_TOO_LARGE
        if fault is not None:
            # What follows a request that ends the connection is not read, so it cannot be wrong.
            self._stop(Broken(None if self.state is LAST else fault))
        return self._events

    def end(self) -> Sequence[Event]:
        """The peer sends nothing more."""
        if self.state is OVER:
            return ()
        self._events = []
        self._stop(Broken(None))
        return self._events

    @property
    def has_part_of_a_head(self) -> bool:
        """Whether bytes were read that are in no event."""
        return self.state is HEAD or self.state is OVER

    def _parse(self, data: bytes) -> PlainReply | None:
        """Collect events; returns the fault when the data is not HTTP."""
        while True:
            try:
                self._llhttp.feed_data(data)
            except HttpParserUpgrade as upgrade:
                data = self._stay_in_http1() + data[upgrade.args[0] :]
                if data and self.state is not OVER:
                    continue
            except HttpParserError:
                return BAD_REQUEST
            return None

    def _stay_in_http1(self) -> bytes:
        """Ignore an upgrade and let the request be answered, as RFC 9110 7.8 allows.

        llhttp takes the request for complete. If it has a body, a new parser reads it after a head that announces it;
        returns this head.
        """
        self._llhttp = HttpRequestParser(self)
        head = self._events[-2]  # before its End: llhttp reads no further in this call
        assert isinstance(head, Head)
        if head.method == b"CONNECT":
            self._stop(Broken(None))  # what follows is not meant for this server
            return b""
        lines = b"".join([b"%b: %b\r\n" % (name, head.headers[name]) for name in _FRAMING if name in head.headers])
        if not lines:
            return b""
        del self._events[-1]
        self._resumes = True
        return b"POST / HTTP/1.1\r\n%b\r\n" % lines

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
        if not add_header(self._headers, name, value):
            self._repeated.append((name, value))
        if self.state is BODY:  # a trailer: limited as a head is
            self._head_bytes += len(name) + len(value)

    def on_headers_complete(self) -> None:
        headers, self._headers = self._headers, {}  # what comes from now on are trailers
        repeated = tuple(self._repeated)
        self._head_bytes = 0
        self.state = BODY
        if self._resumes:
            self._resumes = False
            return
        llhttp = self._llhttp
        method = llhttp.get_method()
        path, _, query = self._url.partition(b"?")
        if not path.startswith(b"/"):
            path = _origin_form(path)
        self._closes = not llhttp.should_keep_alive() or method == b"CONNECT"
        tells_version = b"connection" in headers or b"expect" in headers
        http10 = tells_version and llhttp.get_http_version() == "1.0"
        length = int(headers.get(b"content-length", 0))
        self._events.append(Head(method, path, query, headers, length, self._closes, http10, repeated))

    def on_body(self, chunk: bytes) -> None:
        self._events.append(Data(chunk))

    def on_message_complete(self) -> None:
        if self._headers:
            self._events.append(End(self._headers))
            self._head_bytes = 0
        else:
            self._events.append(_PLAIN_END)
        self.state = LAST if self._closes else BETWEEN


_PLAIN_END = End()


def _origin_form(target: bytes) -> bytes:
    """The path of a request target in absolute form, as a proxy's client sends it; others stay as they are."""
    _, scheme, rest = target.partition(b"://")
    if not scheme:
        return target
    _, slash, path = rest.partition(b"/")
    return slash + path or b"/"
