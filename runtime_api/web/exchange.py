"""One request and the place for its answer, and what a server asks of whoever answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .http1 import Connection

__all__ = ["Exchange", "Handler"]


_HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"upgrade", b"http2-settings", b"transfer-encoding", b"te"})


class Handler(Protocol):
    """What a server does with requests.

    Every exchange is answered by `reply`, at once or later, unless it was told `truncated` or `dropped`.
    """

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
    """One request, as far as it has come, and whether it has been answered."""

    trailers: dict[bytes, bytes] | None = None  # once the request is complete
    size = 0  # bytes of body that have come
    raw = 0  # bytes read for the body, framing and trailers included
    started = False  # the handler has been told of the head
    complete = False  # the request has been read to its end
    garbled = False  # its end will never come
    overflow = False  # its body is over the limit
    judged = False  # the handler has been told of the body
    truncated = False  # and that it was cut short
    continued = False  # the peer has been told to send the body
    withheld = False  # the peer was to be told so and was answered instead: the body may never come
    answered = False
    old = False  # an HTTP/1.0 peer that asked for something its version has to be told of
    context: Any = None  # for the handler's own use
    _chunks: Sequence[bytes] = ()  # of the body

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
        self.headers = headers  # names in lower case; of several with one name the first counts
        self.close = close  # the connection ends with this exchange

    @property
    def body(self) -> bytes:
        """The body so far, in one piece."""
        chunks = self._chunks
        if len(chunks) == 1:
            return chunks[0]
        return b"".join(chunks)

    @property
    def expects_continue(self) -> bool:
        """Whether the peer waits to be told to send its body; HTTP/1.0 does not know how."""
        return self.headers.get(b"expect", b"").lower() == b"100-continue" and not self.old

    def keep(self, body: bytes) -> None:
        """The whole body, which is within the limit."""
        self.raw = self.size = len(body)
        self._chunks = (body,)

    def add(self, chunk: bytes, limit: int) -> None:
        """Keep a piece of the body, or drop all of it once it is over the limit or nobody wants it.

        What comes together with the head is kept: it is for the handler to say whether there is a limit to it.
        """
        self.size += len(chunk)
        if self.size > limit:
            self.overflow = True
        if (self.overflow and (self.started or self.judged)) or self.answered:
            self._chunks = ()
        elif isinstance(self._chunks, list):
            self._chunks.append(chunk)
        else:
            self._chunks = [chunk]

    def as_bytes(self) -> bytes:
        """The request as it could have come, as far as it has; not for a chunked one that is not complete.

        What is between the peer and this server alone is not passed on: framing, offers of another protocol.
        """
        target = self.path + b"?" + self.query if self.query else self.path
        headers = {name: value for name, value in self.headers.items() if name not in _HOP_BY_HOP}
        if self.complete:
            headers.pop(b"expect", None)
        if b"transfer-encoding" in self.headers:
            headers[b"content-length"] = b"%d" % self.size
        if self.close:
            headers[b"connection"] = b"close"
        lines = b"".join([b"%b: %b\r\n" % header for header in headers.items()])
        return b"%b %b HTTP/1.1\r\n%b\r\n%b" % (self.method, target, lines, self.body)

    def reply(self, status: int, headers: str = "", body: bytes = b"") -> None:
        """Answer. `headers` are whole lines with CRLF; length and connection headers are added here."""
        if not self.answered:
            self.answered = True
            self._chunks = ()
            self.connection.write_reply(self, status, headers, body)
