"""Loopback ports of this machine that a function reaches."""

from __future__ import annotations

import json
import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.networks import (
    IN_BUBBLEWRAP,
    ask_in_world,
    path_with,
)
from tests.e2e.running import RUNTIMES, bootjack
from tests.e2e.world import HERE, HIDDEN, OPEN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.bubblewrap]


@pytest.mark.parametrize("network", [(), ("--network", "none")])
def test_without_a_way_out_named_ports_are_reached_all_the_same(tmp_path: Path, network: tuple[str, ...]) -> None:
    options = (*network, "--allow-loopback", str(HIDDEN))
    to = [("127.0.0.1", HIDDEN), ("localhost", HIDDEN), ("::1", HIDDEN), ("127.0.0.1", OPEN), (HERE, OPEN)]
    said = ask_in_world(path_with(tmp_path), HERE, to, *options)
    assert said == [*[f"port {HIDDEN}"] * 3, "ECONNREFUSED", "ENETUNREACH"]


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
