"""A shard: takes records in order, says which batches are due, and knows how far everything has been handled."""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING

from msgspec import Struct

from runtime_api.service.seams.positions import Position

from .attempts import Batch, GivenUp
from .ledger import Ledger
from .records import batch_event
from .slots import Slot
from .windows import Window, window_members

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .attempts import Answer
    from .policy import StreamPolicy
    from .records import StreamRecord

__all__ = ["Attempt", "Report", "Shard"]

MOST_OPEN = 20_000  # records, after which a shard is read no further until some are done
MOST_OPEN_BYTES = 25_165_824


class Attempt(Struct, frozen=True):
    """A batch that the function is to be invoked with."""

    slot: int
    batch: Batch
    event: bytes


class Report(Struct, frozen=True):
    """Records that were given up; the shard waits until the on-failure destination has been told, if there is one."""

    slot: int
    given_up: GivenUp


class Shard:
    """Decides; whoever owns it reads the stream, invokes the function and sends reports."""

    def __init__(self, shard_id: str, stream_arn: str, policy: StreamPolicy, position: Position) -> None:
        """`position`: everything up to there has been handled by a shard before this one."""
        self.shard_id = shard_id
        self._stream_arn = stream_arn
        self._policy = policy
        self._began_ms = position.began_ms
        self._ledger = Ledger(position.sequence_number)
        opened = None
        if policy.window_ms and position.window_start_ms is not None:
            opened = Window(position.window_start_ms, position.window_state)
        self._slots = [Slot(policy, opened) for _ in range(policy.slots)]
        self._seen_ms = -math.inf
        self._has_ended = position.is_finished

    def add(self, records: Iterable[StreamRecord], now_ms: float) -> None:
        """Take records that follow all before them; those that nobody wants are done."""
        for record in records:
            self._ledger.add(record)
            if record.is_wanted:
                self._slot_of(record).add(record, now_ms)
            else:
                self._ledger.end((record,))

    def saw_tip(self, now_ms: float) -> None:
        """Note that at this time every record had been read."""
        self._seen_ms = max(self._seen_ms, now_ms)

    def end(self) -> None:
        """Note that there are no more records, and never will be."""
        self._has_ended, self._seen_ms = True, math.inf

    def due(self, now_ms: float) -> list[Attempt | Report]:
        """Return what is to be done now; each of it is to be answered for."""
        found: list[Attempt | Report] = []
        for number, slot in enumerate(self._slots):
            match slot.next(now_ms, self._seen_ms):
                case Batch() as batch:
                    found.append(Attempt(number, batch, self._event(slot, batch)))
                case GivenUp() as given_up:
                    found.append(Report(number, given_up))
        return found

    def answered(self, attempt: Attempt, answer: Answer, now_ms: float) -> Report | None:
        """End an attempt that the function has answered; returns what has to be reported."""
        done, given_up = self._slots[attempt.slot].answered(answer, now_ms)
        self._ledger.end(done)
        return None if given_up is None else Report(attempt.slot, given_up)

    def throttled(self, attempt: Attempt, now_ms: float) -> None:
        """End an attempt that was not made: nothing could run it."""
        self._slots[attempt.slot].throttled(now_ms)

    def reported(self, report: Report, now_ms: float) -> None:
        """Go on after a report."""
        self._ledger.end(self._slots[report.slot].reported(now_ms))

    def wake_ms(self) -> float | None:
        """Return when something is due though nothing happens; None: never."""
        return min((at_ms for slot in self._slots if (at_ms := slot.wake_ms()) is not None), default=None)

    @property
    def wants_records(self) -> bool:
        """Whether to read on: a slot could use more, and what is open is not too much to hold."""
        if self._has_ended or len(self._ledger) >= MOST_OPEN or self._ledger.bytes >= MOST_OPEN_BYTES:
            return False
        return any(slot.is_hungry for slot in self._slots)

    @property
    def is_finished(self) -> bool:
        """Whether the shard has ended and everything in it is done."""
        return self._has_ended and not self._ledger and all(slot.is_idle for slot in self._slots)

    @property
    def position(self) -> Position:
        """How far everything is done."""
        window = self._slots[0].window if self._policy.window_ms else None
        return Position(
            self._ledger.checkpoint,
            self._began_ms,
            None if window is None else window.start_ms,
            b"{}" if window is None else window.state,
            self.is_finished,
        )

    @property
    def oldest_ms(self) -> float | None:
        """When the oldest record arrived that is not done; None: there is none."""
        return self._ledger.oldest_ms

    def _slot_of(self, record: StreamRecord) -> Slot:
        # Not by Python's hash of texts, which differs from server to server: nothing depends on it, but tests do.
        return self._slots[zlib.crc32(record.key.encode()) % len(self._slots)]

    def _event(self, slot: Slot, batch: Batch) -> bytes:
        if slot.window is None:
            return batch_event(batch.records)
        length_ms, is_final = self._policy.window_ms, batch.is_final
        more = window_members(slot.window, length_ms, self.shard_id, self._stream_arn, is_final=is_final)
        return batch_event(batch.records, more)
