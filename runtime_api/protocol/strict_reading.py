"""Names the rule of Lambda's contract that a refused call has broken.

The texts of the refusals are AWS's and name states. The author of a runtime needs to know what the state allows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import INVALID_REQUEST_ID, INVALID_RESPONSE_MODE, INVOKE_TIMEOUT, TRUNCATED_REQUEST, payload_too_large
from .extension_states import ExtensionState
from .states import RuntimeState

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["broken_rule"]

_EXIT_ONLY = "nothing is accepted any more, and the process has to exit"

_IN_STATE: Mapping[RuntimeState | ExtensionState, str] = {
    RuntimeState.ABSENT: "only the process that is running now may call",
    RuntimeState.STARTED: "a runtime that initialises calls GET /invocation/next or POST /init/error only",
    RuntimeState.INIT_ERROR: f"after /init/error {_EXIT_ONLY}",
    RuntimeState.RESTORE_READY: "a runtime that waits in /restore/next calls nothing else until that is answered",
    RuntimeState.RESTORING: "after a restore the runtime calls GET /invocation/next or POST /restore/error",
    RuntimeState.RESTORE_ERROR: f"after /restore/error {_EXIT_ONLY}",
    RuntimeState.READY: "without an event in hand the runtime calls GET /invocation/next and nothing else",
    RuntimeState.SERVING: "an answer names an event that is in hand, and /init/error comes before the first /next",
    RuntimeState.RUNNING: "the event in hand is answered by POST /invocation/{request id}/response or /error",
    RuntimeState.RECEIVING_RESPONSE: "an event gets one answer, and the body of a response is still on its way",
    RuntimeState.RECEIVING_ERROR: "an event gets one answer, and the body of an error is still on its way",
    RuntimeState.STUCK_RESPONSE: f"after a response that could not be used {_EXIT_ONLY}",
    RuntimeState.STUCK_ERROR: f"after an error that could not be used {_EXIT_ONLY}",
    RuntimeState.RESPONSE_SENT: "an event gets one answer; the runtime then calls GET /invocation/next",
    RuntimeState.STOPPING: "the process is being stopped, and nothing but /next is accepted any more",
    ExtensionState.STARTED: "an extension calls POST /extension/register before anything else",
    ExtensionState.REGISTERED: "an extension registers once; it then calls GET /extension/event/next",
    ExtensionState.READY: "an extension that waits in /event/next calls it again when that is answered",
    ExtensionState.AWAY: "an extension registers once, and posts /init/error before its first /event/next",
    ExtensionState.RUNNING: "an extension registers once, and posts /init/error before its first /event/next",
    ExtensionState.INIT_ERROR: f"after /extension/init/error {_EXIT_ONLY}",
    ExtensionState.EXIT_ERROR: f"after /extension/exit/error {_EXIT_ONLY}",
}

_TRANSITIONS = frozenset({"InvalidStateTransition", "Extension.InvalidExtensionState"})
_IDENTIFIER = "Lambda-Extension-Identifier repeats the header of that name in the answer to /extension/register"
_OF_TYPE: Mapping[str, str] = {
    INVALID_REQUEST_ID.error_type: "the path names the Lambda-Runtime-Aws-Request-Id of an event in hand",
    INVALID_RESPONSE_MODE.error_type: "Lambda-Runtime-Function-Response-Mode is streaming, or is not sent",
    TRUNCATED_REQUEST.error_type: "a body has as many bytes as Content-Length says, or ends in an empty chunk",
    INVOKE_TIMEOUT.error_type: "Lambda-Runtime-Invocation-Id, where it is sent back, is that of this attempt",
    payload_too_large(0).error_type: "a body stays within the limit; only a streamed response may be longer",
    "Extension.RegistrationClosed": "extensions register before the runtime's first GET /invocation/next",
    "Extension.MissingExtensionIdentifier": _IDENTIFIER,
    "Extension.InvalidExtensionIdentifier": _IDENTIFIER,
    "Extension.UnknownExtensionIdentifier": _IDENTIFIER,
    "Extension.InvalidExtensionName": "Lambda-Extension-Name is sent; of an external extension it is its file's name",
    "Extension.InvalidEventType": "INVOKE and SHUTDOWN are all events there are; internal extensions get no SHUTDOWN",
}


def broken_rule(error_type: str, state: RuntimeState | ExtensionState) -> str | None:
    """The rule behind a refusal of this type to a caller in this state; None when the refusal says it all."""
    return _IN_STATE.get(state) if error_type in _TRANSITIONS else _OF_TYPE.get(error_type)
