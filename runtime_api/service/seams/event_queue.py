"""The seam for Event invocations: an event that was put is run at least once, by whichever server leases it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from runtime_api.service.queued_event import QueuedEvent

    from .dispatch import Pending

__all__ = ["BuriedEvent", "EventQueue", "Full", "LeasedEvent", "ListedEvent", "NothingDue", "Queued"]


class Queued(Struct, frozen=True):
    """The event will be run."""


class Full(Struct, frozen=True):
    """The event was not accepted: so many wait already."""

    most: int


class LeasedEvent(Struct, frozen=True):
    """An event, and the proof that this server is the one that runs it."""

    event: QueuedEvent
    lease: int
    number: int = 0  # of the event: the same for each of its leases
    group: str = ""  # of the event


class NothingDue(Struct, frozen=True):
    """No event can be leased now."""

    next_due_ms: float | None  # Unix time at which to ask again; None: when `watch` says so


class ListedEvent(Struct, frozen=True):
    """An event that waits or runs."""

    number: int
    event: QueuedEvent
    due_ms: float
    is_leased: bool


class BuriedEvent(Struct, frozen=True):
    """An event that was given up."""

    number: int
    event: QueuedEvent | None  # None: it cannot be read
    reason: str
    buried_ms: float


class EventQueue(Protocol):
    """Keeps events until they have been run. Times are Unix time in milliseconds.

    A lease lasts until the server says `done`, `put_back` or `bury`; the leases of a server that has gone are given
    to others. A call with a lease that was lost changes nothing. Only `put`, `revive` and `discard` wait until what
    they do cannot be lost: an event whose end is lost is run once more.
    """

    @property
    def is_durable(self) -> bool:
        """Whether events outlive the server."""

    def watch(self, wake: Callable[[], None]) -> None:
        """Call `wake` from now on whenever an event may have become due."""

    def put(self, event: QueuedEvent, due_ms: float) -> Pending[Queued | Full]:
        """Accept an event that is due at this time; the result comes once it cannot be lost.

        Full, and nothing is accepted, while as many events of its group wait as may.
        """

    async def settled(self) -> None:
        """Return once every `put` has its result."""

    async def lease(self, now_ms: float, busy: Collection[str] = ()) -> LeasedEvent | NothingDue:
        """Lease the event that has been due for longest, of the groups that are not in `busy`."""

    def done(self, leased: LeasedEvent) -> None:
        """Forget an event that has been run."""

    def put_back(self, leased: LeasedEvent, event: QueuedEvent, due_ms: float) -> None:
        """Put an event back, as it is now, until this time."""

    def bury(self, leased: LeasedEvent, event: QueuedEvent, reason: str, now_ms: float) -> None:
        """Give an event up, and keep it with the reason; the oldest go when there are too many."""

    async def waiting(self, most: int, arn_part: str = "") -> list[ListedEvent]:
        """Return the first events that wait or run, in the order in which they are due.

        `arn_part` is in the ARNs, with a colon behind them, of the functions whose events are wanted.
        """

    async def buried(self, most: int, arn_part: str = "") -> list[BuriedEvent]:
        """Return the last events that were given up, the latest first; `arn_part` as above."""

    async def revive(self, number: int, now_ms: float, arn_part: str = "") -> bool:
        """Accept an event that was given up as a new one; False when there is none; `arn_part` as above."""

    async def discard(self, number: int, arn_part: str = "") -> bool:
        """Forget an event that waits or was given up; False when there is none, or it runs; `arn_part` as above."""
