"""The door behind AWS_LAMBDA_RUNTIME_API: takes what the bootstrap sends, and sends exactly what it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING

from .calls import Call, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from runtime_api.conformance.exchange import Recorder

__all__ = ["Door"]

HEAD_BYTES = 1 << 21  # AWS's own bootstraps send error causes of up to 1 MiB in a header
PIECE_S = 0.0005  # between two pieces, so that they travel apart
LAST_WORDS_S = 1.0  # for the connections of a process that has ended to come to their end


class Door:
    """A listener on loopback and its connections; calls are told to `tell`, in the order in which they came."""

    def __init__(self, recorder: Recorder, tell: Callable[[Call], None]) -> None:
        self._recorder = recorder
        self._tell = tell
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}
        self._reading: set[asyncio.StreamWriter] = set()  # those whose next request is awaited
        self._all_read = asyncio.Event()
        self._port = 0
        self.connected = 0  # connections so far

    @property
    def address(self) -> str:
        """host:port, as the bootstrap is told."""
        return f"127.0.0.1:{self._port}"

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return len(self._open)

    async def open(self) -> None:
        """Listen; at the same address as before when it was open before."""
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self._port, limit=HEAD_BYTES, reuse_address=True
        )
        self._port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Listen no more: connections are refused. Open ones stay."""
        if self._server is not None:
            self._server.close()

    def hang_up(self, *, reset: bool = False) -> None:
        """Close every connection."""
        for writer in list(self._open):
            _end(writer, reset)

    async def close(self) -> None:
        """End everything."""
        self.refuse()
        tasks = [task for task in self._open.values() if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in list(self._open):
            _end(writer, reset=True)

    async def settle(self) -> None:
        """The process has ended: wait until what it sent has been read."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                while self._reading:
                    self._all_read.clear()
                    await self._all_read.wait()

    async def send(self, call: Call, pieces: Iterable[bytes], *, pause: float = PIECE_S, then: str = "keep") -> None:
        """Send an answer, in these pieces with a pause between; then keep the connection, close it, or reset it."""
        writer = call.writer
        try:
            for number, piece in enumerate(pieces):
                if number:
                    await asyncio.sleep(pause)
                writer.write(piece)
                await writer.drain()
        except (ConnectionError, OSError):
            self._recorder.note("runtime", "api", "hung up while it was answered")
        if then != "keep":
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
                self._tell(call)
                await call.answered.wait()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # cancelled by `close` alone; asyncio's own server does not expect it
        finally:
            self._open.pop(writer, None)
            _end(writer, reset=False)

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> Call | None:
        self._reading.add(writer)
        try:
            return await _read(reader, writer, number)
        finally:
            self._reading.discard(writer)
            if not self._reading:
                self._all_read.set()


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> Call | None:
    """One request; None when the connection is at its end."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError as error:
        if not error.partial.strip():
            return None
        return Call(writer, number, "", "", "malformed", error.partial.decode("latin-1"), (), b"")
    except asyncio.LimitOverrunError:
        return Call(writer, number, "", "", "malformed", "a head without an end", (), b"")
    line, _, rest = head.partition("\r\n")
    method, _, target = line.partition(" ")
    path, _, version = target.rpartition(" ")
    headers = tuple(_header(text) for text in rest.strip("\r\n").split("\r\n") if text)
    call = Call(writer, number, method, path, kind_of(method, path), rest.strip("\r\n"), headers, b"")
    if not version.startswith("HTTP/1.") or any(not name or name != name.strip() for name, _ in headers):
        call.kind = "malformed"
        return call
    if (call.header("expect") or "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        await _read_body(reader, call)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
        call.kind = "malformed"
        call.head += f"\n(the body: {error})"
    return call


async def _read_body(reader: asyncio.StreamReader, call: Call) -> None:
    length = call.header("content-length")
    if (call.header("transfer-encoding") or "").lower() == "chunked":
        call.chunks = await _read_chunks(reader)
        call.body = b"".join(call.chunks)
        trailers = (await reader.readuntil(b"\r\n")).decode("latin-1")
        while not trailers.endswith("\r\n\r\n") and trailers != "\r\n":
            trailers += (await reader.readuntil(b"\r\n")).decode("latin-1")
        call.trailers = tuple(_header(text) for text in trailers.split("\r\n") if text)
    elif length is not None:
        call.body = await reader.readexactly(int(length))


async def _read_chunks(reader: asyncio.StreamReader) -> list[bytes]:
    chunks = []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0].strip(), 16):
        chunks.append(await reader.readexactly(size))
        if await reader.readexactly(2) != b"\r\n":
            raise ValueError("a chunk is not as long as it says")
    return chunks


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.strip(" \t")


def _end(writer: asyncio.StreamWriter, reset: bool) -> None:
    with contextlib.suppress(OSError, RuntimeError):
        if reset:
            connection: socket.socket = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()
