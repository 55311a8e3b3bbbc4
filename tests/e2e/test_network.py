"""The network of a function: what it reaches of the outside, of this machine and of other functions, and its end."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime_api.sandbox.memory import tree
from tests.e2e.clients import connected, invoke
from tests.e2e.inside import exists, until
from tests.e2e.running import BOOTJACK, PYTHON, RUNTIMES, SECONDS, Ended, Serve, bootjack, end, start
from tests.e2e.world import HERE, HIDDEN, OPEN, inside_world

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

IN_BUBBLEWRAP = ("--sandbox", "bubblewrap", "-t", "20")
UNREACHABLE = "bootjack: functions reach nothing outside their sandboxes, since neither slirp4netns nor pasta"
HELPERS = ("slirp4netns", "pasta")


@contextmanager
def connected_serve(*options: str, **how: Any) -> Iterator[tuple[Serve, Any]]:
    """A server of the greedy handler, and a client."""
    options = (*options, "greedy.handler") if "greedy.handler" not in " ".join(options) else options
    with Serve(*IN_BUBBLEWRAP, *options, cwd=RUNTIMES, **how) as serve, connected(serve.url) as client:
        yield serve, client


@pytest.fixture
def only(tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    """A PATH that has these programs and bubblewrap."""
    return path_with(tmp_path, request.param)


def path_with(folder: Path, *programs: str) -> dict[str, str]:
    (folder / "bin").mkdir()
    for name in ("bwrap", *programs):
        found = shutil.which(name)
        assert found is not None, f"{name} is not installed"
        (folder / "bin" / name).symlink_to(found)
    return {"PATH": str(folder / "bin")}


def helpers(command: int) -> list[int]:
    """The processes that make a command's functions reach the outside."""
    return [pid for pid in tree(command) if _name(pid) in ("slirp4netns", "pasta", "passt", "passt.avx2", "pasta.avx2")]


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


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
        assert b"" == pending(hidden)


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


@pytest.mark.parametrize("network", [(), ("--network", "none")])
def test_without_a_way_out_named_ports_are_reached_all_the_same(tmp_path: Path, network: tuple[str, ...]) -> None:
    options = (*network, "--allow-loopback", str(HIDDEN))
    to = [("127.0.0.1", HIDDEN), ("localhost", HIDDEN), ("::1", HIDDEN), ("127.0.0.1", OPEN), (HERE, OPEN)]
    said = ask_in_world(path_with(tmp_path), HERE, to, *options)
    assert said == [*[f"port {HIDDEN}"] * 3, "ECONNREFUSED", "ENETUNREACH"]


def ask_in_world(env: dict[str, str], resolver: str, to: list[tuple[str, int]], *options: str) -> list[str]:
    """What a function hears at these addresses, on a machine with a network of its own."""
    event = json.dumps({"do": "listen", "to": to})
    command = ["env", f"PATH={env['PATH']}", BOOTJACK, "invoke", *IN_BUBBLEWRAP, *options]
    ended = in_world(resolver, [*command, "greedy.handler", "-e", event])
    assert ended.code == 0, ended
    said: list[str] = json.loads(ended.out)
    return said


def in_world(resolver: str, command: list[str], **how: Any) -> Ended:
    whole = inside_world(resolver, command)
    return end(start(*whole[1:], command=(whole[0],), **{"cwd": RUNTIMES, **how}))
