"""A traced port: what it draws of a call and its answer, and what it keeps to itself."""

from __future__ import annotations

import pytest

from runtime_api.protocol import wire
from runtime_api.protocol.extension_states import ExtensionState
from runtime_api.protocol.standing import Standing
from runtime_api.protocol.states import RuntimeState
from runtime_api.web.http1.exchange import Exchange
from runtime_api.web.http1.states import COMPLETE
from runtime_api.web.tracing import SHOWN, Traces, shown
from tests.web.channels import NoChannel

TOKEN = b"a-secret-that-no-log-may-show"
REFUSAL = b'{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}\n'


class Connected(NoChannel):
    """A connection that remembers the replies."""

    def __init__(self) -> None:
        self.replies: list[tuple[int, bytes]] = []

    def send_reply(self, _exchange: Exchange, status: int, _headers: str, body: bytes) -> None:
        self.replies.append((status, body))


class Refusing:
    """An API that keeps each connection and refuses what it is asked."""

    body_bytes = 100

    def started(self, exchange: Exchange) -> None: ...
    def received(self, exchange: Exchange, piece: bytes) -> None: ...
    def truncated(self, exchange: Exchange) -> None: ...
    def dropped(self, exchange: Exchange) -> None: ...

    def half_closed(self, _exchange: Exchange) -> bool:
        return False

    def overflowed(self, exchange: Exchange) -> None:
        exchange.reply(413, "", REFUSAL)

    def finished(self, exchange: Exchange) -> None:
        exchange.connection.kept = True
        exchange.reply(200 if exchange.path == wire.CREDENTIALS.encode() else 400, "", exchange.body or REFUSAL)


class Running:
    """An environment whose runtime has an event in hand."""

    def standing_of_runtime(self, _request_id: str) -> Standing:
        return Standing("runtime", RuntimeState.RUNNING)

    def standing_of_extension(self, _identifier: str, name: str) -> Standing:
        return Standing(f"extension {name}", ExtensionState.STARTED)


def _traced(path: str, body: bytes = b"", headers: dict[bytes, bytes] | None = None) -> tuple[str, Connected]:
    """Send one call through a traced port, and return what was drawn."""
    drawn, connection = list[bytes](), Connected()
    exchange = Exchange(connection, b"POST", path.encode(), b"", headers or {}, COMPLETE, body=body)
    Traces().of(Refusing(), "orders", Running(), drawn.append).finished(exchange)
    return b"".join(drawn).decode(), connection


def test_a_call_is_drawn_with_the_state_that_it_met_and_with_the_rule_that_it_broke() -> None:
    drawn, connection = _traced(f"{wire.INVOCATION_PREFIX}nope/response")
    call, answer, body, rule = drawn.splitlines()
    assert call.endswith("runtime -> api: POST /2018-06-01/runtime/invocation/nope/response (Running)")
    assert answer.endswith("api -> runtime: 400 Bad Request")
    assert body.endswith('{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}')
    assert rule.endswith("the rule: the path names the Lambda-Runtime-Aws-Request-Id of an event in hand")
    assert connection.kept
    assert connection.replies == [(400, REFUSAL)]


def test_an_extension_is_named() -> None:
    drawn, _ = _traced(wire.REGISTER, headers={wire.EXTENSION_NAME_HEADER: b"watcher"})
    assert "extension watcher -> api: POST /2020-01-01/extension/register (Started)" in drawn


def test_credentials_are_not_drawn() -> None:
    drawn, connection = _traced(wire.CREDENTIALS, TOKEN)
    assert connection.replies == [(200, TOKEN)]
    assert "200 OK" in drawn
    assert TOKEN.decode() not in drawn


def test_the_second_environment_of_a_function_is_told_apart() -> None:
    traces, drawn = Traces(), list[bytes]()
    for _ in range(2):
        exchange = Exchange(Connected(), b"GET", b"/", b"", {}, COMPLETE)
        traces.of(Refusing(), "orders", Running(), drawn.append).finished(exchange)
    assert b"  runtime -> api: GET /" in drawn[0]
    assert b"  environment 2, runtime -> api: GET /" in drawn[2]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"one\ntwo\n", "one\\ntwo"),
        (b"\xff\x1b[2J", "\\xff\\x1b[2J"),
        (b"a" * 1000, "a" * SHOWN + "... (1000 bytes)"),
    ],
)
def test_a_body_cannot_garble_the_log(body: bytes, text: str) -> None:
    assert shown(body) == text
