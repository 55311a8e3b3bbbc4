"""Where a request may end in what was read, and the protocol that its first line names.

llhttp tells neither: it reads on behind the end of a request, and takes RTSP and ICE for HTTP. A body of known length
ends after so many bytes; a head, and a body in chunks, with an empty line.
"""

from __future__ import annotations

import re

__all__ = ["Cutter"]

_EMPTY_LINE = b"\r\n\r\n"
_LINE_ENDS = re.compile(rb"[\r\n]*")
_LAST_BYTES = len(b" HTTP/1.1")
_SHORT_BYTES = 1024  # searched in one go


class Cutter:
    """Cuts what one peer sends into parts, each of one request only."""

    def __init__(self) -> None:
        self.protocol = b""  # with the space before it; once the request line has come
        self._before = b""  # the last bytes of the head or body in hand, from earlier calls

    def begin(self) -> None:
        """Get ready for the next request."""
        self.protocol = self._before = b""

    def end_of_empty_lines(self, data: bytes, at: int) -> int:
        """Where the empty lines end that may come before a request."""
        lines = _LINE_ENDS.match(data, at)
        assert lines is not None
        return lines.end()

    def end_of_head(self, data: bytes, at: int) -> int:
        """Where the head may end that begins or goes on here."""
        if not self.protocol:
            end_of_line = data.find(b"\r", at)
            if end_of_line >= 0:
                self.protocol = (self._before + data[max(at, end_of_line - _LAST_BYTES) : end_of_line])[-_LAST_BYTES:]
        return self.end_of_body(data, at)

    def end_of_body(self, data: bytes, at: int) -> int:
        """Where the body in chunks may end that begins or goes on here."""
        before = self._before
        if before:
            found = (before + data[at : at + 3]).find(_EMPTY_LINE)
            if found >= 0:
                self._before = b""
                return at + found + 4 - len(before)
        end = len(data)
        found = data.find(_EMPTY_LINE, at) if end - at < _SHORT_BYTES else _find_in_much(data, at)
        if found >= 0:
            self._before = b""
            return found + 4
        self._before = data[-_LAST_BYTES:] if end - at >= _LAST_BYTES else (before + data[at:])[-_LAST_BYTES:]
        return end


def _find_in_much(data: bytes, at: int) -> int:
    """Find the empty line. One byte is found ten times as fast as four, so look for line ends while there are few."""
    for _ in range((len(data) - at) // _SHORT_BYTES):
        at = data.find(b"\r", at)
        if at < 0 or data.startswith(_EMPTY_LINE, at):
            return at
        at += 1
    return data.find(_EMPTY_LINE, at)
