"""Connections to what listens in a sandbox, wherever its loopback is."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING

import pytest

from runtime_api.sandbox.bubblewrap.confinement import Confinement
from runtime_api.sandbox.network import Network
from runtime_api.sandbox.network.connecting import connect_here
from tests.sandbox import watch
from tests.sandbox.watch import INTERPRETER, run, watching

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Says its port, takes connections one after the other, and answers each with a word and what it has read.
LISTENING = """
import socket
with socket.create_server(({host!r}, 0)) as server:
    print(server.getsockname()[1], flush=True)
    while True:
        made, _ = server.accept()
        with made:
            made.sendall(b"heard " + made.recv(100))
"""
PLACES = ["process", *Network]


@pytest.fixture(params=PLACES)
def network(request: pytest.FixtureRequest) -> Iterator[Network]:
    """Each network of bubblewrap; and for a plain process, which has the host's."""
    watch.isolate(request.param != "process")
    yield Network.HOST if request.param == "process" else request.param
    watch.isolate(False)


async def asked(made: socket.socket, what: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(sock=made)
    writer.write(what)
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.bubblewrap
def test_the_server_reaches_what_listens_inside(tmp_path: Path, network: Network) -> None:
    async def main() -> None:
        async with watching(tmp_path, confinement=Confinement(512, 64, network=network)) as here:
            here.start(INTERPRETER, "-c", LISTENING.format(host="127.0.0.1"))
            port = int((await here.until(lambda history: b"\n" in history.output)).output)
            made = [await here.sandbox.connect(port) for _ in range(3)]
            assert [await asked(each, b"%d" % number) for number, each in enumerate(made)] == [
                b"heard 0",
                b"heard 1",
                b"heard 2",
            ]
            with pytest.raises(ConnectionRefusedError):
                await here.sandbox.connect(1)

    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    run(main())
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@pytest.mark.bubblewrap
def test_the_names_of_the_sandbox_lead_to_its_loopback(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path, confinement=Confinement(512, 64, network=Network.NONE)) as here:
            for name in ("sandbox", "sandbox.localdomain"):
                here.start(INTERPRETER, "-c", LISTENING.format(host=name), name=name)
                port = int((await here.until(lambda history: b"\n" in history.output, name)).output)
                assert await asked(await here.sandbox.connect(port), b"x") == b"heard x"

    watch.isolate(True)
    run(main())


@pytest.mark.bubblewrap
def test_nothing_is_reached_in_a_sandbox_that_has_ended(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path, confinement=Confinement(512, 64, network=Network.NONE)) as here:
            here.shell("echo ready; sleep 100")
            await here.says(b"ready")
        with pytest.raises(ConnectionRefusedError):
            await here.sandbox.connect(1)

    watch.isolate(True)
    run(main())


@pytest.mark.bubblewrap
def test_who_waits_for_a_socket_hears_that_the_sandbox_has_ended(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path, confinement=Confinement(512, 64, network=Network.NONE)) as here:
            waiting = asyncio.ensure_future(here.sandbox.connect(1))
            await asyncio.sleep(0)
        with pytest.raises(ConnectionRefusedError):
            await waiting

    watch.isolate(True)
    run(main())


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_here_either_address_of_localhost_will_do(family: socket.AddressFamily, host: str) -> None:
    async def main() -> None:
        with socket.create_server((host, 0), family=family) as server:
            made = await connect_here(server.getsockname()[1])
            made.close()

    run(main())
