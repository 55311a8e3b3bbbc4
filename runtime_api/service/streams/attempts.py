"""What becomes of a batch after each attempt: which part is done, tried again, and given up."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from runtime_api.service.batch_failures import failed_items

if TYPE_CHECKING:
    from .policy import StreamPolicy
    from .records import StreamRecord

__all__ = ["Answer", "Batch", "Condition", "GivenUp", "Judged", "after_answer", "expired", "retry_wait_ms"]

FIRST_WAIT_MS, LONGEST_WAIT_MS = 500, 60_000  # seven attempts within the minute that a recording shows


class Condition(StrEnum):
    """Why records are given up, in the words of on-failure documents."""

    RETRIES_EXHAUSTED = "RetryAttemptsExhausted"
    AGE_EXCEEDED = "RecordAgeExceeded"


class Answer(Struct, frozen=True):
    """How a function has answered an attempt."""

    request_id: str
    response: bytes
    function_error: str | None = None
    version: str = "$LATEST"  # that has run


class Batch(Struct, frozen=True):
    """Records that are tried together."""

    records: tuple[StreamRecord, ...]
    failures: int = 0  # attempts that count
    attempts: int = 0  # all of them, those before it was split included
    is_final: bool = False  # it has no records: it tells the function that its window is over


class GivenUp(Struct, frozen=True):
    """Records that are not tried any more, for the on-failure destination."""

    batch: Batch
    condition: Condition
    answer: Answer | None = None  # to the attempt after which they were given up


class Judged(Struct, frozen=True):
    """What an attempt has come to; records in neither are done."""

    again: tuple[Batch, ...] = ()  # in this order
    given_up: GivenUp | None = None


def after_answer(batch: Batch, answer: Answer, policy: StreamPolicy) -> Judged:
    """Return what becomes of a batch now that the function has answered.

    The records before the first that has failed are done. The rest is tried again: split in two without using up an
    attempt if the mapping bisects, until single records are left.
    """
    done = _done(batch, answer, policy)
    rest = batch.records[done:]
    if not rest and not (batch.is_final and answer.function_error is not None):
        return Judged()
    attempts = batch.attempts + 1
    # What the records before it have failed at does not count for a record that has become the first one.
    earlier = batch.failures if done == 0 else 0
    if policy.bisects and len(batch.records) > 1:
        halves = (rest,) if done else (rest[: len(rest) // 2], rest[len(rest) // 2 :])
        return Judged(tuple(Batch(half, earlier, attempts) for half in halves))
    failed = Batch(rest, earlier + 1, attempts, batch.is_final)
    if policy.most_retries is not None and failed.failures > policy.most_retries:
        return Judged(given_up=GivenUp(failed, Condition.RETRIES_EXHAUSTED, answer))
    return Judged((failed,))


def expired(batch: Batch, policy: StreamPolicy, now_ms: float) -> tuple[GivenUp | None, Batch | None]:
    """Split a batch that is about to be tried: the records that are too old by now, and the others.

    What is given up counts as one attempt more than were made: recorded.
    """
    most_age_ms = _most_age_ms(batch, policy)
    if most_age_ms is None:
        return None, batch
    young_ms = now_ms - most_age_ms
    old = next((at for at, each in enumerate(batch.records) if each.arrived_ms >= young_ms), len(batch.records))
    if old == 0:
        return None, batch
    gone = Batch(batch.records[:old], batch.failures, batch.attempts + 1)
    rest = batch.records[old:]
    # The rest waits for nothing: it is a batch of its own now.
    return GivenUp(gone, Condition.AGE_EXCEEDED), structs.replace(batch, records=rest) if rest else None


def retry_wait_ms(tries: int) -> float:
    """Return how long to wait when an attempt was in vain `tries` times in a row, this one included."""
    return min(FIRST_WAIT_MS * 2.0 ** min(tries - 1, 32), LONGEST_WAIT_MS)


def _most_age_ms(batch: Batch, policy: StreamPolicy) -> float | None:
    """How old a record may become: a stream drops it in the end, but a stand-in may hand out one that is older."""
    limits = [policy.most_age_ms, policy.retention_ms if batch.attempts else None]
    return min((limit for limit in limits if limit is not None), default=None)


def _done(batch: Batch, answer: Answer, policy: StreamPolicy) -> int:
    """How many of the first records are done."""
    if answer.function_error is not None:
        return 0
    if not policy.reports_items:
        return len(batch.records)
    numbers = [record.sequence_number for record in batch.records]
    failed = failed_items(answer.response, frozenset(numbers))
    return next((at for at, number in enumerate(numbers) if number in failed), len(numbers))
