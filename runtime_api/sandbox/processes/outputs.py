"""What one process writes: its stdout and its stderr, passed on as whole lines."""

from __future__ import annotations

import asyncio
import os
import select
from functools import partial
from typing import TYPE_CHECKING

from .pipes import LinePipe

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Outputs"]


class Outputs:
    """Two pipes: the ends that are read here, and, until they are given away, the ends that the process writes.

    `ended` is called once both pipes are at end of file: soon, never from inside `drain` or `read_available`, so
    that a caller of these cannot find a process gone in the middle of its own work.
    """

    def __init__(self, line_bytes: int, emit: Callable[[bytes], None], ended: Callable[[], None]) -> None:
        """OSError when there are no descriptors left."""
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        ends = [os.pipe()]
        try:
            ends.append(os.pipe())
        except OSError:
            for descriptor in ends[0]:
                os.close(descriptor)
            raise
        self.written = tuple(write for _, write in ends)
        self._poll = select.poll()
        self._pipes = [LinePipe(read, line_bytes, emit, partial(self._pipe_ended, read)) for read, _ in ends]
        for read, _ in ends:
            self._poll.register(read, select.POLLIN)

    @property
    def at_end(self) -> bool:
        """Whether nothing can be written any more and all that was written has been passed on."""
        return all(pipe.at_end for pipe in self._pipes)

    def give_away(self) -> None:
        """Close our copies of the written ends: without that there is never an end of file."""
        for descriptor in self.written:
            os.close(descriptor)
        self.written = ()

    def drain(self) -> None:
        """Pass on what has been written up to now, unfinished lines included."""
        if self._poll.poll(0):  # one system call where, mostly, nothing was written
            self.read_available()
        for pipe in self._pipes:
            if pipe.unfinished:
                pipe.flush()

    def read_available(self) -> None:
        """Pass on the whole lines that are there now."""
        for pipe in self._pipes:
            pipe.read_available()

    def pause(self) -> None:
        """Stop reading."""
        for pipe in self._pipes:
            pipe.pause()

    def resume(self) -> None:
        """Go on reading."""
        for pipe in self._pipes:
            pipe.resume()

    def close(self) -> None:
        """Pass on what is left and close every descriptor."""
        self.give_away()
        for pipe in self._pipes:
            pipe.read_available()
            pipe.close()

    def _pipe_ended(self, read: int) -> None:
        self._poll.unregister(read)
        if self.at_end:
            self._loop.call_soon(self._ended)
