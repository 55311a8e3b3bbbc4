"""What happened: everything that an `EnvironmentMachine` can receive.

`call` is an opaque token for one HTTP request; effects carry it back to the code that made it. Events, effects and
records are msgspec's Structs because every invocation makes some twenty of them: 0.06 µs each, where a NamedTuple
takes 0.2 µs and a frozen dataclass 1.0 µs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from .extension_states import ExtensionMove
    from .registration import Registration
    from .subscriptions import TelemetryApi
    from .timers import Timer

__all__ = [
    "BodyFinished",
    "BodyPiece",
    "BodyTooLarge",
    "BodyTruncated",
    "Call",
    "CallDropped",
    "ErrorStarted",
    "Event",
    "EventNextCalled",
    "ExitStatus",
    "ExtensionErrorPosted",
    "InitErrorPosted",
    "Initialise",
    "Invocation",
    "Invoke",
    "MemorySampled",
    "NextCalled",
    "ProcessExited",
    "RegisterCalled",
    "ResponseStarted",
    "RestoreErrorPosted",
    "RestoreNextCalled",
    "ShutDown",
    "StartFailed",
    "SubscribeCalled",
    "TimerFired",
]

Call = object


class Invocation(Struct, frozen=True):
    """One attempt to run a function on one event; the same object from the caller's request to the outcome."""

    request_id: str
    invocation_id: str  # unique for each delivery, while a request id may be used again (spec 5.1)
    function_arn: str  # as invoked, qualifier included
    payload: bytes
    trace: str
    client_context: str | None = None
    cognito_identity: str | None = None
    tenant_id: str | None = None
    streamed: bool = False  # the caller reads the response as it comes, if the runtime streams it


class ExitStatus(Struct, frozen=True):
    """How a process ended: by an exit code, or by a signal."""

    code: int | None
    signal: int | None = None
    core_dumped: bool = False


class Initialise(Struct, frozen=True):
    """Everything that processes need is there: start the init phase, if there is one.

    `extensions` are the names of the external extensions, in the order in which they start.
    """

    extensions: tuple[str, ...] = ()


class Invoke(Struct, frozen=True):
    """Run this; the deadline is counted from `epoch_ms`, the wall clock now."""

    invocation: Invocation
    epoch_ms: float


class NextCalled(Struct, frozen=True):
    """GET /runtime/invocation/next."""

    call: Call


class ResponseStarted(Struct, frozen=True):
    """The head of POST /runtime/invocation/{id}/response; its body follows as a Body event."""

    call: Call
    request_id: str
    invocation_id: str | None = None
    mode: str | None = None
    content_type: str | None = None  # of a streamed response


class ErrorStarted(Struct, frozen=True):
    """The head of POST /runtime/invocation/{id}/error; its body follows as a Body event."""

    call: Call
    request_id: str
    invocation_id: str | None = None
    error_type: str | None = None


class BodyPiece(Struct, frozen=True):
    """A piece of the response that `call` has begun to stream; only after `OpenStream`."""

    call: Call
    data: bytes


class BodyFinished(Struct, frozen=True):
    """The whole body of the answer that was started by `call`; what of it was in no BodyPiece."""

    call: Call
    body: bytes
    content_type: str | None = None
    trailer_error_type: str | None = None  # a streamed response that failed midway reports it in trailers
    trailer_error_body: bytes | None = None


class BodyTooLarge(Struct, frozen=True):
    """The body went over the limit; the rest was not kept."""

    call: Call


class BodyTruncated(Struct, frozen=True):
    """The connection ended before the body did."""

    call: Call


class InitErrorPosted(Struct, frozen=True):
    """POST /runtime/init/error."""

    call: Call
    error_type: str | None
    body: bytes
    content_type: str | None = None


class RestoreNextCalled(Struct, frozen=True):
    """GET /runtime/restore/next."""

    call: Call


class RestoreErrorPosted(Struct, frozen=True):
    """POST /runtime/restore/error."""

    call: Call
    error_type: str | None


class RegisterCalled(Struct, frozen=True):
    """POST /extension/register; `identifier` is the one that the extension gets."""

    call: Call
    registration: Registration
    identifier: str


class EventNextCalled(Struct, frozen=True):
    """GET /extension/event/next."""

    call: Call
    identifier: str


class ExtensionErrorPosted(Struct, frozen=True):
    """POST /extension/init/error, or /extension/exit/error."""

    call: Call
    identifier: str
    move: ExtensionMove


class SubscribeCalled(Struct, frozen=True):
    """PUT /telemetry, or /logs of the Logs API."""

    call: Call
    identifier: str
    api: TelemetryApi
    body: bytes


class CallDropped(Struct, frozen=True):
    """The peer of a parked call has disconnected: nothing may be delivered to it."""

    call: Call


class StartFailed(Struct, frozen=True):
    """A process could not be started."""

    name: str
    error_type: str
    reason: str


class ProcessExited(Struct, frozen=True):
    """A process has exited, and all of its output has been read."""

    name: str
    status: ExitStatus
    over_bytes: int = 0  # memory taken, when it was killed for taking more than the function has
    over_processes: int = 0  # processes and threads, when it was killed for having more than a function may have


class MemorySampled(Struct, frozen=True):
    """The peak memory of the environment's processes up to now, in bytes."""

    peak_bytes: int


class TimerFired(Struct, frozen=True):
    """The time of a `SetTimer` has come."""

    timer: Timer
    key: str


class ShutDown(Struct, frozen=True):
    """End the environment for good."""


Event = (
    Initialise
    | Invoke
    | NextCalled
    | ResponseStarted
    | ErrorStarted
    | BodyPiece
    | BodyFinished
    | BodyTooLarge
    | BodyTruncated
    | InitErrorPosted
    | RestoreNextCalled
    | RestoreErrorPosted
    | RegisterCalled
    | EventNextCalled
    | ExtensionErrorPosted
    | SubscribeCalled
    | CallDropped
    | StartFailed
    | ProcessExited
    | MemorySampled
    | TimerFired
    | ShutDown
)
