"""When failed events are tried again."""

from __future__ import annotations

import pytest

from runtime_api.service.function_record import EventInvoke
from runtime_api.service.retries import DEFAULT_PATIENCE, EventPatience, next_attempt_ms, patience_of

NOW = 1_000_000.0
BASE_S = 60.0


def delay_s(failures: int, age_s: float = 0, patience: EventPatience = DEFAULT_PATIENCE) -> float | None:
    due = next_attempt_ms(patience, failures, NOW - age_s * 1000, NOW, BASE_S)
    return None if due is None else (due - NOW) / 1000


def test_an_event_is_tried_three_times_after_one_and_two_minutes() -> None:
    assert [delay_s(failures) for failures in (1, 2, 3)] == [60, 120, None]


@pytest.mark.parametrize(("retries", "delays"), [(0, [None]), (1, [60, None]), (2, [60, 120, None])])
def test_fewer_retries_can_be_asked_for(retries: int, delays: list[float | None]) -> None:
    patience = EventPatience(retries=retries)
    assert [delay_s(failures + 1, patience=patience) for failures in range(len(delays))] == delays


@pytest.mark.parametrize(("age_s", "delay"), [(0, 60), (40, 60), (41, None), (500, None)])
def test_an_event_that_would_be_too_old_is_given_up(age_s: float, delay: float | None) -> None:
    assert delay_s(1, age_s, EventPatience(age_s=100)) == delay


@pytest.mark.parametrize(
    ("settings", "patience"),
    [
        ({}, EventPatience(2, 21_600)),
        ({"MaximumRetryAttempts": 0}, EventPatience(0, 21_600)),
        ({"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 1}, EventPatience(1, 60)),
    ],
)
def test_what_is_not_configured_is_lambdas_default(settings: dict[str, int], patience: EventPatience) -> None:
    assert patience_of(EventInvoke(settings, 0)) == patience
    assert patience_of(None) == DEFAULT_PATIENCE
