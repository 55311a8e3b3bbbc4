"""Running a test's coroutine as the servers run: on uvloop, with an eye on what the loop complains of."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import uvloop

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["run"]


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine on uvloop; what the loop's exception handler gets fails the test."""
    problems: list[dict[str, Any]] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: problems.append(context))
        await main

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(watched())
    assert not problems
