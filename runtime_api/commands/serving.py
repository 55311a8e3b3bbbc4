"""What verbs that serve share: addresses that cannot be had, and the way to the end."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING

import click

from .options import fail
from .signals import BY_SIGNAL, ENDING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator

    from runtime_api.local import Address, LocalLambda

__all__ = ["Ending", "beside", "blaming", "say", "serve_until"]

REAP_S = 5.0  # between two looks for adopted processes that have ended


@contextmanager
def blaming(flag: str, address: Address) -> Iterator[None]:
    """Name the flag whose address cannot be had."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else error.strerror or str(error)
        fail(f"{flag} {address[0]}:{address[1]}: {reason}; give another one")


@asynccontextmanager
async def beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Let this go on beside the body, and no longer."""
    import asyncio

    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Ending:
    """Listens, from now on, for signals that ask for the end. Made inside the running loop."""

    def __init__(self) -> None:
        import asyncio

        self.first, self.second = asyncio.Event(), asyncio.Event()
        self.last = 0
        for number in ENDING:
            asyncio.get_running_loop().add_signal_handler(number, self._signalled, number)

    def _signalled(self, number: int) -> None:
        self.last = number
        (self.second if self.first.is_set() else self.first).set()


async def serve_until(ending: Ending, local: LocalLambda, grace_s: float) -> None:
    """Serve until the end is asked for: then running invocations may finish, for so long.

    A second signal ends the wait, and the command with an exit code that says so.
    """
    import asyncio

    from runtime_api.sandbox.orphans import reap_orphans

    while not ending.first.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(ending.first.wait(), REAP_S)
        reap_orphans()
    finish, again = asyncio.ensure_future(local.finish()), asyncio.ensure_future(ending.second.wait())
    await asyncio.wait((finish, again), timeout=grace_s, return_when=asyncio.FIRST_COMPLETED)
    for task in (finish, again):
        task.cancel()
    await asyncio.gather(finish, again, return_exceptions=True)
    if ending.second.is_set() and grace_s:
        raise SystemExit(BY_SIGNAL + ending.last)


def say(lines: str) -> None:
    """Whole lines on stdout, for whoever started this; nothing else is written there."""
    with suppress(BrokenPipeError):
        click.echo(lines)
