"""`serve --only-lambda-apis`: external runtimes, which have no time limit and can be restarted."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.e2e.gates import Gate, Held
from tests.e2e.running import RAW, SECONDS, Serve, bare_environment, bootjack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.e2e.running import Reply

pytestmark = pytest.mark.slow


class ExternalRuntimes:
    """Starts bootstraps with the environment that the server prints."""

    def __init__(self, server: Serve, directory: Path) -> None:
        server.wait_for(r"export MINE='my value'\n")  # the last one
        self.exported = dict(re.findall(r"export (\w+)='?([^'\n]*)", server.log()))
        self._directory = directory
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            command or RAW,
            env=bare_environment(self.exported),
            cwd=self._directory,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._processes.append(process)
        return process

    def end(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def connection(self) -> closing[http.client.HTTPConnection]:
        """A connection to the Runtime API, for a bootstrap that misbehaves."""
        return closing(http.client.HTTPConnection(self.exported["AWS_LAMBDA_RUNTIME_API"], timeout=SECONDS))


@pytest.fixture
def server() -> Iterator[Serve]:
    with Serve("--only-lambda-apis", "--runtime-api-port", "0", "-t", "0.05", "--env-var", "MINE=my value") as server:
        yield server


@pytest.fixture
def runtimes(server: Serve, tmp_path: Path) -> Iterator[ExternalRuntimes]:
    runtimes = ExternalRuntimes(server, tmp_path)
    yield runtimes
    runtimes.end()


class Asked(threading.Thread):
    """An invocation in the background, which waits for a bootstrap."""

    def __init__(self, server: Serve, payload: bytes) -> None:
        super().__init__(daemon=True)
        self._server, self._payload = server, payload
        self._reply: Reply | None = None
        self.start()

    def run(self) -> None:
        self._reply = self._server.invoke(self._payload)

    def reply(self) -> Reply:
        self.join(SECONDS)
        assert self._reply is not None, "the invocation got no answer"
        return self._reply


def call(connection: http.client.HTTPConnection, method: str, path: str, body: bytes = b"") -> Mapping[str, str]:
    """Call the Runtime API and return the headers of the response."""
    connection.request(method, f"/2018-06-01/runtime/{path}", body)
    answer = connection.getresponse()
    answer.read()
    assert answer.status in (200, 202), answer.status
    return dict(answer.getheaders())


def test_the_server_waits_for_a_bootstrap_and_prints_all_it_needs(server: Serve, runtimes: ExternalRuntimes) -> None:
    asked = Asked(server, b'{"do": "variables", "names": ["AWS_LAMBDA_FUNCTION_NAME", "MINE", "_HANDLER"]}')
    runtimes.start()
    assert json.loads(asked.reply().body) == {
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "MINE": "my value",
        "_HANDLER": "function.handler",
    }


def test_it_has_no_time_limit_and_its_output_is_not_logged(server: Serve, runtimes: ExternalRuntimes) -> None:
    process = runtimes.start()
    server.invoke(b'{"do": "write", "text": "not logged\\n"}')
    held = Held(server, Gate())
    threading.Event().wait(0.2)  # four times the function's timeout
    assert held.release().body == b"waited"
    assert process.poll() is None
    assert "not logged" not in server.log()
    assert "Task timed out" not in server.log()


def test_one_restarted_during_an_invocation_gets_the_event_again(server: Serve, runtimes: ExternalRuntimes) -> None:
    first, gate = runtimes.start(), Gate()
    held = Held(server, gate)
    first.kill()
    first.wait()
    runtimes.start()
    held.drop()
    os.close(gate.wait())  # the second one has got the event, too
    assert held.reply().body == b"waited"


def test_one_can_be_restarted_while_idle(server: Serve, runtimes: ExternalRuntimes) -> None:
    for number in (b"1", b"2", b"3"):
        process = runtimes.start()
        assert server.invoke(number).body == number
        process.kill()
        process.wait()


def test_one_can_be_restarted_after_an_init_error(server: Serve, runtimes: ExternalRuntimes) -> None:
    with runtimes.connection() as connection:
        call(connection, "POST", "init/error", b'{"errorMessage": "m", "errorType": "t"}')
    runtimes.start()
    assert server.invoke(b"1").body == b"1"


def test_one_that_dies_while_it_responds(server: Serve, runtimes: ExternalRuntimes) -> None:
    asked = Asked(server, b"1")
    with runtimes.connection() as connection:
        request_id = call(connection, "GET", "invocation/next")["Lambda-Runtime-Aws-Request-Id"]
        connection.putrequest("POST", f"/2018-06-01/runtime/invocation/{request_id}/response")
        connection.putheader("Content-Length", "10")
        connection.endheaders(b"half")
    assert json.loads(asked.reply().body)["errorType"] == "Runtime.TruncatedResponse"
    runtimes.start()
    assert server.invoke(b"2").body == b"2"


def test_awslambdaric_as_an_external_runtime(server: Serve, runtimes: ExternalRuntimes, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return [event, context.function_name]\n")
    runtimes.start(sys.executable, "-m", "awslambdaric", "app.handler")
    assert json.loads(server.invoke(b'{"a": 1}').body) == [{"a": 1}, "function"]


def test_several_callers_are_served_in_turn(server: Serve, runtimes: ExternalRuntimes) -> None:
    asked = [Asked(server, str(number).encode()) for number in range(8)]
    runtimes.start()
    assert [each.reply().body for each in asked] == [str(number).encode() for number in range(8)]


def test_hosts_and_origins_can_be_let_in(tmp_path: Path) -> None:
    allowed = ("--allow-host", "api.example", "--allow-origin", "https://app.example")
    with Serve("--only-lambda-apis", "--runtime-api-port", "0", "--env-var", "MINE=my value", *allowed) as server:
        hand = ExternalRuntimes(server, tmp_path)
        with hand.connection() as connection:
            statuses = []
            for host in ("api.example:9001", "evil.example:9001"):
                connection.request("POST", "/2018-06-01/runtime/invocation/1/response", b"", {"Host": host})
                answer = connection.getresponse()
                answer.read()
                statuses.append(answer.status)
        assert statuses == [400, 403]
        hand.start()
        assert server.invoke(b"1", Host="api.example", Origin="https://app.example").body == b"1"
        assert server.invoke(b"1", Origin="https://evil.example").status == 403
        hand.end()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--layer", "x"), "starts no bootstrap"),
        (("one", "two"), "at most one NAME"),
        (("./path",), "is not a function name"),
        (("--watch",), "starts no bootstrap"),
        (("--", "true"), "starts no bootstrap"),
    ],
)
def test_contradicting_arguments_are_a_usage_error(arguments: tuple[str, ...], named: str) -> None:
    ended = bootjack("serve", "--only-lambda-apis", "--port", "0", *arguments)
    assert ended.code == 2
    assert named in ended.message
