"""Our Python bootstrap under real servers: bootjack's and AWS's emulator."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest

from runtime_api.engine.python_handlers import BOOTSTRAP
from tests import peers
from tests.e2e.running import PYTHON, SECONDS, Serve, bare_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.both_sandboxes

HANDLER = """
import asyncio

async def waited(event):
    await asyncio.sleep(0.001)
    return {"waited": event}

def pieces(event):
    for number in range(event["pieces"]):
        yield "%d " % number

def handler(event, context):
    if isinstance(event, str):
        return event
    if "wait" in event:
        return waited(event)
    if "pieces" in event:
        return pieces(event)
    if "fail" in event:
        raise ValueError(event["fail"])
    return {"event": event, "id": context.aws_request_id, "left": context.get_remaining_time_in_millis() > 0}
"""


class Invoker(NamedTuple):
    """Invokes a function by its name, at a port."""

    port: int
    name: str

    def __call__(self, payload: bytes) -> bytes:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)) as caller:
            caller.request("POST", f"/2015-03-31/functions/{self.name}/invocations", payload)
            return caller.getresponse().read()


@pytest.fixture(scope="module", params=["bootjack", pytest.param("RIE", marks=pytest.mark.slow)])
def invoke(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Invoker]:
    folder = tmp_path_factory.mktemp("function")
    (folder / "app.py").write_text(HANDLER)
    if request.param == "bootjack":
        with Serve("app.handler", "--timeout", "30", cwd=folder) as served:
            yield Invoker(served.port, "app")
    else:
        with _rie(folder) as port:
            yield Invoker(port, "function")


@contextlib.contextmanager
def _rie(folder: Path) -> Iterator[int]:
    ports = _free_ports()
    flags = [
        f"--runtime-interface-emulator-address=127.0.0.1:{ports[0]}",
        f"--runtime-api-address=127.0.0.1:{ports[1]}",
    ]
    command = [str(peers.rie()), *flags, PYTHON, str(BOOTSTRAP), "app.handler"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=bare_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(ports[0])
        yield ports[0]
    finally:
        # RIE ends its runtime, which has a process group of its own, only after a SIGTERM.
        process.send_signal(signal.SIGTERM)
        process.wait(SECONDS)


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


def _wait_for(port: int) -> None:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        os.sched_yield()
    raise AssertionError(f"nothing listens on {port}")


def test_a_plain_handler(invoke: Invoker) -> None:
    answers = [json.loads(invoke(b'{"number": 1.50, "text": "\xc3\xa9"}')) for _ in range(3)]
    assert [answer["event"] for answer in answers] == [{"number": 1.5, "text": "é"}] * 3
    assert all(answer["left"] for answer in answers)
    assert len({answer["id"] for answer in answers}) == 3


def test_an_async_handler(invoke: Invoker) -> None:
    assert json.loads(invoke(b'{"wait": 1}')) == {"waited": {"wait": 1}}


def test_a_streamed_response_is_joined(invoke: Invoker) -> None:
    assert invoke(b'{"pieces": 4}') == b"0 1 2 3 "
    assert invoke(b'{"pieces": 0}') == b""


def test_an_error_and_the_next_event(invoke: Invoker) -> None:
    document = json.loads(invoke(b'{"fail": "on purpose"}'))
    assert (document["errorType"], document["errorMessage"]) == ("ValueError", "on purpose")
    assert "app.py" in document["stackTrace"][-1]
    assert json.loads(invoke(b"{}"))["event"] == {}


def test_6_mb_there_and_back(invoke: Invoker) -> None:
    text = json.dumps("ä" * 3_000_000, ensure_ascii=False).encode()
    assert invoke(text) == text
