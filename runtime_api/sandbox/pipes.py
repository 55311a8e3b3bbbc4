"""One end of a process's stdout or stderr: bytes come as they like, whole lines go on."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LinePipe"]

READ_BYTES = 65_536  # the capacity of a pipe on Linux
READS_AT_ONCE = 32  # so that a process that never stops writing cannot hold up everything else


class LinePipe:
    """Reads a descriptor and tells whole lines; owns the descriptor."""

    def __init__(
        self, descriptor: int, line_bytes: int, tell: Callable[[bytes], None], ended: Callable[[], None]
    ) -> None:
        self.descriptor = descriptor
        self.at_end = False
        self._line_bytes = line_bytes  # a longer line is split here
        self._tell = tell
        self._ended = ended
        self.unfinished = b""  # a line whose end has not come yet
        self._reading = False
        self._loop = asyncio.get_running_loop()
        os.set_blocking(descriptor, False)
        self.throttle(False)

    def throttle(self, wait: bool) -> None:
        """Stop reading, so that the writer has to wait once the pipe is full; or go on."""
        if self._reading is wait and not self.at_end:
            self._reading = not wait
            if wait:
                self._loop.remove_reader(self.descriptor)
            else:
                self._loop.add_reader(self.descriptor, self._readable)

    def read_available(self) -> None:
        """Read what is there now, without waiting for more."""
        for _ in range(READS_AT_ONCE):
            if self.at_end or not self._read():
                return

    def tell_rest(self) -> None:
        """Tell a line whose end has not come as if it had."""
        if self.unfinished:
            rest, self.unfinished = self.unfinished, b""
            self._tell_whole(rest + b"\n")

    def close(self) -> None:
        """Tell the last line, give back the descriptor."""
        if not self.at_end:
            self.at_end = True
            if self._reading:
                self._loop.remove_reader(self.descriptor)
            os.close(self.descriptor)
            self.tell_rest()

    def _readable(self) -> None:
        self._read()
        if self.at_end:
            self._ended()

    def _read(self) -> bool:
        """One read; False when nothing is there."""
        try:
            chunk = os.read(self.descriptor, READ_BYTES)
        except BlockingIOError:
            return False
        if chunk:
            self._take(chunk)
        else:
            self.close()
        return True

    def _take(self, chunk: bytes) -> None:
        end = chunk.rfind(b"\n") + 1
        if end:
            self._tell_whole(self.unfinished + chunk[:end])
            self.unfinished = chunk[end:]
        else:
            self.unfinished += chunk
        # A line of just the limit may still get its newline, so a longer one is split only now.
        while len(self.unfinished) > self._line_bytes:
            self._tell(self.unfinished[: self._line_bytes] + b"\n")
            self.unfinished = self.unfinished[self._line_bytes :]

    def _tell_whole(self, lines: bytes) -> None:
        """Tell whole lines; those over the limit in pieces."""
        limit = self._line_bytes
        if len(lines) <= limit + 1:  # no line in it can be longer
            self._tell(lines)
            return
        for line in lines[:-1].split(b"\n"):
            pieces = [line[at : at + limit] for at in range(0, len(line), limit)] or [b""]
            self._tell(b"\n".join(pieces) + b"\n")
