"""Why a process ends: exceptions that stop serving, and SIGTERM."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

__all__ = ["LAST_ERRORS", "ConnectionLost", "Ended", "RuntimeApiFailed", "end_on_signal", "end_on_sigterm"]

# A handler that raises one of these wants the process to end: it does, once the error has been reported.
LAST_ERRORS = (SystemExit, KeyboardInterrupt)


class Ended(SystemExit):
    """SIGTERM has arrived. Not an exit of the handler's own, so it is not reported as an error.

    A signal handler runs between any two instructions, and Python drops what it raises inside of `__del__` and in
    callbacks of weak references, the import system's among them. So drivers look at `is_due`, too.
    """

    is_due = False


class ConnectionLost(Exception):
    """The Runtime API cannot be reached, or it closed the connection in the middle of a response."""


class RuntimeApiFailed(Exception):
    """The Runtime API sent a response after which a bootstrap can only exit."""


def end_on_sigterm() -> None:
    """Let SIGTERM end the process as `sys.exit` does, also while it waits for an event: `atexit` functions run.

    A handler that wants something else sets its own signal handler with `signal.signal`.
    """
    _signal.signal(_signal.SIGTERM, end_on_signal)


def end_on_signal(_number: int, _frame: Any) -> NoReturn:
    """The signal handler for SIGTERM, unless the function has set its own."""
    _signal.signal(_signal.SIGTERM, _signal.SIG_DFL)  # a second SIGTERM waits for no `atexit` function
    Ended.is_due = True
    raise Ended(0)
