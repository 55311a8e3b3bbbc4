"""Subscribers of telemetry: servers over HTTP and TCP on a free port, that may be told to misbehave."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Subscriber", "http_subscriber", "tcp_subscriber"]

DEADLINE_S = 20.0


class Subscriber:
    """Keeps what it has received. `answers`: how the next requests are answered, before all others get 200."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[tuple[str, dict[str, str]]] = []  # request lines and headers
        self.batches: list[list[Any]] = []  # of the requests that were answered with 200
        self.answers: list[str] = []
        self.connections = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._news = asyncio.Condition()

    @property
    def events(self) -> list[Any]:
        """All events, in order."""
        return [event for batch in self.batches for event in batch]

    @property
    def records(self) -> list[Any]:
        """What the events say."""
        return [event["record"] for event in self.events]

    async def take(self, batch: list[Any]) -> None:
        async with self._news:
            self.batches.append(batch)
            self._news.notify_all()

    async def has(self, count: int) -> list[Any]:
        """Wait for as many events, and return what they say."""
        async with asyncio.timeout(DEADLINE_S), self._news:
            await self._news.wait_for(lambda: len(self.events) >= count)
        return self.records

    async def was_asked(self, times: int) -> None:
        """Wait for as many requests, answered or not."""
        async with asyncio.timeout(DEADLINE_S), self._news:
            await self._news.wait_for(lambda: len(self.requests) >= times)

    async def serve_http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        async with self._news:
            self.requests.append((line, headers))
            self._news.notify_all()
        await self.may_answer.wait()
        answer = self.answers.pop(0) if self.answers else "200 OK"
        if answer == "close":
            return False
        if answer == "not HTTP":
            writer.write(b"fine\r\n\r\n")
            await writer.drain()
            return False
        if answer.startswith("200"):
            await self.take(json.loads(body))
        if answer == "200 without a length":
            writer.write(b"HTTP/1.0 200 OK\r\n\r\nfine")
            await writer.drain()
            return False
        writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: 4\r\n\r\nfine".encode())
        await writer.drain()
        return True

    async def serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while line := await reader.readline():
                await self.take([json.loads(line)])
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def http_subscriber(port: int = 0) -> AsyncIterator[Subscriber]:
    """Serve until the end, over HTTP."""
    subscriber = Subscriber()
    async with await asyncio.start_server(subscriber.serve_http, "127.0.0.1", port) as server:
        subscriber.port = server.sockets[0].getsockname()[1]
        yield subscriber


@asynccontextmanager
async def tcp_subscriber() -> AsyncIterator[Subscriber]:
    """Serve until the end, over TCP."""
    subscriber = Subscriber()
    async with await asyncio.start_server(subscriber.serve_tcp, "127.0.0.1", 0) as server:
        subscriber.port = server.sockets[0].getsockname()[1]
        yield subscriber
