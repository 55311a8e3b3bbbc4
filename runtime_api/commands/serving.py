"""What the verbs that run functions share: opening and closing, addresses in use, and how serving ends."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING

import click

from .options import give_up
from .signals import Interrupted, interruptible

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator

    from runtime_api.local import Address, LocalLambda

__all__ = ["beside", "blaming", "opened", "say", "serve_until_signalled"]


@contextmanager
def blaming(flag: str, address: Address) -> Iterator[None]:
    """Turn an address that cannot be listened on into a usage error that names its option."""
    try:
        yield
    except OSError as error:
        number = error.errno or 0  # below 0 for a name that cannot be resolved
        reason = os.strerror(number) if number > 0 else error.strerror or str(error)
        give_up(f"{flag} {address[0]}:{address[1]}: {reason.lower()}; choose another address")


@asynccontextmanager
async def opened(local: LocalLambda) -> AsyncIterator[LocalLambda]:
    """Open `local` for the block. An error in closing it is reported on stderr, and costs nobody a result."""
    await local.__aenter__()
    try:
        yield local
    finally:
        try:
            await local.__aexit__(None, None, None)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".rstrip(": ")
            click.echo(f"bootjack: not everything could be closed, the rest is killed ({reason})", err=True)


@asynccontextmanager
async def beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Do the work while the body runs, and cancel it then."""
    import asyncio

    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        try:
            yield
        finally:
            task.cancel()


async def serve_until_signalled(local: LocalLambda, grace_s: float) -> None:
    """Serve until a signal comes; then give running invocations `grace_s` to finish, or until a second signal."""
    import asyncio

    from runtime_api.sandbox.processes.orphans import reap_for_ever

    with suppress(Interrupted), interruptible():
        await reap_for_ever()
    if grace_s:
        _say_what_it_waits_for(local.running)
        with interruptible(), suppress(TimeoutError):
            await asyncio.wait_for(local.finish(), grace_s)


def _say_what_it_waits_for(running: int) -> None:
    if running:
        invocations = f"{running} invocation{'s' if running > 1 else ''}"
        with suppress(OSError):  # the terminal may be gone
            click.echo(f"bootjack: waiting for {invocations}; press Ctrl-C again to stop", err=True)


def say(lines: str) -> None:
    """Write lines to stdout, where a program that started this one reads them; nothing else is written there."""
    with suppress(BrokenPipeError):
        click.echo(lines)
