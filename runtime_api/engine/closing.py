"""Closing several things: each is closed whatever the others do, and the first error is reported."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

__all__ = ["close_in_turn", "close_together"]


async def close_in_turn(*steps: Callable[[], Awaitable[object] | None]) -> None:
    """Run every step in the order given, then raise the first error; later errors become notes on it.

    A cancellation counts as an error of the step that it interrupts: the remaining steps still run.
    """
    first: BaseException | None = None
    for step in steps:
        try:
            pending = step()
            if pending is not None:
                await pending
        except BaseException as error:  # raised below
            first = _first(first, error)
    if first is not None:
        raise first


async def close_together(closings: Iterable[Awaitable[object]]) -> None:
    """Wait for all of them at once, then raise the first error; later errors become notes on it."""
    first: BaseException | None = None
    for result in await asyncio.gather(*closings, return_exceptions=True):
        if isinstance(result, BaseException):
            first = _first(first, result)
    if first is not None:
        raise first


def _first(first: BaseException | None, error: BaseException) -> BaseException:
    if first is None:
        return error
    first.add_note(f"Closing something else failed too: {error!r}")
    return first
