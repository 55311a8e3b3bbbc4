"""A pipe to log into, and a source of log lines that notes what the log asks of it."""

from __future__ import annotations

import asyncio
import fcntl
import os
from typing import TYPE_CHECKING

from runtime_api.sinks.logs import HELD_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LINE", "MORE_THAN_HELD", "PAUSE", "RESUME", "Pipe", "Source", "grows", "until"]

LINE = b"x" * 99 + b"\n"
PAUSE, RESUME = "pause", "resume"
MORE_THAN_HELD = HELD_BYTES // len(LINE) + 100_000 // len(LINE)


class Pipe:
    """A pipe to log into, and its reading end."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self.arrived = bytearray()  # all that was read

    def widen(self) -> None:
        """Enlarge it to a megabyte."""
        fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, 1 << 20)

    def close(self, *ends: int) -> None:
        """Close these ends, or both."""
        for end in ends or (self.reader, self.writer):
            os.close(end)
        if self.reader in ends:
            self.reader = os.open(os.devnull, os.O_RDONLY)

    def read_now(self) -> bytearray:
        """All that has arrived up to now."""
        os.set_blocking(self.reader, False)
        try:
            while piece := os.read(self.reader, 1 << 16):
                self.arrived += piece
        except BlockingIOError:
            pass
        return self.arrived


class Source:
    """Something that writes to the log, and what the log has asked of it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pause_output(self) -> None:
        self.calls.append(PAUSE)

    def resume_output(self) -> None:
        self.calls.append(RESUME)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition on what the kernel does, which sends no event."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


def grows(pipe: Pipe) -> bool:
    """Whether more has arrived since the last call."""
    before = len(pipe.arrived)
    return len(pipe.read_now()) > before
