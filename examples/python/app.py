"""Three handlers: `bootjack invoke app.greet`, `app.gather`, `app.count` in this directory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bootjack_bootstrap import HttpResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def greet(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """An ordinary function."""
    return {"greeting": f"Hello {event.get('name', 'world')}", "left_ms": context.get_remaining_time_in_millis()}


async def gather(event: dict[str, Any], _context: Any) -> list[str]:
    """An asynchronous one: what it waits for, it waits for at once."""
    return await asyncio.gather(*(_slow(name) for name in event.get("names", ["one", "two"])))


async def count(event: dict[str, Any], _context: Any) -> AsyncIterator[HttpResponse | str]:
    """A streamed response, as behind a function URL: each piece leaves as soon as it is there."""
    yield HttpResponse(200, {"Content-Type": "text/plain"})
    for number in range(event.get("to", 3)):
        yield f"{number}\n"
        await asyncio.sleep(0.1)


async def _slow(name: str) -> str:
    await asyncio.sleep(0.1)
    return name.upper()
