"""An event is leased when it is due, by one server at a time, until it is done, retried or buried."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from runtime_api.service.seams.event_queue import LeasedEvent, NothingDue, QueuedEvent
from runtime_api.store.memory_queue import MemoryQueue
from tests.service.versions import a_version, an_invocation

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from runtime_api.service.seams.event_queue import EventQueue

Value = TypeVar("Value")
F, G = a_version("f"), a_version("g")


def wait(work: Coroutine[None, None, Value]) -> Value:
    return asyncio.run(work)


def put(queue: EventQueue, request_id: str, due_ms: float = 0, name: str = "f") -> None:
    assert wait(queue.put(QueuedEvent(a_version(name), an_invocation(request_id)), due_ms))


def lease(queue: EventQueue, now_ms: float = 0, busy: tuple[str, ...] = ()) -> LeasedEvent:
    """Lease an event; there must be one."""
    found = wait(queue.lease(now_ms, busy))
    assert isinstance(found, LeasedEvent)
    return found


def request_id(leased: LeasedEvent) -> str:
    return leased.event.invocation.request_id


def test_events_are_leased_in_the_order_in_which_they_are_due() -> None:
    queue = MemoryQueue(10)
    put(queue, "late", 5)
    put(queue, "first", 1)
    put(queue, "second", 1, "g")
    assert [request_id(lease(queue, 9)) for _ in range(3)] == ["first", "second", "late"]
    assert wait(queue.lease(9)) == NothingDue(None)


def test_an_event_is_not_leased_before_it_is_due() -> None:
    queue = MemoryQueue(10)
    put(queue, "later", 7)
    assert wait(queue.lease(6.9)) == NothingDue(7)
    assert request_id(lease(queue, 7)) == "later"


def test_events_of_busy_versions_stay_in_the_queue() -> None:
    queue = MemoryQueue(10)
    put(queue, "of f", 1)
    put(queue, "of g", 2, "g")
    assert request_id(lease(queue, 9, (F.arn,))) == "of g"
    assert wait(queue.lease(9, (F.arn,))) == NothingDue(None)
    assert request_id(lease(queue, 9, (G.arn,))) == "of f"


def test_a_retried_event_is_leased_again_when_it_is_due_and_counts_its_retries() -> None:
    queue = MemoryQueue(10)
    put(queue, "again")
    wait(queue.retry(lease(queue), 5))
    assert wait(queue.lease(4)) == NothingDue(5)
    leased = lease(queue, 5)
    assert (request_id(leased), leased.event.retries) == ("again", 1)


def test_an_event_that_is_done_or_buried_is_not_leased_again() -> None:
    queue = MemoryQueue(10)
    put(queue, "done")
    put(queue, "buried")
    wait(queue.done(lease(queue)))
    wait(queue.bury(lease(queue), "no reason"))
    assert wait(queue.lease(9)) == NothingDue(None)
    assert [(event.invocation.request_id, reason) for event, reason in queue.buried] == [("buried", "no reason")]


def test_a_lease_that_has_ended_changes_nothing() -> None:
    queue = MemoryQueue(10)
    put(queue, "one")
    old = lease(queue)
    wait(queue.retry(old, 0))
    current = lease(queue)
    wait(queue.retry(old, 0))
    wait(queue.bury(old, "too late"))
    assert wait(queue.lease(9)) == NothingDue(None)
    assert not queue.buried
    wait(queue.done(current))


def test_a_limited_number_of_events_of_one_version_waits_and_leased_ones_do_not_count() -> None:
    queue = MemoryQueue(2)
    put(queue, "one")
    put(queue, "two")
    full = QueuedEvent(F, an_invocation("three"))
    assert not wait(queue.put(full, 0))
    put(queue, "of another version", 0, "g")
    lease(queue)
    assert wait(queue.put(full, 0))


def test_a_watcher_is_woken_by_each_event_that_is_put_or_retried() -> None:
    queue = MemoryQueue(10)
    wakes: list[str] = []
    queue.watch(lambda: wakes.append("woken"))
    put(queue, "one")
    assert len(wakes) == 1
    wait(queue.retry(lease(queue), 0))
    assert len(wakes) == 2
