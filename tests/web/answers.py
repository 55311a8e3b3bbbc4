"""Reads everything that a server has sent on one connection, strictly."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.protocol.streaming import EVENT_STREAM

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Malformed", "Received", "final", "received"]

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d) [ -~]*")
_FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t -~\x80-\xff]*)")
_WITHOUT_BODY = frozenset({204, 304})


class Malformed(Exception):
    """What the server sent is no sequence of answers."""


class Received(NamedTuple):
    """An answer; header names in lower case."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


def received(data: bytes, heads: frozenset[int] = frozenset(), cut: bool = False) -> list[Received]:
    """All answers in these bytes, informational ones included.

    `heads` has the places of those final answers, counted from 0, that belong to HEAD. With `cut`, the last one may
    end anywhere: the connection was reset.
    """
    answers: list[Received] = []
    try:
        answers.extend(_each(data, heads))
    except _Cut:
        if not cut:
            raise Malformed(f"the last answer is cut short: {data[-200:]!r}") from None
    return answers


def final(answers: list[Received]) -> list[Received]:
    """Those that are no informational ones."""
    return [answer for answer in answers if answer.status >= 200]


class _Cut(Exception):
    """The bytes end within an answer."""


def _each(data: bytes, heads: frozenset[int]) -> Iterator[Received]:
    finals = 0
    while data:
        top, end, rest = data.partition(b"\r\n\r\n")
        if not end:
            raise _Cut
        status, headers = _head(top)
        is_final = status >= 200
        body, data = b"", rest
        if is_final and status not in _WITHOUT_BODY and finals not in heads:
            body, data = _body(top, headers, rest)
        elif status in _WITHOUT_BODY and b"content-length" in headers:
            raise Malformed(f"an answer with a length that has no body: {top!r}")
        finals += is_final
        yield Received(status, headers, body)


def _body(top: bytes, headers: dict[bytes, bytes], rest: bytes) -> tuple[bytes, bytes]:
    """The body of an answer, and what comes behind it."""
    if headers.get(b"transfer-encoding") == b"chunked" and b"content-length" not in headers:
        return _chunks(rest)
    if headers.get(b"content-type") == EVENT_STREAM.encode() and headers.get(b"connection") == b"close":
        return rest, b""  # a stream to a peer that does not know chunks (RFC 9112 6.3)
    if b"content-length" not in headers or b"transfer-encoding" in headers:
        raise Malformed(f"an answer without a length: {top!r}")
    length = int(headers[b"content-length"])
    if len(rest) < length:
        raise _Cut
    return rest[:length], rest[length:]


def _chunks(data: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size, end, data = data.partition(b"\r\n")
        if not end:
            raise _Cut
        if not re.fullmatch(rb"[0-9a-f]+", size):
            raise Malformed(f"not the size of a chunk: {size!r}")
        length = int(size, 16)
        if len(data) < length + 2:
            raise _Cut
        if data[length : length + 2] != b"\r\n":
            raise Malformed(f"a chunk that does not end: {data[length : length + 20]!r}")
        body, data = body + data[:length], data[length + 2 :]
        if not length:
            return body, data


def _head(top: bytes) -> tuple[int, dict[bytes, bytes]]:
    first, *lines = top.split(b"\r\n")
    status = _STATUS_LINE.fullmatch(first)
    if status is None:
        raise Malformed(f"not a status line: {first!r}")
    headers: dict[bytes, bytes] = {}
    for line in lines:
        field = _FIELD_LINE.fullmatch(line)
        if field is None:
            raise Malformed(f"not a field line: {line!r}")
        name = field[1].lower()
        if name in headers:
            raise Malformed(f"{name!r} came twice")
        headers[name] = field[2].strip()
    return int(status[1]), headers
