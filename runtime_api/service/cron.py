"""EventBridge's cron expressions: six fields, in UTC, to the minute (guide 7280)."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Cron", "CronError", "parse_cron"]

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
FIRST_YEAR, LAST_YEAR = 1970, 2199
_ITEM = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d{1,4}))?", re.ASCII)
_NEAREST = re.compile(r"(\d{1,2})W")
_LAST_WEEKDAY = re.compile(r"(\w+)L")
_NTH_WEEKDAY = re.compile(r"(\w+)#([1-5])")


class CronError(ValueError):
    """The expression is not valid; the text says why."""


class _Field(NamedTuple):
    """What a field may hold."""

    name: str
    least: int
    most: int
    words: tuple[str, ...] = ()

    def number(self, text: str) -> int:
        """Return the value of a number or a word."""
        if text.upper() in self.words:
            return self.words.index(text.upper()) + 1
        value = int(text) if text.isdecimal() and len(text) <= 4 else self.most + 1
        if not self.least <= value <= self.most:
            raise CronError(f"{text!r} is no {self.name} ({self.least} to {self.most})")
        return value


MINUTE, HOUR, DAY = _Field("minute", 0, 59), _Field("hour", 0, 23), _Field("day of the month", 1, 31)
MONTH, WEEKDAY = _Field("month", 1, 12, MONTHS), _Field("day of the week", 1, 7, WEEKDAYS)
YEAR = _Field("year", FIRST_YEAR, LAST_YEAR)


class Cron:
    """A parsed expression."""

    def __init__(self, fields: list[str]) -> None:
        minute, hour, day, month, weekday, year = fields
        if (day == "?") == (weekday == "?"):
            raise CronError("one of day of the month and day of the week, and not both, must be ?")
        self._minutes = sorted(_values(MINUTE, minute))
        self._hours = sorted(_values(HOUR, hour))
        self._months = _values(MONTH, month)
        self._years = _values(YEAR, year)
        self._is_day = _days(day) if weekday == "?" else _weekdays(weekday)

    def next_after(self, at: datetime) -> datetime | None:
        """Return the first time after this one at which it is due; None when there is none."""
        after = at.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        for day in self._dates(after.date()):
            for hour in self._hours:
                for minute in self._minutes:
                    found = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
                    if found >= after:
                        return found
        return None

    def _dates(self, first: date) -> Iterator[date]:
        for year in range(max(first.year, FIRST_YEAR), LAST_YEAR + 1):
            for month in range(1, 13) if year in self._years else ():
                if month not in self._months or (year, month) < (first.year, first.month):
                    continue
                for day in range(1, monthrange(year, month)[1] + 1):
                    found = date(year, month, day)
                    if found >= first and self._is_day(found):
                        yield found


def parse_cron(text: str) -> Cron:
    """Parse what stands in the parentheses of cron(); CronError when it is not valid."""
    fields = text.split()
    if len(fields) != 6:
        raise CronError(f"it needs 6 fields (minute, hour, day, month, weekday, year), not {len(fields)}")
    return Cron(fields)


def _values(field: _Field, text: str) -> frozenset[int]:
    found: set[int] = set()
    for item in text.split(","):
        match = _ITEM.fullmatch(item)
        if match is None:
            raise CronError(f"{item!r} is no {field.name}")
        step = 1 if match["step"] is None else int(match["step"])
        if not step:
            raise CronError(f"{item!r} has a step of 0")
        first, last = field.least, field.most
        if match["first"] is not None:
            first = field.number(match["first"])
            last = field.most if match["step"] is not None else first  # 5/15 goes on to the end
        if match["last"] is not None:
            last = field.number(match["last"])
        if last < first:
            raise CronError(f"{item!r} ends before it begins")
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _days(text: str) -> Callable[[date], bool]:
    if text == "L":
        return lambda day: day.day == _length(day)
    if text == "LW":
        return lambda day: day.day == _nearest_weekday(day, _length(day))
    nearest = _NEAREST.fullmatch(text)
    if nearest is not None:
        wanted = DAY.number(nearest[1])
        return lambda day: wanted <= _length(day) and day.day == _nearest_weekday(day, wanted)
    days = _values(DAY, text)
    return lambda day: day.day in days


def _weekdays(text: str) -> Callable[[date], bool]:
    if text == "L":
        return lambda day: _weekday(day) == WEEKDAY.most
    last, nth = _LAST_WEEKDAY.fullmatch(text), _NTH_WEEKDAY.fullmatch(text)
    if last is not None:
        wanted = WEEKDAY.number(last[1])
        return lambda day: _weekday(day) == wanted and day.day + 7 > _length(day)
    if nth is not None:
        wanted, which = WEEKDAY.number(nth[1]), int(nth[2])
        return lambda day: _weekday(day) == wanted and (day.day - 1) // 7 + 1 == which
    weekdays = _values(WEEKDAY, text)
    return lambda day: _weekday(day) in weekdays


def _weekday(day: date) -> int:
    """The day of the week as EventBridge counts it: 1 is Sunday."""
    return day.isoweekday() % 7 + 1


def _length(day: date) -> int:
    return monthrange(day.year, day.month)[1]


def _nearest_weekday(day: date, wanted: int) -> int:
    """The day from Monday to Friday that is nearest to the wanted one, within its month."""
    weekday = day.replace(day=wanted).isoweekday()
    if weekday == 6:
        return wanted - 1 if wanted > 1 else wanted + 2
    if weekday == 7:
        return wanted + 1 if wanted < _length(day) else wanted - 2
    return wanted
