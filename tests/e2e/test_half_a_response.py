"""A shutdown that finds half a response on the wire: the server ends, and no exception reaches its log."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bootjack import LocalFunction, LocalLambda
from tests.commands.functions import write_bootstrap
from tests.e2e.running import PYTHON, Rie, Serve, bare_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

    from tests.e2e.running import Server

pytestmark = [pytest.mark.slow, pytest.mark.both_sandboxes]

# Takes an event and sends the head of its response, and some of the body. The ping shows that the server has read it.
# The 100 Continue stays unread: a process that is killed with unread data resets its connections.
RUNTIME = f"""#!{PYTHON} -IS
import os, select, socket, sys, time

host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
api = "/2018-06-01"

def connect():
    return socket.create_connection((host, int(port)))

def ask(connection, path):
    connection.sendall(f"GET {{api}}{{path}} HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n".encode())
    return connection.recv(65536).decode()

connection = connect()
lines = ask(connection, "/runtime/invocation/next").split("\\r\\n")
request_id = next(line.split(": ")[1] for line in lines if line.startswith("Lambda-Runtime-Aws-Request-Id"))
framing, continued, part = FRAMING
head = f"POST {{api}}/runtime/invocation/{{request_id}}/response HTTP/1.1\\r\\nHost: localhost\\r\\n{{framing}}"
connection.sendall(head.encode() + b"\\r\\n\\r\\n")
if continued:
    select.select([connection], [], [])
connection.sendall(part)
ask(connect(), "/ping")
print("half a response is sent", file=sys.stderr, flush=True)
time.sleep(60)
"""

HALVES = {
    "a head": ("Content-Length: 9", False, b""),
    "half a body": ("Content-Length: 9", False, b"half"),
    "half a body that was asked for": ("Content-Length: 9\r\nExpect: 100-continue", True, b"half"),
    "half a chunk that was asked for": ("Transfer-Encoding: chunked\r\nExpect: 100-continue", True, b"9\r\nhalf"),
}


@pytest.fixture(params=HALVES)
def code(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A function whose runtime never finishes its response."""
    return write_bootstrap(tmp_path / "code", RUNTIME.replace("FRAMING", repr(HALVES[request.param])))


class External:
    """The same runtime, started by the test."""

    def __init__(self, code: Path, api: str) -> None:
        self._process = subprocess.Popen(
            (PYTHON, "-IS", code / "bootstrap"),
            env=bare_environment({"AWS_LAMBDA_RUNTIME_API": api}),
            stderr=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def wait(self) -> None:
        """Wait until half of the response is sent."""
        assert self._process.stderr is not None
        assert self._process.stderr.readline() == b"half a response is sent\n"


@contextmanager
def invoked(server: Server) -> Iterator[None]:
    """An invocation that is answered when the server ends."""
    thread = threading.Thread(target=server.invoke, daemon=True)
    thread.start()
    yield
    thread.join(20)
    assert not thread.is_alive()


def assert_clean_end(server: Server) -> None:
    assert server.stop() == 0
    assert "Traceback" not in server.log()


def test_the_runtime_is_stopped(code: Path) -> None:
    with Rie(PYTHON, "-IS", str(code / "bootstrap")) as server, invoked(server):
        server.wait_for("half a response is sent")
        assert_clean_end(server)


@pytest.mark.parametrize("code", ["half a body that was asked for"], indirect=True)  # each takes serve's grace, 5 s
def test_an_external_runtime_stays_connected(code: Path) -> None:
    with Serve("--only-lambda-apis", "--runtime-api-port", "0", "-t", "20") as server, invoked(server):
        api = server.wait_for(r"export AWS_LAMBDA_RUNTIME_API=(\S+)\n")[1]
        with External(code, api) as runtime:
            runtime.wait()
            assert_clean_end(server)


def test_leaving_local_lambda_while_an_external_runtime_stays_connected(code: Path, tmp_path: Path) -> None:
    function = replace(LocalFunction.at(code, timeout_s=20), external_runtime=True)
    problems: list[dict[str, object]] = []

    async def main(log: int, stack: ExitStack) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: problems.append(context))
        async with asyncio.timeout(20), LocalLambda(log) as local:
            local.add_function(function)
            runtime = stack.enter_context(External(code, await local.open_environment("function")))
            invocation = asyncio.create_task(local.invoke("function"))
            await asyncio.to_thread(runtime.wait)
        assert (await invocation).function_error == "Unhandled"

    with ExitStack() as stack, (tmp_path / "log").open("wb") as log:
        asyncio.run(main(log.fileno(), stack))
    assert not problems
