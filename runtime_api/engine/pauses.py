"""Waiting that something else can end."""

from __future__ import annotations

import asyncio

__all__ = ["pause"]


async def pause(until: asyncio.Event, seconds: float | None) -> None:
    """Wait for an event, but no longer than this; None: as long as it takes."""
    try:
        async with asyncio.timeout(seconds):
            await until.wait()
    except TimeoutError:
        pass
