"""How `bootjack serve` ends: running invocations get time to finish, and nothing is left."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.commands.functions import write_bootstrap
from tests.e2e.gates import Gate, Held
from tests.e2e.running import Serve

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.both_sandboxes]

SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture
def code(tmp_path: Path) -> Path:
    return write_bootstrap(tmp_path / "code")


def listens(server: Serve) -> bool:
    """Tell whether the server still accepts connections."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)) as connection:
        try:
            connection.connect()
        except (ConnectionRefusedError, ConnectionResetError):
            return False
        return True


@pytest.mark.parametrize("number", SIGNALS)
def test_a_running_invocation_finishes_and_new_ones_are_refused(code: Path, tmp_path: Path, number: int) -> None:
    with Serve(code, "-t", "20") as server, server.connection() as connection:
        connection.request("POST", server.path(), b"1")
        assert connection.getresponse().read() == b"1"
        held = Held(server, Gate())
        server.process.send_signal(number)
        for _ in range(10_000):
            if not listens(server):
                break
        connection.request("POST", server.path(), b"2")
        refused = connection.getresponse()
        assert refused.status == 500
        assert json.loads(refused.read())["Message"] == "The service is being shut down"
        assert held.release().body == b"waited"
        assert server.ended() == 0


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_ends_at_once(code: Path, tmp_path: Path, number: int) -> None:
    with Serve(code, "-t", "20") as server:
        held = Held(server, Gate())
        server.process.send_signal(number)
        for _ in range(10_000):
            if not listens(server):
                break
        server.wait_for("bootjack: waiting for 1 invocation; press Ctrl-C again to stop")
        assert server.stop(number) == 128 + number
        held.drop()
        assert json.loads(held.reply().body)["errorType"] == "Sandbox.Failure"


def test_an_invocation_that_outlasts_the_grace_period_is_answered(code: Path, tmp_path: Path) -> None:
    with Serve(code, "-t", "60") as server:
        held = Held(server, Gate())
        assert server.stop() == 0
        held.drop()
        reply = held.reply()
    assert reply.headers["x-amz-function-error"] == "Unhandled"
    assert json.loads(reply.body)["errorType"] == "Sandbox.Failure"


def test_an_idle_server_ends_at_once_and_ends_processes_left_by_functions(code: Path) -> None:
    with Serve(code) as server:
        server.invoke(b'{"do": "leave", "session": true}')
        assert server.stop() == 0
