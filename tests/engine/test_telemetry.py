"""Telemetry of an environment: replayed, batched, delivered, tried again, flushed, and nothing left at the end."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from runtime_api.engine.alarms import now_ms
from runtime_api.engine.telemetry import Telemetry
from runtime_api.protocol import platform_events as log
from runtime_api.protocol.effects import Subscribe
from runtime_api.protocol.journal import Journal
from runtime_api.protocol.subscriptions import Buffering, Destination, Subscription, TelemetryApi
from runtime_api.sandbox.network.connecting import connect_here
from tests.engine.subscribers import http_subscriber, tcp_subscriber
from tests.loops import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ALL = ("platform", "function", "extension")
SOON = Buffering(timeout_ms=25)
LATE = Buffering(timeout_ms=30_000)
INIT_START = log.InitStart("init", "f", "$LATEST", 128)
INIT_END = (log.InitRuntimeDone("init", "success", None), log.InitReport("init", "success", None, 5.0))


class World:
    """An environment's journal and telemetry."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.notes: list[str] = []
        self.telemetry = Telemetry(self.journal, connect_here, self.notes.append, "runtime", json_lines=False)

    def say(self, *lines: str, source: str = "runtime") -> None:
        self.journal.append(now_ms(), (log.Lines(source, "".join(f"{line}\n" for line in lines).encode()),))

    def record(self, *records: log.Record) -> None:
        self.journal.append(now_ms(), records)

    def subscribe(
        self,
        port: int,
        protocol: str = "HTTP",
        buffering: Buffering = SOON,
        types: tuple[str, ...] = ALL,
        name: str = "collector",
        target: str = "/",
    ) -> None:
        destination = Destination(protocol, port, f"sandbox.localdomain:{port}", target)
        subscription = Subscription(TelemetryApi.TELEMETRY, "2022-12-13", types, destination, buffering)
        self.telemetry.subscribe(Subscribe("call", name, f"extensions/{name}", subscription))


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """A world in the middle of its init, closed at the end; nothing of it runs on."""
    made = World()
    made.record(INIT_START)
    tasks = asyncio.all_tasks()
    try:
        yield made
    finally:
        await made.telemetry.close()
        assert not [task for task in asyncio.all_tasks() - tasks if "Delivery" in repr(task)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_a_subscriber_gets_what_its_init_has_brought_and_all_that_follows() -> None:
    async def main() -> None:
        async with http_subscriber() as subscriber, world() as here:
            here.say("before")
            here.subscribe(subscriber.port, target="/path?x=1")
            here.say("after")
            here.record(*INIT_END)
            here.say("later")
            events = await subscriber.has(6)
            assert [event["type"] for event in subscriber.events] == [
                "platform.initStart",
                "function",
                "function",
                "platform.initRuntimeDone",
                "platform.initReport",
                "function",
            ]
            assert [events[1], events[2], events[5]] == ["before\n", "after\n", "later\n"]
            line, headers = subscriber.requests[0]
            assert line == "POST /path?x=1 HTTP/1.1"
            assert headers["host"] == f"sandbox.localdomain:{subscriber.port}"
            assert headers["content-type"] == "application/json"

    run(main())


def test_a_later_subscriber_gets_nothing_of_an_init_that_has_ended() -> None:
    async def main() -> None:
        async with http_subscriber() as subscriber, world() as here:
            here.say("init")
            here.record(*INIT_END)
            here.subscribe(subscriber.port)
            here.say("invoke")
            assert await subscriber.has(1) == ["invoke\n"]
            here.telemetry.process_ended("runtime")
            here.say("between")
            here.record(INIT_START)
            here.say("again")
            here.subscribe(subscriber.port, name="other", types=("function",))
            assert (await subscriber.has(5)).count("again\n") == 2
            assert subscriber.records.count("between\n") == 1

    run(main())


def test_an_init_inside_an_invocation_begins_with_its_start() -> None:
    async def main() -> None:
        async with http_subscriber() as subscriber, world() as here:
            here.record(*INIT_END)
            here.record(log.Report("r1", "success", None, 1.0, 1, 128, 30, None, "trace"))
            here.telemetry.process_ended("runtime")
            here.record(log.FaultLine(None, "Runtime.ExitError", "gone"))
            here.record(log.Start("r2", "$LATEST", "trace", None))
            here.record(INIT_START)
            here.subscribe(subscriber.port)
            await subscriber.has(2)
            assert [event["type"] for event in subscriber.events] == ["platform.start", "platform.initStart"]

    run(main())


def test_lines_come_over_tcp_as_well() -> None:
    async def main() -> None:
        async with tcp_subscriber() as subscriber, world() as here:
            here.subscribe(subscriber.port, "TCP")
            here.say("one", "two")
            here.say("three", source="extensions/x")
            await subscriber.has(4)
            here.say("four")
            await subscriber.has(5)
            assert subscriber.connections == 1
            assert [(event["type"], event["record"]) for event in subscriber.events[1:]] == [
                ("function", "one\n"),
                ("function", "two\n"),
                ("extension", "three\n"),
                ("function", "four\n"),
            ]

    run(main())


def test_twenty_thousand_lines_arrive_once_and_in_order() -> None:
    async def main() -> None:
        async with http_subscriber() as http, tcp_subscriber() as tcp, world() as here:
            here.subscribe(http.port, types=("function",))
            here.subscribe(tcp.port, "TCP", types=("function",), name="other")
            for start in range(0, 20_000, 500):
                here.say(*(f"line {number} {'x' * 80}" for number in range(start, start + 500)))
            for subscriber in (http, tcp):
                records = await subscriber.has(20_000)
                assert [int(record.split()[1]) for record in records] == list(range(20_000))
            assert here.notes == []
            assert all(len(batch) <= 10_000 for batch in http.batches)
            assert http.connections == 1

    run(main())


@pytest.mark.parametrize("answer", ["500 No", "404 No", "close", "not HTTP"])
def test_what_does_not_arrive_is_sent_again(answer: str) -> None:
    async def main() -> None:
        async with http_subscriber() as subscriber, world() as here:
            subscriber.answers = [answer, answer]
            here.subscribe(subscriber.port)
            assert len(await subscriber.has(1)) == 1
            assert len(subscriber.requests) == 3
            here.say("next")
            assert (await subscriber.has(2))[1] == "next\n"
            assert len(subscriber.events) == 2

    run(main())


def test_a_subscriber_may_listen_later_than_it_subscribes() -> None:
    async def main() -> None:
        async with world() as here:
            port = free_port()
            here.subscribe(port)
            here.say("early")
            await asyncio.sleep(0.1)  # for attempts that are refused
            async with http_subscriber(port) as subscriber:
                assert (await subscriber.has(2))[1] == "early\n"

    run(main())


def test_a_connection_that_the_subscriber_closes_costs_nothing() -> None:
    async def main() -> None:
        async with http_subscriber() as subscriber, world() as here:
            subscriber.answers = ["200 without a length"] * 2
            here.subscribe(subscriber.port)
            for count in (2, 3, 4):
                here.say(str(count))
                await subscriber.has(count)
            assert len(subscriber.events) == 4
            assert len(subscriber.requests) == len(subscriber.batches)
            assert subscriber.connections > 1

    run(main())


def test_nothing_is_sent_while_a_batch_is_under_way_or_deliveries_are_paused() -> None:
    async def main() -> None:
        async with http_subscriber() as subscriber, world() as here:
            subscriber.may_answer.clear()
            here.subscribe(subscriber.port)
            await subscriber.was_asked(1)
            sending = not here.telemetry.is_quiet
            assert sending
            here.say("one")
            here.telemetry.flush()
            here.telemetry.pause()
            subscriber.may_answer.set()
            await subscriber.has(1)
            here.say("two")
            here.telemetry.flush()
            for _ in range(10):
                await asyncio.sleep(0.01)
            assert len(subscriber.requests) == 1
            assert here.telemetry.is_quiet
            here.telemetry.resume()
            assert (await subscriber.has(3))[1:] == ["one\n", "two\n"]

    run(main())


def test_a_flush_does_not_wait_for_the_time_of_a_batch_and_neither_does_what_follows() -> None:
    async def main() -> None:
        async with http_subscriber() as subscriber, world() as here:
            here.subscribe(subscriber.port, buffering=LATE)
            here.say("one")
            here.telemetry.flush()
            assert (await subscriber.has(2))[1] == "one\n"
            here.say("last words")
            assert (await subscriber.has(3))[2] == "last words\n"

    run(main())


def test_lines_that_fill_a_batch_go_at_once() -> None:
    async def main() -> None:
        async with http_subscriber() as subscriber, world() as here:
            here.subscribe(subscriber.port, buffering=LATE)
            for _ in range(3):
                here.say("x" * 100_000)
            assert len(await subscriber.has(3)) == 3

    run(main())


def test_the_same_subscription_again_changes_nothing_and_another_one_begins_anew() -> None:
    async def main() -> None:
        async with http_subscriber() as first, http_subscriber() as second, world() as here:
            here.subscribe(first.port)
            here.subscribe(first.port)
            here.say("a")
            assert len(await first.has(2)) == 2
            here.subscribe(second.port)
            here.say("b")
            assert (await second.has(3))[1:] == ["a\n", "b\n"]
            await asyncio.sleep(0.05)
            assert len(first.events) == 2

    run(main())


def test_the_end_of_a_process_ends_the_deliveries_to_it_and_hurries_the_others() -> None:
    async def main() -> None:
        async with http_subscriber() as one, http_subscriber() as other, world() as here:
            here.subscribe(one.port, buffering=LATE, name="one")
            here.subscribe(other.port, buffering=LATE, name="other")
            here.say("a")
            here.telemetry.process_ended("extensions/one")
            assert (await other.has(2))[1] == "a\n"
            here.say("b")
            assert (await other.has(3))[2] == "b\n"
            assert one.requests == []

    run(main())


def test_a_subscriber_that_answers_nothing_loses_what_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime_api.engine.telemetry.HELD_BYTES", 500_000)

    async def main() -> None:
        async with http_subscriber() as subscriber, world() as here:
            here.subscribe(subscriber.port)
            subscriber.may_answer.clear()
            await subscriber.was_asked(1)
            for number in range(40):
                here.say(f"{number} {'x' * 100_000}")
                await asyncio.sleep(0)
            here.telemetry.flush()
            subscriber.may_answer.set()
            async with asyncio.timeout(20):
                while not here.notes or not here.telemetry.is_quiet:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            here.say("the end")
            while (await subscriber.has(1))[-1] != "the end\n":  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            dropped = [event["record"] for event in subscriber.events if event["type"] == "platform.logsDropped"]
            lines = [event for event in subscriber.events if event["type"] == "function"]
            assert dropped
            assert sum(record["droppedRecords"] for record in dropped) + len(lines) == 41
            lost = sum(record["droppedRecords"] for record in dropped)
            assert here.notes[0].endswith("records of telemetry were lost, since collector did not take them")
            assert sum(int(note.split()[0]) for note in here.notes) == lost

    run(main())


def test_too_much_of_an_init_is_counted_as_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime_api.engine.telemetry.HELD_BYTES", 1000)

    async def main() -> None:
        async with http_subscriber() as subscriber, world() as here:
            for _ in range(10):
                here.say("x" * 300, "y" * 300)
            here.subscribe(subscriber.port)
            records = await subscriber.has(2)
            (dropped,) = [record for record in records if "droppedRecords" in record]
            assert dropped["droppedRecords"] == 16
            assert dropped["droppedBytes"] == 16 * 301

    run(main())
