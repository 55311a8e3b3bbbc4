"""A function that invokes itself is stopped after 16 invocations, by its caller's trace header."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.clients import connected
from tests.e2e.running import Serve

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

# Passes its trace header on, as SDKs do in functions.
HANDLER = """
import json, os, urllib.request, urllib.error
def handler(event, context):
    print("ran", event["left"], flush=True)
    if not event["left"]:
        return "the end"
    headers = {"X-Amzn-Trace-Id": os.environ["_X_AMZN_TRACE_ID"], "X-Amz-Invocation-Type": event["type"]}
    body = json.dumps(event | {"left": event["left"] - 1}).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(event["url"], body, headers)) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.headers["x-amzn-ErrorType"]
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(HANDLER)
    return tmp_path


def recurse(server: Serve, kind: str, times: int) -> bytes:
    event = {"left": times, "type": kind, "url": server.invoke_url("app")}
    reply = server.invoke(json.dumps(event).encode(), "app", X_Amz_Invocation_Type=kind)
    assert reply.status in (200, 202)
    return reply.body


def test_a_function_that_invokes_itself_is_stopped(code: Path) -> None:
    with Serve("--sandbox", "process", "--concurrency", "30", "-t", "60", "app.handler", cwd=code) as server:
        assert b"RecursiveInvocationException" in recurse(server, "RequestResponse", 25)
        assert server.log().count("ran ") == 16
        assert b"the end" in recurse(server, "RequestResponse", 15)


def test_events_of_a_loop_are_given_up_unless_the_function_may_recurse(code: Path) -> None:
    with Serve("--sandbox", "process", "-t", "60", "app.handler", cwd=code) as server:
        recurse(server, "Event", 25)
        server.wait_for("event .* of app is given up: it is part of a loop of invocations")
        assert server.log().count("ran ") == 16
        with connected(server.url) as client:
            client.put_function_recursion_config(FunctionName="app", RecursiveLoop="Allow")
        recurse(server, "Event", 25)
        server.wait_for("ran 0")
