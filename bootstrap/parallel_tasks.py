"""Asynchronous handlers at work at once: one event loop, a task and a connection for each waiting call of /next."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress

from .calls import Calls, encoded, event_of, refused
from .codec import prepare, unmarshal_event
from .connection import CUT_SHORT, LARGE_BYTES, REFUSED_TRIES, REFUSED_WAIT_S, ConnectionLost, address_of
from .context import Context, CurrentInvocation
from .faults import describe
from .http1 import (
    CHUNKED,
    MORE_CAME,
    MOST_HEAD_BYTES,
    UNTIL_CLOSED,
    ChunkedBody,
    HttpError,
    chunk,
    last_chunk,
    read_head,
)
from .invocation import Ended, is_awaitable, is_generator, respond_with, tell_error
from .loop import LAST_ERRORS
from .streaming import error_trailers, opening, piece
from .tasks import new_event_loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from typing import Any

    from .http1 import Response
    from .logs import Log
    from .settings import Settings

__all__ = ["serve_tasks"]

READ_BYTES = 65_536


def is_our_handler(handler: Any) -> bool:
    """Whether SIGTERM still does what `runtime` made of it, and not what the function wants."""
    return getattr(handler, "__module__", None) == Ended.__module__.replace("invocation", "runtime")


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

    if is_our_handler(signal.getsignal(signal.SIGTERM)):
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


def _reason(error: OSError) -> str:
    """What the system calls it; asyncio's own words are longer and tell no more."""
    return os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error).lower()


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


class TaskConnection:
    """What `Connection` is, for a task: the same rules, other sockets."""

    def __init__(self, runtime_api: str) -> None:
        self._host = runtime_api
        self._address = address_of(runtime_api)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, head: bytes, body: bytes | bytearray = b"") -> Response:
        """Send a request and wait for its answer; a connection closed while it was idle is replaced."""
        idle = self._streams is not None
        data = await self._trip(head, body)
        if not data and idle:
            self.close()
            data = await self._trip(head, body)
        return await self._read(data)

    async def stream(self, head: bytes, pieces: AsyncIterator[bytes]) -> Response:
        """Send a request whose body comes in pieces."""
        _, writer = await self._connected()
        with suppress(OSError):  # what is to be read tells more
            writer.write(head)
            async for data in pieces:
                writer.write(data)
                await writer.drain()
        return await self._read(await self._receive())

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _trip(self, head: bytes, body: bytes | bytearray) -> bytes:
        _, writer = await self._connected()
        with suppress(OSError):
            writer.write(head + body if len(body) < LARGE_BYTES else head)
            if len(body) >= LARGE_BYTES:
                return await self._trip_of_large(writer, body)
            await writer.drain()
        return await self._receive()

    async def _trip_of_large(self, writer: asyncio.StreamWriter, body: bytes | bytearray) -> bytes:
        """Look for the answer before all is sent: a refusal would be lost with a connection that breaks meanwhile."""
        receiving = asyncio.ensure_future(self._receive())
        with suppress(OSError):
            writer.write(body)
            await writer.drain()
        return await receiving

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is not None:
            return self._streams
        host, port = self._address
        wait = REFUSED_WAIT_S
        for attempt in range(REFUSED_TRIES):
            try:
                self._streams = await asyncio.open_connection(host.decode(), port, limit=MOST_HEAD_BYTES)
            except OSError as error:
                if not isinstance(error, ConnectionRefusedError) or attempt == REFUSED_TRIES - 1:
                    raise ConnectionLost(f"{self._host}: {_reason(error)}") from None
                await asyncio.sleep(wait)
                wait *= 2
            else:
                return self._streams
        raise AssertionError("the last attempt has raised")

    async def _receive(self) -> bytes:
        assert self._streams is not None
        try:
            return await self._streams[0].read(READ_BYTES)
        except OSError:
            return b""

    async def _more(self) -> bytes:
        data = await self._receive()
        if not data:
            raise ConnectionLost(CUT_SHORT)
        return data

    async def _read(self, data: bytes) -> Response:
        try:
            if not data:
                raise ConnectionLost("the connection was closed before an answer came")
            while True:
                end = data.find(b"\r\n\r\n")
                if end < 0:
                    if len(data) > MOST_HEAD_BYTES:
                        raise HttpError("a head without an end")
                    data += await self._more()
                    continue
                status, headers, length = read_head(data[:end])
                data = data[end + 4 :]
                if status >= 200:
                    break
                data = data or await self._more()
            body = await self._body(length, data)
        except HttpError as error:
            self.close()
            raise ConnectionLost(f"an answer cannot be read: {error}") from None
        except ConnectionLost:
            self.close()
            raise
        if length == UNTIL_CLOSED or headers.get("connection", "").lower() == "close":
            self.close()
        return status, headers, body

    async def _body(self, length: int, data: bytes) -> bytes | bytearray:
        if length == CHUNKED:
            chunked = ChunkedBody()
            chunked.feed(data)
            while not chunked.done:
                chunked.feed(await self._more())
            return chunked.body
        body = bytearray(data)
        if 0 <= length < len(body):
            raise HttpError(MORE_CAME)
        while length == UNTIL_CLOSED or len(body) < length:
            more = await self._receive()
            if not more:
                if length == UNTIL_CLOSED:
                    break
                raise ConnectionLost(CUT_SHORT)
            body += more
        return body
