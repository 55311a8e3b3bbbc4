"""What callers ask for, read from parameters that are well-formed: groups, ranges of time, places in a stream."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import InvalidParameterException
from .patterns import FilterPattern, parse_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["END_OF_TIME", "EventQuery", "Place", "event_query", "filter_query", "group_name", "token"]

PAGE_EVENTS = 10_000
GROUP_ARN = re.compile(r"arn:[\w-]+:logs:[\w-]*:\d*:log-group:(?P<name>[^:*]+)(?::\*)?")
TOKEN = re.compile(r"(?P<direction>[fb])/(?P<position>\d{1,56})")
INVALID_TOKEN = "The specified nextToken is invalid."
END_OF_TIME = 1 << 62  # behind every time, and every position


class Place(NamedTuple):
    """Where to go on, and which way: the first position to return, or the last."""

    position: int
    forward: bool


class EventQuery(NamedTuple):
    """Which events to return, and how many at most. Times are Unix milliseconds, both included."""

    place: Place
    start_ms: int
    end_ms: int
    limit: int
    pattern: FilterPattern = FilterPattern()


def group_name(parameters: Mapping[str, Any]) -> str:
    """Return the group that is meant, by its name or its ARN."""
    name, identifier = parameters.get("logGroupName"), parameters.get("logGroupIdentifier")
    if (name is None) == (identifier is None):
        raise InvalidParameterException("Exactly one of logGroupName and logGroupIdentifier must be given")
    found = GROUP_ARN.fullmatch(identifier or "")
    return str(found["name"] if found else name or identifier)


def event_query(parameters: Mapping[str, Any]) -> EventQuery:
    """What GetLogEvents asks for: up to the end of the range, which is not part of it."""
    start, end = _range(parameters)
    return EventQuery(_place(parameters, forward=False), start, end - 1, parameters.get("limit", PAGE_EVENTS))


def filter_query(parameters: Mapping[str, Any]) -> EventQuery:
    """What FilterLogEvents asks for: the end of the range is part of it."""
    if "logStreamNames" in parameters and "logStreamNamePrefix" in parameters:
        raise InvalidParameterException("logStreamNames and logStreamNamePrefix exclude each other")
    start, end = _range(parameters)
    pattern = parse_pattern(parameters.get("filterPattern", ""))
    return EventQuery(_place(parameters, forward=True), start, end, parameters.get("limit", PAGE_EVENTS), pattern)


def token(place: Place) -> str:
    """Return the token that stands for a place."""
    return f"{'f' if place.forward else 'b'}/{place.position:056d}"


def _range(parameters: Mapping[str, Any]) -> tuple[int, int]:
    start, end = parameters.get("startTime", 0), parameters.get("endTime", END_OF_TIME)
    if start > end:
        raise InvalidParameterException("startTime must be before endTime")
    return min(start, END_OF_TIME), min(end, END_OF_TIME)


def _place(parameters: Mapping[str, Any], *, forward: bool) -> Place:
    given = parameters.get("nextToken")
    if given is None:
        forward = parameters.get("startFromHead", forward)
        return Place(0 if forward else END_OF_TIME, forward)
    found = TOKEN.fullmatch(given)
    if found is None:
        raise InvalidParameterException(INVALID_TOKEN)
    return Place(min(int(found["position"]), END_OF_TIME), found["direction"] == "f")
