"""One keep-alive connection to the Runtime API, for a task of an event loop: `connection` with other sockets."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

from .connection import CUT_SHORT, LARGE_BYTES, REFUSED_TRIES, REFUSED_WAIT_S, ConnectionLost, address_of
from .http1 import CHUNKED, MORE_CAME, MOST_HEAD_BYTES, UNTIL_CLOSED, ChunkedBody, HttpError, read_head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .http1 import Response

__all__ = ["TaskConnection"]

READ_BYTES = 65_536


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


def _reason(error: OSError) -> str:
    """What the system calls it; asyncio's own words are longer and tell no more."""
    return os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error).lower()
