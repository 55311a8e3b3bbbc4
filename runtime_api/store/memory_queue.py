"""An event queue in memory: events are lost when the process ends."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from itertools import count, islice
from typing import TYPE_CHECKING

from runtime_api.service.seams.event_queue import BuriedEvent, Full, LeasedEvent, ListedEvent, NothingDue, Queued

from .event_index import Entry, EventIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from runtime_api.service.queued_event import QueuedEvent

__all__ = ["MemoryQueue"]

QUEUED = Queued()
BURIED = 100  # events that are kept for a look at them
MOST_BYTES = 268_435_456  # of the payloads that wait


class MemoryQueue:
    """Implements `EventQueue`. At most `most` events of one group wait, and `most_bytes` of payloads altogether."""

    is_durable = False

    def __init__(self, most: int, most_bytes: int = MOST_BYTES) -> None:
        self._most = most
        self._left_bytes = most_bytes
        self._index = EventIndex()
        self._numbers = count(1)
        self._wakes: list[Callable[[], None]] = []
        self._buried: OrderedDict[int, BuriedEvent] = OrderedDict()

    def watch(self, wake: Callable[[], None]) -> None:
        self._wakes.append(wake)

    def put(self, event: QueuedEvent, due_ms: float) -> asyncio.Future[Queued | Full]:
        future: asyncio.Future[Queued | Full] = asyncio.get_running_loop().create_future()
        waiting = self._index.length(event.group)
        if waiting >= self._most or _bytes(event) > self._left_bytes:
            future.set_result(Full(waiting))
        else:
            self._add(next(self._numbers), event, due_ms)
            future.set_result(QUEUED)
        return future

    async def settled(self) -> None:
        pass

    async def lease(self, now_ms: float, busy: Collection[str] = ()) -> LeasedEvent | NothingDue:
        found = self._index.lease(now_ms, busy)
        if isinstance(found, NothingDue):
            return found
        lease, entry = found
        assert entry.event is not None
        return LeasedEvent(entry.event, lease, entry.number, entry.group)

    def done(self, leased: LeasedEvent) -> None:
        self._end(leased)

    def put_back(self, leased: LeasedEvent, event: QueuedEvent, due_ms: float) -> None:
        if self._end(leased):
            self._add(leased.number, event, due_ms)

    def bury(self, leased: LeasedEvent, event: QueuedEvent, reason: str, now_ms: float) -> None:
        if self._end(leased):
            self._buried[leased.number] = BuriedEvent(leased.number, event, reason, now_ms)
            if len(self._buried) > BURIED:
                self._buried.popitem(last=False)

    async def waiting(self, most: int, arn_part: str = "") -> list[ListedEvent]:
        found = self._index.first(most, arn_part)
        return [
            ListedEvent(entry.number, entry.event, entry.due_ms, is_leased)
            for entry, is_leased in found
            if entry.event is not None
        ]

    async def buried(self, most: int, arn_part: str = "") -> list[BuriedEvent]:
        wanted = (
            each for each in reversed(self._buried.values()) if each.event and arn_part in f"{each.event.group}:"
        )
        return list(islice(wanted, most))

    async def revive(self, number: int, now_ms: float, arn_part: str = "") -> bool:
        event = self._unbury(number, arn_part)
        if event is None:
            return False
        self._add(number, event.anew(now_ms), now_ms)
        return True

    async def discard(self, number: int, arn_part: str = "") -> bool:
        entry = self._index.remove(number, arn_part)
        if entry is not None and entry.event is not None:
            self._left_bytes += _bytes(entry.event)
        return entry is not None or self._unbury(number, arn_part) is not None

    def _unbury(self, number: int, arn_part: str) -> QueuedEvent | None:
        found = self._buried.get(number)
        if found is None or found.event is None or arn_part not in f"{found.event.group}:":
            return None
        del self._buried[number]
        return found.event

    def _add(self, number: int, event: QueuedEvent, due_ms: float) -> None:
        self._left_bytes -= _bytes(event)
        self._index.add(Entry(due_ms, number, event.group, event))
        for wake in self._wakes:
            wake()

    def _end(self, leased: LeasedEvent) -> bool:
        held = self._index.end(leased.number, leased.lease)
        if held:
            self._left_bytes += _bytes(leased.event)
        return held


def _bytes(event: QueuedEvent) -> int:
    return len(event.invocation.payload)
