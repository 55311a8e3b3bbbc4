"""The port behind AWS_LAMBDA_RUNTIME_API: reads the bootstrap's calls, and sends the exact bytes it is given."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from functools import partial
from typing import TYPE_CHECKING

from .requests import HEAD_BYTES, read_request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from runtime_api.conformance.exchange import Recorder

    from .calls import Call

    _Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

__all__ = ["PIECE_S", "RuntimeApiListener"]

PIECE_S = 0.0005  # between two pieces, so that they are received apart
ENDS = {False: "closes the connection", True: "resets the connection"}
LAST_CALLS_S = 1.0  # for reading the last calls of a process that has ended


class RuntimeApiListener:
    """A listener on loopback and its connections; `on_call` receives the calls in the order of their arrival."""

    def __init__(self, recorder: Recorder, on_call: Callable[[Call], None]) -> None:
        self._recorder = recorder
        self._on_call = on_call
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.StreamWriter, int] = {}  # with the number of the connection
        self._tasks: set[asyncio.Task[None]] = set()
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
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accepted, "127.0.0.1", self._port, reuse_address=True)
        self._port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Stop listening: new connections are refused, open ones stay."""
        if self._server is not None:
            self._server.close()

    def hang_up(self, *, reset: bool = False) -> None:
        """Close every connection."""
        for writer, number in list(self._open.items()):
            self._end(writer, number, reset=reset)

    async def close(self) -> None:
        """Stop listening, and reset every connection."""
        self.refuse()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
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
            self._recorder.note("runtime", "api", "hung up during the answer", connection=call.connection)
        if then != "keep" or call.last:
            self._end(writer, call.connection, reset=then == "reset")
        call.answered.set()

    def _accepted(self) -> asyncio.StreamReaderProtocol:
        self.connected += 1
        self._recorder.note("runtime", "api", "opens a connection", connection=self.connected)
        reader = asyncio.StreamReader(limit=HEAD_BYTES)
        return _Connection(reader, partial(self._serve, self.connected), self._recorder, self.connected)

    async def _serve(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open[writer] = number
        task = asyncio.current_task()
        assert task is not None, "asyncio serves each connection in a task"
        self._tasks.add(task)
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while (call := await self._read(reader, writer, number)) is not None:
                self._recorder.note("runtime", "api", f"{call.method} {call.path}", call.head, call.body, number)
                if call.wants_continue and call.kind != "malformed":
                    self._recorder.note("api", "runtime", "100 Continue, before the body", connection=number)
                self._on_call(call)
                await call.answered.wait()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # only `close` cancels, and asyncio's server logs a task that ends as cancelled
        finally:
            del self._open[writer]
            self._tasks.discard(task)
            _end(writer, reset=False)

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> Call | None:
        self._reading.add(writer)
        try:
            return await read_request(reader, writer, number)
        finally:
            self._reading.discard(writer)
            if not self._reading:
                self._all_read.set()

    def _end(self, writer: asyncio.StreamWriter, number: int, *, reset: bool) -> None:
        if not writer.is_closing():
            self._recorder.note("api", "runtime", ENDS[reset], connection=number)
        _end(writer, reset)


class _Connection(asyncio.StreamReaderProtocol):
    """Records when the bootstrap ends the connection, also while it waits for an answer and nothing is read."""

    def __init__(self, reader: asyncio.StreamReader, serve: _Serve, recorder: Recorder, number: int) -> None:
        super().__init__(reader, serve)
        self._recorder = recorder
        self._number = number

    def eof_received(self) -> bool | None:
        self._recorder.note("runtime", "api", ENDS[False], connection=self._number)
        return super().eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        if isinstance(error, ConnectionResetError):
            self._recorder.note("runtime", "api", ENDS[True], connection=self._number)
        super().connection_lost(error)


def _end(writer: asyncio.StreamWriter, reset: bool) -> None:
    with contextlib.suppress(OSError, RuntimeError):
        if reset:
            connection: socket.socket = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()
