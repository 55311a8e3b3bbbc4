"""A strict reader of HTTP/1.1 requests, by RFC 9112 and nothing else, as a judge of the server's own.

It shares no code with the server, reads what is there as a whole, and takes its time. What it does not accept the
server must not answer like a request; what it does accept the server may still refuse.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Reading", "Request", "read"]

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# RFC 9112 3 allows a server to take several spaces for one.
_REQUEST_LINE = re.compile(rb"(%b) +([!-~\x80-\xff]+) +(HTTP/1\.[01])" % _TOKEN)
# Control characters other than tabs are invalid, but no reader takes them for framing (RFC 9110 5.5).
_FIELD = re.compile(rb"(%b):([^\r\n\0]*)" % _TOKEN)
_OWS = b" \t"
_LENGTH = re.compile(rb"[0-9]+")
_QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
_CHUNK = re.compile(rb"([0-9A-Fa-f]+)((?:[ \t]*;[^\r\n\0]*)?)")
_CODINGS = re.compile(rb"[ \t,]*chunked[ \t,]*", re.IGNORECASE)


class Request(NamedTuple):
    """A request that is whole."""

    method: bytes
    target: bytes
    fields: list[tuple[bytes, bytes]]  # names in lower case
    body: bytes
    ends: bool  # the connection


class Reading(NamedTuple):
    """What there is in the bytes of one connection."""

    requests: list[Request]
    rest: str  # what follows the last of them: "nothing", "part", "fault", "ignored"
    method: bytes = b""  # of the one that is only a part, or faulty, if its head is good


class _Part(Exception):
    """The bytes end here."""


class _Fault(Exception):
    """This is not HTTP/1.1."""


def read(data: bytes) -> Reading:
    """All requests in these bytes."""
    requests: list[Request] = []
    at = 0
    while True:
        while data[at : at + 1] in (b"\r", b"\n"):  # RFC 9112 2.2: empty lines, whose ends may be of either kind
            at += 1
        if at == len(data):
            return Reading(requests, "nothing")
        method = b""
        try:
            head, end = _head(data, at)
            method = head[0]
            request, at = _body(data, end, *head)
        except _Part:
            return Reading(requests, "part", method)
        except _Fault:
            return Reading(requests, "fault", method)
        requests.append(request)
        if request.ends:
            return Reading(requests, "ignored")


def _head(data: bytes, at: int) -> tuple[tuple[bytes, bytes, bytes, list[tuple[bytes, bytes]]], int]:
    end = data.find(b"\r\n\r\n", at)
    if end < 0:
        _check_part(data[at:])
        raise _Part
    first, *lines = data[at:end].split(b"\r\n")
    request = _REQUEST_LINE.fullmatch(first)
    if request is None:
        raise _Fault
    fields = [_field(line) for line in lines]
    hosts = sum(name == b"host" for name, _ in fields)
    if hosts > 1 or (not hosts and request[3] == b"HTTP/1.1"):  # RFC 9112 3.2
        raise _Fault
    return (request[1], request[2], request[3], fields), end + 4


def _check_part(data: bytes) -> None:
    """Raise _Fault if no head can begin like this."""
    *whole, _ = data.split(b"\r\n")
    if whole and _REQUEST_LINE.fullmatch(whole[0]) is None:
        raise _Fault
    for line in whole[1:]:
        _field(line)


def _field(line: bytes) -> tuple[bytes, bytes]:
    field = _FIELD.fullmatch(line)
    if field is None:
        raise _Fault
    return field[1].lower(), field[2].strip(_OWS)


def _body(
    data: bytes, at: int, method: bytes, target: bytes, version: bytes, fields: list[tuple[bytes, bytes]]
) -> tuple[Request, int]:
    lengths = [value for name, value in fields if name == b"content-length"]
    codings = [value for name, value in fields if name == b"transfer-encoding"]
    if len(lengths) > 1 or (lengths and codings):
        raise _Fault
    ends = _ends(version, fields) or method == b"CONNECT" or (version == b"HTTP/1.0" and bool(codings))
    if codings:
        if _CODINGS.fullmatch(b",".join(codings)) is None and not _ends_in_chunked(codings):
            raise _Fault
        body, at = _chunks(data, at)
    else:
        if lengths and _LENGTH.fullmatch(lengths[0]) is None:
            raise _Fault
        length = int(lengths[0]) if lengths and len(lengths[0]) < 4000 else 0
        if len(data) - at < length:
            raise _Part
        body, at = data[at : at + length], at + length
    return Request(method, target, fields, body, ends), at


def _ends_in_chunked(codings: list[bytes]) -> bool:
    """Whether other codings are applied first: the framing is clear, though nobody here can decode the body."""
    words = [word.strip(_OWS).lower() for word in b",".join(codings).split(b",")]
    return words[-1] == b"chunked" and words.count(b"chunked") == 1


def _ends(version: bytes, fields: list[tuple[bytes, bytes]]) -> bool:
    words = [
        word.strip(_OWS).lower() for name, value in fields if name == b"connection" for word in value.split(b",")
    ]
    return b"close" in words or (version == b"HTTP/1.0" and b"keep-alive" not in words)


def _chunks(data: bytes, at: int) -> tuple[bytes, int]:
    body = []
    while True:
        line, at = _line(data, at)
        chunk = _CHUNK.fullmatch(line)
        if chunk is None or len(chunk[1].lstrip(b"0")) > 16:
            raise _Fault
        size = int(chunk[1], 16)
        if not size:
            break
        if len(data) - at < size + 2:
            if len(data) - at > size and data[at + size : at + size + 2] != b"\r\n"[: len(data) - at - size]:
                raise _Fault
            raise _Part
        if data[at + size : at + size + 2] != b"\r\n":
            raise _Fault
        body.append(data[at : at + size])
        at += size + 2
    while True:
        line, at = _line(data, at)
        if not line:
            return b"".join(body), at
        _field(line)


def _line(data: bytes, at: int) -> tuple[bytes, int]:
    end = data.find(b"\r\n", at)
    if end < 0:
        raise _Part
    return data[at:end], end + 2
