"""curl against `bootjack rie`, as the documentation of AWS's base images shows it, and with all headers of Invoke."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.e2e.running import RAW, SECONDS, Reply, Rie

if TYPE_CHECKING:
    from collections.abc import Iterator

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


@pytest.fixture(scope="module")
def rie() -> Iterator[Rie]:
    with Rie(*RAW) as server:
        yield server


def curl(*arguments: str, given: bytes | None = None) -> Reply:
    """Run curl and return the last answer that it received."""
    run = subprocess.run(
        ["curl", "--silent", "--show-error", "--include", *arguments],
        input=given,
        capture_output=True,
        timeout=SECONDS,
    )
    assert run.returncode == 0, run.stderr.decode()
    heads, rest = [], run.stdout
    while rest.startswith(b"HTTP/"):
        head, _, rest = rest.partition(b"\r\n\r\n")
        heads.append(head.decode().split("\r\n"))
    headers = dict(line.split(": ", 1) for line in heads[-1][1:])
    return Reply(int(heads[-1][0].split()[1]), {name.lower(): value for name, value in headers.items()}, rest)


def test_the_command_from_the_documentation(rie: Rie) -> None:
    reply = curl("-XPOST", rie.invoke_url(), "-d", '{"payload":"hello world!"}')
    assert (reply.status, reply.body) == (200, b'{"payload":"hello world!"}')
    assert re.fullmatch(UUID, reply.headers["x-amzn-requestid"])
    assert reply.headers["x-amz-executed-version"] == "$LATEST"
    assert reply.headers["content-type"] == "application/json"


def test_without_a_body_the_event_is_an_empty_object(rie: Rie) -> None:
    assert curl("-XPOST", rie.invoke_url()).body == b"{}"


def test_the_log_tail(rie: Rie) -> None:
    event = '{"do":"write","text":"logged\\n"}'
    reply = curl(rie.invoke_url(), "-d", event, "-H", "X-Amz-Log-Type: Tail")
    assert b"\nlogged\nEND RequestId: " in base64.b64decode(reply.headers["x-amz-log-result"])


def test_the_client_context(rie: Rie) -> None:
    context = base64.b64encode(b'{"custom":{"a":1}}').decode()
    reply = curl(rie.invoke_url(), "-d", '{"do":"headers"}', "-H", f"X-Amz-Client-Context: {context}")
    assert json.loads(reply.body)["lambda-runtime-client-context"] == '{"custom":{"a":1}}'


def test_the_trace(rie: Rie) -> None:
    trace = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1"
    reply = curl(rie.invoke_url(), "-d", '{"do":"headers"}', "-H", f"X-Amzn-Trace-Id: {trace}")
    assert re.fullmatch(
        re.escape(trace) + ";Lineage=1:[0-9a-f]{8}:2", json.loads(reply.body)["lambda-runtime-trace-id"]
    )


@pytest.mark.parametrize(("kind", "status"), [("Event", 202), ("DryRun", 204), ("RequestResponse", 200)])
def test_the_invocation_type(rie: Rie, kind: str, status: int) -> None:
    reply = curl(rie.invoke_url(), "-d", "[1]", "-H", f"X-Amz-Invocation-Type: {kind}")
    assert (reply.status, reply.body) == (status, b"[1]" if status == 200 else b"")
    assert re.fullmatch(UUID, reply.headers["x-amzn-requestid"])


@pytest.mark.parametrize(
    ("path", "arguments", "status", "code"),
    [
        ("function/invocations", ("-d", "{"), 400, "InvalidRequestContentException"),
        (
            "function/invocations",
            ("-d", "{}", "-H", "X-Amz-Client-Context: %"),
            400,
            "InvalidRequestContentException",
        ),
        (
            "function/invocations",
            ("-d", "{}", "-H", "X-Amz-Invocation-Type: x"),
            400,
            "ValidationException",
        ),
        ("function/invocations", ("-d", "{}", "-H", "X-Amz-Log-Type: x"), 400, "ValidationException"),
        ("bad%20name/invocations", ("-d", "{}"), 400, "ValidationException"),
        ("missing/invocations", ("-d", "{}"), 404, "ResourceNotFoundException"),
        ("function/invocations?Qualifier=7", ("-d", "{}"), 404, "ResourceNotFoundException"),
        ("function/invocations/more", ("-d", "{}"), 404, "UnknownOperationException"),
        ("function/event-invoke-config", (), 404, "UnknownOperationException"),
        ("function/invocations", ("-d", "{}", "-H", "Host: evil.example"), 403, "AccessDeniedException"),
        ("function/invocations", ("-d", "{}", "-H", "Origin: http://evil.example"), 403, "AccessDeniedException"),
    ],
)
def test_refusals(rie: Rie, path: str, arguments: tuple[str, ...], status: int, code: str) -> None:
    reply = curl(f"{rie.url}/2015-03-31/functions/{path}", *arguments)
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (status, code)
    document = json.loads(reply.body)
    assert document.get("Message") or document["message"]


def test_methods_other_than_post(rie: Rie) -> None:
    for method in ("GET", "PUT", "DELETE"):
        reply = curl("-X", method, rie.invoke_url())
        assert (reply.status, reply.headers["allow"]) == (405, "POST")


def test_ways_to_send_a_body(rie: Rie) -> None:
    for arguments in (("-H", "Transfer-Encoding: chunked"), ("--http1.0",), ("-H", "Expect: 100-continue")):
        assert curl(rie.invoke_url(), "-d", "[1]", *arguments).body == b"[1]"


def test_an_http2_upgrade_offer_is_ignored(rie: Rie) -> None:
    assert curl(rie.invoke_url(), "-d", "[1]", "--http2").body == b"[1]"


def test_a_percent_encoded_name_in_the_path(rie: Rie) -> None:
    arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A012345678912%3Afunction%3Atest_function%3A%24LATEST"
    assert curl(rie.invoke_url(arn), "-d", "[1]").body == b"[1]"


@pytest.mark.slow
def test_six_megabytes_both_ways(rie: Rie) -> None:
    event = b'"' + b"x" * 6_291_554 + b'"'
    assert curl(rie.invoke_url(), "--data-binary", "@-", given=event).body == event


@pytest.mark.slow
def test_one_byte_over_the_limit_is_refused(rie: Rie) -> None:
    event = b'"' + b"x" * 6_291_555 + b'"'
    reply = curl(rie.invoke_url(), "--data-binary", "@-", given=event)
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (413, "RequestTooLargeException")


@pytest.mark.slow
def test_two_requests_on_one_connection(rie: Rie) -> None:
    run = subprocess.run(
        ["curl", "-sS", "-v", rie.invoke_url(), "-d", "[1]", "--next", "-sS", rie.invoke_url(), "-d", "[2]"],
        capture_output=True,
        timeout=SECONDS,
        check=True,
    )
    assert run.stdout == b"[1][2]"
    assert b"Re-using existing" in run.stderr
