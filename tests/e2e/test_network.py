"""The network of a function: what it reaches of the outside, of this machine and of other functions, and its end."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime_api.sandbox.memory import tree
from tests.e2e.clients import connected, invoke
from tests.e2e.inside import exists, until
from tests.e2e.ordinary import User, ordinary_user
from tests.e2e.running import BOOTJACK, PYTHON, RUNTIMES, Ended, Serve, bootjack, end, start
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


@pytest.fixture
def user() -> Iterator[User]:
    """An ordinary user, with a folder of their own."""
    folder = Path(tempfile.mkdtemp(prefix="bootjack-", dir="/tmp"))
    folder.chmod(0o755)
    home = folder / "home"
    home.mkdir()
    try:
        yield ordinary_user(home)
    finally:
        shutil.rmtree(folder)


def path_with(folder: Path, *programs: str) -> dict[str, str]:
    (folder / "bin").mkdir()
    for name in ("bwrap", "nsenter", *programs):
        found = shutil.which(name)
        assert found is not None, f"{name} is not installed"
        (folder / "bin" / name).symlink_to(found)
    return {"PATH": str(folder / "bin")}


def helpers(command: int) -> list[int]:
    """The processes that make a command's functions reach the outside."""
    return [pid for pid in tree(command) if _name(pid).partition(".")[0] in ("slirp4netns", "pasta", "passt")]


def _has_ended(pid: int) -> bool:
    return not exists(pid)


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
        ("exec sleep 60", "slirp4netns is not ready within 5 s"),
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


# -- loopback ports


class Store(BaseHTTPRequestHandler):
    """As much of S3 as a client needs to read an object."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def store() -> Iterator[int]:
    """The port of a server of objects."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Store) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


S3 = """
import boto3
from botocore.config import Config

def handler(event, context):
    with_paths = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
    return boto3.client("s3", config=with_paths).get_object(Bucket="b", Key="k")["Body"].read().decode()
"""


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_aws_services_of_this_machine_are_reached_where_their_variables_say(
    tmp_path: Path, store: int, name: str
) -> None:
    (tmp_path / "app.py").write_text(S3)
    variable = f"{name}=http://localhost:{store}"
    ended = bootjack("invoke", *IN_BUBBLEWRAP, "-m", "512", "app.handler", "--env-var", variable, cwd=tmp_path)
    assert (ended.code, ended.out) == (0, b'"hello"'), ended


def test_a_port_of_root_is_forwarded(tmp_path: Path) -> None:
    """As an unprivileged user's sandbox cannot listen there, that is said."""
    ended = bootjack("invoke", *IN_BUBBLEWRAP, "--allow-loopback", "80", "greedy.handler", cwd=RUNTIMES)
    if os.geteuid() == 0:
        assert ended.code == 0, ended
    else:
        assert "port 80 of this machine cannot be forwarded to it: only root" in ended.err


def test_a_refused_port_is_reset() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # nobody else gets it, and nobody listens
        port = reserved.getsockname()[1]
        event = json.dumps({"do": "listen", "to": [("127.0.0.1", port)]})
        options = ("--allow-loopback", str(port), "greedy.handler", "-e", event)
        ended = bootjack("invoke", *IN_BUBBLEWRAP, *options, cwd=RUNTIMES)
        assert json.loads(ended.out) == ["ECONNRESET"], ended


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--allow-loopback", "9001"), "port 9001, where a function has its Runtime API: let that server listen on"),
        (("--allow-loopback", "0"), "0 is out of range; give 1 to 65535"),
        (("--allow-loopback", "65536"), "65536 is out of range; give 1 to 65535"),
        (("--allow-loopback", "http"), "'http' is not a whole number"),
        (("--network", "mine"), "'mine' is not one of 'own', 'host', 'none'"),
        (
            ("--env-var", "AWS_ENDPOINT_URL_SQS=http://localhost:9001"),
            "AWS_ENDPOINT_URL_SQS names port 9001, where a function has its Runtime API",
        ),
    ],
)
@pytest.mark.parametrize("verb", ["invoke", "serve"])
def test_a_port_that_cannot_be_forwarded_is_a_usage_error(verb: str, options: tuple[str, str], message: str) -> None:
    ended = bootjack(verb, *IN_BUBBLEWRAP, *options, "greedy.handler", cwd=RUNTIMES)
    assert (ended.code, ended.out) == (2, b"")
    assert message in ended.message


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
            os.kill(next(pid for pid in tree(serve.process.pid) if _name(pid) == "bwrap"), signal.SIGKILL)
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
