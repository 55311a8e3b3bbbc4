"""What to do: everything that a `Lifecycle` can ask for, to be performed in the order given."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from .errors import Fault, Refusal
    from .events import Call, Invocation
    from .platform_events import Record

__all__ = [
    "Accept",
    "Complete",
    "Deliver",
    "Effect",
    "Emit",
    "Ended",
    "Outcome",
    "Refuse",
    "SetTimer",
    "Start",
    "Status",
    "Stop",
    "Timer",
]


class Timer(StrEnum):
    """The clocks an environment can have running."""

    INIT = "init"  # the limit of the init phase
    DEADLINE = "deadline"  # the function's timeout


class Status(StrEnum):
    """How an invocation ended, in the words of platform.runtimeDone and platform.report."""

    SUCCESS = "success"
    ERROR = "error"
    FAILURE = "failure"
    TIMEOUT = "timeout"


class Outcome(Struct, frozen=True):
    """How one invocation ended; there is exactly one for each.

    Either the runtime gave a body (its response, or its error document), or the platform found a fault.
    """

    request_id: str
    status: Status
    body: bytes = b""
    content_type: str | None = None
    error_type: str | None = None  # what the runtime gave in its error header
    fault: Fault | None = None


class Accept(Struct, frozen=True):
    """Answer this call with 202 OK."""

    call: Call


class Refuse(Struct, frozen=True):
    """Answer this call with a refusal."""

    call: Call
    refusal: Refusal


class Deliver(Struct, frozen=True):
    """Answer this parked /next with the event; `deadline_ms` is Unix time."""

    call: Call
    invocation: Invocation
    deadline_ms: int


class Complete(Struct, frozen=True):
    """Tell the caller of the invocation how it ended."""

    outcome: Outcome


class SetTimer(Struct, frozen=True):
    """Let `timer` fire at `at`, in the milliseconds of the `now` given to the machine; only once.

    Nothing unsets a timer: one that fires when its phase is over is ignored.
    """

    timer: Timer
    at: float


class Start(Struct, frozen=True):
    """Start the named process."""

    name: str


class Stop(Struct, frozen=True):
    """Kill the named process and all of its group."""

    name: str


class Emit(Struct, frozen=True):
    """Write these records to the platform's log, in order."""

    records: tuple[Record, ...]


class Ended(Struct, frozen=True):
    """The environment is over: nothing runs, nothing will."""


Effect = Accept | Refuse | Deliver | Complete | SetTimer | Start | Stop | Emit | Ended
