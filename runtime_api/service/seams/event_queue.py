"""The seam for Event invocations: an event that was put is run at least once, by whichever server leases it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from runtime_api.protocol.events import Invocation

    from .catalog import ResolvedVersion

__all__ = ["EventQueue", "LeasedEvent", "NothingDue", "QueuedEvent"]


class QueuedEvent(Struct, frozen=True):
    """An Event invocation that was accepted."""

    version: ResolvedVersion
    invocation: Invocation
    retries: int = 0  # how often it was put back
    accepted_ms: float = 0.0  # Unix time
    failures: int = 0  # attempts that the function has answered with an error


class LeasedEvent(Struct, frozen=True):
    """An event, and the proof that this server is the one that runs it."""

    event: QueuedEvent
    lease: int


class NothingDue(Struct, frozen=True):
    """No event can be leased now."""

    next_due_ms: float | None  # Unix time at which to ask again; None: when `watch` says so


class EventQueue(Protocol):
    """Keeps events until they have been run. Times are Unix time in milliseconds.

    A lease lasts until the server says `done`, `retry` or `bury`; the leases of a server that has gone are given to
    others. A call with a lease that was lost changes nothing.
    """

    def watch(self, wake: Callable[[], None]) -> None:
        """Call `wake` from now on whenever an event may have become due."""

    async def put(self, event: QueuedEvent, due_ms: float) -> bool:
        """Accept an event that is due at this time; returns once it cannot be lost.

        False, and nothing is accepted, while as many events of its version wait as may.
        """

    async def lease(self, now_ms: float, busy: Collection[str] = ()) -> LeasedEvent | NothingDue:
        """Lease the event that has been due for longest, of the versions whose ARN is not in `busy`."""

    async def done(self, leased: LeasedEvent) -> None:
        """Forget an event that has been run."""

    async def retry(self, leased: LeasedEvent, due_ms: float, *, failed: bool = False) -> None:
        """Put an event back until this time; `failed`: its function has run, and failed."""

    async def bury(self, leased: LeasedEvent, reason: str) -> None:
        """Give an event up, and keep it with the reason."""
