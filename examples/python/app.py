"""Three handlers. In this directory: `bootjack invoke app.greet`, `app.gather` or `app.count`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bootjack_bootstrap import HttpResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def greet(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return a greeting."""
    return {"greeting": f"Hello {event.get('name', 'world')}", "left_ms": context.get_remaining_time_in_millis()}


async def gather(event: dict[str, Any], _context: Any) -> list[str]:
    """Do slow things side by side: an `async def` handler needs no event loop of its own."""
    return await asyncio.gather(*(_slow(name) for name in event.get("names", ["one", "two"])))


async def count(event: dict[str, Any], _context: Any) -> AsyncIterator[HttpResponse | str]:
    """Stream a response, as behind a function URL: each item leaves at once."""
    yield HttpResponse(200, {"Content-Type": "text/plain"})
    for number in range(event.get("to", 3)):
        yield f"{number}\n"
        await asyncio.sleep(0.1)


async def _slow(name: str) -> str:
    await asyncio.sleep(0.1)
    return name.upper()
