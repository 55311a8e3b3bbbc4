"""What to do: everything that an `EnvironmentMachine` can ask for, to be performed in the order given."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from .diagnosis import Reached
    from .errors import Fault, Refusal
    from .events import Call, Invocation
    from .platform_events import Record
    from .subscriptions import Subscription
    from .timers import Timer

__all__ = [
    "Accept",
    "Complete",
    "Deliver",
    "DeliverInvoke",
    "DeliverShutdown",
    "Effect",
    "Emit",
    "Ended",
    "Forward",
    "HangUp",
    "OpenStream",
    "Outcome",
    "Over",
    "Refuse",
    "Registered",
    "Restore",
    "SetTimer",
    "Settled",
    "ShutdownReason",
    "Start",
    "Status",
    "Stop",
    "Subscribe",
    "Terminate",
]


class Status(StrEnum):
    """How an invocation ended, in the words of platform.runtimeDone and platform.report."""

    SUCCESS = "success"
    ERROR = "error"
    FAILURE = "failure"
    TIMEOUT = "timeout"


class ShutdownReason(StrEnum):
    """Why all processes end, as a SHUTDOWN event says it: in lower case on the wire (spec 6.4)."""

    SPINDOWN = "spindown"
    TIMEOUT = "timeout"
    FAILURE = "failure"


class Outcome(Struct, frozen=True):
    """How one invocation ended; every invocation has exactly one.

    Either the runtime sent a body (its response, or its error document), or the platform found a fault. The body of a
    streamed response has been forwarded before.
    """

    request_id: str
    status: Status
    body: bytes = b""
    content_type: str | None = None
    error_type: str | None = None  # from the runtime's error header
    fault: Fault | None = None
    reached: Reached | None = None  # how far the runtime had come when it failed


class Accept(Struct, frozen=True):
    """Answer this call with 202 OK."""

    call: Call


class Refuse(Struct, frozen=True):
    """Answer this call with a refusal."""

    call: Call
    refusal: Refusal
    request_id: str | None = None  # that the call named, where it was an answer


class Deliver(Struct, frozen=True):
    """Answer this parked /next with the event; `deadline_ms` is Unix time."""

    call: Call
    invocation: Invocation
    deadline_ms: int


class Restore(Struct, frozen=True):
    """Answer this parked /restore/next with 200 and no body: the environment has been restored."""

    call: Call


class OpenStream(Struct, frozen=True):
    """Answer the caller of this invocation with a stream, and let the body of this call come in pieces."""

    call: Call
    request_id: str
    content_type: str | None


class Forward(Struct, frozen=True):
    """Hand this piece of a streamed response to its caller."""

    request_id: str
    data: bytes


class Complete(Struct, frozen=True):
    """The outcome of an invocation is known: answer its caller, or end the stream that it reads.

    `settled`: its REPORT has been written, and its slot is free. Where extensions still work, or have to be ended,
    `Settled` follows; only a caller who waits for the log has to wait for that.
    """

    outcome: Outcome
    settled: bool = True


class Settled(Struct, frozen=True):
    """An invocation whose outcome was known before has its REPORT, and its slot is free."""

    request_id: str


class Over(Struct, frozen=True):
    """The invocation is over: drop what is kept under its request id, its timers included."""

    request_id: str


class SetTimer(Struct, frozen=True):
    """Let this timer fire at `at`, in the milliseconds of the `now` given to the machine; only once.

    Nothing unsets a timer but the end of the invocation that it is keyed by: one that fires too late is ignored.
    """

    timer: Timer
    key: str
    at: float


class Registered(Struct, frozen=True):
    """Answer this call: the extension has registered under this identifier."""

    call: Call
    identifier: str
    wants_account: bool


class DeliverInvoke(Struct, frozen=True):
    """Answer this parked /event/next with the INVOKE event; `deadline_ms` is Unix time."""

    call: Call
    invocation: Invocation
    deadline_ms: int


class DeliverShutdown(Struct, frozen=True):
    """Answer this parked /event/next with the SHUTDOWN event; `at` is a time of the machine, as in `SetTimer`."""

    call: Call
    reason: ShutdownReason
    at: float


class HangUp(Struct, frozen=True):
    """Close the connection of this call without an answer: the process that made it has ended."""

    call: Call


class Start(Struct, frozen=True):
    """Start the named process."""

    name: str


class Terminate(Struct, frozen=True):
    """Ask the named process and all of its group to end (SIGTERM)."""

    name: str


class Stop(Struct, frozen=True):
    """Kill the named process and all of its group."""

    name: str


class Subscribe(Struct, frozen=True):
    """Answer this call with 200 OK, and deliver telemetry to the extension, which is part of the named process."""

    call: Call
    extension: str
    process: str
    subscription: Subscription


class Emit(Struct, frozen=True):
    """Append these records to the journal, in order."""

    records: tuple[Record, ...]


class Ended(Struct, frozen=True):
    """The environment has ended: nothing runs, and nothing will."""


Effect = (
    Accept
    | Refuse
    | Deliver
    | Restore
    | OpenStream
    | Forward
    | Complete
    | Settled
    | Over
    | Registered
    | DeliverInvoke
    | DeliverShutdown
    | HangUp
    | SetTimer
    | Start
    | Terminate
    | Stop
    | Subscribe
    | Emit
    | Ended
)
