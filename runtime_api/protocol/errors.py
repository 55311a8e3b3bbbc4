"""Error types of the platform, and the refusals of the Runtime API with their exact texts (spec 2, 4)."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .extension_states import ExtensionState
    from .states import RuntimeState

__all__ = [
    "CONFIGURATION_KEYS",
    "EMPTY_NAME",
    "FORBIDDEN_HOST",
    "FORBIDDEN_ORIGIN",
    "FORBIDDEN_PEER",
    "HIDDEN_PEER",
    "INVALID_IDENTIFIER",
    "INVALID_REQUEST_ID",
    "INVALID_RESPONSE_MODE",
    "INVOKE_TIMEOUT",
    "MISSING_ERROR_TYPE",
    "MISSING_IDENTIFIER",
    "NAME_TAKEN",
    "NO_INTERNAL_EVENTS",
    "REGISTRATION_CLOSED",
    "TRUNCATED_REQUEST",
    "UNKNOWN_IDENTIFIER",
    "VANISHED_PEER",
    "ErrorType",
    "Fault",
    "MisuseError",
    "Refusal",
    "RestoreFault",
    "concurrent_modification",
    "error_category",
    "invalid_event",
    "invalid_extension_transition",
    "invalid_registration",
    "invalid_transition",
    "payload_too_large",
    "too_many_extensions",
    "unknown_extension",
]


class ErrorType(StrEnum):
    """The error types that the platform itself gives a failed invocation (spec 4)."""

    EXIT_ERROR = "Runtime.ExitError"
    INVALID_ENTRYPOINT = "Runtime.InvalidEntrypoint"
    INVALID_WORKING_DIR = "Runtime.InvalidWorkingDir"
    TRUNCATED_RESPONSE = "Runtime.TruncatedResponse"
    INVALID_RESPONSE_MODE = "Runtime.InvalidResponseModeHeader"
    RUNTIME_UNKNOWN = "Runtime.Unknown"
    RESTORE_HOOK_TIMEOUT = "Runtime.RestoreHookUserTimeout"
    RESPONSE_TOO_LARGE = "Function.ResponseSizeTooLarge"
    FUNCTION_UNKNOWN = "Function.Unknown"
    TIMED_OUT = "Sandbox.Timedout"
    FAILURE = "Sandbox.Failure"
    EXTENSION_CRASH = "Extension.Crash"
    EXTENSION_EXIT_ERROR = "Extension.ExitError"
    EXTENSION_INIT_ERROR = "Extension.InitError"
    EXTENSION_LAUNCH_ERROR = "Extension.LaunchError"


class Fault(NamedTuple):
    """Why an invocation failed, in the platform's own words."""

    error_type: str
    message: str


class RestoreFault(Fault):
    """Why an environment could not be restored; the invocation that it was restored for has not been run."""

    __slots__ = ()


class Refusal(NamedTuple):
    """A call that was not allowed: HTTP status, error type and message of the answer."""

    status: int
    error_type: str
    message: str


class MisuseError(Exception):
    """Our own code broke a rule of the machine: a bug in bootjack, never a fault of a user or a runtime."""


