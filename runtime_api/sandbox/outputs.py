"""What one process writes: its stdout and its stderr, told as whole lines."""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING

from .pipes import LinePipe

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Outputs"]


class Outputs:
    """Two pipes: the ends that are read, and, until they are given away, those that are written."""

    def __init__(self, line_bytes: int, tell: Callable[[bytes], None], ended: Callable[[], None]) -> None:
        """OSError when there are no descriptors left."""
        ends = [os.pipe()]
        try:
            ends.append(os.pipe())
        except OSError:
            for descriptor in ends[0]:
                os.close(descriptor)
            raise
        self.written = tuple(write for _, write in ends)
        self._pipes = [LinePipe(read, line_bytes, tell, ended) for read, _ in ends]
        self._poll = select.poll()
        for pipe in self._pipes:
            self._poll.register(pipe.descriptor, select.POLLIN)

    @property
    def at_end(self) -> bool:
        """Whether nobody can write any more, and all that was written has been told."""
        return all(pipe.at_end for pipe in self._pipes)

    def give_away(self) -> None:
        """Close our copies of the ends that are written."""
        for descriptor in self.written:
            os.close(descriptor)
        self.written = ()

    def drain(self) -> None:
        """Tell what has been written up to now, unfinished lines included."""
        if self._poll.poll(0):
            self.read_available()
        for pipe in self._pipes:
            if pipe.unfinished:
                pipe.tell_rest()

    def read_available(self) -> None:
        """Read what is there now."""
        for pipe in self._pipes:
            pipe.read_available()

    def throttle(self, wait: bool) -> None:
        """Stop reading, or go on."""
        for pipe in self._pipes:
            pipe.throttle(wait)

    def close(self) -> None:
        """Tell what is left, and give everything back."""
        self.give_away()
        for pipe in self._pipes:
            pipe.read_available()
            pipe.close()
