"""In every queue an event is leased when it is due, once at a time, until it is done, put back or buried."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from runtime_api.service.queued_event import Condition, Delivery, DeliveryKind, QueuedEvent, Verdict
from runtime_api.service.seams.event_queue import Full, LeasedEvent, NothingDue, Queued
from runtime_api.store import memory_queue
from runtime_api.store.memory_queue import MemoryQueue
from runtime_api.store.sqlite import event_queue
from runtime_api.store.sqlite.database import Database
from runtime_api.store.sqlite.event_queue import MIGRATIONS, SqliteQueue
from tests.loops import run
from tests.service.versions import an_invocation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from runtime_api.service.seams.event_queue import EventQueue

    Test = Callable[["Made"], Awaitable[None]]

MOST = 10


class Made:
    """A queue, and a way to begin anew with what it has kept."""

    def __init__(self, path: Path | None, most: int = MOST) -> None:
        self._path = path
        self._most = most
        self._stack = AsyncExitStack()
        self.notes: list[str] = []
        self.queue = self._open()

    def _open(self) -> EventQueue:
        if self._path is None:
            return MemoryQueue(self._most)
        database = Database(self._path, MIGRATIONS)
        self._stack.callback(database.close)
        return SqliteQueue(database, self._most, self.notes.append)

    async def close(self) -> None:
        await self._stack.aclose()

    async def reopen(self) -> None:
        """Go on as the next server does."""
        await self.close()
        self.queue = self._open()

    async def put(self, request_id: str, due_ms: float = 0, name: str = "f", payload: bytes = b"{}") -> None:
        assert await self.queue.put(event(request_id, name, payload), due_ms) == Queued()

    async def lease(self, now_ms: float = 0, busy: tuple[str, ...] = ()) -> LeasedEvent:
        """Lease an event; there must be one."""
        found = await self.queue.lease(now_ms, busy)
        assert isinstance(found, LeasedEvent)
        return found

    async def waiting(self) -> list[tuple[str, bool]]:
        """The request ids of the events that wait or run, with whether they run."""
        listed = await self.queue.waiting(100)
        return [(each.event.invocation.request_id, each.is_leased) for each in listed]

    async def buried(self) -> list[tuple[str | None, str]]:
        """The request ids of the events that were given up, and why."""
        found = await self.queue.buried(100)
        return [(each.event.invocation.request_id if each.event else None, each.reason) for each in found]


@pytest.fixture(params=["memory", "sqlite"])
def tried(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Test], None]:
    """Run a test on a queue."""
    path = tmp_path / "events.sqlite" if request.param == "sqlite" else None
    return lambda test: run(_tried(test, path))


@pytest.fixture
def on_disk(tmp_path: Path) -> Callable[[Test], None]:
    """Run a test on a queue that is kept on disk."""
    return lambda test: run(_tried(test, tmp_path / "events.sqlite"))


async def _tried(test: Test, path: Path | None) -> None:
    made = Made(path)
    try:
        await test(made)
    finally:
        await made.close()


def event(request_id: str, name: str = "f", payload: bytes = b"{}") -> QueuedEvent:
    return QueuedEvent(replace(an_invocation(request_id, payload), function_arn=name))


def request_id(leased: LeasedEvent) -> str:
    return leased.event.invocation.request_id


def test_events_are_leased_in_the_order_in_which_they_are_due(tried: Callable[[Test], None]) -> None:
    async def test(made: Made) -> None:
        await made.put("late", 5)
        await made.put("first", 1)
        await made.put("second", 1, "g")
        assert [request_id(await made.lease(9)) for _ in range(3)] == ["first", "second", "late"]
        assert await made.queue.lease(9) == NothingDue(None)

    tried(test)


def test_an_event_is_not_leased_before_it_is_due(tried: Callable[[Test], None]) -> None:
    async def test(made: Made) -> None:
        await made.put("later", 7)
        assert await made.queue.lease(6.9) == NothingDue(7)
        assert request_id(await made.lease(7)) == "later"

    tried(test)


def test_events_of_busy_groups_stay_in_the_queue(tried: Callable[[Test], None]) -> None:
    async def test(made: Made) -> None:
        await made.put("of f", 1)
        await made.put("of g", 2, "g")
        assert request_id(await made.lease(9, ("f",))) == "of g"
        assert await made.queue.lease(9, ("f",)) == NothingDue(None)
        assert request_id(await made.lease(9, ("g",))) == "of f"

    tried(test)


def test_an_event_that_was_put_back_is_leased_again_as_it_is_now(tried: Callable[[Test], None]) -> None:
    async def test(made: Made) -> None:
        await made.put("again")
        leased = await made.lease()
        made.queue.put_back(leased, replace(leased.event, failures=1, last_error="boom"), 5)
        assert await made.queue.lease(4) == NothingDue(5)
        again = await made.lease(5)
        assert again.event == replace(leased.event, failures=1, last_error="boom")
        assert again.number == leased.number

    tried(test)


def test_an_event_that_is_done_or_buried_is_not_leased_again(tried: Callable[[Test], None]) -> None:
    async def test(made: Made) -> None:
        await made.put("done")
        await made.put("buried")
        made.queue.done(await made.lease())
        leased = await made.lease()
        made.queue.bury(leased, leased.event, "no reason", 3)
        assert await made.queue.lease(9) == NothingDue(None)
        assert await made.buried() == [("buried", "no reason")]
        assert await made.waiting() == []

    tried(test)


def test_a_lease_that_has_ended_changes_nothing(tried: Callable[[Test], None]) -> None:
    async def test(made: Made) -> None:
        await made.put("one")
        old = await made.lease()
        made.queue.put_back(old, old.event, 0)
        current = await made.lease()
        made.queue.put_back(old, old.event, 0)
        made.queue.bury(old, old.event, "too late", 0)
        made.queue.done(old)
        assert await made.queue.lease(9) == NothingDue(None)
        assert await made.buried() == []
        assert await made.waiting() == [("one", True)]
        made.queue.done(current)
        assert await made.waiting() == []

    tried(test)


@pytest.mark.parametrize("is_on_disk", [False, True])
def test_a_limited_number_of_events_of_one_group_waits_and_leased_ones_do_not_count(
    is_on_disk: bool, tmp_path: Path
) -> None:
    async def main() -> None:
        made = Made(tmp_path / "events.sqlite" if is_on_disk else None, most=2)
        await made.put("one")
        await made.put("two")
        assert isinstance(await made.queue.put(event("three"), 0), Full)
        await made.put("of another function", 0, "g")
        await made.lease()
        assert await made.queue.put(event("three"), 0) == Queued()
        await made.close()

    run(main())


def test_payloads_in_memory_are_limited_and_leave_room_when_they_have_been_run() -> None:
    async def main() -> None:
        queue = MemoryQueue(100, most_bytes=10)
        assert await queue.put(event("six", payload=b"123456"), 0) == Queued()
        assert isinstance(await queue.put(event("five", payload=b"12345"), 0), Full)
        leased = await queue.lease(0)
        assert isinstance(leased, LeasedEvent)
        queue.done(leased)
        assert await queue.put(event("five", payload=b"12345"), 0) == Queued()

    run(main())


def test_a_watcher_is_woken_by_each_event_that_is_put_or_put_back(tried: Callable[[Test], None]) -> None:
    async def test(made: Made) -> None:
        wakes: list[str] = []
        made.queue.watch(lambda: wakes.append("woken"))
        await made.put("one")
        assert len(wakes) == 1
        leased = await made.lease()
        made.queue.put_back(leased, leased.event, 0)
        assert len(wakes) == 2

    tried(test)


def test_events_are_listed_in_the_order_in_which_they_are_due(tried: Callable[[Test], None]) -> None:
    async def test(made: Made) -> None:
        for due in (3, 1, 2):
            await made.put(f"at {due}", due)
        await made.lease(1)
        assert await made.waiting() == [("at 1", True), ("at 2", False), ("at 3", False)]
        assert [each.due_ms for each in await made.queue.waiting(2)] == [1, 2]

    tried(test)


def test_an_event_that_was_given_up_is_sent_again_as_a_new_one(tried: Callable[[Test], None]) -> None:
    async def test(made: Made) -> None:
        await made.put("again", payload=b"[1]")
        leased = await made.lease()
        spent = replace(leased.event, failures=3, last_error="boom", reports=("sent to q",))
        made.queue.bury(leased, spent, "it has failed 3 times", 7)
        (buried,) = await made.queue.buried(9)
        assert (buried.event, buried.buried_ms) == (spent, 7)
        assert await made.queue.revive(buried.number, 50)
        assert await made.buried() == []
        again = await made.lease(50)
        assert again.event == QueuedEvent(leased.event.invocation, accepted_ms=50)
        assert not await made.queue.revive(buried.number, 60)

    tried(test)


def test_one_of_two_callers_sends_an_event_again_that_was_given_up(tried: Callable[[Test], None]) -> None:
    async def test(made: Made) -> None:
        await made.put("spent")
        leased = await made.lease()
        made.queue.bury(leased, leased.event, "no reason", 7)
        number = leased.number
        asked = [made.queue.revive(number, 50), made.queue.revive(number, 50), made.queue.revive(number, 50)]
        assert sorted(await asyncio.gather(*asked)) == [False, False, True]
        assert await made.waiting() == [("spent", False)]

    tried(test)


def test_events_that_wait_or_were_given_up_can_be_discarded(tried: Callable[[Test], None]) -> None:
    async def test(made: Made) -> None:
        for name in ("runs", "buried", "waits", "stays"):
            await made.put(name)
        running, buried = await made.lease(), await made.lease()
        made.queue.bury(buried, buried.event, "no reason", 0)
        listed = {each.event.invocation.request_id: each.number for each in await made.queue.waiting(9)}
        assert await made.queue.discard(listed["waits"])
        assert await made.queue.discard(buried.number)
        assert not await made.queue.discard(running.number)
        assert not await made.queue.discard(99)
        assert await made.waiting() == [("runs", True), ("stays", False)]
        assert await made.buried() == []

    tried(test)


def test_events_of_other_owners_are_neither_sent_again_nor_discarded(tried: Callable[[Test], None]) -> None:
    async def test(made: Made) -> None:
        arn, ours, theirs = "arn:aws:lambda:eu-west-1:1:function:f", ":lambda:eu-west-1:1:", ":lambda:us-east-1:1:"
        for name in ("buried", "waits"):
            await made.put(name, name=arn)
        buried = await made.lease()
        made.queue.bury(buried, buried.event, "no reason", 0)
        ((waits,), kept) = await made.queue.waiting(9), await made.queue.buried(9)
        assert not await made.queue.discard(waits.number, theirs)
        assert not await made.queue.discard(buried.number, theirs)
        assert not await made.queue.revive(buried.number, 50, theirs)
        assert await made.queue.waiting(9) == [waits]
        assert await made.queue.buried(9) == kept
        assert await made.queue.discard(waits.number, ours)
        assert await made.queue.revive(buried.number, 50, ours)
        assert await made.queue.discard(buried.number, ours)
        assert (await made.waiting(), await made.buried()) == ([], [])

    tried(test)


def test_the_next_server_finds_what_waits_what_ran_and_what_was_given_up(on_disk: Callable[[Test], None]) -> None:
    async def test(made: Made) -> None:
        for name in ("done", "buried", "put back", "ran", "waits"):
            await made.put(name, payload=name.encode())
        made.queue.done(await made.lease())
        leased = await made.lease()
        made.queue.bury(leased, leased.event, "no reason", 1)
        leased = await made.lease()
        verdict = Verdict(Condition.RETRIES_EXHAUSTED, 5, "it has failed", 200, "3", "Unhandled", b"\x00\xff")
        settled = replace(
            leased.event, failures=2, verdict=verdict, deliveries=(Delivery(DeliveryKind.DESTINATION, "arn"),)
        )
        made.queue.put_back(leased, settled, 8)
        await made.lease()
        await made.reopen()
        assert await made.waiting() == [("ran", False), ("waits", False), ("put back", False)]
        assert await made.buried() == [("buried", "no reason")]
        await made.put("new", 9)
        assert (await made.lease(0)).event == event("ran", payload=b"ran")
        assert (await made.lease(0)).event == event("waits", payload=b"waits")
        assert (await made.lease(8)).event == settled
        assert request_id(await made.lease(9)) == "new"

    on_disk(test)


def test_an_event_that_cannot_be_read_is_buried_and_blocks_nothing(
    on_disk: Callable[[Test], None], tmp_path: Path
) -> None:
    async def test(made: Made) -> None:
        await made.put("poisoned", 1)
        await made.put("behind it", 2)
        await made.close()
        with sqlite3.connect(tmp_path / "events.sqlite") as connection:
            connection.execute("UPDATE events SET document = x'c1' WHERE number = 1")
        connection.close()
        await made.reopen()
        assert request_id(await made.lease(9)) == "behind it"
        ((name, reason),) = await made.buried()
        assert (name, reason.startswith("it cannot be read")) == (None, True)
        assert "event 1 of f is given up" in made.notes[0]
        assert not await made.queue.revive(1, 0)
        assert await made.queue.discard(1)

    on_disk(test)


def test_events_for_which_memory_has_no_room_are_read_back(
    on_disk: Callable[[Test], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_queue, "KEPT_BYTES", 600)

    async def test(made: Made) -> None:
        for number in range(6):
            await made.put(str(number), payload=b"%d" % number)
        assert [(await made.lease()).event.invocation.payload for _ in range(6)] == [b"%d" % n for n in range(6)]

    on_disk(test)


def test_only_the_last_events_that_were_given_up_are_kept(
    tried: Callable[[Test], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (memory_queue, event_queue):
        monkeypatch.setattr(module, "BURIED", 3)

    async def test(made: Made) -> None:
        for number in range(5):
            await made.put(str(number))
            leased = await made.lease()
            made.queue.bury(leased, leased.event, "no reason", number)
        assert [name for name, _ in await made.buried()] == ["4", "3", "2"]

    tried(test)
