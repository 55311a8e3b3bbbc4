"""LocalLambda from Python, and the guards of its public port, over real sockets and a real bootstrap."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import closing
from dataclasses import replace
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from bootjack import LocalFunction, LocalLambda
from runtime_api.engine.dispatch import LocalDispatch
from runtime_api.service.errors import InvalidRequestContentException, ResourceNotFoundException
from tests.sandboxes import SANDBOX

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

pytestmark = pytest.mark.both_sandboxes

BOOTSTRAP = """#!/usr/bin/env -S python3 -I -S
import os, urllib.request
api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
while True:
    with urllib.request.urlopen(api + "/next") as event:
        body, request_id = event.read(), event.headers["Lambda-Runtime-Aws-Request-Id"]
    urllib.request.urlopen(urllib.request.Request(f"{api}/{request_id}/response", data=body, method="POST")).close()
"""


@pytest.fixture
def echo(tmp_path: Path) -> LocalFunction:
    """A function that answers with its event."""
    bootstrap = tmp_path / "bootstrap"
    bootstrap.write_text(BOOTSTRAP)
    bootstrap.chmod(0o755)
    return LocalFunction.at(tmp_path, "echo", timeout_s=10)


@pytest.fixture
def quiet(tmp_path: Path) -> int:
    """A descriptor for a log that the test does not read."""
    return os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)


def run(main: Coroutine[object, object, None], log: int) -> None:
    try:
        asyncio.run(main)
    finally:
        os.close(log)


def test_a_function_is_invoked_from_python_on_any_event_loop(echo: LocalFunction, quiet: int) -> None:
    async def main() -> None:
        async with LocalLambda(quiet, sandbox=SANDBOX) as local:
            local.add_function(echo)
            for number in range(3):
                result = await local.invoke("echo", b'{"n": %d}' % number)
                assert result.payload == b'{"n": %d}' % number
                assert result.function_error is None

    run(main(), quiet)


def test_a_cancelled_caller_does_not_disturb_the_next_one(echo: LocalFunction, quiet: int) -> None:
    async def main() -> None:
        async with LocalLambda(quiet, sandbox=SANDBOX) as local:
            local.add_function(echo)
            cancelled = asyncio.create_task(local.invoke("echo", b"1"))
            await asyncio.sleep(0)
            cancelled.cancel()
            next_one = await local.invoke("echo", b"2")
            assert next_one.payload == b"2"

    run(main(), quiet)


def test_an_invalid_request_is_refused_before_an_environment_is_started(echo: LocalFunction, quiet: int) -> None:
    async def main() -> None:
        async with LocalLambda(quiet, sandbox=SANDBOX) as local:
            local.add_function(echo)
            with pytest.raises(InvalidRequestContentException, match="line 1 column 2"):
                await local.invoke("echo", b"{")
            with pytest.raises(ResourceNotFoundException, match="Function not found"):
                await local.invoke("other", b"{}")

    run(main(), quiet)


def test_invoking_outside_of_async_with_is_refused(echo: LocalFunction, quiet: int) -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="async with"):
            await LocalLambda(quiet, sandbox=SANDBOX).invoke("echo")

    run(main(), quiet)


async def ask(url: str, head: str, body: bytes = b"{}") -> tuple[int, bytes]:
    """Send one request; return status and body."""
    host, port = url.removeprefix("http://").rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"{head}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
    answer = await asyncio.wait_for(reader.read(), 15)
    writer.close()
    await writer.wait_closed()
    head_bytes, _, rest = answer.partition(b"\r\n\r\n")
    return int(head_bytes.split(b" ", 2)[1]), rest


INVOKE = "POST /2015-03-31/functions/echo/invocations HTTP/1.1\r\nHost: "


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (INVOKE + "localhost:9000", 200),
        (INVOKE + "echo.localhost", 200),
        (INVOKE + "[::1]:9000", 200),
        (INVOKE + "127.0.0.1", 200),
        (INVOKE + "friend.example", 200),  # allowed by name
        (INVOKE + "rebound.example", 403),
        (INVOKE + "localhost\r\nOrigin: http://localhost:3000", 200),
        (INVOKE + "localhost\r\nOrigin: https://evil.example", 403),
        (INVOKE + "localhost\r\nOrigin: null", 403),
        (INVOKE + "localhost\r\nOrigin:", 403),
        (INVOKE + "localhost\r\nOrigin: http://203.0.113.5", 403),
        (INVOKE + "localhost\r\nOrigin: https://app.example", 200),  # let in by name
        (INVOKE + "localhost\r\nSec-Fetch-Site: cross-site", 403),
        (INVOKE + "localhost\r\nHost: localhost", 400),
        (INVOKE + "localhost\r\nOrigin: http://localhost\r\nOrigin: http://localhost", 403),
        (INVOKE.replace("POST", "GET") + "localhost", 405),
        (INVOKE.replace("echo", "other") + "localhost", 404),
        (INVOKE.replace("invocations", "nothing") + "localhost", 404),
        (INVOKE.replace("invocations", "nothing") + "rebound.example", 403),
        ("GET /_bootjack/health HTTP/1.1\r\nHost: localhost", 200),
        ("GET /_bootjack/health HTTP/1.1\r\nHost: rebound.example", 403),
        ("GET /_bootjack/health HTTP/1.1\r\nHost: localhost\r\nHost: localhost", 400),
        ("GET /_bootjack/health HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site", 403),
        ("GET / HTTP/1.1\r\nHost: localhost", 404),
        (
            INVOKE.replace("echo", "arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Aecho") + "localhost",
            200,
        ),
        (INVOKE.replace("invocations", "invocations?Qualifier=%24LATEST") + "localhost", 200),
        (INVOKE.replace("invocations", "invocations?Qualifier=7") + "localhost", 404),
        (INVOKE.replace("echo", "no such name") + "localhost", 400),
    ],
)
def test_the_public_port_checks_each_request(echo: LocalFunction, quiet: int, head: str, status: int) -> None:
    async def main() -> None:
        async with LocalLambda(quiet, sandbox=SANDBOX) as local:
            local.add_function(echo)
            url = await local.listen("127.0.0.1", 0, {"friend.example"}, allowed_origins={"https://app.example"})
            found, body = await ask(url, head)
            assert found == status, body
            if status in (403, 404):
                assert json.loads(body)["Message"]

    run(main(), quiet)


RESPONSE = "POST /2018-06-01/runtime/invocation/unknown/response HTTP/1.1\r\nHost: "


@pytest.mark.parametrize(
    ("host", "error_type"),
    [
        ("127.0.0.1:9001", "InvalidRequestID"),
        ("box:9001", "InvalidRequestID"),
        ("sandbox.localdomain", "InvalidRequestID"),
        ("friend.example:9001", "InvalidRequestID"),  # let in by name
        ("rebound.example:9001", "ForbiddenHost"),
        ("localhost\r\nOrigin: http://localhost", "ForbiddenOrigin"),
    ],
)
def test_a_runtime_api_refuses_a_host_that_dns_could_forge(
    echo: LocalFunction, quiet: int, host: str, error_type: str
) -> None:
    async def main() -> None:
        async with LocalLambda(quiet, sandbox=SANDBOX, allowed_hosts={"friend.example"}) as local:
            local.add_function(replace(echo, external_runtime=True))
            api = await local.open_environment("echo")
            status, body = await ask(f"http://{api}", RESPONSE + host)
            assert json.loads(body)["errorType"] == error_type
            assert status == (400 if error_type == "InvalidRequestID" else 403)

    run(main(), quiet)


def test_a_defect_of_bootjack_is_answered(echo: LocalFunction, quiet: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_given: object) -> asyncio.Future[object]:
        future = asyncio.get_running_loop().create_future()
        future.set_exception(LookupError("a defect"))
        return future

    monkeypatch.setattr(LocalDispatch, "run", broken)
    noted: list[object] = []

    def invoke(port: int, *before: str) -> tuple[int, str | None]:
        """Invoke on a connection after other requests."""
        with closing(HTTPConnection("127.0.0.1", port, timeout=15)) as connection:
            for path in before:
                connection.request("GET", path)
                connection.getresponse().read()
            connection.request("POST", "/2015-03-31/functions/echo/invocations", b"{}")
            response = connection.getresponse()
            response.read()
            return response.status, response.getheader("x-amzn-ErrorType")

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: noted.append(context["exception"]))
        async with LocalLambda(quiet, sandbox=SANDBOX) as local:
            local.add_function(echo)
            port = int((await local.listen("127.0.0.1", 0)).rsplit(":")[-1])
            for before in ((), ("/_bootjack/health",)):
                assert await asyncio.to_thread(invoke, port, *before) == (500, "ServiceException")

    run(main(), quiet)
    assert [str(error) for error in noted] == ["a defect"] * 2


def test_a_payload_that_is_no_bytes_is_named(echo: LocalFunction, quiet: int) -> None:
    async def main() -> None:
        async with LocalLambda(quiet, sandbox=SANDBOX) as local:
            local.add_function(echo)
            with pytest.raises(TypeError, match=r"a payload is JSON as bytes, not dict: give json.dumps"):
                await local.invoke("echo", {"a": 1})  # type: ignore[arg-type]

    run(main(), quiet)
