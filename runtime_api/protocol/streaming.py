"""Streamed responses on the wire: how a runtime begins one and reports that it broke, and how a caller reads it.

A runtime may begin a stream for HTTP with a prelude: a JSON object with status, headers and cookies, then eight zero
bytes, then the body. What breaks after the first byte is reported in trailers (spec 3.6). SDKs read a stream as
messages of `application/vnd.amazon.eventstream`: lengths, headers and payload between two checksums, CRC-32.
"""

from __future__ import annotations

import base64
import binascii
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "EVENT_STREAM",
    "HTTP_RESPONSE",
    "OCTETS",
    "PRELUDE_BYTES",
    "Prelude",
    "Shaper",
    "invoke_complete",
    "payload_chunks",
    "split_prelude",
    "trailer_document",
]

EVENT_STREAM = "application/vnd.amazon.eventstream"
HTTP_RESPONSE = "application/vnd.awslambda.http-integration-response"
OCTETS = "application/octet-stream"  # of a stream whose runtime names no type

PRELUDE_BYTES = 1_048_576  # ours; a head in HTTP is no longer (web/http1/parser.py)
_PRELUDE_END = bytes(8)


class Prelude(NamedTuple):
    """What a stream for HTTP says before its body."""

    document: bytes  # JSON
    rest: bytes  # what has come of the body


def split_prelude(data: bytes) -> Prelude | None:
    """Return the prelude that a stream begins with; None as long as its end is not here."""
    end = data.find(_PRELUDE_END)
    return None if end < 0 else Prelude(data[:end], data[end + len(_PRELUDE_END) :])


def trailer_document(value: bytes | None) -> bytes | None:
    """Return the error document of a trailer: base64 (spec-bootstrap 1b), or as it is when it is not."""
    if value is None:
        return None
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        return value


# -- messages of an event stream

CHUNK_BYTES = 262_144  # of a payload, in one message; SDKs take more, and hold a whole message in memory
_LENGTHS = Struct(">II")  # of the message and of its headers
_CHECKSUM = Struct(">I")
_TEXT = 7  # the type of a header's value


def _headers(event: str, content_type: str) -> bytes:
    values = {":event-type": event, ":content-type": content_type, ":message-type": "event"}
    return b"".join(
        bytes((len(name),)) + name.encode() + bytes((_TEXT,)) + len(value).to_bytes(2, "big") + value.encode()
        for name, value in values.items()
    )


_CHUNK = _headers("PayloadChunk", OCTETS)
_COMPLETE = _headers("InvokeComplete", "application/json")


def payload_chunks(data: bytes) -> Iterator[bytes]:
    """Yield messages that carry a piece of the response."""
    for at in range(0, len(data), CHUNK_BYTES):
        yield _message(_CHUNK, data[at : at + CHUNK_BYTES])


def invoke_complete(error_code: str | None, error_details: str, log_tail: bytes) -> bytes:
    """Return the message that ends a stream: with an error when the function has failed."""
    document: dict[str, str] = {}
    if error_code is not None:
        document = {"ErrorCode": error_code, "ErrorDetails": error_details}
    if log_tail:
        document["LogResult"] = base64.b64encode(log_tail).decode()
    return _message(_COMPLETE, orjson.dumps(document))


def _message(headers: bytes, payload: bytes) -> bytes:
    length = _LENGTHS.size + 2 * _CHECKSUM.size + len(headers) + len(payload)
    lengths = _LENGTHS.pack(length, len(headers))
    start = lengths + _CHECKSUM.pack(crc32(lengths)) + headers
    return b"".join((start, payload, _CHECKSUM.pack(crc32(payload, crc32(start)))))


# -- bandwidth

BURST_BYTES = 6_291_456  # as fast as it goes; then so many bytes a second (spec 3.6)
REFILL_S = 0.125


class Shaper:
    """Lambda's bandwidth of one streamed response: a bucket of tokens, one for each byte."""

    def __init__(self, bytes_per_s: float, now: float, burst: int = BURST_BYTES) -> None:
        self._tokens = float(burst)
        self._burst = burst
        self._refill = bytes_per_s * REFILL_S
        self._refilled = now

    def wait_s(self, now: float) -> float:
        """Return how long nothing may go; 0 when something may. `now` in seconds."""
        refills = int((now - self._refilled) / REFILL_S)
        self._refilled += refills * REFILL_S
        self._tokens = min(self._burst, self._tokens + refills * self._refill)
        return 0.0 if self._tokens >= 1 else self._refilled + REFILL_S - now

    def take(self, wanted: int) -> int:
        """Return how many of the bytes that wait may go now, and spend their tokens."""
        taken = min(wanted, int(self._tokens))
        self._tokens -= taken
        return taken
