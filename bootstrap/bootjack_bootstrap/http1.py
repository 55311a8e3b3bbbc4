"""HTTP/1.1 as far as a client of the Runtime API needs it: reads and writes heads and chunks; pure."""

from __future__ import annotations

__all__ = ["ChunkedBody", "Head", "HttpError", "Response", "chunk", "last_chunk", "read_head", "request_head"]

MOST_HEAD_BYTES = 1024 * 1024  # it may hold a client context; anything larger is not HTTP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Union

    Headers = dict[str, str]  # names in lower case; values as Latin-1
    Response = tuple[int, Headers, Union[bytes, bytearray]]  # status, headers, body
    Head = tuple[int, Headers, int]  # status, headers, and the body's length or one of the two below

HEX_DIGITS = b"0123456789abcdefABCDEF"
MORE_CAME = "more bytes than announced"
CHUNKED = -1
UNTIL_CLOSED = -2


class HttpError(Exception):
    """The bytes are not HTTP/1.1."""


def request_head(method: str, target: str, host: str, headers: Mapping[str, str], length: int | None) -> bytes:
    """The head of a request; `length` is that of the body, or None if it is sent in chunks."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if length is None:
        lines.append("Transfer-Encoding: chunked")
    elif length or method != "GET":
        lines.append(f"Content-Length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def read_head(head: bytes) -> Head:
    """Parse the head of a response, given without its empty line."""
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    status = rest[:3]
    if not version.startswith("HTTP/1.") or not status.isdecimal():
        raise HttpError(f"not an HTTP/1.1 response: {first[:80]!r}")
    headers: Headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if version == "HTTP/1.0":
        headers.setdefault("connection", "close")
    return int(status), headers, _body_length(int(status), headers)


def _body_length(status: int, headers: Headers) -> int:
    if status < 200 or status in (204, 304):
        return 0
    if headers.get("transfer-encoding", "").lower().endswith("chunked"):
        return CHUNKED
    length = headers.get("content-length")
    if length is None:
        return UNTIL_CLOSED
    if not length.isdecimal():
        raise HttpError(f"Content-Length: {length[:80]!r}")
    return int(length)


class ChunkedBody:
    """Collects a body that arrives in chunks."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.done = False
        self._rest = bytearray()
        self._wanted = 0  # missing bytes of the current chunk, its line end included
        self._trailers = False

    def feed(self, data: bytes | bytearray) -> None:
        """Take what has arrived; `done` is true once the body is complete."""
        self._rest += data
        while not self.done and (self._take_chunk() if self._wanted else self._take_line()):
            pass
        if self.done and self._rest:
            raise HttpError(MORE_CAME)

    def _take_chunk(self) -> bool:
        if len(self._rest) < self._wanted:
            return False
        if self._rest[self._wanted - 2 : self._wanted] != b"\r\n":
            raise HttpError(MORE_CAME)
        self.body += self._rest[: self._wanted - 2]
        del self._rest[: self._wanted]
        self._wanted = 0
        return True

    def _take_line(self) -> bool:
        line, end, _ = self._rest.partition(b"\r\n")
        if not end:
            if len(self._rest) > MOST_HEAD_BYTES:
                raise HttpError("the size of a chunk has no end")
            return False
        del self._rest[: len(line) + 2]
        if self._trailers:
            self.done = not line
            return True
        size = _chunk_size(bytes(line))
        self._trailers = not size
        self._wanted = size + 2 if size else 0
        return True


def _chunk_size(line: bytes) -> int:
    size = line.partition(b";")[0].strip()
    if not size or size.strip(HEX_DIGITS):
        raise HttpError(f"not the size of a chunk: {line[:80]!r}")
    return int(size, 16)


def chunk(data: bytes) -> bytes:
    """A chunk of a body. An empty one would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def last_chunk(trailers: Mapping[str, str]) -> bytes:
    """The end of a body in chunks, with its trailers."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in trailers.items())
    return f"0\r\n{lines}\r\n".encode("latin-1", "replace")
