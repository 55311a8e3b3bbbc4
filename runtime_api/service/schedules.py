"""Schedules as EventBridge writes them: rate(), cron() and at(), when they are due, and the event that they send."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from .cron import CronError, parse_cron

if TYPE_CHECKING:
    from collections.abc import Callable

    from .owners import Owner

__all__ = ["Schedule", "ScheduleError", "parse_schedule", "scheduled_event"]

HOW = "rate(5 minutes)=NAME, cron(0 12 * * ? *)=NAME or at(2026-01-31T12:00:00)=NAME"
UNITS_MS = {"minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
_RATE = re.compile(r"(?P<number>[1-9]\d{0,8}) +(?P<unit>minute|hour|day)(?P<plural>s?)", re.ASCII)
_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", re.ASCII)
_SCHEDULE = re.compile(r"(?P<expression>(?P<kind>\w+)\((?P<inside>[^()]*)\)) *= *(?P<function>\S+)", re.ASCII)


class ScheduleError(ValueError):
    """A schedule is not valid; the text says why, and what one looks like."""


class Schedule(NamedTuple):
    """When a function is invoked; the expression says it for people."""

    expression: str
    function: str
    next_after: Callable[[float, float], float | None]  # of when the schedule began and a time, in Unix ms


def parse_schedule(text: str) -> Schedule:
    """Parse EXPRESSION=NAME."""
    found = _SCHEDULE.fullmatch(text.strip())
    readers = {"rate": _rate, "cron": _cron, "at": _at}
    if found is None or found["kind"] not in readers:
        raise ScheduleError(f"{text!r} is no schedule: give {HOW}")
    try:
        next_after = readers[found["kind"]](found["inside"].strip())
    except ValueError as error:
        raise ScheduleError(f"{found['expression']}: {error}") from None
    return Schedule(found["expression"], found["function"], next_after)


def scheduled_event(schedule: Schedule, owner: Owner, due_ms: float, event_id: str) -> dict[str, Any]:
    """Return the event that EventBridge sends (guide 7268)."""
    rule = f"{schedule.function.rpartition(':')[2]}-{crc32(schedule.expression.encode()):08x}"
    time = datetime.fromtimestamp(due_ms // 1000, UTC).isoformat().replace("+00:00", "Z")
    return {
        "version": "0",
        "id": event_id,
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": owner.account,
        "time": time,
        "region": owner.region,
        "resources": [f"arn:aws:events:{owner.region}:{owner.account}:rule/{rule}"],
        "detail": {},
    }


def _rate(inside: str) -> Callable[[float, float], float | None]:
    found = _RATE.fullmatch(inside)
    if found is None:
        raise CronError("a rate is a whole number from 1, and minutes, hours or days, such as 5 minutes")
    number = int(found["number"])
    if (number == 1) is bool(found["plural"]):
        raise CronError(f"the unit of {number} is {found['unit']}{'' if number == 1 else 's'}")
    period_ms = number * UNITS_MS[found["unit"]]
    return lambda began_ms, at_ms: began_ms + ((at_ms - began_ms) // period_ms + 1) * period_ms


def _cron(inside: str) -> Callable[[float, float], float | None]:
    cron = parse_cron(inside)

    def next_after(_began_ms: float, at_ms: float) -> float | None:
        found = cron.next_after(datetime.fromtimestamp(at_ms / 1000, UTC))
        return None if found is None else found.timestamp() * 1000

    return next_after


def _at(inside: str) -> Callable[[float, float], float | None]:
    if _AT.fullmatch(inside) is None:
        raise CronError("a time is written as 2026-01-31T12:00:00, in UTC")
    due_ms = datetime.fromisoformat(inside).replace(tzinfo=UTC).timestamp() * 1000
    return lambda _began_ms, at_ms: due_ms if due_ms > at_ms else None
