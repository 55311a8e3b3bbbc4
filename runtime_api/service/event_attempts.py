"""What becomes of an event after each attempt: forgotten, tried again, sent to where its owner wants it, or buried.

Theory. An attempt that the function has answered with an error counts; one that could not be made (throttled, no
environment, no such function) does not, and is repeated with a back-off until the event is too old. Once an event has
its verdict it is not run any more: what is left are deliveries to its dead-letter queue and its destination, each of
which is tried until it has been made, is refused for good, or is too old.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson
from msgspec import structs

from .lineage import is_loop
from .queued_event import Condition, Delivery, DeliveryKind, QueuedEvent, Verdict
from .retries import DEFAULT_PATIENCE, back_off_ms, next_attempt_ms, patience_of
from .seams.dispatch import InvokeResult, Throttled

if TYPE_CHECKING:
    from .seams.catalog import ResolvedVersion
    from .seams.dispatch import RunResult

__all__ = ["Again", "Buried", "Done", "Next", "after_attempt", "after_delivery", "before_attempt", "unresolved"]

DELIVERY_AGE_MS = 21_600_000.0  # after which a delivery is not tried any more; ours
THROTTLED, FAILED = 429, 500


class Done(NamedTuple):
    """The event can be forgotten."""


class Again(NamedTuple):
    """The event goes back into the queue until it is due."""

    event: QueuedEvent
    due_ms: float


class Buried(NamedTuple):
    """The event is given up, and kept for a look at it."""

    event: QueuedEvent
    reason: str


Next = Done | Again | Buried
DONE = Done()


def before_attempt(event: QueuedEvent, version: ResolvedVersion, now_ms: float) -> Next | None:
    """Return what becomes of an event that may not be run any more; None for one that may."""
    if version.concurrency == 0:
        reason = "its function has a reserved concurrency of 0"
        return _settled(event, version, Verdict(Condition.ZERO_CONCURRENCY, now_ms, reason, THROTTLED))
    if is_loop(event.invocation.trace) and not version.may_recurse:
        reason = "it is part of a loop of invocations"
        return _settled(event, version, Verdict(Condition.RECURSIVE, now_ms, reason, FAILED))
    if now_ms > patience_of(version.event_invoke).ends_ms(event.accepted_ms):
        return _settled(event, version, _too_old(event, now_ms))
    return None


def after_attempt(
    event: QueuedEvent, version: ResolvedVersion, result: RunResult, now_ms: float, base_s: float
) -> Next:
    """Return what becomes of an event that was given to a version; `base_s`: the wait for the first retry."""
    patience = patience_of(version.event_invoke)
    if not isinstance(result, InvokeResult):
        status, error = (THROTTLED, "throttled") if isinstance(result, Throttled) else (FAILED, result.message)
        event = structs.replace(event, waits=event.waits + 1, last_error=error)
        due_ms = now_ms + back_off_ms(event.waits)
        if due_ms <= patience.ends_ms(event.accepted_ms):
            return Again(event, due_ms)
        return _settled(event, version, _too_old(event, now_ms, status))
    if result.function_error is None:
        if version.event_invoke is None:
            return DONE
        verdict = Verdict(Condition.SUCCESS, now_ms, version=version.spec.version, response=result.payload)
        return _settled(event, version, verdict)
    failures = event.failures + 1
    event = structs.replace(event, failures=failures, waits=0, last_error=error_message(result.payload))
    retry_ms = next_attempt_ms(patience, failures, event.accepted_ms, now_ms, base_s)
    if retry_ms is not None:
        return Again(event, retry_ms)
    exhausted = failures > patience.retries
    condition = Condition.RETRIES_EXHAUSTED if exhausted else Condition.AGE_EXCEEDED
    reason = f"it has failed {failures} times" if failures > 1 else "it has failed"
    verdict = Verdict(
        condition,
        now_ms,
        reason if exhausted else f"{reason}, and would be too old for another attempt",
        version=version.spec.version,
        function_error=result.function_error,
        response=result.payload,
    )
    return _settled(event, version, verdict)


def unresolved(event: QueuedEvent, why: str, now_ms: float) -> Next:
    """Return what becomes of an event whose function is not there: it may come back, with the server's next start."""
    event = structs.replace(event, waits=event.waits + 1, last_error=why)
    due_ms = now_ms + back_off_ms(event.waits)
    return Again(event, due_ms) if due_ms <= DEFAULT_PATIENCE.ends_ms(event.accepted_ms) else Buried(event, why)


def after_delivery(event: QueuedEvent, error: str | None, lasting: bool, now_ms: float) -> Next:
    """Return what becomes of an event whose first delivery was tried.

    `error`: why it could not be made, None if it was; `lasting`: another attempt would end alike.
    """
    assert event.verdict is not None
    verdict, delivery = event.verdict, event.deliveries[0]
    waits = event.waits + 1
    due_ms = now_ms + back_off_ms(waits)
    if error is not None and not lasting and due_ms <= verdict.settled_ms + DELIVERY_AGE_MS:
        return Again(structs.replace(event, waits=waits, last_error=f"{delivery.target}: {error}"), due_ms)
    report = f"sent to {delivery.target}" if error is None else f"not sent to {delivery.target}: {error}"
    event = structs.replace(event, waits=0, deliveries=event.deliveries[1:], reports=(*event.reports, report))
    if event.deliveries:
        return Again(event, now_ms)
    if verdict.condition is Condition.SUCCESS and error is None:
        return DONE
    return Buried(event, "; ".join(filter(None, (verdict.reason, *event.reports))))


def error_message(payload: bytes) -> str:
    """Return the message of an error document; empty when it has none."""
    try:
        found = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return ""
    message = found.get("errorMessage") if isinstance(found, dict) else None
    return message if isinstance(message, str) else ""


def _too_old(event: QueuedEvent, now_ms: float, status: int = FAILED) -> Verdict:
    reason = f"it is too old; last error: {event.last_error}" if event.last_error else "it is too old"
    return Verdict(Condition.AGE_EXCEEDED, now_ms, reason, status)


def _settled(event: QueuedEvent, version: ResolvedVersion, verdict: Verdict) -> Next:
    """Go on with the deliveries, if there are any."""
    succeeded = verdict.condition is Condition.SUCCESS
    deliveries = _deliveries(version, succeeded)
    if deliveries:
        return Again(structs.replace(event, verdict=verdict, deliveries=deliveries, waits=0), verdict.settled_ms)
    return DONE if succeeded else Buried(event, verdict.reason)


def _deliveries(version: ResolvedVersion, succeeded: bool) -> tuple[Delivery, ...]:
    """Where an event goes: failures to the dead-letter queue and the destination alike, as on Lambda."""
    config = {} if version.event_invoke is None else version.event_invoke.settings.get("DestinationConfig") or {}
    target = (config.get("OnSuccess" if succeeded else "OnFailure") or {}).get("Destination")
    found = []
    if version.dead_letter_arn and not succeeded:
        found.append(Delivery(DeliveryKind.DEAD_LETTER, version.dead_letter_arn))
    if target:
        found.append(Delivery(DeliveryKind.DESTINATION, target))
    return tuple(found)
