"""What becomes of a batch after one attempt, by what the mapping asks for."""

from __future__ import annotations

from typing import Any

import pytest

from runtime_api.service.streams.attempts import Answer, Batch, Condition, after_answer, expired, retry_wait_ms
from runtime_api.service.streams.policy import StreamPolicy
from tests.service.streams.lanes import FAILED, OK, a_record, failures

NOTHING: list[Any] = []


def batch(*numbers: int, failures: int = 0) -> Batch:
    return Batch(tuple(a_record(each) for each in numbers), failures, failures)


def again(of: Batch, answer: Answer, **policy: Any) -> list[list[str]]:
    judged = after_answer(of, answer, StreamPolicy(**policy))
    assert judged.given_up is None
    return [[record.sequence_number for record in each.records] for each in judged.again]


@pytest.mark.parametrize(
    ("answer", "policy", "expected"),
    [
        (OK, {}, []),
        (FAILED, {}, [["1", "2", "3", "4"]]),
        (failures("3"), {}, []),  # nobody reads it
        (failures("3"), {"reports_items": True}, [["3", "4"]]),
        (failures("4", "2"), {"reports_items": True}, [["2", "3", "4"]]),
        (failures("1"), {"reports_items": True}, [["1", "2", "3", "4"]]),
        (failures("9"), {"reports_items": True}, [["1", "2", "3", "4"]]),
        (failures("", "3"), {"reports_items": True}, [["1", "2", "3", "4"]]),
        (failures(), {"reports_items": True}, []),
        (FAILED, {"reports_items": True}, [["1", "2", "3", "4"]]),
        (FAILED, {"bisects": True}, [["1", "2"], ["3", "4"]]),
        (failures("3"), {"bisects": True, "reports_items": True}, [["3", "4"]]),
        (failures("1"), {"bisects": True, "reports_items": True}, [["1", "2"], ["3", "4"]]),
    ],
)
def test_what_is_tried_again(answer: Answer, policy: dict[str, Any], expected: list[list[str]]) -> None:
    assert again(batch(1, 2, 3, 4), answer, **policy) == expected


def test_attempts_are_used_up_by_failures_of_the_first_record() -> None:
    policy = StreamPolicy(most_retries=1, reports_items=True)
    (second,) = after_answer(batch(1, 2, failures=1), failures("2"), policy).again
    assert (second.failures, second.attempts) == (1, 2)  # its first failure, in the second attempt at it
    given_up = after_answer(second, failures("2"), policy).given_up
    assert given_up is not None
    assert given_up.condition is Condition.RETRIES_EXHAUSTED
    assert (given_up.batch.attempts, len(given_up.batch.records)) == (3, 1)


def test_splitting_uses_up_no_attempt() -> None:
    policy = StreamPolicy(bisects=True, most_retries=0)
    halves = after_answer(batch(1, 2), FAILED, policy).again
    assert [each.failures for each in halves] == [0, 0]
    assert after_answer(halves[0], FAILED, policy).given_up is not None


def test_records_that_are_too_old_are_parted_from_the_others() -> None:
    policy = StreamPolicy(most_age_ms=1000)
    aged = Batch((a_record(1, arrived_ms=0), a_record(2, arrived_ms=500), a_record(3, arrived_ms=600)), 2, 2)
    given_up, rest = expired(aged, policy, now_ms=1550)
    assert given_up is not None
    assert rest is not None
    assert given_up.condition is Condition.AGE_EXCEEDED
    assert [len(given_up.batch.records), given_up.batch.attempts, len(rest.records)] == [2, 3, 1]
    assert expired(aged, StreamPolicy(), now_ms=1e12) == (None, aged)


def test_waits_grow_up_to_a_minute() -> None:
    assert [retry_wait_ms(tries) / 1000 for tries in (1, 2, 3, 7, 8, 9, 10_000)] == [0.5, 1, 2, 32, 60, 60, 60]
