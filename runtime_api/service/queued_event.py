"""An Event invocation from its acceptance to its end, as one value that a queue keeps."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from runtime_api.protocol.events import Invocation  # noqa: TC001  # msgspec looks it up when it reads a QueuedEvent

__all__ = ["Condition", "Delivery", "DeliveryKind", "QueuedEvent", "Verdict"]


class Condition(StrEnum):
    """Why an event is not run any more, in the words of invocation records."""

    SUCCESS = "Success"
    RETRIES_EXHAUSTED = "RetriesExhausted"
    AGE_EXCEEDED = "EventAgeExceeded"
    ZERO_CONCURRENCY = "ZeroReservedConcurrency"
    RECURSIVE = "RecursiveInvocation"


class DeliveryKind(StrEnum):
    """What is sent: the payload with three attributes, or the record of the invocation."""

    DEAD_LETTER = "dead letter"
    DESTINATION = "destination"


class Delivery(Struct, frozen=True):
    """Something that is still to be sent."""

    kind: DeliveryKind
    target: str  # the ARN of a queue, topic, bucket, event bus or function


class Verdict(Struct, frozen=True):
    """What has become of an event for good."""

    condition: Condition
    settled_ms: float
    reason: str = ""  # for people
    status: int = 200  # with which Lambda would have answered a caller who waits
    version: str | None = None  # that has run it last; None: none has
    function_error: str | None = None
    response: bytes = b""  # of the last attempt


class QueuedEvent(Struct, frozen=True):
    """An event that was accepted. The function is resolved anew for each attempt: it may have been updated."""

    invocation: Invocation
    accepted_ms: float = 0.0  # Unix time
    failures: int = 0  # attempts that the function has answered with an error
    waits: int = 0  # how often in a row it was put back because nothing could be tried
    last_error: str = ""
    verdict: Verdict | None = None  # once there is one, the deliveries are all that is left to do
    deliveries: tuple[Delivery, ...] = ()
    reports: tuple[str, ...] = ()  # what has become of the deliveries that were made, for people

    def anew(self, now_ms: float) -> QueuedEvent:
        """Return the event as if it had been accepted now."""
        return QueuedEvent(self.invocation, now_ms)

    @property
    def group(self) -> str:
        """The events that it shares its turn with: deliveries never hold up a function's other events."""
        arn = self.invocation.function_arn
        return arn if self.verdict is None else f"deliveries of {arn}"
