"""What the caller of an invocation gets for its outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_api.protocol import wire
from runtime_api.protocol.effects import Status
from runtime_api.protocol.errors import ErrorType, RestoreFault
from runtime_api.service.seams.dispatch import InvokeResult, RestoreFailed

if TYPE_CHECKING:
    from runtime_api.protocol.effects import Outcome
    from runtime_api.service.seams.dispatch import RunResult

__all__ = ["result_of"]

_SUCCESS = Status.SUCCESS


def result_of(outcome: Outcome, tail: bytes) -> RunResult:
    """Return the result; `tail` is the end of the log."""
    if outcome.status is _SUCCESS:
        return InvokeResult(outcome.request_id, outcome.body, None, tail)
    if isinstance(outcome.fault, RestoreFault):
        fault = outcome.fault
        message = f"The execution environment could not be restored: {fault.message}"
        return RestoreFailed(message, fault.error_type == ErrorType.RESTORE_HOOK_TIMEOUT)
    if outcome.fault is not None:
        payload = wire.fault_document(outcome.fault)
    else:
        payload = wire.error_body(outcome.body, outcome.content_type, outcome.error_type)
    return InvokeResult(outcome.request_id, payload, "Unhandled", tail, outcome.error_type)
