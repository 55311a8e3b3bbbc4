"""When an event is tried again, and how long (guide 3541)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from .function_record import EventInvoke

__all__ = ["DEFAULT_PATIENCE", "EventPatience", "back_off_ms", "next_attempt_ms", "patience_of"]

MOST_RETRIES = 2
MOST_AGE_S = 21_600
FIRST_WAIT_S, LONGEST_WAIT_S = 1, 300  # AWS, "Error handling for asynchronous invocation"


class EventPatience(Struct, frozen=True):
    """How long Lambda tries an event."""

    retries: int = MOST_RETRIES  # after the first attempt
    age_s: int = MOST_AGE_S  # after which an event is not tried any more

    def ends_ms(self, accepted_ms: float) -> float:
        """Return when an event is too old."""
        return accepted_ms + self.age_s * 1000


DEFAULT_PATIENCE = EventPatience()


def patience_of(config: EventInvoke | None) -> EventPatience:
    """Return what a function's event invoke configuration asks for."""
    if config is None:
        return DEFAULT_PATIENCE
    settings = config.settings
    return EventPatience(
        settings.get("MaximumRetryAttempts", MOST_RETRIES), settings.get("MaximumEventAgeInSeconds", MOST_AGE_S)
    )


def next_attempt_ms(
    patience: EventPatience, failures: int, accepted_ms: float, now_ms: float, base_s: float
) -> float | None:
    """Return when an event that has failed so often is tried again; None when it is given up.

    Lambda waits a minute before the first retry and two before the second one: `base_s`, and twice that.
    """
    if failures > patience.retries:
        return None
    due_ms = now_ms + base_s * 1000 * failures
    return due_ms if due_ms <= patience.ends_ms(accepted_ms) else None


def back_off_ms(waits: int) -> float:
    """Return how long to wait when nothing could be tried `waits` times in a row, this one included."""
    return min(FIRST_WAIT_S * 2.0 ** min(waits - 1, 32), LONGEST_WAIT_S) * 1000
