"""What can go wrong with a runtime, in the platform's words (spec 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import ErrorType, Fault, RestoreFault

if TYPE_CHECKING:
    from .events import ExitStatus

__all__ = [
    "EXTERNAL_STUCK",
    "INIT_TIMEOUT",
    "NO_EXIT",
    "RESTORE_TIMEOUT",
    "SHUT_DOWN",
    "TRUNCATED",
    "crash_fault",
    "exit_fault",
    "mode_fault",
    "restore_fault",
    "size_fault",
    "timeout_fault",
    "too_many_fault",
    "worded",
]

SHUT_DOWN = Fault(ErrorType.FAILURE, "the execution environment was shut down")
INIT_TIMEOUT = Fault(ErrorType.TIMED_OUT, "init ran into its limit")
RESTORE_TIMEOUT = RestoreFault(
    ErrorType.RESTORE_HOOK_TIMEOUT, "the hooks after the restore ran into their limit; the function's log says more"
)
NO_EXIT = Fault(ErrorType.EXIT_ERROR, "Runtime posted an error of its start and did not exit")
TRUNCATED = Fault(ErrorType.TRUNCATED_RESPONSE, "Response body was cut short by the runtime")
# An external runtime's exit is not seen; this is what it would have been reported as.
EXTERNAL_STUCK = Fault(ErrorType.EXIT_ERROR, "Runtime exited with error: exit status 1")

# Go's names, since Lambda prints them; numbers that are the same on every Linux.
_SIGNALS = {
    1: "hangup",
    2: "interrupt",
    3: "quit",
    4: "illegal instruction",
    5: "trace/breakpoint trap",
    6: "aborted",
    7: "bus error",
    8: "floating point exception",
    9: "killed",
    10: "user defined signal 1",
    11: "segmentation fault",
    12: "user defined signal 2",
    13: "broken pipe",
    14: "alarm clock",
    15: "terminated",
}


def exit_fault(status: ExitStatus) -> Fault:
    """Runtime.ExitError for a process that ended this way."""
    if status.code == 0:
        return Fault(ErrorType.EXIT_ERROR, "Runtime exited without providing a reason")
    return Fault(ErrorType.EXIT_ERROR, f"Runtime exited with error: {_exit(status)}")


def crash_fault(status: ExitStatus) -> Fault:
    """Extension.Crash for an external extension that ended this way: by itself it never may."""
    return Fault(ErrorType.EXTENSION_CRASH, "exit code 0" if status.code == 0 else _exit(status))


def _exit(status: ExitStatus) -> str:
    if status.signal is None:
        return f"exit status {status.code}"
    name = _SIGNALS.get(status.signal, f"signal {status.signal}")
    return f"signal: {name}{' (core dumped)' if status.core_dumped else ''}"


def too_many_fault(most: int) -> Fault:
    """More external extensions than an environment may have."""
    return Fault(ErrorType.EXTENSION_LAUNCH_ERROR, f"Extension limit ({most}) reached")


def timeout_fault(timeout_ms: float) -> Fault:
    """An invocation that ran into the function's timeout."""
    return Fault(ErrorType.TIMED_OUT, f"Task timed out after {timeout_ms / 1000:.2f} seconds")


def mode_fault(given: str | None, known: str) -> Fault:
    """A response whose mode header is not the one known word."""
    return Fault(ErrorType.INVALID_RESPONSE_MODE, f"Invalid response mode header: {given!r} is not {known!r}")


def restore_fault(error_type: str) -> RestoreFault:
    """A restore that failed with this error."""
    return RestoreFault(error_type, f"the restore failed with {error_type}; the function's log says more")


def size_fault(limit_bytes: int) -> Fault:
    """A response over this limit."""
    return Fault(
        ErrorType.RESPONSE_TOO_LARGE,
        f"Response payload size exceeded maximum allowed payload size ({limit_bytes} bytes).",
    )


def worded(fault: Fault, request_id: str | None) -> Fault:
    """A fault as Lambda words it in the log and to the caller: with the request id it struck, if there is one.

    RESPONSE_TOO_LARGE is the one that Lambda words without the request id (spec 3.3).
    """
    if fault.error_type == ErrorType.RESPONSE_TOO_LARGE:
        return fault
    prefix = f"RequestId: {request_id} " if request_id else ""
    return fault._replace(message=f"{prefix}Error: {fault.message}")
