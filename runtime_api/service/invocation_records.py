"""What is sent when an event has its verdict: invocation records, and dead letters (guide 3618)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from msgspec import Struct

from .event_attempts import error_message
from .queued_event import Condition

if TYPE_CHECKING:
    from .queued_event import QueuedEvent, Verdict

__all__ = ["DeadLetter", "dead_letter", "invocation_record", "record_key"]

MESSAGE_CHARACTERS = 1024  # of the error that a dead letter names (guide 3650)


class DeadLetter(Struct, frozen=True):
    """A message for a dead-letter queue, and its attributes by name: their types and values."""

    body: str
    attributes: dict[str, tuple[str, str]]


def dead_letter(event: QueuedEvent, verdict: Verdict) -> DeadLetter:
    """Return an event's payload, unchanged, with the three attributes that tell why it is here."""
    message = error_message(verdict.response) or event.last_error or verdict.reason
    return DeadLetter(
        event.invocation.payload.decode(),
        {
            "RequestID": ("String", event.invocation.request_id),
            "ErrorCode": ("Number", str(verdict.status)),
            "ErrorMessage": ("String", message[:MESSAGE_CHARACTERS]),
        },
    )


def invocation_record(event: QueuedEvent, verdict: Verdict) -> bytes:
    """Return the record that a destination gets; payloads are in it as they are."""
    invocation = event.invocation
    arn = invocation.function_arn
    succeeded = verdict.condition is Condition.SUCCESS
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": _time(verdict.settled_ms),
        "requestContext": {
            "requestId": invocation.request_id,
            "functionArn": arn if len(arn.split(":")) > 7 else f"{arn}:$LATEST",
            "condition": verdict.condition,
            "approximateInvokeCount": event.failures + succeeded,
        },
        "requestPayload": orjson.Fragment(invocation.payload),
    }
    if verdict.version is not None:
        context = {"statusCode": verdict.status, "executedVersion": verdict.version}
        if verdict.function_error is not None:
            context["functionError"] = verdict.function_error
        record["responseContext"] = context
        record["responsePayload"] = _document(verdict.response)
    return orjson.dumps(record)


def record_key(event: QueuedEvent, verdict: Verdict) -> str:
    """Return the name of the object in which a bucket gets an invocation record."""
    name = event.invocation.function_arn.split(":")[6]
    at = datetime.fromtimestamp(verdict.settled_ms / 1000, UTC)
    # The same name for each attempt to deliver: a second one must not make a second object.
    return f"aws/lambda/async/{name}/{at:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{event.invocation.request_id}"


def _document(payload: bytes) -> Any:
    """A response as a part of a record: what is no JSON is shown as text."""
    if not payload:
        return None
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError:
        return payload.decode(errors="replace")
    return orjson.Fragment(payload)


def _time(at_ms: float) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
