"""When schedules are due, over years of virtual time, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.service.cron import parse_cron
from runtime_api.service.owners import Owner
from runtime_api.service.schedules import ScheduleError, parse_schedule, scheduled_event

START = datetime(2026, 1, 1, tzinfo=UTC)  # a Thursday


def ms(at: datetime) -> float:
    return at.timestamp() * 1000


def times(expression: str, count: int = 4, start: datetime = START) -> list[str]:
    """The first due times after `start`, to the minute."""
    schedule, at_ms, found = parse_schedule(f"{expression}=f"), ms(start), []
    for _ in range(count):
        due_ms = schedule.next_after(ms(start), at_ms)
        if due_ms is None:
            break
        assert due_ms > at_ms
        at_ms = due_ms
        found.append(datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M"))
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rate(1 minute)", ["2026-01-01 00:01", "2026-01-01 00:02"]),
        ("rate(5 minutes)", ["2026-01-01 00:05", "2026-01-01 00:10"]),
        ("rate(7 days)", ["2026-01-08 00:00", "2026-01-15 00:00"]),
        ("at(2026-05-06T07:08:00)", ["2026-05-06 07:08"]),
        ("at(2025-05-06T07:08:00)", []),
        ("cron(15 10 * * ? *)", ["2026-01-01 10:15", "2026-01-02 10:15"]),
        ("cron(0/30 * * * ? *)", ["2026-01-01 00:30", "2026-01-01 01:00"]),
        ("cron(0 8 1 * ? *)", ["2026-01-01 08:00", "2026-02-01 08:00"]),
        ("cron(0/10 * ? * MON-FRI *)", ["2026-01-01 00:10", "2026-01-01 00:20"]),
        ("cron(0 18 ? * mon,WED 2027)", ["2027-01-04 18:00", "2027-01-06 18:00"]),
        ("cron(0 0 L * ? *)", ["2026-01-31 00:00", "2026-02-28 00:00"]),
        ("cron(0 0 29 2 ? *)", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("cron(0 0 31 2 ? *)", []),
        ("cron(0 0 LW * ? *)", ["2026-01-30 00:00", "2026-02-27 00:00"]),
        ("cron(0 0 15W 2,3,8 ? *)", ["2026-02-16 00:00", "2026-03-16 00:00", "2026-08-14 00:00"]),
        ("cron(0 0 1W 8 ? *)", ["2026-08-03 00:00"]),
        ("cron(0 0 31W 5 ? *)", ["2026-05-29 00:00"]),
        ("cron(0 0 ? * L *)", ["2026-01-03 00:00", "2026-01-10 00:00"]),
        ("cron(0 0 ? * 6L *)", ["2026-01-30 00:00", "2026-02-27 00:00"]),
        ("cron(0 0 ? * TUE#2 *)", ["2026-01-13 00:00", "2026-02-10 00:00"]),
        ("cron(5/20 4-6 1,15 JAN-FEB ? 2026-2027/1)", ["2026-01-01 04:05", "2026-01-01 04:25"]),
        ("cron(0 0 1 1 ? 2199)", ["2199-01-01 00:00"]),
        ("cron(0 0 1 1 ? 2020)", []),
    ],
)
def test_due_times(expression: str, expected: list[str]) -> None:
    assert times(expression, len(expected) or 1) == expected


def test_a_rate_keeps_its_beat_from_when_it_began() -> None:
    schedule = parse_schedule("rate(10 minutes)=f")
    began_ms = ms(START) + 90_000
    assert schedule.next_after(began_ms, began_ms + 3_599_000) == began_ms + 3_600_000


def test_every_day_of_ten_years_is_due_once() -> None:
    # Ten years with two leap days.
    assert len(set(times("cron(0 12 * * ? *)", 3652))) == 3652
    assert times("cron(0 12 * * ? *)", 3652)[-1] == "2035-12-31 12:00"


@given(
    st.sampled_from(["*", "0", "0/7", "3-9", "59"]),
    st.sampled_from(["*", "0", "5,17", "20-23", "1/6"]),
    st.sampled_from([("*", "?"), ("L", "?"), ("29", "?"), ("3W", "?"), ("?", "MON"), ("?", "6L"), ("?", "2#5")]),
    st.sampled_from(["*", "2", "JAN,DEC", "4-6"]),
    st.datetimes(datetime(2026, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),
)
def test_nothing_is_due_between_two_due_times(
    minute: str, hour: str, days: tuple[str, str], month: str, at: datetime
) -> None:
    cron = parse_cron(f"{minute} {hour} {days[0]} {month} {days[1]} *")
    found = cron.next_after(at)
    assert found is not None
    assert found > at
    middle = at + (found - at) / 2
    assert cron.next_after(middle) == found
    assert cron.next_after(found) != found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is no schedule: give rate(5 minutes)=NAME"),
        ("rate(5 minutes)", "is no schedule"),
        ("f=rate(5 minutes)", "is no schedule"),
        ("every(5 minutes)=f", "is no schedule"),
        ("rate(5 minute)=f", "rate(5 minute): the unit of 5 is minutes"),
        ("rate(1 minutes)=f", "the unit of 1 is minute"),
        ("rate(0 minutes)=f", "a rate is a whole number from 1"),
        ("rate(5 seconds)=f", "a rate is a whole number from 1"),
        ("rate(1.5 hours)=f", "a rate is a whole number from 1"),
        ("at(2026-01-31)=f", "a time is written as 2026-01-31T12:00:00, in UTC"),
        ("at(2026-02-31T12:00:00)=f", "day"),
        ("cron(0 12 * * *)=f", "it needs 6 fields (minute, hour, day, month, weekday, year), not 5"),
        ("cron(0 12 * * * *)=f", "must be ?"),
        ("cron(0 12 ? * ? *)=f", "must be ?"),
        ("cron(60 12 * * ? *)=f", "'60' is no minute (0 to 59)"),
        ("cron(0 24 * * ? *)=f", "'24' is no hour (0 to 23)"),
        ("cron(0 0 0 * ? *)=f", "'0' is no day of the month (1 to 31)"),
        ("cron(0 0 32W * ? *)=f", "'32' is no day of the month (1 to 31)"),
        ("cron(0 0 * 13 ? *)=f", "'13' is no month (1 to 12)"),
        ("cron(0 0 ? * 8 *)=f", "'8' is no day of the week (1 to 7)"),
        ("cron(0 0 ? * MON#6 *)=f", "'MON#6' is no day of the week"),
        ("cron(0 0 * * ? 1969)=f", "'1969' is no year (1970 to 2199)"),
        ("cron(9-3 0 * * ? *)=f", "'9-3' ends before it begins"),
        ("cron(*/0 0 * * ? *)=f", "'*/0' has a step of 0"),
        ("cron(1,,2 0 * * ? *)=f", "'' is no minute"),
        ("cron(- 0 * * ? *)=f", "'-' is no minute"),
    ],
)
def test_what_is_no_schedule_is_refused_with_a_reason(text: str, message: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_schedule(text)
    assert message in str(refused.value)


@given(st.text("*?/-,#LW0123456789MON ", max_size=30))
def test_any_text_is_a_cron_expression_or_refused(text: str) -> None:
    try:
        schedule = parse_schedule(f"cron({text})=f")
    except ScheduleError:
        return
    schedule.next_after(ms(START), ms(START))


def test_the_event_is_eventbridges() -> None:
    schedule = parse_schedule("rate(5 minutes)=f:live")
    event = scheduled_event(schedule, Owner("111122223333", "eu-west-1"), ms(START) + 61_999, "id")
    rule = event.pop("resources")
    assert event == {
        "version": "0",
        "id": "id",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "111122223333",
        "time": "2026-01-01T00:01:01Z",
        "region": "eu-west-1",
        "detail": {},
    }
    assert rule[0].startswith("arn:aws:events:eu-west-1:111122223333:rule/")
