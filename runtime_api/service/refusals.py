"""An invocation that was not run, as the error that Lambda's API answers."""

from __future__ import annotations

from .errors import ServiceError, ServiceException, TooManyRequestsException
from .seams.dispatch import FUNCTION_CONCURRENCY, Throttled, Unavailable
from .seams.event_queue import Full

__all__ = ["SHUT_DOWN", "refusal"]

SHUT_DOWN = "The service is being shut down"


def refusal(result: Throttled | Unavailable | Full) -> ServiceError:
    """Return the exception for callers that get one, and whose parts HTTP answers are made of."""
    if isinstance(result, Unavailable):
        return ServiceException(result.message)
    if isinstance(result, Full):
        return TooManyRequestsException(
            f"Rate Exceeded: {result.most} events of this function wait already", reason=FUNCTION_CONCURRENCY
        )
    busy = f"{result.busy} of {result.most} execution environments are busy, {result.queued} invocations wait"
    return TooManyRequestsException("Rate Exceeded.", reason=result.reason, known=(busy,))
