"""The reading end of a process's stdout or stderr: takes bytes as they come, passes whole lines on."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LinePipe"]

READ_BYTES = 65_536  # the capacity of a pipe on Linux (pipe(7))
READS_AT_ONCE = 32  # bounds one turn of the loop: a process that never stops writing must not starve the others


class LinePipe:
    """Reads a descriptor, which it owns, and passes whole lines to `emit`; a longer line than `line_bytes` is split.

    `at_end` turns true at end of file or with `close`. `ended` is called at end of file only, whichever read finds
    it.
    """

    def __init__(
        self, descriptor: int, line_bytes: int, emit: Callable[[bytes], None], ended: Callable[[], None]
    ) -> None:
        self.descriptor = descriptor
        self.at_end = False
        self.unfinished = b""  # a line whose newline has not come yet
        self._line_bytes = line_bytes
        self._emit = emit
        self._ended = ended
        self._reading = False
        self._loop = asyncio.get_running_loop()
        os.set_blocking(descriptor, False)
        self.resume()

    def pause(self) -> None:
        """Stop reading: once the pipe is full, the writer has to wait."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self.descriptor)

    def resume(self) -> None:
        """Go on reading."""
        if not self._reading and not self.at_end:
            self._reading = True
            self._loop.add_reader(self.descriptor, self.read_once)

    def read_once(self) -> bool:
        """Read once, without waiting; False when there is nothing to read now."""
        try:
            chunk = os.read(self.descriptor, READ_BYTES)
        except BlockingIOError:
            return False
        if chunk:
            self._take(chunk)
        else:
            self.close()
            self._ended()
        return True

    def read_available(self) -> None:
        """Read what is there now, paused or not."""
        for _ in range(READS_AT_ONCE):
            if self.at_end or not self.read_once():
                return

    def flush(self) -> None:
        """Pass an unfinished line on as if its newline had come."""
        if self.unfinished:
            rest, self.unfinished = self.unfinished, b""
            self._emit_whole(rest + b"\n")

    def close(self) -> None:
        """Close the descriptor and pass the last line on."""
        if not self.at_end:
            self.at_end = True
            self.pause()
            os.close(self.descriptor)
            self.flush()

    def _take(self, chunk: bytes) -> None:
        end = chunk.rfind(b"\n") + 1
        if end:
            self._emit_whole(self.unfinished + chunk[:end])
            self.unfinished = chunk[end:]
        else:
            self.unfinished += chunk
        # A line of exactly the limit may still get its newline, so only a longer one is split here.
        while len(self.unfinished) > self._line_bytes:
            self._emit(self.unfinished[: self._line_bytes] + b"\n")
            self.unfinished = self.unfinished[self._line_bytes :]

    def _emit_whole(self, lines: bytes) -> None:
        """Pass whole lines on; a line over the limit goes in pieces."""
        limit = self._line_bytes
        if len(lines) <= limit + 1:  # no line in it can be longer
            self._emit(lines)
            return
        for line in lines[:-1].split(b"\n"):
            pieces = [line[at : at + limit] for at in range(0, len(line), limit)] or [b""]
            self._emit(b"\n".join(pieces) + b"\n")
