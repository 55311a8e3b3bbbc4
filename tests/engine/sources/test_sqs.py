"""Queues are polled: what is deleted, given back and kept, and what a server that misbehaves does to it."""

from __future__ import annotations

import asyncio
import json
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from runtime_api.engine.aws_clients import AwsClients, AwsSettings
from runtime_api.engine.clock import Clock
from runtime_api.engine.sources import FunctionFacts, SourceContext
from runtime_api.engine.sources.queue import LONGEST_REST_S, Queue
from runtime_api.engine.sources.sqs import QueueSource
from runtime_api.protocol.limits import CURRENT
from runtime_api.service.mapping_record import EventSourceMapping, MappingState, Settings
from runtime_api.service.seams.dispatch import InvokeResult, Throttled, Unavailable
from runtime_api.store.memory_positions import MemoryPositions

from .faulty_server import CUT, Fault, refusal
from .queue_server import NO_QUEUE, TICK_S, QueueServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from runtime_api.service.seams.dispatch import RunResult

QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"
DONE = InvokeResult("id", b"null", None, b"")
FAILED = InvokeResult("id", b"{}", "Unhandled", b"")
BUSY = Throttled(1, 1, 0)
LOOK_S = 0.01
LOOKS = 400


class Function:
    """A function that answers as the test says, and then well."""

    def __init__(self, *results: RunResult, capacity: int = 10) -> None:
        self.results = list(results)
        self.limit = capacity
        self.got: list[list[str]] = []  # bodies of each batch
        self.running = self.most = 0
        self.goes = asyncio.Event()
        self.goes.set()

    async def invoke(self, function_arn: str, payload: bytes, trace: str | None = None) -> RunResult:
        self.got.append([record["body"] for record in json.loads(payload)["Records"]])
        result = self.results.pop(0) if self.results else DONE
        self.running += 1
        self.most = max(self.most, self.running)
        await self.goes.wait()
        await asyncio.sleep(0.001)
        self.running -= 1
        return result

    def capacity(self, function_arn: str) -> int:
        return self.limit

    def about(self, function_arn: str) -> FunctionFacts | None:
        return None


class Polled:
    """A queue that is polled for a function."""

    def __init__(self, server: QueueServer, function: Function, **settings: Any) -> None:
        self.server = server
        self.results: list[str] = []
        self.notes: list[str] = []
        given = Settings(QUEUE, **{"batch_size": 10, **settings})
        mapping = EventSourceMapping("m", "1" * 12, "us-east-1", "f", given, MappingState.ENABLED, True, "then")
        self.clients = AwsClients(AwsSettings({"sqs": server.url}))
        context = SourceContext(
            mapping,
            function,
            self.clients,
            Clock(),
            Random(1),
            CURRENT,
            MemoryPositions(),
            self.results.append,
            self.notes.append,
        )
        self.source = QueueSource(context)

    async def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(LOOKS):
            if condition():
                return
            await asyncio.sleep(LOOK_S)
        raise AssertionError(f"results {self.results[-3:]}, notes {self.notes}, calls {self.server.calls[-5:]}")

    async def until_empty(self) -> None:
        await self.until(lambda: not self.server.messages)


def play(
    body: Callable[[Polled], Awaitable[None]],
    function: Callable[[], Function],
    visibility_s: int = 30,
    tick_s: float = TICK_S,
    **settings: Any,
) -> None:
    """Poll a queue while the body runs, then stop."""

    async def run() -> None:
        async with QueueServer(visibility_s, tick_s).running() as server:
            polled = Polled(server, function(), **settings)
            task = asyncio.create_task(polled.source.run())
            try:
                await body(polled)
                polled.source.stop()
                await task
            finally:
                task.cancel()
                await polled.clients.close()

    asyncio.run(asyncio.wait_for(run(), 60))


MALFORMED = {
    "a server error": Fault(503, b"oops"),
    "a closed connection": Fault(CUT),
    "a throttle": refusal("RequestThrottled"),
    "no queue": NO_QUEUE,
    "no JSON": Fault(200, b"<html>"),
    "no object": Fault(200, b"[1]"),
    "no receipt": Fault(200, b'{"Messages": [{"MessageId": "x", "Body": "y"}]}'),
    "no list": Fault(200, b'{"Messages": 7}'),
}


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime_api.engine.sources.back_off.FIRST_S", 0.001)
    monkeypatch.setattr("runtime_api.engine.sources.back_off.LONGEST_S", 0.01)
    monkeypatch.setattr("runtime_api.engine.sources.queue.DELETE_PAUSES_S", (0.001, 0.01, 0.01, 0.01))


@pytest.mark.parametrize("operation", ["ReceiveMessage", "GetQueueUrl"])
def test_whatever_goes_wrong_is_shown_and_waited_for(operation: str) -> None:
    async def body(polled: Polled) -> None:
        polled.server.faults[operation] = list(MALFORMED.values())
        polled.server.send("hello")
        await polled.until_empty()
        *before, works, last = polled.results
        assert (works, last) == ("No records processed", "OK")
        assert sum(each.startswith("PROBLEM: ") for each in before) >= len(MALFORMED) - 3  # some can be read as none
        first, *_, second = polled.notes
        assert "polled again until" in first
        assert second == "it can be polled again"

    play(body, Function)


def test_a_server_that_needs_long_for_its_answers_gets_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime_api.engine.sources.queue.ANSWER_SPARE_S", 0.05)
    monkeypatch.setattr("runtime_api.engine.sources.queue.WAIT_S", 0)

    async def body(polled: Polled) -> None:
        polled.server.answers_after_s = 0.15
        polled.server.send("hello")
        await polled.until_empty()
        assert "has not answered within" in polled.notes[0]
        assert polled.results[-1] == "OK"

    play(body, Function, visibility_s=2)


