"""Reads the messages of an event stream, in which InvokeWithResponseStream answers."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple
from zlib import crc32

__all__ = ["Message", "MessageReader", "StreamError"]

MOST_BYTES = 25_165_824  # of a message; AWS's own have 16 MB of payload at most
_PRELUDE = Struct(">III")  # the lengths of the message and of its headers, and the checksum of both
_CHECKSUM_BYTES = 4
_EVENT_TYPE = ":event-type"
_TEXT = 7  # the type of a header's value; the only one that AWS's services use here


class StreamError(ValueError):
    """What was read is no event stream."""


class Message(NamedTuple):
    """One message."""

    event: str  # its type
    payload: bytes


class MessageReader:
    """Takes bytes as they come, and gives the messages that are whole."""

    def __init__(self) -> None:
        self._unread = b""

    @property
    def is_between(self) -> bool:
        """Whether nothing of a message waits for the rest of it."""
        return not self._unread

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that are whole now; StreamError when there cannot be any."""
        self._unread += data
        messages = []
        while len(self._unread) >= _PRELUDE.size:
            length, _, checksum = _PRELUDE.unpack_from(self._unread)
            if checksum != crc32(self._unread[: _PRELUDE.size - _CHECKSUM_BYTES]) or length > MOST_BYTES:
                raise StreamError("this is no event stream")
            if len(self._unread) < length:
                break
            messages.append(_read(self._unread[:length]))
            self._unread = self._unread[length:]
        return messages


def _read(message: bytes) -> Message:
    body, checksum = message[:-_CHECKSUM_BYTES], message[-_CHECKSUM_BYTES:]
    if crc32(body) != int.from_bytes(checksum, "big"):
        raise StreamError("a message of the event stream is damaged")
    _, header_bytes, _ = _PRELUDE.unpack_from(body)
    start = _PRELUDE.size + header_bytes
    return Message(_headers(body[_PRELUDE.size : start]).get(_EVENT_TYPE, ""), body[start:])


def _headers(data: bytes) -> dict[str, str]:
    headers = {}
    while data:
        name, rest = data[1 : 1 + data[0]].decode(), data[1 + data[0] :]
        if not rest or rest[0] != _TEXT:
            raise StreamError(f"the header {name} of a message is no text")
        end = 3 + int.from_bytes(rest[1:3], "big")
        headers[name], data = rest[3:end].decode(), rest[end:]
    return headers
