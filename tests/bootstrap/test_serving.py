"""How events are answered: the serving conversation, without a socket, a process or an event loop."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from bootjack_bootstrap.calls import Calls
from bootjack_bootstrap.client import Client
from bootjack_bootstrap.context import CurrentInvocation
from bootjack_bootstrap.ends import ConnectionLost, Ended, RuntimeApiFailed
from bootjack_bootstrap.http1 import chunk, last_chunk
from bootjack_bootstrap.logs import Log
from bootjack_bootstrap.serving import Serving
from bootjack_bootstrap.settings import Settings
from bootjack_bootstrap.steps import Await, Raised, Receive, Send
from tests.bootstrap.played import CONNECTED, Throw, advance, play, shown
from tests.bootstrap.scripted import accepted, answer, event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bootjack_bootstrap.steps import Conversation

CALLS = Calls("api:9001")
SETTINGS = Settings(runtime_api="api:9001")
NEXT: tuple[object, object] = (CALLS.next, True)
ID = {"lambda-runtime-aws-request-id": "id"}
TYPE = "application/json"
STREAM = CALLS.stream(ID, "application/octet-stream")


class Stopped(Exception):
    """How a test leaves a conversation that never ends."""


END: list[tuple[object, object]] = [NEXT, ("Receive", Throw(Stopped()))]


def given(body: bytes = b"{}", request_id: str = "id") -> list[tuple[object, object]]:
    """The steps up to an event."""
    return [NEXT, ("Receive", event(body, request_id))]


def answered(body: bytes, request_id: str = "id") -> list[tuple[object, object]]:
    """The steps of an answer."""
    request = b"".join(CALLS.respond({"lambda-runtime-aws-request-id": request_id}, body, TYPE))
    return [(request, True), ("Receive", accepted())]


@pytest.fixture(autouse=True)
def no_invocation_afterwards() -> Iterator[None]:
    yield
    CurrentInvocation.set(None)


def serving(handler: Callable[[Any, Any], Any]) -> Conversation[NoReturn]:
    return Serving(Client("api:9001"), CALLS, handler, SETTINGS, Log(SETTINGS), is_alone=False).run()


def serve(handler: Callable[[Any, Any], Any], *script: list[tuple[object, object]]) -> None:
    """Play a script, with the connecting before it and an end behind it."""
    with pytest.raises(Stopped):
        play(serving(handler), [step for part in (CONNECTED, *script, END) for step in part])


def test_events_are_answered_one_after_another() -> None:
    serve(
        lambda event, context: [event, context.aws_request_id],
        *[given(b"1", "a"), answered(b'[1, "a"]', "a")],
        *[given(b"2", "b"), answered(b'[2, "b"]', "b")],
    )


def test_conversations_side_by_side_do_not_mix() -> None:
    conversations = [serving(lambda event, context: [event, context.aws_request_id]) for _ in range(3)]
    for conversation in conversations:
        assert isinstance(advance(conversation, [*CONNECTED, NEXT]), Receive)
    answers = [conversation.send(event(b"1", f"id-{number}")) for number, conversation in enumerate(conversations)]
    assert [shown(step) for step in answers] == [
        answered(b'[1, "id-%d"]' % number, f"id-{number}")[0][0] for number in range(3)
    ]


class Ready:
    """An awaitable that is never run, since the test plays the driver."""

    def __await__(self) -> Iterator[None]:
        yield None


def test_the_driver_awaits_what_has_to_be_awaited() -> None:
    serve(lambda event, context: Ready(), given(), [("Await", {"a": 1})], answered(b'{"a": 1}'))


@pytest.mark.parametrize(
    ("kind", "error_type"),
    [
        ("raised", "StopIteration"),
        ("awaited", "StopIteration"),
        ("not JSON", "Runtime.MarshalError"),
        ("not an event", "Runtime.UnmarshalError"),
    ],
)
def test_an_error_is_posted_and_serving_goes_on(
    kind: str, error_type: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def handler(event: Any, context: Any) -> Any:
        if kind == "raised":
            raise StopIteration
        return Ready() if kind == "awaited" else object()

    conversation = serving(handler)
    step = advance(conversation, [*CONNECTED, *given(b"{" if kind == "not an event" else b"{}")])
    if kind == "awaited":
        assert isinstance(step, Await)
        step = conversation.send(Raised(StopIteration()))
    assert isinstance(step, Send)
    assert step.data.startswith(b"POST /2018-06-01/runtime/invocation/id/error ")
    assert json.loads(step.data.partition(b"\r\n\r\n")[2])["errorType"] == error_type
    assert f"[ERROR] {error_type}" in capsys.readouterr().out
    assert isinstance(conversation.send(True), Receive)
    assert shown(conversation.send(accepted())) == CALLS.next


@pytest.mark.parametrize("status", [400, 403, 410, 413])
def test_a_refusal_is_logged_and_serving_goes_on(status: int, capsys: pytest.CaptureFixture[str]) -> None:
    request, _ = answered(b"1")
    serve(lambda event, context: 1, given(), [request, ("Receive", answer(status, b"because"))])
    assert f"A response was refused with {status}: because" in capsys.readouterr().out


def test_another_response_to_an_answer_ends_serving() -> None:
    request, _ = answered(b"1")
    with pytest.raises(RuntimeApiFailed, match="A response was refused with 500: oh"):
        play(serving(lambda event, context: 1), [*CONNECTED, *given(), request, ("Receive", answer(500, b"oh"))])


@pytest.mark.parametrize("response", [answer(204), answer(403), answer(500), answer(200)])
def test_a_response_to_next_that_is_no_event_ends_serving(response: bytes) -> None:
    with pytest.raises(RuntimeApiFailed, match="GET /invocation/next was answered with"):
        play(serving(lambda event, context: 1), [*CONNECTED, NEXT, ("Receive", response)])


def test_a_lost_connection_ends_serving_and_posts_no_error() -> None:
    lost: list[tuple[object, object]] = [answered(b"1")[0], ("Receive", b""), ("Close", None)]
    with pytest.raises(ConnectionLost):
        play(serving(lambda event, context: 1), [*CONNECTED, *given(), *lost, *CONNECTED, *lost])


def test_sigterm_is_not_reported_as_an_error() -> None:
    def handler(event: Any, context: Any) -> None:
        raise Ended(0)

    with pytest.raises(Ended):
        play(serving(handler), [*CONNECTED, *given()])


FRESH: tuple[object, object] = ("IsStale", False)


class Items:
    """A generator that records its end, and an asynchronous one that is never run."""

    def __init__(self) -> None:
        self.closed = 0

    def sync(self, _event: Any, _context: Any) -> Iterator[str]:
        try:
            yield "a"
            yield ""
            yield "b"
        finally:
            self.closed += 1

    def asynchronous(self, _event: Any, _context: Any) -> AsyncItems:
        return AsyncItems()


class AsyncItems:
    def __anext__(self) -> Ready:
        return Ready()

    def aclose(self) -> Ready:
        return Ready()


def test_items_leave_as_they_come() -> None:
    items = Items()
    pieces = [(STREAM + chunk(b"a"), True), (chunk(b"b"), True), (last_chunk({}), True), ("Receive", accepted())]
    serve(items.sync, given(), [FRESH, *pieces])
    assert items.closed == 1


def test_asynchronous_items_are_the_drivers_to_await() -> None:
    end = Raised(StopAsyncIteration())
    awaited: list[tuple[object, object]] = [
        ("Await", "a"),
        FRESH,
        (STREAM + chunk(b"a"), True),
        ("Await", ""),
        ("Await", b"b"),
        (chunk(b"b"), True),
        ("Await", end),
        (last_chunk({}), True),
        ("Receive", accepted()),
        ("Await", None),
    ]
    serve(Items().asynchronous, given(), awaited)


def test_a_stream_that_is_cut_off_asks_for_no_more_items(capsys: pytest.CaptureFixture[str]) -> None:
    items = Items()
    cut: list[tuple[object, object]] = [("Receive", b""), ("Close", None), *CONNECTED]
    beginning = STREAM + chunk(b"a")
    script = [FRESH, (beginning, False), *cut, (beginning, False), ("Receive", b""), ("Close", None), *CONNECTED]
    serve(items.sync, given(), script)
    assert items.closed == 1
    assert "A streamed response was cut off by the platform" in capsys.readouterr().out


def test_a_stream_that_cannot_be_begun_again_is_cut_off(capsys: pytest.CaptureFixture[str]) -> None:
    unreachable: list[tuple[object, object]] = [("Resolve", OSError(113, "no route"))]
    script = [FRESH, (STREAM + chunk(b"a"), False), ("Receive", b""), ("Close", None), *unreachable, *CONNECTED]
    serve(Items().sync, given(), script)
    assert "A streamed response was cut off by the platform" in capsys.readouterr().out


def test_sigterm_in_the_middle_of_a_stream_closes_the_generator() -> None:
    items = Items()
    with pytest.raises(Ended):
        play(serving(items.sync), [*CONNECTED, *given(), FRESH, (STREAM + chunk(b"a"), Throw(Ended(0)))])
    assert items.closed == 1
    sent: list[tuple[object, object]] = [("Await", "a"), FRESH, (STREAM + chunk(b"a"), Throw(Ended(0)))]
    with pytest.raises(Ended):
        play(serving(items.asynchronous), [*CONNECTED, *given(), *sent, ("Await", None)])


def test_a_conversation_can_be_dropped_at_any_step() -> None:
    """As at the end of the interpreter, when nothing can be awaited any more."""
    pieces: list[tuple[object, object]] = [("Await", "a"), FRESH, (STREAM + chunk(b"a"), True), ("Await", "b")]
    script = [*CONNECTED, *given(), *pieces, (chunk(b"b"), True)]
    for count in range(len(script)):
        conversation = serving(Items().asynchronous)
        advance(conversation, script[:count])
        conversation.close()
