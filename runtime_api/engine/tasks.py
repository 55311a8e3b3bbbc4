"""Background tasks: nobody awaits them one by one, and their owner closes them all together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["Tasks"]


class Tasks:
    """The tasks of one owner. An error in one of them goes to the event loop's handler."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None  # kept, because asking for it is a system call

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Do this work from the next turn of the event loop on."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def close(self, timeout_s: float) -> None:
        """Wait for the tasks that run, cancel them after this time, and return when they have ended."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)
        for task in self._tasks:
            task.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            context = {"message": "A task failed", "exception": error, "task": task}
            task.get_loop().call_exception_handler(context)
