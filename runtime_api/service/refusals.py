"""An invocation that was not run, as the error that Lambda's API answers."""

from __future__ import annotations

from .errors import ServiceError, ServiceException, TooManyRequestsException
from .seams.dispatch import Throttled, Unavailable

__all__ = ["SHUT_DOWN", "refusal"]

SHUT_DOWN = "The service is being shut down"


def refusal(result: Throttled | Unavailable) -> ServiceError:
    """Return the exception for callers that get one, and whose parts HTTP answers are made of."""
    if isinstance(result, Unavailable):
        return ServiceException(result.message)
    return TooManyRequestsException("Rate Exceeded.", reason=result.reason)
