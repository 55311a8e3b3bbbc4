"""A record of a stream, and the events that functions get of several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BATCH_BYTES", "StreamRecord", "batch_event", "leading_batch"]

BATCH_BYTES = 6_291_456  # of an event's records: a batch that is larger is split (guide 8339)
AROUND = len(b'{"Records":[]}')


class StreamRecord(Struct, frozen=True):
    """A record of a shard."""

    sequence_number: str
    key: str  # records with the same one are handled in order
    arrived_ms: float  # Unix time
    document: bytes  # JSON, as functions get it
    is_wanted: bool = True  # False: no filter of the mapping lets it through


def leading_batch(records: Sequence[StreamRecord], most: int) -> int:
    """Return how many of the first records make a batch: `most`, or as many as fit in one event, but at least one."""
    bytes_ = AROUND
    for count, record in enumerate(records):
        bytes_ += len(record.document) + 1
        if count == most or (count and bytes_ > BATCH_BYTES):
            return count
    return len(records)


def batch_event(records: Sequence[StreamRecord], more: bytes = b"") -> bytes:
    """Return the event of a batch; `more` are its other members as JSON text: `,"name":value`."""
    return b'{"Records":[%b]%b}' % (b",".join(record.document for record in records), more)
