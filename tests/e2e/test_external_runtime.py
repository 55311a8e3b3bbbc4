"""`serve --only-lambda-apis`: the bootstrap is started by hand, may take its time, and may come and go."""

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


class ByHand:
    """Somebody who starts bootstraps with what the server says to export."""

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
def hand(server: Serve, tmp_path: Path) -> Iterator[ByHand]:
    hand = ByHand(server, tmp_path)
    yield hand
    hand.end()


class Asked(threading.Thread):
    """An invocation that waits for a bootstrap."""

    def __init__(self, server: Serve, payload: bytes) -> None:
        super().__init__(daemon=True)
        self._server, self._payload = server, payload
        self._reply: Reply | None = None
        self.start()

    def run(self) -> None:
        self._reply = self._server.invoke(self._payload)

    def reply(self) -> Reply:
        self.join(SECONDS)
        assert self._reply is not None, "it was not answered"
        return self._reply


def call(connection: http.client.HTTPConnection, method: str, path: str, body: bytes = b"") -> Mapping[str, str]:
    """A call of the Runtime API; gives the headers of its answer."""
    connection.request(method, f"/2018-06-01/runtime/{path}", body)
    answer = connection.getresponse()
    answer.read()
    assert answer.status in (200, 202), answer.status
    return dict(answer.getheaders())


def test_a_bootstrap_is_waited_for_and_told_all_it_needs(server: Serve, hand: ByHand) -> None:
    asked = Asked(server, b'{"do": "variables", "names": ["AWS_LAMBDA_FUNCTION_NAME", "MINE", "_HANDLER"]}')
    hand.start()
    assert json.loads(asked.reply().body) == {
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "MINE": "my value",
        "_HANDLER": "function.handler",
    }


def test_no_deadline_ends_it_and_its_output_is_its_own(server: Serve, hand: ByHand, tmp_path: Path) -> None:
    process = hand.start()
    server.invoke(b'{"do": "write", "text": "seen by nobody\\n"}')
    held = Held(server, Gate())
    threading.Event().wait(0.2)  # four times the function's timeout
    assert held.release().body == b"waited"
    assert process.poll() is None
    assert "seen by nobody" not in server.log()
    assert "Task timed out" not in server.log()


def test_one_that_is_started_anew_in_mid_invocation_gets_the_event_again(
    server: Serve, hand: ByHand, tmp_path: Path
) -> None:
    first, gate = hand.start(), Gate()
    held = Held(server, gate)
    first.kill()
    first.wait()
    hand.start()
    held.drop()
    os.close(gate.wait())  # the second one has come as far
    assert held.reply().body == b"waited"


def test_one_that_is_started_anew_while_nothing_happens(server: Serve, hand: ByHand) -> None:
    for number in (b"1", b"2", b"3"):
        process = hand.start()
        assert server.invoke(number).body == number
        process.kill()
        process.wait()


def test_one_that_fails_in_its_init_may_be_mended_and_started_again(server: Serve, hand: ByHand) -> None:
    with hand.connection() as connection:
        call(connection, "POST", "init/error", b'{"errorMessage": "m", "errorType": "t"}')
    hand.start()
    assert server.invoke(b"1").body == b"1"


def test_one_that_dies_in_mid_answer(server: Serve, hand: ByHand) -> None:
    asked = Asked(server, b"1")
    with hand.connection() as connection:
        request_id = call(connection, "GET", "invocation/next")["Lambda-Runtime-Aws-Request-Id"]
        connection.putrequest("POST", f"/2018-06-01/runtime/invocation/{request_id}/response")
        connection.putheader("Content-Length", "10")
        connection.endheaders(b"half")
    assert json.loads(asked.reply().body)["errorType"] == "Runtime.TruncatedResponse"
    hand.start()
    assert server.invoke(b"2").body == b"2"


@pytest.mark.slow
def test_awslambdaric_by_hand(server: Serve, hand: ByHand, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return [event, context.function_name]\n")
    hand.start(sys.executable, "-m", "awslambdaric", "app.handler")
    assert json.loads(server.invoke(b'{"a": 1}').body) == [{"a": 1}, "function"]


def test_several_callers_wait_their_turn(server: Serve, hand: ByHand) -> None:
    asked = [Asked(server, str(number).encode()) for number in range(8)]
    hand.start()
    assert [each.reply().body for each in asked] == [str(number).encode() for number in range(8)]


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
def test_what_cannot_be_meant(arguments: tuple[str, ...], named: str) -> None:
    ended = bootjack("serve", "--only-lambda-apis", "--port", "0", *arguments)
    assert ended.code == 2
    assert named in ended.message
