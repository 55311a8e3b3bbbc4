"""The platform's words for what can go wrong with a runtime (spec 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import ErrorType, Fault

if TYPE_CHECKING:
    from .events import ExitStatus
    from .limits import Limits

__all__ = ["exit_fault", "size_fault", "timeout_fault"]

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
    if status.signal is not None:
        name = _SIGNALS.get(status.signal, f"signal {status.signal}")
        core = " (core dumped)" if status.core_dumped else ""
        return Fault(ErrorType.EXIT_ERROR, f"Runtime exited with error: signal: {name}{core}")
    if status.code == 0:
        return Fault(ErrorType.EXIT_ERROR, "Runtime exited without providing a reason")
    return Fault(ErrorType.EXIT_ERROR, f"Runtime exited with error: exit status {status.code}")


def timeout_fault(timeout_ms: float) -> Fault:
    """An invocation that ran into the function's timeout."""
    return Fault(ErrorType.TIMED_OUT, f"Task timed out after {timeout_ms / 1000:.2f} seconds")


def size_fault(limits: Limits) -> Fault:
    """A response over the limit."""
    return Fault(
        ErrorType.RESPONSE_TOO_LARGE,
        f"Response payload size exceeded maximum allowed payload size ({limits.response_bytes} bytes).",
    )
