"""The seam for running: one invocation on one version, and the values that can come of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from runtime_api.protocol.events import Invocation

    from .catalog import ResolvedVersion

__all__ = [
    "ACCOUNT_CONCURRENCY",
    "FUNCTION_CONCURRENCY",
    "BodyStream",
    "Dispatch",
    "InvokeResult",
    "Pending",
    "RestoreFailed",
    "RunResult",
    "Throttled",
    "Unavailable",
]

ACCOUNT_CONCURRENCY = "ConcurrentInvocationLimitExceeded"  # spec-service CO-05
FUNCTION_CONCURRENCY = "ReservedFunctionConcurrentInvocationLimitExceeded"  # spec-service CO-05

T = TypeVar("T", covariant=True)


class BodyStream(Protocol):
    """A response that comes piece by piece. Its receiver reads it to its end, or leaves it."""

    @property
    def content_type(self) -> str | None:
        """As the runtime has named it."""

    @property
    def result(self) -> InvokeResult | None:
        """How the invocation ended, once it has; its payload is empty, or the error that ended the stream."""

    async def read(self) -> bytes:
        """Return what has come, as soon as there is something; nothing at the end, when `result` is known."""

    def leave(self) -> None:
        """Read no more; the invocation goes on."""


class InvokeResult(Struct, frozen=True):
    """What the caller of an invocation gets."""

    request_id: str
    payload: bytes
    function_error: str | None  # "Unhandled" when the function failed
    log_tail: bytes  # empty when it was not asked for
    error_type: str | None = None  # of a function that failed, where it is known beside the payload
    stream: BodyStream | None = None  # in place of all the others, when the caller and the runtime stream


class Throttled(Struct, frozen=True):
    """The invocation was not run: every execution environment is busy, and no more invocations may wait."""

    busy: int  # execution environments
    most: int  # how many there may be
    queued: int  # invocations that wait
    reason: str = FUNCTION_CONCURRENCY


class Unavailable(Struct, frozen=True):
    """The invocation could not be run, which is not the caller's fault."""

    message: str


class RestoreFailed(Struct, frozen=True):
    """The invocation was not run: the hooks after the restore of its environment failed (SnapStart)."""

    message: str
    timed_out: bool


RunResult = InvokeResult | Throttled | Unavailable | RestoreFailed


class Pending(Protocol[T]):
    """A result that comes later: the part of a Future that callers may rely on."""

    def done(self) -> bool: ...
    def result(self) -> T: ...
    def add_done_callback(self, callback: Callable[[Any], object], /) -> None: ...
    def __await__(self) -> Generator[Any, None, T]: ...


class Dispatch(Protocol):
    """Runs invocations, wherever the execution environments are."""

    def run(self, version: ResolvedVersion, invocation: Invocation, wants_tail: bool = False) -> Pending[RunResult]:
        """Run this invocation on this version. What can go wrong is a value; an exception is a defect.

        `wants_tail` asks for the end of the log with the result. Up to `version.max_queued` invocations wait while
        all environments are busy. If `invocation.streamed`, the result may have a stream, and comes when that begins.
        """
