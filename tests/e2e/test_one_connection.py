"""boto3 uses one connection for all its requests: Invoke, and everything else."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.commands.functions import write_bootstrap
from tests.e2e.clients import connected, invoke
from tests.e2e.running import Serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

LIMIT = 6_291_556


class Relay:
    """Forwards connections and counts them."""

    def __init__(self, port: int) -> None:
        self.taken = 0
        self._to = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(20)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self.taken += 1
                far = socket.create_connection(self._to)
                self._threads += [
                    threading.Thread(target=self._pass, args=(near, far, True)),
                    threading.Thread(target=self._pass, args=(far, near, False)),
                ]
                for thread in self._threads[-2:]:
                    thread.start()

    def _pass(self, source: socket.socket, target: socket.socket, owner: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 18):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        if owner:
            self._threads[self._threads.index(threading.current_thread()) + 1].join(20)
            source.close()
            target.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Serve]:
    with Serve(write_bootstrap(tmp_path / "code"), "-t", "20") as server:
        yield server


def event() -> bytes:
    """Return an event of the largest size allowed."""
    return b'"%b"' % random.Random(6).randbytes((LIMIT - 2) // 2).hex().encode()


def refused(call: Any, code: str, **parameters: Any) -> None:
    try:
        call(**parameters)
    except ClientError as error:
        response = error.response  # not the exception, which keeps the connection open
    else:
        raise AssertionError("the operation succeeds")
    assert response["Error"]["Code"] == code


def create(client: Any, size: int = LIMIT) -> None:
    """Send a request whose body is larger than any event."""
    refused(
        client.create_function,
        "InvalidParameterValueException",  # this is no archive
        FunctionName="new",
        Role="arn:aws:iam::123456789012:role/any",
        Code={"ZipFile": bytes(size)},
        Runtime="provided.al2023",
        Handler="f.g",
    )


def get(client: Any) -> None:
    assert len(client.list_functions()["Functions"]) == 1


def run(client: Any) -> None:
    assert invoke(client, event()).payload == event()


@pytest.mark.parametrize("order", [(create, run, get, run), (run, create, run, get, run), (run, get, create, run)])
def test_create_invoke_get_invoke_of_6_mb(server: Serve, order: tuple[Any, ...]) -> None:
    relay = Relay(server.port)
    try:
        with connected(relay.url) as client:
            for step in order:
                step(client)
    finally:
        relay.close()
    assert relay.taken == 1


def test_an_upload_of_40_mb_is_read_to_the_end(server: Serve) -> None:
    with connected(server.url) as client:
        create(client, 40_000_000)
        run(client)


def test_invoke_answers_the_same_behind_another_request(server: Serve) -> None:
    events: list[tuple[bytes, dict[str, str]]] = [
        (b'{"a": 1}', {}),
        (b'{"do": "fail", "message": "m"}', {}),
        (b'{"do": "write", "text": "logged\\n"}', {"X-Amz-Log-Type": "Tail"}),
        (b"{}", {"X-Amz-Invocation-Type": "Event"}),
        (b"{}", {"X-Amz-Invocation-Type": "DryRun"}),
        (b"{}", {"X-Amz-Invocation-Type": "Other"}),
        (b"{}", {"X-Amz-Client-Context": "{}"}),
        (b"{", {}),
        (b'"%b"' % (b"x" * LIMIT), {}),
        (b"{}", {"Host": "elsewhere.example"}),
        (b"{}", {"Origin": "https://elsewhere.example"}),
    ]
    assert [ask(server, False, *each) for each in events] == [ask(server, True, *each) for each in events]


def ask(server: Serve, behind: bool, payload: bytes, headers: dict[str, str]) -> tuple[Any, ...]:
    """Return the answer to Invoke without ids; `behind`: another request on the connection."""
    with server.connection() as connection:
        if behind:
            connection.request("GET", "/_bootjack/health")
            assert connection.getresponse().read()
        connection.request("POST", server.path(), payload, headers)
        answer = connection.getresponse()
        body = answer.read()
        kept = {name.lower() for name, _ in answer.getheaders()} - {"date", "server", "connection"}
        content = json.loads(body) if answer.status >= 400 else body
        return answer.status, answer.getheader("X-Amz-Function-Error"), kept, content
