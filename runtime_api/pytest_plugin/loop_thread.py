"""An event loop on a thread of its own, for tests that are not coroutines."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from concurrent.futures import Future
    from typing import Self

__all__ = ["LoopThread"]

Result = TypeVar("Result")


class LoopThread:
    """Runs coroutines for other threads; a context manager that ends the thread, whatever became of them."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        # A daemon: should a coroutine refuse to end, pytest still does.
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="bootjack", daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def submit(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Start the work on the loop's thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do the work on the loop's thread and wait for its result."""
        return self.submit(work).result()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        await self._stop.wait()
