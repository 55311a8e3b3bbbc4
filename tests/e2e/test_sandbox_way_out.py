"""The way out of a function's network: when it cannot be made, how long it lasts, and what is left of it."""

from __future__ import annotations

import os
import re
import resource
import signal
import socket
import subprocess
from functools import partial
from pathlib import Path

import pytest

from runtime_api.sandbox.processes.memory import tree
from tests.e2e.clients import invoke
from tests.e2e.inside import exists, until
from tests.e2e.networks import (
    HELPERS,
    IN_BUBBLEWRAP,
    UNREACHABLE,
    connected_serve,
    helpers,
    name_of,
    path_with,
)
from tests.e2e.running import RUNTIMES, bootjack

pytestmark = [pytest.mark.slow, pytest.mark.bubblewrap]


@pytest.fixture
def only(tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    """A PATH that has these programs and bubblewrap."""
    return path_with(tmp_path, request.param)


# -- when there is no way out


def test_one_line_of_the_log_says_what_to_install(tmp_path: Path) -> None:
    options = ("a=greedy.handler", "b=greedy.handler", "--concurrency", "2")
    with connected_serve(*options, env=path_with(tmp_path)) as (serve, client):
        for name in ("a", "b"):
            assert invoke(client, {"do": "connect", "to": [("192.0.2.77", 80)]}, name).document == ["ENETUNREACH"]
        (line,) = [line for line in serve.log().splitlines() if "slirp4netns" in line]
        assert line.startswith(UNREACHABLE)
        assert "apt-get install slirp4netns" in line


def test_no_line_says_so_if_nobody_asks_for_a_way_out(tmp_path: Path) -> None:
    env = path_with(tmp_path)
    for network in ("none", "host"):
        ended = bootjack("invoke", *IN_BUBBLEWRAP, "--network", network, "greedy.handler", cwd=RUNTIMES, env=env)
        assert (ended.code, "slirp4netns" in ended.err) == (0, False), ended


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo cannot do that >&2; exit 3", "slirp4netns has ended with code 3 (cannot do that)"),
        ("exec sleep 60", "slirp4netns is not ready within 3 s"),
    ],
)
def test_a_program_that_does_not_work_is_reported_once_and_costs_no_invocation(
    tmp_path: Path, script: str, reason: str
) -> None:
    env = path_with(tmp_path)
    program = tmp_path / "bin" / "slirp4netns"
    program.write_text(f"#!/bin/sh\nPATH={os.environ['PATH']}\n{script}\n")
    program.chmod(0o755)
    with connected_serve("a=greedy.handler", "b=greedy.handler", env=env) as (serve, client):
        for name in ("a", "b"):
            assert invoke(client, {"do": "connect", "to": [("192.0.2.77", 80)]}, name).document == ["ENETUNREACH"]
        assert serve.log().count(f"functions reach nothing outside their sandboxes, since {reason}") == 1
        assert not helpers(serve.process.pid)


def test_a_program_that_ends_is_reported_and_the_function_goes_on() -> None:
    with connected_serve() as (serve, client):
        assert invoke(client, {"a": 1}).document == {"a": 1}
        (helper,) = helpers(serve.process.pid)
        os.kill(helper, signal.SIGSEGV)
        serve.wait_for(
            r"bootjack: an execution environment reaches nothing outside its sandbox any more, since slirp4netns was "
            r"killed by signal 11"
        )
        assert invoke(client, {"do": "connect", "to": [("192.0.2.77", 80)]}).document == ["ENETUNREACH"]


@pytest.mark.parametrize("only", HELPERS, indirect=True)
def test_what_a_function_can_make_its_way_out_take_is_bounded(only: dict[str, str]) -> None:
    """Its connections, each with its buffers; and if the machine runs out of memory, it goes before the server."""
    with connected_serve(env=only) as (serve, client):
        assert invoke(client, {"a": 1}).document == {"a": 1}
        (helper,) = helpers(serve.process.pid)
        assert resource.prlimit(helper, resource.RLIMIT_NOFILE) == (1024, 1024)
        assert Path(f"/proc/{helper}/oom_score_adj").read_text() == "1000\n"
        assert re.search(r"^Seccomp:\t2$", Path(f"/proc/{helper}/status").read_text(), re.MULTILINE)


# -- how it ends


def test_it_lasts_over_a_timeout() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        connected_serve("--allow-loopback", str(server.getsockname()[1]), "-t", "1") as (serve, client),
    ):
        to = [("127.0.0.1", server.getsockname()[1]), ("127.0.0.1", 9001)]
        for _ in range(3):
            assert invoke(client, {"do": "connect", "to": to}).document == ["reached", "reached"]
            assert "timed out" in invoke(client, {"do": "hang", "text": ""}).document["errorMessage"]
            assert len(helpers(serve.process.pid)) == 1


def test_a_sandbox_that_is_killed_and_built_again_has_it_again() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        connected_serve("--allow-loopback", str(server.getsockname()[1])) as (serve, client),
    ):
        for number in range(3):
            while invoke(client, {"a": number}).error:  # the first one may come before the end is noticed
                pass
            to = [server.getsockname(), ("10.0.2.2", 1)]  # the second is refused by the way out itself
            assert invoke(client, {"do": "connect", "to": to}).document == ["reached", "ENETUNREACH"]
            (helper,) = helpers(serve.process.pid)
            os.kill(next(pid for pid in tree(serve.process.pid) if name_of(pid) == "bwrap"), signal.SIGKILL)
            until(partial(_has_ended, helper), "its way out ends with it")
    assert not helpers(serve.process.pid)


@pytest.mark.parametrize("only", HELPERS, indirect=True)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_of_it_survives_the_server(only: dict[str, str], number: int) -> None:
    options = ("a=greedy.handler", "b=greedy.handler")
    with connected_serve(*options, env=only) as (serve, client):
        for name in ("a", "b"):
            assert invoke(client, {"a": 1}, name).document == {"a": 1}
        began = tree(serve.process.pid)
        assert len(helpers(serve.process.pid)) == 2
        serve.process.send_signal(number)
        until(lambda: not any(exists(pid) for pid in began), "everything ends")
        serve.ended()


def test_a_function_that_connects_at_once_finds_its_network(tmp_path: Path) -> None:
    """By a compiled program that is there a moment after its start, and with a way out that takes long to make."""
    source = tmp_path / "first.c"
    source.write_text(FIRST)
    subprocess.run(["gcc", "-o", tmp_path / "bootstrap", source], check=True)
    env = path_with(tmp_path)
    slow = tmp_path / "bin" / "slirp4netns"
    slow.write_text(f'#!/bin/sh\nPATH={os.environ["PATH"]}\nsleep 0.5; exec slirp4netns "$@"\n')
    slow.chmod(0o755)
    ended = bootjack("invoke", *IN_BUBBLEWRAP, tmp_path, env=env)
    assert b"exit status 42" in ended.out, ended


FIRST = """
#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

int main(void) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    inet_pton(AF_INET, "10.0.2.2", &to.sin_addr);
    int connection = socket(AF_INET, SOCK_DGRAM, 0);
    return connect(connection, (struct sockaddr *)&to, sizeof to) ? errno : 42;
}
"""


def _has_ended(pid: int) -> bool:
    return not exists(pid)
