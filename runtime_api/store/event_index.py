"""Which events wait, and which are leased: the part of every queue of one server that decides who is next."""

from __future__ import annotations

import heapq
from itertools import chain, count
from typing import TYPE_CHECKING, NamedTuple

from runtime_api.service.seams.event_queue import NothingDue

if TYPE_CHECKING:
    from collections.abc import Collection

    from runtime_api.service.queued_event import QueuedEvent

__all__ = ["Entry", "EventIndex"]

NOTHING = NothingDue(None)


class Entry(NamedTuple):
    """An event that waits, ordered by when it is due, then by when it came."""

    due_ms: float
    number: int
    group: str
    event: QueuedEvent | None  # None: its queue has to read it
    size: int = 0  # of the event, in bytes, if its queue counts these


class EventIndex:
    """Entries by group; each event has one, or is leased."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Entry]] = {}  # a heap for each group that has any
        self._leased: dict[int, tuple[int, Entry]] = {}  # by number: the lease, and what was leased
        self._leases = count(1)

    def add(self, entry: Entry) -> None:
        """Put an event in that is not in here."""
        heapq.heappush(self._waiting.setdefault(entry.group, []), entry)

    def length(self, group: str) -> int:
        """Return how many events of a group wait."""
        return len(self._waiting.get(group, ()))

    def lease(self, now_ms: float, busy: Collection[str]) -> tuple[int, Entry] | NothingDue:
        """Take the event that has been due for longest, of the groups that are not busy; returns a lease with it."""
        first: Entry | None = None
        for group, heap in self._waiting.items():
            if group not in busy and (first is None or heap[0] < first):
                first = heap[0]
        if first is None:
            return NOTHING
        if first.due_ms > now_ms:
            return NothingDue(first.due_ms)
        heap = self._waiting[first.group]
        heapq.heappop(heap)
        if not heap:
            del self._waiting[first.group]
        lease = next(self._leases)
        self._leased[first.number] = (lease, first)
        return lease, first

    def end(self, number: int, lease: int) -> bool:
        """End the lease of an event; False when it has ended before."""
        held = self._leased.get(number)
        if held is None or held[0] != lease:
            return False
        del self._leased[number]
        return True

    def remove(self, number: int, arn_part: str) -> Entry | None:
        """Take out an event of some groups that waits; None when there is none of this number, or it is leased."""
        for group, heap in self._waiting.items():
            for entry in heap if arn_part in f"{group}:" else ():
                if entry.number == number:
                    heap.remove(entry)
                    heapq.heapify(heap)
                    if not heap:
                        del self._waiting[group]
                    return entry
        return None

    def first(self, most: int, arn_part: str) -> list[tuple[Entry, bool]]:
        """Return so many events of some groups in the order in which they are due, with whether each is leased."""
        heaps = (heap for group, heap in self._waiting.items() if arn_part in f"{group}:")
        waiting = ((entry, False) for entry in chain.from_iterable(heaps))
        leased = ((entry, True) for _, entry in self._leased.values() if arn_part in f"{entry.group}:")
        return heapq.nsmallest(most, chain(leased, waiting), key=lambda found: found[0][:2])
