"""What a mapping asks of its shards, in the units that they reckon in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from runtime_api.service.batch_failures import REPORTS_FAILURES

if TYPE_CHECKING:
    from runtime_api.service.mapping_record import Settings

__all__ = ["StreamPolicy", "policy_of"]

FOREVER = -1


class StreamPolicy(Struct, frozen=True):
    """How the records of a shard are handed to a function."""

    batch_size: int = 100  # records
    gather_ms: float = 0  # how long a batch that is not full waits for more records
    slots: int = 1  # batches of one shard that are in flight at once
    most_retries: int | None = None  # None: until it works
    most_age_ms: float | None = None  # of a record; None: any
    retention_ms: float | None = None  # after which the stream drops a record, so that it is not tried again
    bisects: bool = False
    reports_items: bool = False
    window_ms: int = 0  # of a tumbling window; 0: there are none


def policy_of(settings: Settings, retention_ms: float | None = None) -> StreamPolicy:
    """Return what the settings of a mapping ask for.

    Windows have one state for each shard, so with them a shard has one slot.
    """
    window_s = settings.tumbling_window_in_seconds or 0
    retries, age_s = settings.maximum_retry_attempts, settings.maximum_record_age_in_seconds
    return StreamPolicy(
        settings.batch_size,
        (settings.maximum_batching_window_in_seconds or 0) * 1000,
        1 if window_s else settings.parallelization_factor or 1,
        None if retries in (None, FOREVER) else retries,
        None if age_s is None or age_s == FOREVER else age_s * 1000,
        retention_ms,
        bool(settings.bisect_batch_on_function_error),
        REPORTS_FAILURES in (settings.function_response_types or ()),
        window_s * 1000,
    )
