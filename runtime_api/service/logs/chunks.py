"""How a store keeps log events: chunks of sections, each section what one stream got within some milliseconds.

Writing costs every invocation, reading only those who look: so a section holds text as it was written, and is taken
apart into events when it is read. An event is known by its position, which counts upwards through all that is kept.
"""

from __future__ import annotations

import re
import struct
from array import array
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["EVENT_BITS", "Chunk", "Event", "Extent", "Section", "StreamKey", "events_in", "lines_in", "section"]

# Number of the stream, how many texts, what makes Unix milliseconds of their times. Behind it stand the times, the
# lengths of the texts, and the texts.
HEAD = struct.Struct("<IId")
EVENT_BITS = 24  # of a position count the events of one chunk
# The text of a fault (platform_events.FaultLine) has two lines and is one event.
FAULT = re.compile(rb"(RequestId: \S+ )?Error: [^\n]*\n[A-Z]\w*\.\w+\n")


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


class Section(NamedTuple):
    """Texts of one stream, and what they are."""

    parts: tuple[bytes, ...]  # that stand one behind the other
    extent: Extent


class Chunk(NamedTuple):
    """Sections, and what they hold of each stream, by the numbers that they give them."""

    data: bytes
    extents: dict[int, tuple[StreamKey, Extent]]


class Event(NamedTuple):
    """One log event."""

    position: int
    number: int  # of its stream
    at_ms: int
    message: bytes


def section(number: int, times: list[float], offset_ms: float, texts: list[bytes]) -> Section:
    """Return the section of texts that were written at these times, which `offset_ms` makes Unix milliseconds."""
    count, lengths = len(times), list(map(len, texts))
    parts = (HEAD.pack(number, count, offset_ms), struct.pack(f"={count}d{count}I", *times, *lengths), *texts)
    return Section(parts, Extent(int(times[0] + offset_ms), int(times[-1] + offset_ms), sum(lengths)))


def events_in(chunk_id: int, data: bytes) -> list[Event]:
    """Take a chunk apart into its events, in the order of their times."""
    first = (chunk_id << EVENT_BITS) + 1
    found: list[Event] = []
    offset = 0
    while offset < len(data):
        number, count, offset_ms = HEAD.unpack_from(data, offset)
        times, lengths = array("d"), array("I")
        offset += HEAD.size
        for table in (times, lengths):
            table.frombytes(data[offset : offset + count * table.itemsize])
            offset += count * table.itemsize
        at_ms, last_ms = int(times[0] + offset_ms), int(times[-1] + offset_ms)
        for time, length in zip(times, lengths, strict=True):
            # Times may be out of order by a fraction of a millisecond; the order of a stream's texts is the truth.
            at_ms = min(max(at_ms, int(time + offset_ms)), last_ms)
            text = data[offset : offset + length]
            offset += length
            found += [Event(0, number, at_ms, message) for message in _messages(text)]
    found.sort(key=attrgetter("at_ms"))  # stable: a stream's events stay as they are
    return [event._replace(position=position) for position, event in enumerate(found, first)]


def lines_in(data: bytes) -> int:
    """Count the lines of a chunk."""
    lines = offset = 0
    while offset < len(data):
        _, count, _ = HEAD.unpack_from(data, offset)
        times, lengths = array("d"), array("I")
        offset += HEAD.size + count * times.itemsize
        lengths.frombytes(data[offset : offset + count * lengths.itemsize])
        start = offset + count * lengths.itemsize
        offset = start + sum(lengths)
        lines += data.count(b"\n", start, offset)
    return lines


def _messages(text: bytes) -> Iterator[bytes]:
    return iter((text,)) if FAULT.fullmatch(text) else _lines(text)


def _lines(text: bytes) -> Iterator[bytes]:
    """Lines with their line feeds; a carriage return stands inside of a line."""
    lines = text.split(b"\n")
    last = lines.pop()
    yield from [line + b"\n" for line in lines]
    if last:
        yield last
