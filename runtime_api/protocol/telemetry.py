"""One subscriber's telemetry on its way: entries of the journal come in, batches of events go out.

Theory. An entry is held as it is, so that no invocation waits for its text. Events are written when a batch is due:
`timeout_ms` after its first entry, `FULL_MS` after what is held could fill it, or when somebody flushes. A function
that writes a lot at once has the processors to itself for so long: the subscriber would want one of them. A batch is
closed before the event that would take it over its bounds; an event above `max_bytes` travels alone. Closed batches
wait for the subscriber. One that is closed while more than `HELD_BYTES` wait is lost, and the next that goes out
begins with platform.logsDropped: at the place of the loss, with its numbers.

`now` is a monotonic time in milliseconds; `offset_ms` makes Unix milliseconds of it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from .platform_events import Lines, LogsDropped

if TYPE_CHECKING:
    from .journal import Entry
    from .subscriptions import Buffering
    from .telemetry_events import EventWriter

__all__ = ["FULL_MS", "HELD_BYTES", "Batch", "Batches", "Feed"]

HELD_BYTES = 16 * 1_048_576  # closed batches of one environment; ours, Lambda's figure is not known
FULL_MS = 100.0  # what could fill a batch waits this long for more
UNWRITTEN_BYTES = 4 * 1_048_576  # more than this of lines does not wait


class Batch(NamedTuple):
    """Events that travel together, behind what was lost right before them."""

    events: tuple[bytes, ...]
    lost_records: int = 0
    lost_bytes: int = 0


class Batches:
    """Closes batches, and loses those for which there is no room."""

    def __init__(self, buffering: Buffering, held_bytes: int = HELD_BYTES) -> None:
        self._buffering = buffering
        self.most_held = held_bytes
        self._open: list[bytes] = []
        self._open_bytes = 0
        self._closed: deque[Batch] = deque()
        self._closed_bytes = 0
        self._lost_records = self._lost_bytes = 0

    @property
    def open_items(self) -> int:
        """How many events are in the batch that is being filled."""
        return len(self._open)

    @property
    def has_closed(self) -> bool:
        """Whether `take` would give anything."""
        return bool(self._closed) or self._lost_records > 0

    def miss(self, records: int, size: int) -> None:
        """Count what was lost before it came here."""
        self._lost_records += records
        self._lost_bytes += size

    def add(self, events: list[bytes]) -> None:
        """Fill batches with these events, in order."""
        max_items, max_bytes = self._buffering.max_items, self._buffering.max_bytes
        for event in events:
            size = len(event) + 1  # with what separates it from the next
            if self._open and self._open_bytes + size > max_bytes:
                self.close()
            self._open.append(event)
            self._open_bytes += size
            if len(self._open) >= max_items:
                self.close()

    def close(self) -> None:
        """Close the batch that is being filled."""
        events, size = tuple(self._open), self._open_bytes
        self._open.clear()
        self._open_bytes = 0
        if not events:
            return
        if self._closed_bytes > self.most_held:
            self.miss(len(events), size)
            return
        self._closed.append(Batch(events, self._lost_records, self._lost_bytes))
        self._closed_bytes += size
        self._lost_records = self._lost_bytes = 0

    def take(self) -> Batch:
        """The batch that has waited longest; without events when only a loss is left to tell, or nothing is."""
        if not self._closed:
            batch = Batch((), self._lost_records, self._lost_bytes)
            self._lost_records = self._lost_bytes = 0
            return batch
        batch = self._closed.popleft()
        self._closed_bytes -= sum(map(len, batch.events)) + len(batch.events)
        return batch


class Feed:
    """What one subscriber is to receive."""

    def __init__(self, writer: EventWriter, buffering: Buffering, held_bytes: int = HELD_BYTES) -> None:
        self._writer = writer
        self._buffering = buffering
        self._batches = Batches(buffering, held_bytes)
        self._held: list[Entry] = []
        self._held_bytes = self._held_items = 0  # bytes of lines: the rest is small
        self.due_at: float | None = None  # when what is held or being filled has to go
        self._full_at: float | None = None  # when what is held has to be written, since it could fill a batch

    @property
    def is_ready(self) -> bool:
        """Whether `take` would give a batch."""
        return self._batches.has_closed

    @property
    def wake_at(self) -> float | None:
        """When there is something to collect; None while nothing is held."""
        return self.due_at if self._full_at is None or self.due_at is None else min(self.due_at, self._full_at)

    def hold(self, entry: Entry, now: float) -> bool:
        """Take an entry; whether there is anything in it for this subscriber."""
        if not self._writer.wants(entry):
            return False
        self._held.append(entry)
        first = entry.records[0]
        if isinstance(first, Lines):
            self._held_bytes += len(first.data)
            self._held_items += first.data.count(b"\n")
        else:
            self._held_items += len(entry.records)
        if self.due_at is None:
            self.due_at = now + self._buffering.timeout_ms
        if self._full_at is None and self._could_fill:
            self._full_at = now + FULL_MS
        elif self._held_bytes > UNWRITTEN_BYTES:
            self._full_at = now
        return True

    @property
    def _could_fill(self) -> bool:
        items = self._held_items + self._batches.open_items
        return items >= self._buffering.max_items or self._held_bytes >= self._buffering.max_bytes

    def bound(self, held_bytes: int) -> None:
        """Lose batches that are closed while more than this waits."""
        self._batches.most_held = held_bytes

    def miss(self, records: int, size: int) -> None:
        """Count lines that were lost before they came here."""
        self._batches.miss(records, size)

    def collect(self, now: float, offset_ms: float, *, flush: bool = False) -> None:
        """Write the events of what is held; close the last batch too when its time has come, or with `flush`."""
        if self._held:
            self._batches.add(self._writer.written(self._held, offset_ms))
            self._held.clear()
            self._held_bytes = self._held_items = 0
            self._full_at = None
        if flush or (self.due_at is not None and now >= self.due_at):
            self._batches.close()
        if not self._batches.open_items:
            self.due_at = None

    def take(self, now: float, offset_ms: float) -> Batch:
        """The next batch, behind a platform.logsDropped event if some were lost before it."""
        batch = self._batches.take()
        if not batch.lost_records:
            return batch
        lost = self._writer.loss(LogsDropped(batch.lost_records, batch.lost_bytes), now + offset_ms)
        return batch._replace(events=(*lost, *batch.events))
