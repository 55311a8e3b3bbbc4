"""Run a test's coroutine as the servers run: on uvloop. An error that reaches the event loop fails the test."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import uvloop

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["run"]


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine on uvloop; fail if the loop's exception handler is called."""
    problems: list[dict[str, Any]] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: problems.append(context))
        await main

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(watched())
    assert not problems
