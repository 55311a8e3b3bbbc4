"""The one family of exceptions: what Lambda's API answers when it refuses a request.

The HTTP status of each is in `web/replies.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

__all__ = [
    "AccessDeniedException",
    "CodeSigningConfigNotFoundException",
    "IncompleteSignatureException",
    "InvalidParameterValueException",
    "InvalidRequestContentException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "NotSupportedException",
    "PolicyLengthExceededException",
    "PreconditionFailedException",
    "ProvisionedConcurrencyConfigNotFoundException",
    "RecursiveInvocationException",
    "RequestEntityTooLargeException",
    "RequestTooLargeException",
    "ResourceConflictException",
    "ResourceInUseException",
    "ResourceNotFoundException",
    "SerializationException",
    "ServiceError",
    "ServiceException",
    "SnapStartException",
    "SnapStartTimeoutException",
    "TooManyRequestsException",
    "UnknownOperationException",
    "UnrecognizedClientException",
    "ValidationException",
]


class ServiceError(Exception):
    """A request that Lambda's API refuses; the class name is the error's code, the message is for the caller."""

    fault: str | None = "User"

    def __init__(self, message: str = "", reason: str | None = None, known: Sequence[str] = ()) -> None:
        """`message`: empty where Lambda gives none; `reason`: a word that SDKs read beside it.

        `known`: what Lambda does not tell and a developer wants to know, such as what could have been named instead.
        """
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.known = known

    def without_fault(self) -> Self:
        """Return this error as the few operations answer it that do not say whose fault it is."""
        self.fault = None
        return self

    @property
    def code(self) -> str:
        """The name by which SDKs know the error."""
        return type(self).__name__


class InvalidRequestContentException(ServiceError):
    """The payload is not JSON, or the client context is malformed."""


class InvalidParameterValueException(ServiceError):
    """A parameter has an invalid value."""


class RecursiveInvocationException(ServiceError):
    """A chain of invocations has come to this function too often."""


class AccessDeniedException(ServiceError):
    """The caller may not do this."""


class PolicyLengthExceededException(ServiceError):
    """A resource policy would be over its limit."""


class CodeSigningConfigNotFoundException(ServiceError):
    """The code signing configuration does not exist."""


class PreconditionFailedException(ServiceError):
    """The resource has changed since its caller looked at it."""


class ProvisionedConcurrencyConfigNotFoundException(ServiceError):
    """Nothing is provisioned for the version or alias."""


class ResourceConflictException(ServiceError):
    """The resource exists already, or is being changed by somebody else."""


class ResourceInUseException(ServiceError):
    """The resource is on its way to another state."""


class ResourceNotFoundException(ServiceError):
    """The function or version does not exist."""


class RequestTooLargeException(ServiceError):
    """The payload is over the limit."""


class RequestEntityTooLargeException(ServiceError):
    """The request of another operation than Invoke is over the limit."""


class TooManyRequestsException(ServiceError):
    """No execution environment can take the invocation now."""


class SnapStartException(ServiceError):
    """A hook after the restore of a snapshot failed."""


class SnapStartTimeoutException(ServiceError):
    """The hooks after the restore of a snapshot took too long."""


class ValidationException(ServiceError):
    """Parameters break constraints of the API's model."""


class SerializationException(ServiceError):
    """A parameter has a value of a wrong type."""


class MissingAuthenticationTokenException(ServiceError):
    """The request is not signed."""


class IncompleteSignatureException(ServiceError):
    """The signature does not have the form of one."""


class InvalidSignatureException(ServiceError):
    """The signature is not that of this request, or not of this time."""


class UnrecognizedClientException(ServiceError):
    """The key is not known."""


class UnknownOperationException(ServiceError):
    """There is no operation at this method and path."""


class NotSupportedException(ServiceError):
    """Lambda has this operation, and this service does not."""

    fault = "Service"


class ServiceException(ServiceError):
    """The service failed, not the caller."""

    fault = "Service"
