"""An event queue in memory: events are lost when the process ends."""

from __future__ import annotations

import heapq
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from runtime_api.service.seams.event_queue import LeasedEvent, NothingDue, QueuedEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["MemoryQueue"]

BURIED = 100  # events that are kept for a look at them


class MemoryQueue:
    """Implements `EventQueue`. At most `most` events of one version wait."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: dict[str, list[_Entry]] = {}  # a heap for each version ARN that has any
        self._leases: set[int] = set()
        self._numbers = count()
        self._wakes: list[Callable[[], None]] = []
        self.buried: deque[tuple[QueuedEvent, str]] = deque(maxlen=BURIED)

    def watch(self, wake: Callable[[], None]) -> None:
        self._wakes.append(wake)

    async def put(self, event: QueuedEvent, due_ms: float) -> bool:
        if len(self._waiting.get(event.version.arn, ())) >= self._most:
            return False
        self._add(event, due_ms)
        return True

    async def lease(self, now_ms: float, busy: Collection[str] = ()) -> LeasedEvent | NothingDue:
        heads = [heap[0] for arn, heap in self._waiting.items() if arn not in busy]
        if not heads:
            return NothingDue(None)
        first = min(heads)
        if first.due_ms > now_ms:
            return NothingDue(first.due_ms)
        arn = first.event.version.arn
        heap = self._waiting[arn]
        heapq.heappop(heap)
        if not heap:
            del self._waiting[arn]
        self._leases.add(first.number)
        return LeasedEvent(first.event, first.number)

    async def done(self, leased: LeasedEvent) -> None:
        self._leases.discard(leased.lease)

    async def retry(self, leased: LeasedEvent, due_ms: float, *, failed: bool = False) -> None:
        if self._end(leased):
            event = leased.event
            self._add(replace(event, retries=event.retries + 1, failures=event.failures + failed), due_ms)

    async def bury(self, leased: LeasedEvent, reason: str) -> None:
        if self._end(leased):
            self.buried.append((leased.event, reason))

    def _add(self, event: QueuedEvent, due_ms: float) -> None:
        heap = self._waiting.setdefault(event.version.arn, [])
        heapq.heappush(heap, _Entry(due_ms, next(self._numbers), event))
        for wake in self._wakes:
            wake()

    def _end(self, leased: LeasedEvent) -> bool:
        held = leased.lease in self._leases
        self._leases.discard(leased.lease)
        return held


class _Entry(NamedTuple):
    """An event in a heap, ordered by when it is due, then by when it came."""

    due_ms: float
    number: int
    event: QueuedEvent
