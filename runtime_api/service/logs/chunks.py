"""How a store keeps log events: chunks of frames, each frame the lines that one stream got at one time.

Writing costs every invocation, reading only those who look: so a chunk holds text as it was written, and is taken
apart into events when it is read. An event is known by its position, which counts upwards through all that is kept.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Chunk", "Event", "Extent", "StreamKey", "events_in", "frame"]

HEAD = struct.Struct("<I?qI")  # number of the stream, one event or one a line, Unix milliseconds, bytes of text
EVENT_BITS = 24  # of a position count the events of one chunk


class StreamKey(NamedTuple):
    """Names a log stream."""

    account: str
    region: str
    group: str
    stream: str


class Extent(NamedTuple):
    """What a chunk holds of one stream."""

    first_ms: int
    last_ms: int
    size: int  # bytes of text


class Chunk(NamedTuple):
    """Frames, and what they hold of each stream, by the numbers that they give them."""

    data: bytes
    extents: dict[int, tuple[StreamKey, Extent]]


class Event(NamedTuple):
    """One log event."""

    position: int
    number: int  # of its stream
    at_ms: int
    message: bytes


def frame(number: int, is_one: bool, at_ms: int, text: bytes) -> bytes:
    """Return a frame: text of whole lines, an event each unless all of it `is_one`."""
    return HEAD.pack(number, is_one, at_ms, len(text)) + text


def events_in(chunk_id: int, data: bytes) -> Iterator[Event]:
    """Take a chunk apart into its events, in order."""
    position, offset = chunk_id << EVENT_BITS, 0
    while offset < len(data):
        number, is_one, at_ms, length = HEAD.unpack_from(data, offset)
        offset += HEAD.size
        text = data[offset : offset + length]
        offset += length
        for message in (text,) if is_one else _lines(text):
            position += 1
            yield Event(position, number, at_ms, message)


def _lines(text: bytes) -> list[bytes]:
    """Lines with their line feeds; a carriage return stands inside of a line."""
    lines = [line + b"\n" for line in text.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines
