"""A function on a shared network tries to use the Runtime API of another one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.commands.functions import ask, write_bootstrap
from tests.e2e.running import RUNTIMES, Serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORBIDDEN = "ForbiddenPeer"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """A server of a thief and of its victim, on the network of this machine."""
    victim = write_bootstrap(tmp_path / "victim")
    options = ("--network", "host", "-t", "60", "--concurrency", "1")
    with Serve(*options, "thief=thief.handler", f"victim={victim}", cwd=RUNTIMES) as server:
        yield server


@pytest.fixture
def port(serve: Serve) -> int:
    """The port of the victim's Runtime API."""
    found = json.loads(serve.invoke(ask("variables", names=["AWS_LAMBDA_RUNTIME_API"]).encode(), "victim").body)
    return int(found["AWS_LAMBDA_RUNTIME_API"].rpartition(":")[2])


def thief(serve: Serve, do: str, port: int) -> Any:
    """Have the thief do something."""
    reply = serve.invoke(json.dumps({"do": do, "port": port}).encode(), "thief")
    assert "x-amz-function-error" not in reply.headers, reply
    return json.loads(reply.body)


def test_a_function_gets_no_event_of_another_one(serve: Serve, port: int) -> None:
    assert thief(serve, "find", port)
    thief(serve, "steal", port)
    assert [serve.invoke(event, "victim").body for event in (b'"secret"', b"2")] == [b'"secret"', b"2"]
    ((status, body),) = thief(serve, "loot", port)
    assert (status, json.loads(body)["errorType"]) == (403, FORBIDDEN)
    assert "secret" not in body
    serve.wait_for(r"victim \| bootjack: a request to the Runtime API was refused. .*--only-lambda-apis")


def test_a_function_answers_for_no_other_one_and_the_user_is_told_once(serve: Serve, port: int) -> None:
    for _ in range(3):
        assert thief(serve, "spoil", port) == [FORBIDDEN, FORBIDDEN]
    assert serve.invoke(b"1", "victim").body == b"1"
    assert serve.stop() == 0
    assert serve.log().count("bootjack: a request to the Runtime API was refused") == 1
