"""Many callers of one execution environment: each gets its own answer, and only one invocation runs at a time."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.running import RAW, Rie

pytestmark = pytest.mark.both_sandboxes

CALLERS = 20


def test_each_caller_gets_its_own_answer() -> None:
    events = [json.dumps({"caller": number}).encode() for number in range(CALLERS)]
    with Rie(*RAW) as rie, ThreadPoolExecutor(CALLERS) as callers:
        replies = list(callers.map(rie.invoke, events))
        rie.wait_for("REPORT ", times=CALLERS)
        lines = [line.split()[0] for line in rie.log().splitlines() if line.startswith(("START", "END"))]
    assert [reply.body for reply in replies] == events
    assert len({reply.headers["x-amzn-requestid"] for reply in replies}) == CALLERS
    assert lines == ["START", "END"] * CALLERS


@pytest.mark.slow
def test_callers_that_wait_behind_a_crash() -> None:
    """The runtime exits in every third invocation; the callers behind it are served by the next process."""
    events = [{"do": "exit", "code": 5} if number % 3 == 0 else {"caller": number} for number in range(12)]
    with Rie(*RAW) as rie, ThreadPoolExecutor(12) as callers:
        replies = list(callers.map(rie.invoke, [json.dumps(event).encode() for event in events]))
    for event, reply in zip(events, replies, strict=True):
        document = json.loads(reply.body)
        if "do" in event:
            assert document["errorMessage"].endswith("exit status 5")
        else:
            assert document == event


@pytest.mark.slow
def test_callers_that_wait_behind_a_timeout() -> None:
    env = {"AWS_LAMBDA_FUNCTION_TIMEOUT": "0.5"}
    with Rie(*RAW, env=env) as rie, ThreadPoolExecutor(4) as callers:
        first = callers.submit(rie.invoke, b'{"do": "hang"}')
        rie.wait_for("hanging\n")
        others = list(callers.map(rie.invoke, [b"[1]", b"[2]", b"[3]"]))
        assert json.loads(first.result().body)["errorType"] == "Sandbox.Timedout"
    assert [reply.body for reply in others] == [b"[1]", b"[2]", b"[3]"]
