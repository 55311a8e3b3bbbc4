"""What a peer has sent and nobody has parsed: taken in slices, so that no peer keeps the event loop for long.

A read brings 256 KB, and uvloop makes up to 32 of them in a row: 40,000 chunks of one byte each, or 6000 requests.
Parsing takes a slice of them at a time. When a turn of the event loop has done its share of work for this peer, the
rest waits for the next one, and the other peers have their turn. What costs little is not cut: a body of known length
is one piece, however long it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parser import BODY, OVER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .events import Event
    from .parser import RequestParser

__all__ = ["SLICE_BYTES", "WORK", "Backlog"]

SLICE_BYTES = 8192  # parsed without looking how much work it makes: 300 requests at worst
BODY_SLICE_BYTES = 16_384  # of a body in chunks
LARGEST_SLICE_BYTES = 65_536  # of one whose chunks turn out to be large; 3 ms, should the next ones be of one byte
LITTLE_WORK = 3  # of a slice with large chunks
WORK = 1024  # of one turn, as the parser counts it: 64 requests, 1024 header lines, 8192 chunks
_END_OF_HEAD = b"\r\n\r\n"


class Backlog:
    """The bytes that wait."""

    def __init__(self) -> None:
        self._body_slice_bytes = BODY_SLICE_BYTES
        self._data = b""
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def add(self, data: bytes) -> None:
        """Add what was read."""
        self._data, self._at = self.rest() + data, 0

    def rest(self) -> bytes:
        """All that waits."""
        return self._data[self._at :]

    def clear(self) -> None:
        """Forget what waits."""
        self._data, self._at = b"", 0

    def feed(self, parser: RequestParser) -> tuple[Sequence[Event], bytes]:
        """Let the parser parse a slice; returns the events and the slice. What follows a fault is forgotten."""
        data, start = self._data, self._at
        end = self._end_of_slice(parser)
        taken, work = data[start:end], parser.work
        events = parser.feed(taken)
        if parser.state is OVER:
            self.clear()
            return events, taken
        is_large = parser.state is BODY and 2 * parser.body_bytes > len(taken)
        is_easy = is_large and parser.work - work <= LITTLE_WORK
        self._body_slice_bytes = min(2 * self._body_slice_bytes, LARGEST_SLICE_BYTES) if is_easy else BODY_SLICE_BYTES
        # Behind a whole request (of chunks) the body waits: `whole_bytes` tells only about the last call.
        if parser.state is BODY and parser.body_left and not parser.whole_bytes and end < len(data):
            rest = data[end : end + parser.body_left]
            events = (*events, *parser.feed(rest))
            taken += rest
            end += len(rest)
        self._at = end
        if not self:
            self.clear()
        return events, taken

    def _end_of_slice(self, parser: RequestParser) -> int:
        limit = self._at + SLICE_BYTES
        if parser.state is BODY:
            return self._at + (parser.body_left or self._body_slice_bytes)
        if self._data.startswith(b"\r\n", self._at):  # thousands of empty lines are one slice
            return limit
        end_of_head = self._data.find(_END_OF_HEAD, self._at, limit)
        return limit if end_of_head < 0 else end_of_head + len(_END_OF_HEAD)
