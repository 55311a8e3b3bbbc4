"""Bytes for stdout, written to the descriptor: Python's unbuffered stdout drops what a pipe does not take at once."""

from __future__ import annotations

import os
import select
import sys

from .options import give_up

__all__ = ["STDOUT", "leave_if_unread", "write_in_turn", "write_out"]

READER_GONE = 141  # a shell's exit code for SIGPIPE, 128 + 13
STDOUT = 1
PIECE_BYTES = 4096  # PIPE_BUF: a pipe that poll(2) calls writable takes this much (pipe(7))
RETRY_S = 0.005


def write_out(data: bytes, what: str) -> None:
    """Write all of it; exit as a program does that SIGPIPE ends when nobody reads. `what` is named in errors."""
    rest = memoryview(data)
    try:
        while rest:
            try:
                rest = rest[os.write(STDOUT, rest) :]
            except BlockingIOError:
                select.select((), (STDOUT,), ())
    except BrokenPipeError:
        sys.exit(READER_GONE)
    except OSError as error:
        give_up(f"{what} could not be written: {error.strerror or error}")


async def write_in_turn(data: bytes, what: str) -> None:
    """As `write_out`, in an event loop that goes on while nobody reads."""
    import asyncio

    rest = memoryview(data)
    poll = select.poll()
    poll.register(STDOUT, select.POLLOUT)
    while rest:
        if poll.poll(0):
            write_out(bytes(rest[:PIECE_BYTES]), what)
            rest = rest[PIECE_BYTES:]
        else:
            await asyncio.sleep(RETRY_S)


def leave_if_unread(timeout_s: float) -> None:
    """Wait so long; exit as soon as a pipe behind stdout has no reader any more."""
    poll = select.poll()
    poll.register(STDOUT, 0)  # errors are reported without being asked for (poll(2))
    if any(event & select.POLLERR for _, event in poll.poll(timeout_s * 1000)):
        sys.exit(READER_GONE)
