"""The port behind AWS_LAMBDA_RUNTIME_API: reads the bootstrap's calls, and sends the exact bytes it is given."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING

from .requests import HEAD_BYTES, read_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from runtime_api.conformance.exchange import Recorder

    from .calls import Call

__all__ = ["PIECE_S", "RuntimeApiListener"]

PIECE_S = 0.0005  # between two pieces, so that they are received apart
LAST_CALLS_S = 1.0  # for reading the last calls of a process that has ended


class RuntimeApiListener:
    """A listener on loopback and its connections; `on_call` receives the calls in the order of their arrival."""

    def __init__(self, recorder: Recorder, on_call: Callable[[Call], None]) -> None:
        self._recorder = recorder
        self._on_call = on_call
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}
        self._reading: set[asyncio.StreamWriter] = set()  # connections between two requests, or within one
        self._all_read = asyncio.Event()
        self._port = 0
        self.connected = 0  # connections so far

    @property
    def address(self) -> str:
        """The value of AWS_LAMBDA_RUNTIME_API: host:port."""
        return f"127.0.0.1:{self._port}"

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return len(self._open)

    async def open(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self._port, limit=HEAD_BYTES, reuse_address=True
        )
        self._port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Stop listening: new connections are refused, open ones stay."""
        if self._server is not None:
            self._server.close()

    def hang_up(self, *, reset: bool = False) -> None:
        """Close every connection."""
        for writer in list(self._open):
            _end(writer, reset)

    async def close(self) -> None:
        """Stop listening, and reset every connection."""
        self.refuse()
        tasks = [task for task in self._open.values() if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in list(self._open):
            _end(writer, reset=True)

    async def settle(self) -> None:
        """Wait until everything that an ended process has sent is read."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_CALLS_S):
                while self._reading:
                    self._all_read.clear()
                    await self._all_read.wait()

    async def send(self, call: Call, pieces: Iterable[bytes], *, pause: float = PIECE_S, then: str = "keep") -> None:
        """Send an answer in these pieces, with a pause between them; then keep, close or reset the connection.

        A connection that its client wants closed is not kept: some clients read until it ends, PHP's among them.
        """
        writer = call.writer
        try:
            for number, piece in enumerate(pieces):
                if number:
                    await asyncio.sleep(pause)
                writer.write(piece)
                await writer.drain()
        except (ConnectionError, OSError):
            self._recorder.note("runtime", "api", "hung up during the answer")
        if then != "keep" or call.last:
            _end(writer, reset=then == "reset")
        call.answered.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected += 1
        number = self.connected
        self._open[writer] = asyncio.current_task()
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while (call := await self._read(reader, writer, number)) is not None:
                self._recorder.note("runtime", "api", f"{call.method} {call.path}", call.head, call.body)
                self._on_call(call)
                await call.answered.wait()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # only `close` cancels, and asyncio's server logs a task that ends as cancelled
        finally:
            self._open.pop(writer, None)
            _end(writer, reset=False)

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> Call | None:
        self._reading.add(writer)
        try:
            return await read_request(reader, writer, number)
        finally:
            self._reading.discard(writer)
            if not self._reading:
                self._all_read.set()


def _end(writer: asyncio.StreamWriter, reset: bool) -> None:
    with contextlib.suppress(OSError, RuntimeError):
        if reset:
            connection: socket.socket = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()
