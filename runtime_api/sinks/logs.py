"""The log on a descriptor: lines leave in batches, and a reader who does not keep up blocks nobody but the function.

No thread, no non-blocking flag on a terminal that others share: before each piece the descriptor is asked whether it
would take one, and a pipe that says yes takes `PIECE_BYTES` without blocking.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import stat
from collections import deque
from typing import TYPE_CHECKING

from runtime_api.protocol.platform_events import log_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.protocol.journal import Entry

__all__ = ["LabelledLog", "LogSink"]

PIECE_BYTES = 4096  # PIPE_BUF: what a pipe that is ready takes whole
BATCH_S = 0.005  # a line waits this long for others
RETRY_S = 0.002  # a reader that has fallen behind is asked again after this
HELD_BYTES = 1_048_576  # when more is waiting, the functions' output has to wait
LOST_BYTES = 8 * HELD_BYTES  # and when even more is, lines are lost, and counted
EXIT_S = 2.0  # a reader that takes nothing for this long at the end loses the rest


class LogSink:
    """Collects lines and writes them to one descriptor, in order."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._timer: asyncio.TimerHandle | None = None
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._on_terminal = os.isatty(descriptor)
        self._piece_bytes = HELD_BYTES if stat.S_ISREG(os.fstat(descriptor).st_mode) else PIECE_BYTES
        self._full = False
        self._lost = 0
        self._throttles: set[Callable[[bool], None]] = set()

    def add_throttle(self, throttle: Callable[[bool], None]) -> None:
        """Call `throttle(True)` when whoever writes should wait, `throttle(False)` when it may go on."""
        self._throttles.add(throttle)
        if self._full:
            throttle(True)

    def remove_throttle(self, throttle: Callable[[bool], None]) -> None:
        """Forget it."""
        self._throttles.discard(throttle)

    def consume(self, entry: Entry) -> None:
        """Write down an entry of a journal."""
        lines = log_bytes(entry.records)
        if lines:
            self.write(lines)

    def write(self, lines: bytes) -> None:
        """Take whole lines; they are written soon, after those that came before."""
        if self._held > LOST_BYTES:
            self._lost += lines.count(b"\n")
            return
        self._pieces.append(lines)
        self._held += len(lines)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BATCH_S, self._flush)
        if self._held > HELD_BYTES and not self._full:
            self._set_full(True)

    def close(self) -> None:
        """Write what is left, waiting for a slow reader, but not for one that takes nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._write_ready(EXIT_S)
        self._drop()

    def _flush(self) -> None:
        self._timer = None
        self._write_ready(0)
        if self._pieces:
            self._timer = asyncio.get_running_loop().call_later(RETRY_S, self._flush)
        if self._full and self._held <= HELD_BYTES // 2:
            lost, self._lost = self._lost, 0
            if lost:
                self.write(b"bootjack: %d lines of the log were lost, since nobody read it\n" % lost)
            self._set_full(False)

    def _write_ready(self, timeout_s: float) -> None:
        joined = b"".join(self._pieces)
        # Runtimes keep a traceback one record by carriage returns; CloudWatch shows them as line ends, so do we.
        batch = memoryview(joined.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if self._on_terminal else joined)
        self._pieces.clear()
        try:
            while batch and self._poll.poll(timeout_s * 1000):
                batch = batch[os.write(self._descriptor, batch[: self._piece_bytes]) :]
        except OSError:
            self._drop()  # the reader has gone: nobody can be told
            return
        self._held = len(batch)
        if batch:
            self._pieces.appendleft(bytes(batch))

    def _drop(self) -> None:
        self._pieces.clear()
        self._held = 0

    def _set_full(self, full: bool) -> None:
        self._full = full
        for throttle in tuple(self._throttles):
            with contextlib.suppress(ValueError):
                throttle(full)


class LabelledLog:
    """A log of several functions: each line begins with the name of the one it is of."""

    def __init__(self, sink: LogSink, name: str) -> None:
        self._sink = sink
        self._label = f"{name} | ".encode()
        self.add_throttle = sink.add_throttle
        self.remove_throttle = sink.remove_throttle

    def consume(self, entry: Entry) -> None:
        """Write down an entry of a journal."""
        lines = log_bytes(entry.records)
        if lines:
            self.write(lines)

    def write(self, lines: bytes) -> None:
        """Take whole lines."""
        label = self._label
        self._sink.write(label + lines[:-1].replace(b"\n", b"\n" + label) + b"\n")
