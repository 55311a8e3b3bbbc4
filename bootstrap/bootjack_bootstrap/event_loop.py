"""asyncio, for handlers that need it: imported once the first of them does, since it costs 40 ms."""

from __future__ import annotations

import asyncio

from .ends import Ended
from .steps import Raised

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

__all__ = ["new_event_loop", "outcome_of_awaitable", "runner"]


def new_event_loop() -> asyncio.AbstractEventLoop:
    """An event loop for this thread: uvloop's if that is installed."""
    try:
        import uvloop
    except ImportError:
        loop = asyncio.new_event_loop()
    else:
        loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop


def runner() -> Callable[[Awaitable[Any]], Any]:
    """A function that runs an awaitable to its end, on an event loop that lives as long as the process."""
    loop = new_event_loop()
    return lambda awaitable: loop.run_until_complete(outcome_of_awaitable(awaitable))


async def outcome_of_awaitable(awaitable: Awaitable[Any]) -> Any:
    """Await a handler's awaitable: its result, or Raised, so that no exit of a handler's reaches the event loop."""
    try:
        return await awaitable
    except Ended:
        raise
    except BaseException as error:
        return Raised(error)
