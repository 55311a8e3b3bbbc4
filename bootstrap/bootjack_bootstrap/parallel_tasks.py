"""Asynchronous handlers at work at once: one event loop, a task and a connection for each waiting call of /next."""

from __future__ import annotations

import asyncio
import signal

from .calls import Calls, encoded, event_of, refused
from .codec import prepare, unmarshal_event
from .connection import ConnectionLost
from .context import Context, CurrentInvocation
from .faults import describe
from .http1 import chunk, last_chunk
from .invocation import Ended, is_awaitable, is_generator, respond_with, tell_error
from .loop import LAST_ERRORS
from .runtime import end_on_signal
from .streaming import error_trailers, opening, piece
from .task_connection import TaskConnection
from .tasks import new_event_loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from typing import Any

    from .http1 import Response
    from .logs import Log
    from .settings import Settings

__all__ = ["serve_tasks"]


def serve_tasks(settings: Settings, log: Log, handler: Callable[[Any, Any], Any], most: int) -> None:
    """Serve up to `most` invocations at once until one of them, or a signal, ends the process."""
    prepare()
    loop = new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(_serve(settings, log, handler, most))
    except _Exit as exit_:
        raise exit_.error from None


async def _serve(settings: Settings, log: Log, handler: Callable[[Any, Any], Any], most: int) -> None:
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def end(error: BaseException | None) -> None:
        if error is not None and not ended.done():
            ended.set_exception(error)

    if signal.getsignal(signal.SIGTERM) is end_on_signal:  # not what the function wants instead
        loop.add_signal_handler(signal.SIGTERM, end, _Exit(Ended(0)))
    tasks = [loop.create_task(_Worker(settings, log, handler).run()) for _ in range(most)]
    for task in tasks:
        task.add_done_callback(lambda done: end(None if done.cancelled() else done.exception()))
    await ended


class _Worker:
    """One invocation after another, beside others."""

    def __init__(self, settings: Settings, log: Log, handler: Callable[[Any, Any], Any]) -> None:
        self._settings = settings
        self._log = log
        self._handler = handler
        self._connection = TaskConnection(settings.runtime_api)
        self._calls = Calls(settings.runtime_api)
        self._last_error: BaseException | None = None  # what ends the process once a stream has been answered

    async def run(self) -> None:
        """Serve for ever; what a handler's exit is comes out wrapped, as a loop would take it for its own."""
        try:
            while True:
                event, body = event_of(await self._connection.ask(self._calls.next))
                await self._serve(event, body)
        except (SystemExit, KeyboardInterrupt) as error:
            raise _Exit(error) from None

    async def _serve(self, event: Mapping[str, str], body: bytes | bytearray) -> None:
        try:
            context = Context(event, self._settings, self._log.write)
            CurrentInvocation.set(context)
            context.read_caller(event)
            result = self._handler(unmarshal_event(body, event.get("content-type", "")), context)
            if is_awaitable(result):
                result = await result
            if is_generator(result):
                answer = await self._stream(event, result)
            else:
                self._log.flush()
                answer = await self._connection.ask(*respond_with(self._calls, event, result))
        except ConnectionLost:
            raise
        except BaseException as error:
            answer = await self._connection.ask(*tell_error(self._calls, event, error, self._log))
            self._note(refused(answer, "An error"))
            if isinstance(error, LAST_ERRORS):
                raise
        else:
            if answer is not None:
                self._note(refused(answer, "A response"))
            if self._last_error is not None:
                raise self._last_error

    def _note(self, message: str | None) -> None:
        if message:
            self._log.say(message)
        self._log.flush()

    async def _stream(self, event: Mapping[str, str], result: Any) -> Response | None:
        items: Any = result if hasattr(type(result), "__anext__") else _asynchronous(result)
        try:
            content_type, start = opening(await anext_or_none(items))
            pieces = self._pieces(event, start, items)
            return await self._connection.stream(self._calls.stream(event, content_type), pieces)
        except ConnectionLost:
            self._note("A streamed response was cut off by the platform")
            return None
        finally:
            await items.aclose()

    async def _pieces(self, event: Mapping[str, str], start: bytes, items: Any) -> AsyncIterator[bytes]:
        if start:
            yield chunk(start)
        try:
            async for item in items:
                data = piece(item)
                if data:
                    yield chunk(data)
        except GeneratorExit:
            raise
        except BaseException as error:
            document = describe(error, event["lambda-runtime-aws-request-id"])
            self._log.error(error, document)
            yield last_chunk(error_trailers(document, encoded(document)))
            if isinstance(error, LAST_ERRORS):
                self._last_error = error
        else:
            yield last_chunk({})


class _Exit(Exception):
    """Carries a SystemExit or KeyboardInterrupt past the event loop."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


async def anext_or_none(items: Any) -> Any:
    """The first of them, None when there are none."""
    try:
        return await items.__anext__()
    except StopAsyncIteration:
        return None


async def _asynchronous(items: Any) -> AsyncIterator[Any]:
    for item in items:
        yield item
