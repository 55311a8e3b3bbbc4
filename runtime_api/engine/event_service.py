"""Shows what runs functions without a caller who waits, and lets a developer send events again or move the clock."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.service.owners import Owner
    from runtime_api.service.queued_event import QueuedEvent
    from runtime_api.service.seams.event_queue import EventQueue

    from .clock import Clock
    from .pollers import Listed, Pollers
    from .scheduler import Scheduler

__all__ = ["MOST_ADVANCE_S", "MOST_LISTED", "EventService"]

MOST_LISTED = 1000
MOST_ADVANCE_S = 366 * 86_400


class EventService:
    """What bootjack's own addresses under /_bootjack/ tell and do.

    Callers who sign see and change the events of their functions only; for them no other event exists.
    """

    def __init__(self, queue: EventQueue, scheduler: Scheduler, clock: Clock, pollers: Pollers) -> None:
        self._pollers = pollers
        self._queue = queue
        self._scheduler = scheduler
        self._clock = clock

    async def waiting(self, owner: Owner | None, function: str | None, most: int) -> dict[str, Any]:
        """Return the first events that wait or run."""
        found = []
        for each in await self._queue.waiting(most, _arn_part(owner, function)):
            state = "running" if each.is_leased else "waiting"
            found.append(_shown(each.number, each.event) | {"state": state, "due": _time(each.due_ms)})
        return {"now": _time(self._clock.now_ms()), "events": found}

    async def buried(self, owner: Owner | None, function: str | None, most: int) -> dict[str, Any]:
        """Return the last events that were given up."""
        found = [
            _shown(each.number, each.event)
            | {"state": "given up", "reason": each.reason, "givenUp": _time(each.buried_ms)}
            for each in await self._queue.buried(most, _arn_part(owner, function))
        ]
        return {"now": _time(self._clock.now_ms()), "events": found}

    async def revive(self, owner: Owner | None, number: int) -> bool:
        """Accept an event that was given up once more; False when there is none."""
        return await self._queue.revive(number, self._clock.now_ms(), _arn_part(owner, None))

    async def discard(self, owner: Owner | None, number: int) -> bool:
        """Forget an event that waits or was given up; False when there is none."""
        return await self._queue.discard(number, _arn_part(owner, None))

    async def mappings(self, owner: Owner | None, function: str | None) -> dict[str, Any]:
        """Return the event source mappings, each with where its reading stands."""
        part = _arn_part(owner, function)
        found = [each for each in self._pollers.listed() if part in f"{each.mapping.function_arn}:"]
        standing = await asyncio.gather(*(self._pollers.standing(each.mapping.uuid) for each in found))
        shown = [_shown_mapping(*each) for each in zip(found, standing, strict=True)]
        return {"now": _time(self._clock.now_ms()), "mappings": shown}

    def schedules(self) -> dict[str, Any]:
        """Return the schedules with the time at which each is due next."""
        found = []
        for each in self._scheduler.listed():
            due = None if each.due_ms is None else _time(each.due_ms)
            found.append({"expression": each.schedule.expression, "function": each.schedule.function, "due": due})
        return {"now": _time(self._clock.now_ms()), "schedules": found}

    def advance(self, seconds: float) -> dict[str, Any]:
        """Move the clock by which events and schedules are due."""
        self._clock.advance(seconds)
        return {"now": _time(self._clock.now_ms())}


def _arn_part(owner: Owner | None, function: str | None) -> str:
    """What the ARNs of an owner's functions, or of one of them, have in common."""
    of_owner = "" if owner is None else f":lambda:{owner.region}:{owner.account}"
    if function is None:
        return f"{of_owner}:" if of_owner else ""
    return f"{function}:" if function.startswith("arn:") else f"{of_owner}:function:{function}:"


def _shown(number: int, event: QueuedEvent | None) -> dict[str, Any]:
    if event is None:
        return {"number": number}
    return {
        "number": number,
        "requestId": event.invocation.request_id,
        "function": event.invocation.function_arn,
        "accepted": _time(event.accepted_ms),
        "attempts": event.failures,
        "lastError": event.last_error,
        "condition": None if event.verdict is None else event.verdict.condition,
        "deliveries": [{"kind": each.kind, "target": each.target} for each in event.deliveries],
        "payload": event.invocation.payload.decode(errors="replace"),
    }


def _shown_mapping(listed: Listed, standing: Mapping[str, Any]) -> dict[str, Any]:
    mapping = listed.mapping
    return {
        "uuid": mapping.uuid,
        "function": mapping.function_arn,
        "source": mapping.settings.event_source_arn,
        "state": mapping.state,
        "lastResult": listed.result,
        **standing,
    }


def _time(at_ms: float) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