INVALID_REQUEST_ID = Refusal(400, "InvalidRequestID", "Invalid request ID")
INVALID_RESPONSE_MODE = Refusal(400, "InvalidFunctionResponseMode", "Invalid function response mode")
TRUNCATED_REQUEST = Refusal(400, "TruncatedHTTPRequest", "HTTP request detected as truncated")
INVOKE_TIMEOUT = Refusal(410, "InvokeTimeout", "Invoke timeout")
EMPTY_NAME = Refusal(403, "Extension.InvalidExtensionName", "Empty extension name")
CONFIGURATION_KEYS = Refusal(
    403, "InvalidRequestFormat", "configurationKeys are deprecated; use environment variables instead"
)
NO_INTERNAL_EVENTS = Refusal(
    403, "Extension.InvalidEventType", "No events allowed for internal extensions"
)  # in concurrent mode
NAME_TAKEN = Refusal(403, "Extension.InvalidExtensionState", "Extension with this name already registered")
REGISTRATION_CLOSED = Refusal(403, "Extension.RegistrationClosed", "Extension registration closed already")
MISSING_IDENTIFIER = Refusal(
    403, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"
)
INVALID_IDENTIFIER = Refusal(403, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
UNKNOWN_IDENTIFIER = Refusal(403, "Extension.UnknownExtensionIdentifier", "Unknown Lambda-Extension-Identifier")
MISSING_ERROR_TYPE = Refusal(403, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
# Ours, not AWS's: no browser page has any business with the Runtime API (design rule 14).
FORBIDDEN_ORIGIN = Refusal(
    403,
    "ForbiddenOrigin",
    "The Runtime API answers no browser: a request with Origin or Sec-Fetch-Site is refused",
)
FORBIDDEN_HOST = Refusal(
    403,
    "ForbiddenHost",
    "The Runtime API refuses a Host that a DNS answer could forge: use an IP address, localhost or a name without a"
    " dot, or let the name in with --allow-host",
)
# Ours, too: on Lambda no other process reaches the port. Which of the three, `sandbox/ownership/__init__.py` decides.
FORBIDDEN_PEER = Refusal(
    403,
    "ForbiddenPeer",
    "The Runtime API answers the processes of its own execution environment only, and this connection is of another"
    " process",
)
VANISHED_PEER = Refusal(
    403,
    "ForbiddenPeer",
    "The Runtime API answers the processes of its own execution environment only, and the process behind this"
    " connection had closed it or ended before it was known: keep a connection open until the answer is there",
)
HIDDEN_PEER = Refusal(
    403,
    "ForbiddenPeer",
    "The Runtime API answers the processes of its own execution environment only, and this connection is of another"
    " process, or of one that hides its descriptors (PR_SET_DUMPABLE)",
)


def payload_too_large(limit_bytes: int) -> Refusal:
    """The refusal of a body over this limit."""
    return Refusal(
        413,
        "RequestEntityTooLarge",
        f"Exceeded maximum allowed payload size ({limit_bytes} bytes).",
    )


def invalid_transition(current: RuntimeState, wanted: RuntimeState) -> Refusal:
    """The refusal of a call that the runtime's state does not allow."""
    return _transition(current, wanted, "State transition is not allowed")


def concurrent_modification(current: RuntimeState, wanted: RuntimeState) -> Refusal:
    """The refusal of a call that was blocked while the state was changed under it."""
    return _transition(current, wanted, "Concurrent state modification")


def _transition(current: RuntimeState, wanted: RuntimeState, reason: str) -> Refusal:
    return Refusal(
        403,
        "InvalidStateTransition",
        f"State transition from {current.aws_name} to {wanted.aws_name} failed for runtime. Error: {reason}",
    )


def invalid_registration(reason: str) -> Refusal:
    """The refusal of a registration whose body cannot be read."""
    return Refusal(403, "InvalidRequestFormat", reason)


def invalid_event(event: str, reason: str) -> Refusal:
    """The refusal of a registration for an event that this extension cannot have."""
    return Refusal(403, "Extension.InvalidEventType", f"{event}: {reason}")


def too_many_extensions(most: int) -> Refusal:
    """The refusal of an internal extension when there are as many as may be."""
    return Refusal(403, "Extension.TooManyExtensions", f"Extension limit ({most}) reached")


def unknown_extension(identifier: str) -> Refusal:
    """The refusal of /event/next by nobody; the other calls get UNKNOWN_IDENTIFIER."""
    return Refusal(403, UNKNOWN_IDENTIFIER.error_type, f"Unknown extension {identifier}")


def invalid_extension_transition(current: ExtensionState, wanted: ExtensionState, extension: str) -> Refusal:
    """The refusal of a call that an extension's state does not allow; `extension` is its identifier or name."""
    return Refusal(
        403,
        "Extension.InvalidExtensionState",
        f"State transition from {current.aws_name} to {wanted.aws_name} failed for extension {extension}."
        " Error: State transition is not allowed",
    )


_CATEGORY = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")


def error_category(given: str | None) -> str:
    """The error type that logs and metrics keep of the runtime's own (spec 3.5; RIE fatalerror.go:60)."""
    if given:
        if _CATEGORY.search(given):
            return given
        if given.startswith("Function."):
            return ErrorType.FUNCTION_UNKNOWN
    return ErrorType.RUNTIME_UNKNOWN
