"""Forwarding of connections: bytes, half-closed connections, back pressure, resets, and bounds."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from runtime_api.sandbox.network import loopback
from runtime_api.sandbox.network.loopback import LoopbackForwarder
from tests.sandbox.watch import DEADLINE_S, run, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

MUCH = 8 << 20
BOUND = 256 << 20  # more than the kernel holds for both connections


class Pair:
    """A forwarder from a listener of the address 127.0.0.2 to the same port of 127.0.0.1 and ::1."""

    def __init__(self, stack: ExitStack, family: socket.AddressFamily = socket.AF_INET) -> None:
        self.family = family
        self.host = stack.enter_context(socket.socket(family))
        self.host.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        self.port: int = self.host.getsockname()[1]
        self.inside = socket.create_server(("127.0.0.2", self.port))
        self.forwarder = LoopbackForwarder([self.inside])
        stack.callback(self.forwarder.close)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.2", self.port)


@contextmanager
def pair(family: socket.AddressFamily = socket.AF_INET) -> Iterator[Pair]:
    with ExitStack() as stack:
        yield Pair(stack, family)


async def finished(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


def served(serve: Serve, main: Callable[[Pair], Awaitable[None]], family: int = socket.AF_INET) -> None:
    """Serve the host's port, and do the rest meanwhile; then wait for the end of what is served."""
    running: list[asyncio.StreamReader] = []

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.append(reader)
        await serve(reader, writer)
        running.remove(reader)

    async def all_of_it() -> None:
        with pair(socket.AddressFamily(family)) as ends:
            async with asyncio.timeout(DEADLINE_S), await asyncio.start_server(counted, sock=ends.host.dup()):
                await main(ends)
                await until(lambda: not running)

    run(all_of_it())


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer after the last byte, so that a side that is closed at one end only has to stay open."""
    given = await reader.read()
    writer.write(given[::-1])
    await finished(writer)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_bytes_pass_both_ways_and_each_way_ends_by_itself(family: int) -> None:
    """Also if the server listens on the other loopback address only."""

    async def main(ends: Pair) -> None:
        payload = os.urandom(MUCH)
        reader, writer = await ends.connect()
        writer.write(payload)
        writer.write_eof()
        assert await reader.read() == payload[::-1]
        await finished(writer)

    served(echo, main, family)


def test_many_connections_at_once_do_not_mix() -> None:
    async def main(ends: Pair) -> None:
        async def one(number: int) -> None:
            payload = str(number).encode() * 20_000
            reader, writer = await ends.connect()
            writer.write(payload)
            writer.write_eof()
            assert await reader.read() == payload[::-1]
            await finished(writer)

        await asyncio.gather(*map(one, range(40)))

    served(echo, main)


def test_a_receiver_that_does_not_read_stops_the_sender() -> None:
    """What is on its way is bounded by the buffers of the kernel's sockets, not by what is sent."""
    go = asyncio.Event()

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go.wait()
        await finished(writer)

    async def main(ends: Pair) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as connection:
            connection.setblocking(False)
            await loop.sock_connect(connection, ("127.0.0.2", ends.port))
            taken = 0
            with suppress(TimeoutError):
                while taken < BOUND:
                    async with asyncio.timeout(0.5):
                        await loop.sock_sendall(connection, b"x" * 65_536)
                    taken += 65_536
            assert taken < BOUND
            go.set()

    served(deaf, main)


def test_a_refused_port_resets_the_connection() -> None:
    async def main() -> None:
        with pair() as ends:  # nothing listens on the host's socket
            reader, writer = await ends.connect()
            with pytest.raises(ConnectionResetError):
                await asyncio.wait_for(reader.read(), DEADLINE_S)
            await finished(writer)

    run(main())


def test_a_reset_is_passed_on() -> None:
    async def crash(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, loopback.WITH_RESET)
        writer.transport.abort()

    async def main(ends: Pair) -> None:
        reader, writer = await ends.connect()
        writer.write(b"crash\n")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        await finished(writer)

    served(crash, main)


def test_further_connections_wait_for_one_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback, "MOST_CONNECTIONS", 2)
    opened: list[asyncio.StreamWriter] = []

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        writer.write(b"hello\n")
        await reader.read()
        await finished(writer)

    async def main(ends: Pair) -> None:
        connections = [await ends.connect() for _ in range(3)]
        for reader, _ in connections[:2]:
            assert await reader.readline() == b"hello\n"
        assert len(opened) == 2
        await finished(connections[0][1])
        assert await connections[2][0].readline() == b"hello\n"
        for _, writer in connections:
            await finished(writer)

    served(hold, main)


def test_closing_resets_what_is_open() -> None:
    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        await finished(writer)

    async def main(ends: Pair) -> None:
        reader, writer = await ends.connect()
        assert await reader.readline() == b"hello\n"
        ends.forwarder.close()
        with pytest.raises(ConnectionResetError):
            await reader.read()
        await finished(writer)
        with pytest.raises(ConnectionRefusedError):
            await ends.connect()

    served(hold, main)


def test_no_descriptor_left_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback, "PAUSE_S", 0.01)

    class Exhausted(socket.socket):
        failures = 2

        def accept(self) -> tuple[socket.socket, object]:
            if Exhausted.failures:
                Exhausted.failures -= 1
                raise OSError(24, "Too many open files")
            return super().accept()

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as host, Exhausted() as inside:
            inside.bind(("127.0.0.2", host.getsockname()[1]))
            inside.listen()
            forwarder = LoopbackForwarder([inside])
            async with await asyncio.start_server(echo, sock=host.dup()):
                reader, writer = await asyncio.open_connection(*inside.getsockname())
                writer.write(b"12")
                writer.write_eof()
                assert await asyncio.wait_for(reader.read(), DEADLINE_S) == b"21"
                await finished(writer)
                await until(lambda: Exhausted.failures == 0)
            forwarder.close()

    run(main())
