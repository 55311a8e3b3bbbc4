"""What CloudWatch Logs answers when it refuses a request; the HTTP status of each is 400."""

from __future__ import annotations

from runtime_api.service.errors import ServiceError

__all__ = [
    "InvalidParameterException",
    "LogsError",
    "ResourceAlreadyExistsException",
    "ResourceNotFoundException",
    "SerializationException",
    "ServiceUnavailableException",
    "UnknownOperationException",
]


class LogsError(ServiceError):
    """A request that CloudWatch Logs refuses; the class name is the error's code."""


class InvalidParameterException(LogsError):
    """A parameter has an invalid value."""


class ResourceAlreadyExistsException(LogsError):
    """The log group or stream exists already."""


class ResourceNotFoundException(LogsError):
    """The log group or stream does not exist."""


class UnknownOperationException(LogsError):
    """The API has no such operation, or this service does not."""


class SerializationException(LogsError):
    """The request is no JSON object, or a member is of a wrong type."""


class ServiceUnavailableException(LogsError):
    """The store of logs cannot be used."""

    fault = "Server"
