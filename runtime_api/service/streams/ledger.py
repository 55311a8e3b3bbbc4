"""Which records of a shard are done, and up to which one all are."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .records import StreamRecord

__all__ = ["Ledger"]


class Ledger:
    """Takes records in the order of the shard and their ends in any; the checkpoint never passes an open one."""

    def __init__(self, checkpoint: str | None) -> None:
        self.checkpoint = checkpoint  # the sequence number up to which everything is done
        self.bytes = 0  # of what is open, and of what is done behind it
        self._records: deque[StreamRecord] = deque()
        self._done: set[str] = set()

    def __len__(self) -> int:
        return len(self._records)

    @property
    def oldest_ms(self) -> float | None:
        """When the first open record arrived."""
        return self._records[0].arrived_ms if self._records else None

    def add(self, record: StreamRecord) -> None:
        """Take a record that is still to be handled."""
        self._records.append(record)
        self.bytes += len(record.document)

    def end(self, records: Iterable[StreamRecord]) -> None:
        """Note that records have been handled or given up."""
        self._done.update(record.sequence_number for record in records)
        while self._records and self._records[0].sequence_number in self._done:
            record = self._records.popleft()
            self._done.remove(record.sequence_number)
            self.checkpoint = record.sequence_number
            self.bytes -= len(record.document)
