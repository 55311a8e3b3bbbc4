"""asyncio, for handlers that need it: imported by none of the others before one does."""

from __future__ import annotations

import asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterator
    from typing import Any

__all__ = ["EventLoop", "new_event_loop"]


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


class EventLoop:
    """One loop that lives as long as the process; between invocations it stands still, as Lambda makes everything."""

    def __init__(self) -> None:
        self._loop = new_event_loop()
        asyncio.set_event_loop(self._loop)

    def run(self, awaitable: Awaitable[Any]) -> Any:
        """Wait for what a handler gave."""
        return self._loop.run_until_complete(_awaited(awaitable))

    def iterate(self, items: AsyncIterator[Any]) -> Iterator[Any]:
        """An asynchronous generator as an ordinary one; closing this closes that."""
        try:
            while True:
                try:
                    yield self._loop.run_until_complete(_awaited(items.__anext__()))
                except StopAsyncIteration:
                    return
        finally:
            close = getattr(items, "aclose", None)
            if close is not None:
                self._loop.run_until_complete(close())


async def _awaited(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
