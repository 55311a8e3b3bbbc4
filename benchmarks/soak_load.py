"""The load of the soak test: callers that send requests of all kinds to one server."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

from benchmarks import processes
from benchmarks.launching import INVOKE_PATH

CALL_LIMIT_S = 30


class Load:
    """Random requests to one server, and a count of their outcomes in `seen`."""

    def __init__(self, port: int, server: int, dice: random.Random) -> None:
        self.port = port
        self.server = server
        self.dice = dice
        self.seen: Counter[str] = Counter()
        self.kinds: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (400, lambda: self.invoke("small", b'{"n": 1}')),
            (20, lambda: self.invoke("large", b'"%b"' % (b"x" * dice.randrange(100_000, 5_000_000)))),
            (20, lambda: self.invoke("tail", b"{}", "X-Amz-Log-Type: Tail\r\n")),
            (20, lambda: self.invoke("event", b"{}", "X-Amz-Invocation-Type: Event\r\n")),
            (10, lambda: self.invoke("dry run", b"{}", "X-Amz-Invocation-Type: DryRun\r\n")),
            (20, lambda: self.invoke("error", b'{"do": "fail", "message": "requested"}')),
            (6, lambda: self.invoke("crash", b'{"do": "exit", "code": 3}')),
            (2, lambda: self.invoke("time-out", b'{"do": "hang"}', function="b")),
            (10, lambda: self.invoke("bad", b"{")),
            (10, lambda: self.invoke("unknown", b"{}", function="nobody")),
            (20, lambda: self.request("health", "GET /_bootjack/health")),
            (10, lambda: self.request("unsupported", "GET /2015-03-31/functions/")),
            (20, self.hang_up),
            (4, self.kill),
        ]

    async def send_until(self, end: float) -> None:
        """Send one request after another until this time."""
        weights = [weight for weight, _ in self.kinds]
        while time.monotonic() < end:
            _, kind = self.dice.choices(self.kinds, weights)[0]
            try:
                await asyncio.wait_for(kind(), CALL_LIMIT_S)
            except TimeoutError:
                self.seen["HANGS"] += 1
            except OSError as error:
                self.seen[f"OSError {error}"] += 1

    async def invoke(self, kind: str, payload: bytes, headers: str = "", function: str = "a") -> None:
        await self.request(kind, f"POST {INVOKE_PATH.format(function)}", payload, headers)

    async def request(self, kind: str, line: str, body: bytes = b"", headers: str = "") -> None:
        async with self.connected() as (reader, writer):
            writer.write(self.head(line, body, headers) + body)
            answer = await reader.read()
            self.seen[f"{kind}: {answer[9:12].decode()}"] += 1

    async def hang_up(self) -> None:
        """Send part of a request, and close the connection before the answer."""
        async with self.connected() as (_, writer):
            payload = b'{"do": "write", "text": "hello\\n"}'
            writer.write(self.head(f"POST {INVOKE_PATH.format('a')}", payload) + payload[: self.dice.randrange(40)])
            await asyncio.sleep(self.dice.random() * 0.01)
        self.seen["hung up"] += 1

    async def kill(self) -> None:
        """Kill the runtime of an execution environment."""
        runtimes = list(processes.descendants(self.server))
        if runtimes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.dice.choice(runtimes), signal.SIGKILL)
            self.seen["killed"] += 1

    def head(self, line: str, body: bytes, headers: str = "") -> bytes:
        return (
            f"{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        ).encode()

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 23)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
