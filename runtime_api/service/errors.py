"""The one family of exceptions: what Lambda's API answers when a request cannot be served.

The HTTP status of each stands in `web/replies.py`.
"""

from __future__ import annotations

__all__ = [
    "InvalidParameterValueException",
    "InvalidRequestContentException",
    "RequestTooLargeException",
    "ResourceNotFoundException",
    "ServiceError",
    "ServiceException",
    "TooManyRequestsException",
]


class ServiceError(Exception):
    """A request that Lambda's API refuses; the class is the error's code, the message is for the caller."""

    fault = "User"

    def __init__(self, message: str, reason: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason

    @property
    def code(self) -> str:
        """The name that SDKs know the error by."""
        return type(self).__name__


class InvalidRequestContentException(ServiceError):
    """The payload is not JSON, or the client context is not what it should be."""


class InvalidParameterValueException(ServiceError):
    """A parameter has a value that it cannot have."""


class ResourceNotFoundException(ServiceError):
    """There is no such function or version."""


class RequestTooLargeException(ServiceError):
    """The event is over the limit."""


class TooManyRequestsException(ServiceError):
    """No execution environment can take the invocation now."""


class ServiceException(ServiceError):
    """It is not the caller's fault."""

    fault = "Service"
