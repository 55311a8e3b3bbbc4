"""Every way that a function can fail: the caller gets the error, and the next invocation works."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.running import RAW, Reply, Rie

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow


LIMIT = 6_291_556
TIMEOUT = "2"  # of invocations that hang; the next ones, with a start of the runtime, take less on a busy machine


@pytest.fixture(scope="module")
def rie() -> Iterator[Rie]:
    with Rie(*RAW) as server:
        yield server


@pytest.fixture(scope="module")
def impatient() -> Iterator[Rie]:
    with Rie(*RAW, env={"AWS_LAMBDA_FUNCTION_TIMEOUT": TIMEOUT}) as server:
        yield server


@pytest.fixture(autouse=True)
def next_invocation_works(request: pytest.FixtureRequest) -> Iterator[None]:
    """Check that the server works again after every test."""
    yield
    for name in {"rie", "impatient"}.intersection(request.fixturenames):
        reply = request.getfixturevalue(name).invoke(b'{"after": "all"}')
        assert (reply.status, reply.body) == (200, b'{"after": "all"}')
        assert "x-amz-function-error" not in reply.headers


def asked(rie: Rie, do: str, **how: Any) -> Reply:
    """Invoke with an event that makes the runtime do something."""
    return rie.invoke(json.dumps({"do": do, **how}).encode())


def check_error(reply: Reply, error_type: str, reason: str) -> None:
    """Check for a function error as Lambda words it: HTTP 200, a header, and the request id in the message."""
    document = json.loads(reply.body)
    request_id = reply.headers["x-amzn-requestid"]
    assert (reply.status, reply.headers["x-amz-function-error"]) == (200, "Unhandled")
    assert document == {"errorType": error_type, "errorMessage": f"RequestId: {request_id} Error: {reason}"}


@pytest.mark.both_sandboxes
def test_an_error_that_the_runtime_posts(rie: Rie) -> None:
    reply = asked(rie, "fail", message="because")
    assert (reply.status, reply.headers["x-amz-function-error"]) == (200, "Unhandled")
    assert json.loads(reply.body) == {"errorMessage": "because", "errorType": "Function.Asked"}


@pytest.mark.parametrize(
    ("do", "how", "reason"),
    [
        ("exit", {"code": 3}, "Runtime exited with error: exit status 3"),
        ("exit", {"code": 0}, "Runtime exited without providing a reason"),
        ("kill", {}, "Runtime exited with error: signal: killed"),
    ],
)
@pytest.mark.both_sandboxes
def test_an_exit_of_the_runtime(rie: Rie, do: str, how: dict[str, Any], reason: str) -> None:
    check_error(asked(rie, do, **how), "Runtime.ExitError", reason)


@pytest.mark.both_sandboxes
def test_a_timeout(impatient: Rie) -> None:
    reason = f"Task timed out after {float(TIMEOUT):.2f} seconds"
    check_error(asked(impatient, "hang", child=True), "Sandbox.Timedout", reason)


@pytest.mark.both_sandboxes
def test_two_failures_in_a_row(impatient: Rie) -> None:
    for _ in range(2):
        check_error(asked(impatient, "exit", code=9), "Runtime.ExitError", "Runtime exited with error: exit status 9")
    for _ in range(2):
        assert json.loads(asked(impatient, "hang").body)["errorType"] == "Sandbox.Timedout"


@pytest.mark.both_sandboxes
def test_a_response_at_the_limit(rie: Rie) -> None:
    assert asked(rie, "fill", bytes=LIMIT).body == b"x" * LIMIT


def test_a_response_over_the_limit(rie: Rie) -> None:
    reply = asked(rie, "fill", bytes=LIMIT + 1)
    assert reply.headers["x-amz-function-error"] == "Unhandled"
    assert json.loads(reply.body)["errorType"] == "Function.ResponseSizeTooLarge"


@pytest.mark.both_sandboxes
def test_a_caller_that_disconnects(impatient: Rie) -> None:
    """The invocation continues without its caller, and its response is dropped."""
    with impatient.connection() as connection:
        connection.request("POST", impatient.path(), json.dumps({"do": "hang"}))
        impatient.wait_for("hanging\n")
    assert impatient.invoke(b'"mine"').body == b'"mine"'


def test_a_missing_function(rie: Rie) -> None:
    reply = rie.invoke(name="missing")
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (404, "ResourceNotFoundException")


def test_an_event_that_is_not_json(rie: Rie) -> None:
    reply = rie.invoke(b"{")
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (400, "InvalidRequestContentException")


def test_an_event_over_the_limit(rie: Rie) -> None:
    reply = rie.invoke(b" " * (LIMIT + 1))
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (413, "RequestTooLargeException")


@pytest.mark.both_sandboxes
def test_the_tail_of_the_log(rie: Rie) -> None:
    reply = rie.invoke(json.dumps({"do": "write", "text": "logged\n"}).encode(), X_Amz_Log_Type="Tail")
    request_id = reply.headers["x-amzn-requestid"]
    lines = base64.b64decode(reply.headers["x-amz-log-result"]).decode().splitlines()
    assert lines[0].startswith((f"START RequestId: {request_id} ", "INIT_START"))
    assert lines[-3:-1] == ["logged", f"END RequestId: {request_id}"]
    assert lines[-1].startswith(f"REPORT RequestId: {request_id}\tDuration: ")


@pytest.mark.both_sandboxes
def test_the_tail_contains_an_unfinished_line(rie: Rie) -> None:
    """The unfinished line is not taken as the beginning of the next invocation's first line."""
    reply = rie.invoke(json.dumps({"do": "write", "text": "half a line"}).encode(), X_Amz_Log_Type="Tail")
    assert b"\nhalf a line\nEND " in base64.b64decode(reply.headers["x-amz-log-result"])
    reply = rie.invoke(json.dumps({"do": "write", "text": "next\n"}).encode(), X_Amz_Log_Type="Tail")
    assert b"half a line" not in base64.b64decode(reply.headers["x-amz-log-result"])


def test_the_tail_is_at_most_4_kb(rie: Rie) -> None:
    reply = rie.invoke(json.dumps({"do": "flood", "lines": 100}).encode(), X_Amz_Log_Type="Tail")
    tail = base64.b64decode(reply.headers["x-amz-log-result"])
    assert len(tail) == 4096
    assert b"\nREPORT RequestId: " in tail


def test_there_is_no_tail_unless_the_caller_asks_for_it(rie: Rie) -> None:
    assert "x-amz-log-result" not in rie.invoke(X_Amz_Log_Type="None").headers
    assert "x-amz-log-result" not in rie.invoke().headers
