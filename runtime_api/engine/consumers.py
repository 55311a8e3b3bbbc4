"""The clients that carry batches to a subscriber, over HTTP or TCP, on the loopback of its execution environment.

Both keep their connection from batch to batch, and make another one when it has ended. Over HTTP a batch has arrived
when the subscriber has answered it; over TCP there is no answer, so it counts as soon as it is sent.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from httptools import HttpParserError, HttpResponseParser

from runtime_api.protocol.subscriptions import HTTP

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Sequence

    from runtime_api.protocol.subscriptions import Destination

    Connect = Callable[[int], Awaitable[socket.socket]]

__all__ = ["Consumer", "NotDeliveredError", "consumer_at"]

READ_BYTES = 65_536
FIRST_FINAL = 200
FIRST_FAILURE = 400  # of the statuses of an answer


class NotDeliveredError(Exception):
    """A batch has not arrived: it may be tried again."""


class Consumer(Protocol):
    """Where batches go."""

    async def send(self, events: Sequence[bytes]) -> None:
        """Deliver a batch; NotDeliveredError if that has failed."""

    def close(self) -> None:
        """Close the connection, if there is one."""


def consumer_at(destination: Destination, connect: Connect) -> Consumer:
    """Return the client for a destination; `connect` makes a connection to a port of the environment's loopback."""
    if destination.protocol == HTTP:
        return _HttpConsumer(destination, connect)
    return _TcpConsumer(destination.port, connect)


class _Connection:
    """A connection that is made when it is needed."""

    def __init__(self, port: int, connect: Connect) -> None:
        self._port = port
        self._connect = connect
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @property
    def is_open(self) -> bool:
        """Whether the peer has not ended it, as far as is known."""
        return self._streams is not None and not self._streams[0].at_eof()

    async def streams(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect, unless that is done. OSError if nothing listens."""
        if self._streams is None or self._streams[0].at_eof():
            self.close()
            self._streams = await asyncio.open_connection(sock=await self._connect(self._port))
            self._streams[1].transport.set_write_buffer_limits(0)  # `drain` waits until the kernel has everything
        return self._streams

    def close(self) -> None:
        """End it at once: what was not sent is lost."""
        if self._streams is not None:
            with suppress(OSError):
                self._streams[1].transport.abort()
            self._streams = None


class _HttpConsumer:
    """Posts each batch as one JSON array."""

    def __init__(self, destination: Destination, connect: Connect) -> None:
        self._connection = _Connection(destination.port, connect)
        self._head = (
            f"{destination.method} {destination.target} HTTP/1.1\r\nHost: {destination.host}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        )

    async def send(self, events: Sequence[bytes]) -> None:
        body = b"[" + b",".join(events) + b"]"
        request = f"{self._head}{len(body)}\r\n\r\n".encode() + body
        was_open = self._connection.is_open
        try:
            answer = await self._ask(request)
            if was_open and not answer.has_begun:
                # The peer has closed a connection that was idle, as it may: that is no failure.
                answer = await self._ask(request)
        except OSError as error:
            self.close()
            raise NotDeliveredError(str(error)) from None
        if not answer.is_complete:
            raise NotDeliveredError("the connection ended before the answer did")
        if answer.status >= FIRST_FAILURE:
            raise NotDeliveredError(f"the answer was {answer.status}")

    async def _ask(self, request: bytes) -> _Answer:
        answer = _Answer()
        reader, writer = await self._connection.streams()
        try:
            writer.write(request)
            await writer.drain()
            while not answer.is_complete:
                data = await reader.read(READ_BYTES)
                if not data:
                    answer.ended()
                    break
                answer.feed(data)
        except ConnectionError:
            pass  # as an end: what has begun decides what that means
        except HttpParserError:
            raise NotDeliveredError("the answer is not HTTP") from None
        finally:
            if not answer.may_go_on:
                self.close()
        return answer

    def close(self) -> None:
        self._connection.close()


class _Answer:
    """An answer as it comes; its body is of no interest."""

    def __init__(self) -> None:
        self.has_begun = False
        self.is_complete = False
        self.status = 0
        self.may_go_on = False  # the connection serves for another request
        self._parser = HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take what has come. HttpParserError if it is no answer."""
        self.has_begun = True
        self._parser.feed_data(data)

    def ended(self) -> None:
        """The connection has ended: so has a body without a length."""
        self.is_complete = self.status > 0

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()

    def on_message_complete(self) -> None:
        self.is_complete = self.status >= FIRST_FINAL
        self.may_go_on = self.is_complete and self._parser.should_keep_alive()


class _TcpConsumer:
    """Sends each event as a line."""

    def __init__(self, port: int, connect: Connect) -> None:
        self._connection = _Connection(port, connect)

    async def send(self, events: Sequence[bytes]) -> None:
        try:
            _, writer = await self._connection.streams()
            writer.write(b"\n".join(events) + b"\n")
            await writer.drain()
        except OSError as error:
            self.close()
            raise NotDeliveredError(str(error)) from None

    def close(self) -> None:
        self._connection.close()
