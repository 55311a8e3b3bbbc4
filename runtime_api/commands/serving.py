"""What verbs that serve share: addresses that cannot be had, and the way to the end."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from .options import fail
from .signals import BY_SIGNAL, ENDING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime_api.local import Address, LocalLambda

__all__ = ["GRACE_S", "blaming", "serve_until_signalled"]

GRACE_S = 5.0  # for running invocations, once the end has been asked for
REAP_S = 5.0  # between two looks for adopted processes that have ended


@contextmanager
def blaming(flag: str, address: Address) -> Iterator[None]:
    """Name the flag whose address cannot be had."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else error.strerror or str(error)
        fail(f"{flag} {address[0]}:{address[1]}: {reason}; give another one")


async def serve_until_signalled(local: LocalLambda) -> None:
    """Serve until a signal asks for the end: then running invocations may finish, for a while.

    A second signal ends the wait, and the command with an exit code that says so.
    """
    import asyncio

    from runtime_api.sandbox.orphans import reap_orphans

    first, second = asyncio.Event(), asyncio.Event()
    last: list[int] = []

    def signalled(number: int) -> None:
        last.append(number)
        (second if first.is_set() else first).set()

    for number in ENDING:
        asyncio.get_running_loop().add_signal_handler(number, signalled, number)
    while not first.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(first.wait(), REAP_S)
        reap_orphans()
    finish, again = asyncio.ensure_future(local.finish()), asyncio.ensure_future(second.wait())
    await asyncio.wait((finish, again), timeout=GRACE_S, return_when=asyncio.FIRST_COMPLETED)
    for task in (finish, again):
        task.cancel()
    await asyncio.gather(finish, again, return_exceptions=True)
    if second.is_set():
        raise SystemExit(BY_SIGNAL + last[-1])
