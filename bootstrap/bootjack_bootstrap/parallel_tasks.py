"""Asynchronous handlers side by side: one event loop, and a task with a connection for each waiting call of /next."""

from __future__ import annotations

import asyncio
import signal

from .driver_asyncio import AsyncioDriver
from .ends import Ended, end_on_signal
from .event_loop import new_event_loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from .steps import Conversation

__all__ = ["serve_tasks"]


def serve_tasks(runtime_api: str, serving: Callable[[], Conversation[NoReturn]], most: int) -> NoReturn:
    """Serve up to `most` invocations at once until one of them, or a signal, ends the process."""
    loop = new_event_loop()
    try:
        loop.run_until_complete(_serve(runtime_api, serving, most))
    except _Exit as exit_:
        raise exit_.error from None
    raise AssertionError("serving never returns")


async def _serve(runtime_api: str, serving: Callable[[], Conversation[NoReturn]], most: int) -> None:
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def end(error: BaseException | None) -> None:
        if error is not None and not ended.done():
            ended.set_exception(error)

    if signal.getsignal(signal.SIGTERM) is end_on_signal:  # else the function has set its own
        loop.add_signal_handler(signal.SIGTERM, end, _Exit(Ended(0)))
    tasks = [loop.create_task(_run(AsyncioDriver(runtime_api), serving())) for _ in range(most)]
    for task in tasks:
        task.add_done_callback(lambda done: end(None if done.cancelled() else done.exception()))
    await ended


async def _run(driver: AsyncioDriver, conversation: Conversation[NoReturn]) -> None:
    """Serve; a handler's exit comes out wrapped, since an event loop takes a bare one for its own."""
    try:
        await driver.run(conversation)
    except (SystemExit, KeyboardInterrupt) as error:
        raise _Exit(error) from None


class _Exit(Exception):
    """Carries a SystemExit or KeyboardInterrupt past the event loop."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error
