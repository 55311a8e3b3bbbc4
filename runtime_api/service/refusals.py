"""An invocation that was not run, as the error that Lambda's API answers."""

from __future__ import annotations

from .errors import (
    ServiceError,
    ServiceException,
    SnapStartException,
    SnapStartTimeoutException,
    TooManyRequestsException,
)
from .seams.dispatch import FUNCTION_CONCURRENCY, RestoreFailed, Throttled, Unavailable
from .seams.event_queue import Full

__all__ = ["SHUT_DOWN", "refusal"]

SHUT_DOWN = "The service is being shut down"


def refusal(result: Throttled | Unavailable | RestoreFailed | Full) -> ServiceError:
    """Return the exception for callers that get one, and whose parts HTTP answers are made of."""
    if isinstance(result, Unavailable):
        return ServiceException(result.message)
    if isinstance(result, RestoreFailed):
        return (SnapStartTimeoutException if result.timed_out else SnapStartException)(result.message)
    if isinstance(result, Full):
        waiting = f"{result.most} events of this function wait"
        return TooManyRequestsException("Rate Exceeded.", reason=FUNCTION_CONCURRENCY, known=(waiting,))
    busy = f"{result.busy} of {result.most} execution environments are busy, {result.queued} invocations wait"
    return TooManyRequestsException("Rate Exceeded.", reason=result.reason, known=(busy,))
