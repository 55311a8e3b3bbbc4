"""Signals that end a command end what it has started, too."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["BY_SIGNAL", "ENDING", "end_cleanly", "until_signalled"]

Result = TypeVar("Result")

BY_SIGNAL = 128  # a shell's exit code for a command that signal N has ended is 128 + N


def _not_ignored(number: signal.Signals) -> bool:
    return signal.getsignal(number) is not signal.SIG_IGN  # nohup, for one, wants it to stay so


ENDING = tuple(filter(_not_ignored, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)))


def end_cleanly() -> None:
    """Let signals unwind the command, whatever it is doing, so that temporary files go."""
    for number in ENDING:
        signal.signal(number, _exit)


def _exit(number: int, _frame: object) -> NoReturn:
    raise SystemExit(BY_SIGNAL + number)


async def until_signalled(work: Coroutine[None, None, Result]) -> Result:
    """Do the work; a signal cancels it, waits until it has cleaned up, and ends the command."""
    import asyncio

    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    came: list[int] = []

    def cancel(number: int) -> None:
        came.append(number)
        task.cancel()

    for number in ENDING:
        loop.add_signal_handler(number, cancel, number)
    try:
        return await task
    except asyncio.CancelledError:
        if came:
            raise SystemExit(BY_SIGNAL + came[0]) from None
        raise
