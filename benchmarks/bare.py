"""A baseline server: the three exchanges of an invocation on uvloop and httptools, without any logic."""

import asyncio
import contextlib
import ctypes
import subprocess
import sys
from abc import abstractmethod
from collections import deque
from dataclasses import dataclass, field
from typing import cast

import httptools
import uvloop

NEXT_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: 1\r\n"
    b"Lambda-Runtime-Deadline-Ms: 4102444800000\r\nContent-Length: %d\r\n\r\n"
)
INVOKE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"status":"OK"}\n'

# From glibc's malloc.h.
M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
KEPT_BYTES = 32 << 20


class Connection(asyncio.Protocol):
    """A connection that reads whole requests and writes whole responses."""

    def __init__(self, matcher: "Matcher") -> None:
        self.matcher = matcher
        self.parser = httptools.HttpRequestParser(self)
        self.headers: list[tuple[bytes, bytes]] = []
        self.chunks: list[bytes] = []
        self.url = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_body(self, chunk: bytes) -> None:
        self.chunks.append(chunk)

    def on_message_complete(self) -> None:
        body = b"".join(self.chunks)
        self.chunks.clear()
        self.headers.clear()
        self.request(body)

    def answer(self, head: bytes, body: bytes) -> None:
        self.transport.writelines((head % len(body), body))

    @abstractmethod
    def request(self, body: bytes) -> None: ...


class InvokeConnection(Connection):
    """A caller's connection: every request is an invocation."""

    def request(self, body: bytes) -> None:
        self.matcher.waiting.append((self, body))
        self.matcher.deliver()


class RuntimeConnection(Connection):
    """A bootstrap's connection: a GET is /next, anything else is the response."""

    caller: Connection | None = None

    def request(self, body: bytes) -> None:
        if self.parser.get_method() == b"GET":
            self.matcher.parked.append(self)
            self.matcher.deliver()
        elif self.caller:
            self.caller.answer(INVOKE_HEAD, body)
            self.caller = None
            self.transport.write(ACCEPTED)


@dataclass
class Matcher:
    """Pairs waiting invocations with parked /next calls."""

    waiting: deque[tuple[Connection, bytes]] = field(default_factory=deque)
    parked: deque["RuntimeConnection"] = field(default_factory=deque)

    def deliver(self) -> None:
        if self.parked and self.waiting:
            runtime = self.parked.popleft()
            runtime.caller, body = self.waiting.popleft()
            runtime.answer(NEXT_HEAD, body)


async def serve(invoke_address: str, runtime_address: str, bootstraps: int, command: list[str]) -> None:
    matcher = Matcher()
    loop = asyncio.get_running_loop()
    runtime_host, runtime_port = runtime_address.rsplit(":", 1)
    await loop.create_server(lambda: RuntimeConnection(matcher), runtime_host, int(runtime_port))
    invoke_host, invoke_port = invoke_address.rsplit(":", 1)
    server = await loop.create_server(lambda: InvokeConnection(matcher), invoke_host, int(invoke_port))
    environment = {"AWS_LAMBDA_RUNTIME_API": runtime_address}
    with contextlib.ExitStack() as stack:
        for _ in range(bootstraps):
            stack.enter_context(subprocess.Popen(command, env=environment))  # noqa: ASYNC220
        await server.serve_forever()


def keep_freed_memory() -> None:
    """Make malloc keep freed memory: to return and fault in 5 MB for each event costs more than to copy them."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        libc.mallopt(M_TRIM_THRESHOLD, 2 * KEPT_BYTES)


if __name__ == "__main__":
    keep_freed_memory()
    uvloop.run(serve(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]))
