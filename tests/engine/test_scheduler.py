"""Schedules send their events when they are due: in real time, when a test moves the clock, and after a restart."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from runtime_api.engine.clock import Clock
from runtime_api.engine.invoker import Invoker
from runtime_api.engine.scheduler import Scheduler
from runtime_api.protocol.limits import CURRENT
from runtime_api.service.owners import DEFAULT_OWNER
from runtime_api.service.schedules import parse_schedule
from runtime_api.store.memory_catalog import MemoryCatalog
from runtime_api.store.memory_queue import MemoryQueue
from runtime_api.store.sqlite.database import Database
from runtime_api.store.sqlite.event_queue import MIGRATIONS
from runtime_api.store.sqlite.schedules import StoredSchedules
from tests.loops import run
from tests.service.versions import a_record

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT_S = 20.0


class FixedClock(Clock):
    """A clock that only moves when it is told to."""

    def __init__(self, at: datetime) -> None:
        super().__init__()
        self._now_ms = at.timestamp() * 1000

    def now_ms(self) -> float:
        return self._now_ms + self._ahead_ms


class Setting:
    """A scheduler whose events nobody runs. Made inside the loop."""

    def __init__(self, *schedules: str, at: str = "2026-01-01T00:00:30", database: Database | None = None) -> None:
        self.queue = MemoryQueue(100_000)
        catalog, unused = MemoryCatalog(), None
        catalog.set(a_record("f"))
        dispatch: Any = unused
        self.clock = FixedClock(datetime.fromisoformat(at).replace(tzinfo=UTC))
        invoker = Invoker(catalog, dispatch, self.queue, CURRENT, clock=self.clock)
        self.log: list[bytes] = []
        stored = None if database is None else StoredSchedules(database, lambda line: self.log.append(line.encode()))
        parsed = [parse_schedule(each) for each in schedules]
        self.scheduler = Scheduler(parsed, invoker, DEFAULT_OWNER, self.clock, self.log.append, stored)
        self.scheduler.start()

    async def sent(self, count: int) -> list[str]:
        """Wait until so many events were sent; returns the times in them."""
        async with asyncio.timeout(TIMEOUT_S):
            while len(listed := await self.queue.waiting(100_000)) < count:  # noqa: ASYNC110 - nothing sets an event
                await asyncio.sleep(0)
        await self.settled()
        listed = await self.queue.waiting(100_000)
        assert len(listed) == count
        return sorted(json.loads(each.event.invocation.payload)["time"] for each in listed)

    async def settled(self) -> None:
        """Let the scheduler do what it has to, if it has to do anything."""
        for _ in range(20):
            await asyncio.sleep(0)


def test_nothing_is_sent_before_it_is_due() -> None:
    async def main() -> None:
        setting = Setting("rate(1 minute)=f")
        setting.clock.advance(59)
        await setting.settled()
        assert await setting.sent(0) == []
        setting.clock.advance(1)
        assert await setting.sent(1) == ["2026-01-01T00:01:30Z"]
        await setting.scheduler.close()

    run(main())


def test_a_moved_clock_sends_for_every_due_time_that_it_passes() -> None:
    async def main() -> None:
        setting = Setting("rate(5 minutes)=f", "cron(0 * * * ? *)=f")
        setting.clock.advance(3600)
        sent = await setting.sent(13)
        assert "2026-01-01T01:00:00Z" in sent
        assert sent[-1] == "2026-01-01T01:00:30Z"
        await setting.scheduler.close()

    run(main())


def test_what_was_due_while_no_server_ran_is_sent_once(tmp_path: Path) -> None:
    async def main() -> None:
        database = Database(tmp_path / "events.sqlite", MIGRATIONS)
        first = Setting("rate(5 minutes)=f", "cron(0 12 * * ? *)=f", database=database)
        first.clock.advance(300)
        await first.sent(1)
        await first.scheduler.close()
        await database.flush()
        second = Setting("rate(5 minutes)=f", "cron(0 12 * * ? *)=f", at="2026-01-01T06:02:00", database=database)
        assert await second.sent(1) == ["2026-01-01T00:10:30Z"]
        due = [each.due_ms for each in second.scheduler.listed()]
        assert due == [
            datetime(2026, 1, 1, 6, 5, 30, tzinfo=UTC).timestamp() * 1000,
            datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp() * 1000,
        ]
        await second.scheduler.close()
        database.close()

    run(main())


def test_a_schedule_that_was_taken_away_has_missed_nothing_when_it_comes_back(tmp_path: Path) -> None:
    async def main() -> None:
        database = Database(tmp_path / "events.sqlite", MIGRATIONS)
        for hour, schedules in ((0, ["rate(5 minutes)=f"]), (1, []), (2, ["rate(5 minutes)=f"])):
            setting = Setting(*schedules, at=f"2026-01-01T{hour:02}:00:00", database=database)
            await setting.settled()
            assert await setting.sent(0) == []
            await setting.scheduler.close()
            await database.flush()
        database.close()

    run(main())


def test_a_function_that_is_not_there_is_reported_and_the_schedule_goes_on() -> None:
    async def main() -> None:
        setting = Setting("rate(1 minute)=nobody", "rate(1 minute)=f")
        for count in (1, 2):
            setting.clock.advance(60)
            await setting.sent(count)
        assert len(setting.log) == 2
        assert setting.log[0].startswith(b"bootjack: rate(1 minute) was not sent to nobody: Function not found")
        await setting.scheduler.close()

    run(main())


def test_a_time_that_has_passed_is_over() -> None:
    async def main() -> None:
        setting = Setting("at(2026-01-01T00:01:00)=f")
        setting.clock.advance(31)
        assert await setting.sent(1) == ["2026-01-01T00:01:00Z"]
        assert [each.due_ms for each in setting.scheduler.listed()] == [None]
        setting.clock.advance(86_400)
        await setting.settled()
        assert len(await setting.sent(1)) == 1
        await setting.scheduler.close()

    run(main())
