"""bootjack's own addresses for events, mappings, schedules and the clock: JSON, for its verbs and for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from runtime_api.engine.event_service import MOST_ADVANCE_S, MOST_LISTED
from runtime_api.service.errors import InvalidParameterValueException, ResourceNotFoundException

from . import replies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime_api.engine.event_service import EventService
    from runtime_api.service.owners import Owner

    from .replies import PlainReply

__all__ = ["MOST_BYTES", "answer", "is_ours"]

EVENTS = "/_bootjack/events"
BURIED = "/_bootjack/events/given-up"
MAPPINGS = "/_bootjack/mappings"
SCHEDULES = "/_bootjack/schedules"
CLOCK = "/_bootjack/clock"
MOST_BYTES = 1024  # of a request's body
LISTED = 100  # unless the caller says how many


def is_ours(path: str) -> bool:
    """Whether a path is one of these addresses."""
    return path in (EVENTS, MAPPINGS, SCHEDULES, CLOCK) or path.startswith(f"{EVENTS}/")


async def answer(
    service: EventService, method: str, path: str, asked: Mapping[str, list[str]], body: bytes, owner: Owner | None
) -> PlainReply:
    """Answer a request; `owner` is None for a caller who does not sign. ServiceError for what is not valid."""
    match method, path.removeprefix(EVENTS).split("/"):
        case "GET", [""]:
            return _json(await service.waiting(owner, *_listing(asked)))
        case "GET", ["", "given-up"]:
            return _json(await service.buried(owner, *_listing(asked)))
        case "POST", ["", number, "resend"]:
            return _changed(number, await service.revive(owner, _number(number)), "was given up")
        case "DELETE", ["", number]:
            return _changed(number, await service.discard(owner, _number(number)), "waits or was given up")
        case "GET", _ if path == MAPPINGS:
            return _json(await service.mappings(owner, asked.get("function", [None])[-1] or None))
        case "GET", _ if path == SCHEDULES:
            return _json(service.schedules())
        case "POST", _ if path == CLOCK:
            return _json(service.advance(_seconds(body)))
    return replies.method_not_allowed(_methods(path))


def _methods(path: str) -> str:
    if path == CLOCK or path.endswith("/resend"):
        return "POST"
    return "GET" if path in (EVENTS, BURIED, MAPPINGS, SCHEDULES) else "DELETE"


def _listing(asked: Mapping[str, list[str]]) -> tuple[str | None, int]:
    """The function whose events are wanted, and how many."""
    most = asked.get("most", [str(LISTED)])[-1]
    if not (most.isascii() and most.isdecimal() and 1 <= int(most[:9]) <= MOST_LISTED):
        raise InvalidParameterValueException(f"most={most!r} is no whole number from 1 to {MOST_LISTED}")
    return asked.get("function", [None])[-1] or None, int(most)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise InvalidParameterValueException(f"{text!r} is no number of an event")
    return int(text)


def _seconds(body: bytes) -> float:
    try:
        document: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    seconds = document.get("advanceSeconds") if isinstance(document, dict) else None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= MOST_ADVANCE_S:
        raise InvalidParameterValueException(
            f'Give {{"advanceSeconds": N}}, with N from 0 to {MOST_ADVANCE_S}: how far to move the clock ahead'
        )
    return float(seconds)


def _changed(number: str, is_changed: bool, what: str) -> PlainReply:
    if not is_changed:
        raise ResourceNotFoundException(f"No event {number} {what}")
    return _json({"number": int(number)})


def _json(document: Mapping[str, Any]) -> PlainReply:
    return replies.PlainReply(replies.OK, replies.JSON, orjson.dumps(document))
