"""The benchmarks measure the server that they have started, and none that has taken its port meanwhile."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks import launching
from benchmarks.errors import Unmeasured
from benchmarks.launching import Launch, Server
from benchmarks.tools import Tools

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LISTENER = "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep(60)"


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return Tools(tmp_path, *(tmp_path / name for name in ("echo", "load", "feeder", "slow_clock")))


@pytest.fixture
def others() -> Iterator[list[socket.socket]]:
    """Listeners of another program."""
    taken: list[socket.socket] = []
    yield taken
    for each in taken:
        each.close()


def test_a_server_is_ready_when_it_listens_itself(tools: Tools) -> None:
    def listen(tools: Tools, port: int, _runtime_port: int) -> Launch:
        return Launch([sys.executable, "-I", "-S", "-c", LISTENER, str(port)], tools.scratch)

    with launching.running(Server("listener", listen), tools) as running:
        socket.create_connection(("127.0.0.1", running.port)).close()


def test_another_program_on_its_port_is_no_server(tools: Tools, others: list[socket.socket]) -> None:
    def come_too_late(tools: Tools, port: int, _runtime_port: int) -> Launch:
        others.append(socket.create_server(("127.0.0.1", port)))
        return Launch(["sleep", "60"], tools.scratch)

    late = launching.running(Server("late", come_too_late), tools)
    with pytest.raises(Unmeasured, match="another program has taken port"), late:
        pass


def test_a_port_is_none_that_the_kernel_gives_to_others(tools: Tools) -> None:
    first, last = map(int, launching.LOCAL_PORTS.read_text().split())

    def note(tools: Tools, port: int, runtime_port: int) -> Launch:
        assert not first <= port <= last
        assert not first <= runtime_port <= last
        return Launch([sys.executable, "-I", "-S", "-c", LISTENER, str(port)], tools.scratch)

    with launching.running(Server("noted", note), tools):
        pass
