"""Batches of one subscriber: nothing is lost, doubled or out of order, and a loss is told where it happened."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from runtime_api.protocol import platform_events as log
from runtime_api.protocol.journal import Entry
from runtime_api.protocol.subscriptions import Buffering, Destination, Subscription, TelemetryApi
from runtime_api.protocol.telemetry import FULL_MS, Batch, Batches, Feed
from runtime_api.protocol.telemetry_events import EventWriter

TYPES = ("platform", "function", "extension")
EVENT = b"x" * 99  # 100 bytes in a batch


def feed(buffering: Buffering, held_bytes: int = 1 << 30, types: tuple[str, ...] = TYPES) -> Feed:
    subscription = Subscription(TelemetryApi.TELEMETRY, "2022-12-13", types, Destination("TCP", 1), buffering)
    return Feed(EventWriter(subscription, "runtime", json_lines=False), buffering, held_bytes)


def taken(of: Feed) -> list[Batch]:
    batches = []
    while of.is_ready:
        batches.append(of.take(0.0, 0.0))
    return batches


def line(text: str, at: float = 0.0) -> Entry:
    return Entry(at, (log.Lines("runtime", text.encode() + b"\n"),))


def test_a_batch_is_due_when_its_first_entry_is_old_enough() -> None:
    of = feed(Buffering(timeout_ms=25))
    assert of.hold(line("a"), 100.0)
    assert of.hold(line("b"), 110.0)
    assert of.due_at == 125.0
    of.collect(124.9, 0.0)
    assert not of.is_ready
    assert of.due_at == 125.0
    of.collect(125.0, 0.0)
    assert [len(batch.events) for batch in taken(of)] == [2]
    assert of.due_at is None


def test_a_flush_closes_at_once() -> None:
    of = feed(Buffering())
    of.hold(line("a"), 0.0)
    of.collect(0.0, 0.0, flush=True)
    assert [len(batch.events) for batch in taken(of)] == [1]
    of.collect(0.0, 0.0, flush=True)
    assert not of.is_ready


def test_an_entry_of_no_type_asked_for_is_not_held() -> None:
    of = feed(Buffering(), types=("platform",))
    assert not of.hold(line("a"), 0.0)
    assert of.due_at is None


def test_batches_close_at_their_number_of_events_and_at_their_size() -> None:
    batches = Batches(Buffering(max_items=3, max_bytes=250))
    batches.add([EVENT] * 5)
    batches.close()
    assert [len(batches.take().events) for _ in range(3)] == [2, 2, 1]
    batches = Batches(Buffering(max_items=3, max_bytes=1000))
    batches.add([EVENT] * 6)
    assert [len(batches.take().events) for _ in range(2)] == [3, 3]
    assert not batches.has_closed
    assert not batches.open_items


def test_an_event_larger_than_a_batch_travels_alone() -> None:
    batches = Batches(Buffering(max_items=10, max_bytes=50))
    batches.add([b"a", EVENT, b"b"])
    batches.close()
    assert [batches.take().events for _ in range(3)] == [(b"a",), (EVENT,), (b"b",)]


def test_what_could_fill_a_batch_by_its_size_waits_only_a_moment() -> None:
    of = feed(Buffering(max_bytes=262_144))
    for _ in range(262):
        of.hold(line("x" * 999), 0.0)
    assert of.wake_at == 1000.0
    of.hold(line("x" * 999), 5.0)
    assert of.wake_at == 5.0 + FULL_MS
    of.collect(5.0 + FULL_MS, 0.0)
    assert [len(batch.events) for batch in taken(of)] == [245]
    assert of.wake_at == 1000.0  # what is left of it is as old as its first line


def test_what_could_fill_a_batch_by_its_number_waits_only_a_moment() -> None:
    of = feed(Buffering(max_items=1000))
    of.hold(line("a\n" * 599), 0.0)
    of.collect(1.0, 0.0)
    of.hold(line("a\n" * 398), 2.0)
    assert of.wake_at == 1000.0
    of.hold(line("a"), 3.0)
    assert of.wake_at == 3.0 + FULL_MS
    of.collect(3.0 + FULL_MS, 0.0)
    assert [len(batch.events) for batch in taken(of)] == [1000]
    assert of.wake_at is None


def test_very_much_does_not_wait() -> None:
    of = feed(Buffering())
    for number in range(5):
        of.hold(line("x" * 1_000_000), float(number))
    assert of.wake_at == 4.0


def test_a_loss_is_told_where_it_happened() -> None:
    of = feed(Buffering(max_items=1), held_bytes=100)
    for name in "abcd":
        of.hold(line(name), 0.0)
    of.collect(0.0, 0.0)
    first, second = of.take(0.0, 0.0), of.take(0.0, 0.0)
    assert [json.loads(batch.events[0])["record"] for batch in (first, second)] == ["a\n", "b\n"]
    of.hold(line("e"), 0.0)
    of.collect(0.0, 0.0)
    third = [json.loads(event) for event in of.take(0.0, 0.0).events]
    assert [event["type"] for event in third] == ["platform.logsDropped", "function"]
    assert third[0]["record"]["droppedRecords"] == 2
    assert third[0]["record"]["droppedBytes"] == 2 * (len(first.events[0]) + 1)
    assert third[1]["record"] == "e\n"
    assert not of.is_ready


def test_a_loss_with_nothing_behind_it_is_told_too() -> None:
    of = feed(Buffering(max_items=1), held_bytes=10)
    of.hold(line("a"), 0.0)
    of.hold(line("b"), 0.0)
    of.collect(0.0, 0.0)
    batches = taken(of)
    assert [json.loads(batch.events[0])["type"] for batch in batches] == ["function", "platform.logsDropped"]


STEPS = st.lists(
    st.tuples(st.sampled_from(["hold", "collect", "flush", "take"]), st.integers(0, 400), st.integers(0, 60)),
    max_size=60,
)


@given(STEPS, st.sampled_from([300, 2000, 1 << 30]))
def test_every_line_is_delivered_once_in_order_or_counted_as_lost(
    steps: list[tuple[str, int, int]], held_bytes: int
) -> None:
    buffering = Buffering(max_items=4, max_bytes=500, timeout_ms=30)
    of = feed(buffering, held_bytes)
    now, sent, received = 0.0, 0, list[int]()
    lost = 0

    def take() -> None:
        nonlocal lost
        batch = of.take(now, 0.0)
        events = [json.loads(event) for event in batch.events]
        if batch.lost_records:
            dropped = events.pop(0)
            assert dropped["record"]["droppedRecords"] == batch.lost_records
            assert not received or not events or int(events[0]["record"].split()[0]) > received[-1]
            lost += batch.lost_records
        assert len(events) <= buffering.max_items
        assert len(events) == 1 or sum(len(event) + 1 for event in batch.events[-len(events) :]) <= 500 or not events
        received.extend(int(event["record"].split()[0]) for event in events)

    for step, size, wait in steps:
        now += wait
        if step == "hold":
            of.hold(line(f"{sent} {'x' * size}"), now)
            sent += 1
            assert of.due_at is not None
        elif step == "take":
            if of.is_ready:
                take()
        else:
            overdue = of.due_at is not None and now >= of.due_at
            of.collect(now, 0.0, flush=step == "flush")
            if overdue or step == "flush":
                assert of.due_at is None
    of.collect(now, 0.0, flush=True)
    while of.is_ready:
        take()
    assert received == sorted(set(received))
    assert len(received) + lost == sent
    if held_bytes == 1 << 30:
        assert received == list(range(sent))
