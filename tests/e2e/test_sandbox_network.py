"""What a function reaches: of this machine, of other functions, and of the outside."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.clients import invoke
from tests.e2e.networks import (
    HELPERS,
    IN_BUBBLEWRAP,
    ask_in_world,
    connected_serve,
    in_world,
    path_with,
)
from tests.e2e.running import PYTHON, RUNTIMES
from tests.e2e.world import HERE, HIDDEN, OPEN

if TYPE_CHECKING:
    from tests.e2e.ordinary import User

pytestmark = [pytest.mark.slow, pytest.mark.bubblewrap]


@pytest.fixture
def only(tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    """A PATH that has these programs and bubblewrap."""
    return path_with(tmp_path, request.param)


# -- the host, and other functions


def test_a_function_reaches_neither_the_host_nor_another_function() -> None:
    name = f"tests-{Path(PYTHON).stat().st_ino}-{os.getpid()}"
    with (
        socket.socket(socket.AF_UNIX) as unix,
        socket.create_server(("127.0.0.1", 0)) as hidden,
        connected_serve("a=greedy.handler", "b=greedy.handler") as (serve, client),
    ):
        unix.bind("\0" + name)
        unix.listen()
        assert invoke(client, {"do": "look"}, "b").document["api"] == "127.0.0.1:9001"
        ports = listening(invoke(client, {"do": "read", "path": "/proc/net/tcp"}, "a").document)
        assert ports == [9001]  # its own: b's is nowhere
        hosts = [("127.0.0.1", serve.port), hidden.getsockname(), ("10.0.2.2", serve.port), ("10.0.2.3", serve.port)]
        found = invoke(client, {"do": "connect", "to": [*hosts, name, ("127.0.0.1", 9001)]}, "a").document
        assert found == [*["ECONNREFUSED"] * 2, *["ENETUNREACH"] * 2, "ECONNREFUSED", "reached"]
        assert pending(hidden) == b""


def listening(table: str) -> list[int]:
    """The local ports of a /proc/net/tcp on which something listens (proc(5): state 0A)."""
    return [int(found[1], 16) for found in re.finditer(r"^ *\d+: \w+:(\w+) \w+:\w+ 0A ", table, re.MULTILINE)]


def pending(server: socket.socket) -> bytes:
    """Whether somebody has connected."""
    server.setblocking(False)
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return b""
    return b"connected"


# -- the outside


@pytest.mark.parametrize("only", HELPERS, indirect=True)
@pytest.mark.parametrize("resolver", ["127.0.0.1", "127.0.0.53", HERE])
def test_the_outside_is_reached_by_name_and_the_loopback_is_not(only: dict[str, str], resolver: str) -> None:
    hosts = ["any.example", "any", HERE, "127.0.0.1", "10.0.2.2", "10.0.2.3"]
    to = [(host, port) for host, port in zip(hosts, [*[OPEN] * 3, *[HIDDEN] * 3], strict=True)]
    said = ask_in_world(only, resolver, to)
    assert said[:3] == [f"port {OPEN}"] * 3
    assert not [answer for answer in said[3:] if answer.startswith("port")]


def test_the_hosts_network_is_shared_on_request(tmp_path: Path) -> None:
    said = ask_in_world(path_with(tmp_path), HERE, [(HERE, OPEN), ("127.0.0.1", HIDDEN)], "--network", "host")
    assert said == [f"port {OPEN}", f"port {HIDDEN}"]


@pytest.mark.parametrize("program", HELPERS)
def test_an_ordinary_users_functions_reach_the_outside_too(user: User, program: str) -> None:
    folder = user.home / "code"
    shutil.copytree(RUNTIMES, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (folder, *folder.iterdir()):
        os.chown(path, user.number, user.number)
    event = json.dumps({"do": "listen", "to": [("any.example", OPEN), ("127.0.0.1", HIDDEN), ("127.0.0.1", OPEN)]})
    variables = ["env", *(f"{name}={value}" for name, value in user.environment.items())]
    user = user._replace(
        command=(*user.command[:-1], "env", f"PATH={path_with(user.home, program)['PATH']}", user.command[-1])
    )
    options = (*IN_BUBBLEWRAP, "--allow-loopback", str(HIDDEN), "greedy.handler", "-e", event)
    ended = in_world("127.0.0.53", [*variables, *user.command, "invoke", *options], cwd=folder)
    assert json.loads(ended.out) == [f"port {OPEN}", f"port {HIDDEN}", "ECONNREFUSED"], ended
