"""A bare relay: passes the chunks of a runtime's response to the caller as they come, on uvloop, without any logic.

A slow caller slows the runtime, as in any server that could be used: without that it would only fill its memory.
"""

import asyncio
import subprocess
import sys
from abc import abstractmethod
from typing import cast

import httptools
import uvloop

from benchmarks.bare import ACCEPTED, NEXT_HEAD

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


HIGH_BYTES = 1_048_576  # that the caller has not taken


class Connection(asyncio.Protocol):
    """A connection whose requests are parsed."""

    def __init__(self, relay: "Relay") -> None:
        self.relay = relay
        self.parser = httptools.HttpRequestParser(self)
        self.pieces: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=HIGH_BYTES)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, piece: bytes) -> None:
        self.pieces.append(piece)

    def on_message_complete(self) -> None:
        body = b"".join(self.pieces)
        self.pieces.clear()
        self.request(body)

    @abstractmethod
    def request(self, body: bytes) -> None: ...


class Caller(Connection):
    """The caller: its request is the event, and what it cannot take yet holds up the runtime."""

    def request(self, body: bytes) -> None:
        self.relay.caller, self.relay.event = self, body
        self.relay.deliver()

    def pause_writing(self) -> None:
        if self.relay.runtime is not None:
            self.relay.runtime.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.relay.runtime is not None:
            self.relay.runtime.transport.resume_reading()


class Runtime(Connection):
    """The runtime: a GET asks for the event, the body of anything else goes to the caller."""

    def on_headers_complete(self) -> None:
        if self.parser.get_method() != b"GET" and self.relay.caller is not None:
            self.relay.caller.transport.write(ANSWER)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.pieces and self.relay.caller is not None:
            head = b"%x\r\n" % sum(map(len, self.pieces))
            self.relay.caller.transport.writelines((head, *self.pieces, b"\r\n"))
            self.pieces.clear()

    def request(self, body: bytes) -> None:
        if self.parser.get_method() == b"GET":
            self.relay.runtime = self
            self.relay.deliver()
        elif self.relay.caller is not None:
            end = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
            self.relay.caller.transport.write(end)
            self.relay.caller = None
            self.transport.write(ACCEPTED)


class Relay:
    """One caller, one runtime, one event."""

    def __init__(self) -> None:
        self.caller: Connection | None = None
        self.runtime: Connection | None = None
        self.event: bytes | None = None
        self._delivered: Connection | None = None

    def deliver(self) -> None:
        if self.runtime is not None and self.event is not None:
            self.runtime.transport.write(NEXT_HEAD % len(self.event) + self.event)
            self.event = None


async def serve(caller_address: str, runtime_address: str, command: list[str]) -> None:
    relay, loop = Relay(), asyncio.get_running_loop()
    host, port = runtime_address.rsplit(":", 1)
    await loop.create_server(lambda: Runtime(relay), host, int(port))
    host, port = caller_address.rsplit(":", 1)
    server = await loop.create_server(lambda: Caller(relay), host, int(port))
    with subprocess.Popen(command, env={"AWS_LAMBDA_RUNTIME_API": runtime_address}):  # noqa: ASYNC220
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], sys.argv[2], sys.argv[3:]))