def test_what_has_been_handled_is_deleted_in_the_end() -> None:
    async def body(polled: Polled) -> None:
        some = b'{"Successful": [], "Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": false}]}'
        polled.server.faults["DeleteMessageBatch"] = [Fault(500), Fault(200, some)]
        polled.server.send("one")
        await polled.until_empty()
        assert len(polled.server.called("DeleteMessageBatch")) == 3
        assert polled.notes == []

    play(body, Function, visibility_s=10_000)


def test_a_message_whose_receipt_has_expired_comes_again() -> None:
    async def body(polled: Polled) -> None:
        refused = {"Id": "0", "Code": "ReceiptHandleIsInvalid", "Message": "expired", "SenderFault": True}
        polled.server.faults["DeleteMessageBatch"] = [Fault(200, json.dumps({"Failed": [refused]}).encode())]
        polled.server.send("one")
        await polled.until_empty()
        assert any("ReceiptHandleIsInvalid" in note for note in polled.notes)

    play(body, Function, visibility_s=5)


def test_a_failed_message_is_left_alone_until_it_is_visible_again() -> None:
    functions: list[Function] = []

    def failing() -> Function:
        functions.append(Function(FAILED, Unavailable("no environment")))
        return functions[-1]

    async def body(polled: Polled) -> None:
        polled.server.send("one")
        await polled.until_empty()
        assert functions[0].got == [["one"]] * 3
        assert polled.server.called("ChangeMessageVisibilityBatch") == []
        assert polled.results == ["PROBLEM: Function call failed", "PROBLEM: no environment", "OK"]

    play(body, failing, visibility_s=20)


def test_a_throttled_batch_waits_hidden_and_uses_no_receive() -> None:
    async def body(polled: Polled) -> None:
        polled.server.send("one", "two")
        await polled.until_empty()
        hidden = polled.server.called("ChangeMessageVisibilityBatch")
        assert [len(each["Entries"]) for each in hidden] == [2, 2]
        assert all(entry["VisibilityTimeout"] > 1000 for each in hidden for entry in each["Entries"])

    play(body, lambda: Function(BUSY, BUSY), visibility_s=1000)


def test_a_long_invocation_keeps_its_messages_hidden() -> None:
    functions: list[Function] = []

    def slow() -> Function:
        functions.append(Function())
        functions[0].goes.clear()
        return functions[0]

    async def body(polled: Polled) -> None:
        polled.server.send("one")
        await polled.until(lambda: len(polled.server.called("ChangeMessageVisibilityBatch")) >= 2)
        functions[0].goes.set()
        await polled.until_empty()
        assert functions[0].got == [["one"]]

    play(body, slow, visibility_s=1, tick_s=1)


def test_never_more_batches_than_the_function_can_run() -> None:
    functions: list[Function] = []

    def narrow() -> Function:
        functions.append(Function(capacity=3))
        return functions[-1]

    async def body(polled: Polled) -> None:
        polled.server.send(*map(str, range(100)))
        await polled.until_empty()
        assert functions[0].most <= 2  # MaximumConcurrency
        assert sorted(text for batch in functions[0].got for text in batch) == sorted(map(str, range(100)))

    play(body, narrow, batch_size=1, scaling_config={"MaximumConcurrency": 2})


def test_a_function_that_cannot_run_leaves_messages_where_they_are() -> None:
    functions: list[Function] = []

    def none() -> Function:
        functions.append(Function(capacity=0))
        return functions[-1]

    async def body(polled: Polled) -> None:
        polled.server.send("one")
        await polled.until(lambda: bool(polled.results))
        assert "cannot be invoked" in polled.results[0]
        assert polled.server.called("ReceiveMessage") == []
        functions[0].limit = 1
        await polled.until_empty()

    play(body, none)


def test_what_comes_after_the_stop_is_given_back() -> None:
    async def body(polled: Polled) -> None:
        await polled.until(lambda: bool(polled.server.called("ReceiveMessage")))
        polled.source.stop()
        polled.server.send("late")
        await polled.until(lambda: bool(polled.server.called("ChangeMessageVisibilityBatch")))
        (message,) = polled.server.messages.values()
        assert (message.receives, polled.results) == (1, [])

    play(body, Function)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_whatever_fails(seed: int) -> None:
    random = Random(seed)
    functions: list[Function] = []

    def unreliable() -> Function:
        results: list[RunResult] = [DONE, FAILED, BUSY, Unavailable("gone")]
        functions.append(Function(*random.choices(results, [5, 2, 1, 1], k=12)))
        return functions[-1]

    async def body(polled: Polled) -> None:
        for operation in ("ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"):
            polled.server.faults[operation] = random.choices(list(MALFORMED.values()), k=2)
        texts = [str(number) for number in range(60)]
        for place in range(0, 60, 20):
            polled.server.send(*texts[place : place + 20])
        await polled.until_empty()
        assert {text for batch in functions[0].got for text in batch} == set(texts)

    play(body, unreliable, visibility_s=5)


def test_only_a_stand_in_for_sqs_is_left_alone_while_nothing_comes() -> None:
    async def rests(settings: AwsSettings) -> list[float]:
        queue = Queue(AwsClients(settings), QUEUE, print)
        return [queue.rest_s(quiet_s) for quiet_s in (0.0, 20.0, 3600.0)]

    assert asyncio.run(rests(AwsSettings({"sqs": "http://127.0.0.1:1"}))) == [0.0, 1.0, LONGEST_REST_S]
    assert asyncio.run(rests(AwsSettings(uses_aws=True))) == [0.0, 0.0, 0.0]
