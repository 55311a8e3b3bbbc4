"""`bootjack functions`: what a server has, without the aws CLI."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.commands.functions import write_bootstrap
from tests.e2e.clients import connected
from tests.e2e.packages import package
from tests.e2e.running import Ended, Serve, bootjack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

ROLE = "arn:aws:iam::123456789012:role/r"
KEYS = {"AWS_ACCESS_KEY_ID": "KEY", "AWS_SECRET_ACCESS_KEY": "secret"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    with Serve(f"local={write_bootstrap(tmp_path_factory.mktemp('code'))}") as server:
        yield server


def create(server: Serve, *names: str, region: str = "us-east-1") -> None:
    with connected(server.url, region=region) as client:
        for name in names:
            client.create_function(
                FunctionName=name,
                Runtime="provided.al2023",
                Handler="h\x1b[2J",
                Role=ROLE,
                Code={"ZipFile": package({"bootstrap": ""})},
                MemorySize=256,
                Environment={"Variables": {"PASSWORD": "hidden"}},
                Tags={"team": "blue"},
            )


def functions(server: Serve, *arguments: str, **environment: str) -> Ended:
    return bootjack("functions", *arguments, "--endpoint", server.url, env=environment)


def test_functions_are_listed_as_a_table_and_as_json(server: Serve) -> None:
    names = [f"f{number:02}" for number in range(60)]  # more than a page
    create(server, *names)
    ended = functions(server, "list")
    assert (ended.code, ended.err) == (0, "")
    head, *rows = ended.out.decode().splitlines()
    assert head.split() == ["NAME", "RUNTIME", "HANDLER", "MEMORY", "TIMEOUT", "MODIFIED"]
    assert [row.split()[0] for row in rows] == [*names, "local"]
    assert "\x1b" not in ended.out.decode()
    listed = json.loads(functions(server, "list", "--json").out)
    assert [each["FunctionName"] for each in listed] == [row.split()[0] for row in rows]
    assert functions(server, "remove", *names).code == 0
    assert functions(server, "list").out.decode().splitlines()[1].split()[0] == "local"


def test_a_function_is_shown_without_the_values_of_its_variables_and_removed(server: Serve) -> None:
    create(server, "one")
    shown = functions(server, "show", "one").out.decode()
    lines = dict(line.split(maxsplit=1) for line in shown.splitlines())
    assert lines["ARN"] == "arn:aws:lambda:us-east-1:123456789012:function:one"
    assert (lines["Memory"], lines["Variables"], lines["Tags"]) == ("256 MB", "PASSWORD", "team=blue")
    assert "hidden" not in shown
    document = json.loads(functions(server, "show", "one", "--json").out)
    assert document["Configuration"]["Environment"]["Variables"] == {"PASSWORD": "hidden"}
    assert functions(server, "remove", lines["ARN"]).out == f"removed {lines['ARN']}\n".encode()
    gone = functions(server, "show", "one")
    assert (gone.code, gone.out) == (1, b"")
    assert "Function not found" in gone.err


def test_the_account_and_region_are_those_that_the_aws_cli_would_take(server: Serve) -> None:
    create(server, "paris", region="eu-west-3")
    assert "paris" not in functions(server, "list").out.decode()
    for arguments, environment in (
        (("--region", "eu-west-3"), {}),
        ((), {"AWS_DEFAULT_REGION": "eu-west-3"}),
        ((), {"AWS_REGION": "eu-west-3", "AWS_DEFAULT_REGION": "us-east-1", **KEYS}),
    ):
        assert "paris" in functions(server, "list", *arguments, **environment).out.decode()
    assert functions(server, "remove", "paris", "--region", "eu-west-3").code == 0


def test_the_environment_names_the_server_and_the_key(tmp_path: Path) -> None:
    code = write_bootstrap(tmp_path / "code")
    with Serve("--verify-signatures", f"local={code}", env=KEYS) as server:
        place = {"AWS_ENDPOINT_URL_LAMBDA": server.url}
        assert b"local" in bootjack("functions", "list", env={**place, **KEYS}).out
        assert bootjack("functions", "show", "local:$LATEST", env={**place, **KEYS}).code == 0
        refused = bootjack("functions", "list", env=place)
        assert (refused.code, refused.err) == (1, "bootjack: Missing Authentication Token\n")


@pytest.mark.parametrize("verb", [("list",), ("show", "f"), ("remove", "f")])
def test_an_address_where_nothing_answers_is_named(verb: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    ended = bootjack("functions", *verb, env={"AWS_ENDPOINT_URL_LAMBDA": url})
    assert ended.code == 2
    assert url in ended.message


class Stranger(BaseHTTPRequestHandler):
    """Answers everything, with something else."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_server_of_another_kind_is_named() -> None:
    with HTTPServer(("127.0.0.1", 0), Stranger) as stranger:
        thread = threading.Thread(target=stranger.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{stranger.server_port}"
        ended = bootjack("functions", "list", "--endpoint", url)
        stranger.shutdown()
        thread.join()
    assert ended.code == 2
    assert f"{url} is not a Lambda service" in ended.message.replace("\n", " ")


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1", "nonsense", "http://", "http://127.0.0.1:99999"])
def test_what_is_no_address_is_a_usage_error(url: str) -> None:
    ended = bootjack("functions", "list", "--endpoint", url)
    assert ended.code == 2
    assert "give http://HOST:PORT" in ended.message.replace("\n", " ")
