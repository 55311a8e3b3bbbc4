"""What becomes of events after each attempt: single decisions, and the lives of many events in virtual time."""

from __future__ import annotations

import random
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from runtime_api.service.event_attempts import (
    Again,
    Buried,
    Done,
    after_attempt,
    after_delivery,
    before_attempt,
    unresolved,
)
from runtime_api.service.function_record import EventInvoke
from runtime_api.service.queued_event import Condition, Delivery, DeliveryKind, QueuedEvent
from runtime_api.service.seams.dispatch import InvokeResult, RunResult, Throttled, Unavailable
from tests.service.versions import a_version, an_invocation

if TYPE_CHECKING:
    from runtime_api.service.seams.catalog import ResolvedVersion

NOW = 1_000_000_000.0
BASE_S = 60.0
SUCCEEDED = InvokeResult("r", b'{"ok":1}', None, b"")
FAILED = InvokeResult("r", b'{"errorMessage":"boom","errorType":"E"}', "Unhandled", b"")
THROTTLED = Throttled(1, 1, 0)
GOOD, BAD, LETTERS = (f"arn:aws:sqs:us-east-1:123456789012:{name}" for name in ("good", "bad", "letters"))
TO_LETTERS, TO_BAD = Delivery(DeliveryKind.DEAD_LETTER, LETTERS), Delivery(DeliveryKind.DESTINATION, BAD)


def an_event(age_s: float = 0, **fields: Any) -> QueuedEvent:
    return QueuedEvent(an_invocation("r"), NOW - age_s * 1000, **fields)


def version(dead_letter_arn: str | None = None, **fields: Any) -> ResolvedVersion:
    """A version; `settings` are those of its events."""
    settings = fields.pop("settings", {})
    return replace(a_version(), event_invoke=EventInvoke(settings, 0), dead_letter_arn=dead_letter_arn, **fields)


def destinations(**targets: str) -> dict[str, Any]:
    return {"DestinationConfig": {name: {"Destination": arn} for name, arn in targets.items()}}


def attempt(result: RunResult, event: QueuedEvent | None = None, on: ResolvedVersion | None = None) -> Any:
    return after_attempt(event or an_event(), on or version(), result, NOW, BASE_S)


def test_success_without_a_destination_ends_an_event() -> None:
    assert attempt(SUCCEEDED) == Done()


def test_a_failure_is_tried_again_and_remembered() -> None:
    assert attempt(FAILED) == Again(an_event(failures=1, last_error="boom"), NOW + 60_000)
    assert attempt(FAILED, an_event(failures=1)).due_ms == NOW + 120_000


def test_the_last_failure_buries_an_event_that_goes_nowhere() -> None:
    assert attempt(FAILED, an_event(failures=2)).reason == "it has failed 3 times"


@pytest.mark.parametrize("result", [THROTTLED, Unavailable("no descriptors left")])
def test_an_attempt_that_could_not_be_made_does_not_count_and_backs_off(result: RunResult) -> None:
    event, waits = an_event(failures=1), []
    for _ in range(11):
        found = attempt(result, event)
        waits.append((found.due_ms - NOW) / 1000)
        event = found.event
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert event.failures == 1
    assert attempt(FAILED, event).event.waits == 0


@pytest.mark.parametrize(("age_s", "is_tried"), [(21_599, True), (21_600, False)])
def test_a_throttled_event_is_given_up_after_six_hours(age_s: float, is_tried: bool) -> None:
    assert isinstance(attempt(THROTTLED, an_event(age_s)), Again) is is_tried


def test_an_event_that_has_become_too_old_is_not_run() -> None:
    on = version(settings={"MaximumEventAgeInSeconds": 60, **destinations(OnFailure=BAD)})
    assert before_attempt(an_event(60), on, NOW) is None
    found = before_attempt(an_event(61, failures=1, last_error="boom"), on, NOW)
    assert isinstance(found, Again)
    assert found.event.verdict is not None
    assert (found.event.verdict.condition, found.event.verdict.version) == (Condition.AGE_EXCEEDED, None)


def test_an_event_that_would_be_too_old_for_a_retry_is_given_up_at_once() -> None:
    found = attempt(FAILED, on=version(settings={"MaximumEventAgeInSeconds": 59, **destinations(OnFailure=BAD)}))
    assert (found.event.verdict.condition, found.event.failures) == (Condition.AGE_EXCEEDED, 1)
    assert found.event.verdict.function_error == "Unhandled"


def test_a_reserved_concurrency_of_zero_gives_events_up_without_an_attempt() -> None:
    found = before_attempt(an_event(), version(LETTERS, concurrency=0), NOW)
    assert isinstance(found, Again)
    assert found.event.verdict is not None
    assert (found.event.verdict.condition, found.event.verdict.status) == (Condition.ZERO_CONCURRENCY, 429)
    assert before_attempt(an_event(), version(concurrency=1), NOW) is None


@pytest.mark.parametrize(
    ("may_recurse", "loops", "is_run"), [(False, 16, True), (False, 17, False), (True, 17, True)]
)
def test_an_event_of_a_loop_is_not_run(may_recurse: bool, loops: int, is_run: bool) -> None:
    invocation = replace(an_invocation("r"), trace=f"Root=1-0-0;Sampled=0;Lineage=9:0123abcd:{loops}")
    found = before_attempt(QueuedEvent(invocation, NOW), version(may_recurse=may_recurse), NOW)
    assert (found is None) is is_run


def test_failures_go_to_the_dead_letter_queue_and_the_destination_and_successes_to_theirs() -> None:
    on = version(LETTERS, settings={"MaximumRetryAttempts": 0, **destinations(OnFailure=BAD, OnSuccess=GOOD)})
    assert attempt(FAILED, on=on).event.deliveries == (TO_LETTERS, TO_BAD)
    assert attempt(SUCCEEDED, on=on).event.deliveries == (Delivery(DeliveryKind.DESTINATION, GOOD),)


@pytest.mark.parametrize("empty", [{}, {"OnSuccess": {}, "OnFailure": {}}, None])
def test_an_empty_configuration_sends_nothing_anywhere(empty: Any) -> None:
    assert attempt(SUCCEEDED, on=version("", settings={"DestinationConfig": empty})) == Done()


def test_deliveries_are_made_one_after_the_other_and_reported() -> None:
    on = version(LETTERS, settings={"MaximumRetryAttempts": 0, **destinations(OnFailure=BAD)})
    event = attempt(FAILED, on=on).event
    found = after_delivery(event, "no route", False, NOW)
    assert isinstance(found, Again)
    assert (found.due_ms, found.event.deliveries) == (NOW + 1000, (TO_LETTERS, TO_BAD))
    found = after_delivery(found.event, None, False, NOW)
    assert isinstance(found, Again)
    assert (found.due_ms, found.event.deliveries, found.event.waits) == (NOW, (TO_BAD,), 0)
    found = after_delivery(found.event, "no such queue", True, NOW)
    assert isinstance(found, Buried)
    assert found.reason == f"it has failed; sent to {LETTERS}; not sent to {BAD}: no such queue"


def test_a_delivery_is_given_up_in_the_end() -> None:
    event = attempt(SUCCEEDED, on=version(settings=destinations(OnSuccess=GOOD))).event
    assert isinstance(after_delivery(event, "no route", False, NOW + 21_500_000), Again)
    found = after_delivery(event, "no route", False, NOW + 21_600_000)
    assert isinstance(found, Buried)
    assert found.reason == f"not sent to {GOOD}: no route"
    assert after_delivery(event, None, False, NOW) == Done()


def test_an_event_without_a_function_waits_six_hours_for_one() -> None:
    found = unresolved(an_event(), "Function not found: f", NOW)
    assert found == Again(an_event(waits=1, last_error="Function not found: f"), NOW + 1000)
    assert isinstance(unresolved(an_event(21_600), "Function not found: f", NOW), Buried)


@pytest.mark.parametrize("payload", [b"", b"[]", b'"x"', b'{"errorMessage":1}', b"\xff", b"[" * 100_000])
def test_a_failure_without_a_message_is_a_failure_all_the_same(payload: bytes) -> None:
    assert attempt(InvokeResult("r", payload, "Unhandled", b"")).event.last_error == ""


def live(random_: random.Random) -> None:
    """Lead an event from its acceptance to its end, whatever the function does, and judge its life."""
    settings: dict[str, Any] = {}
    retries, age_s, base_s = random_.randint(0, 2), random_.choice([60, 600, 21_600]), random_.choice([0.0, 1, 60])
    settings = {"MaximumRetryAttempts": retries, "MaximumEventAgeInSeconds": age_s}
    settings |= random_.choice([{}, destinations(OnFailure=BAD, OnSuccess=GOOD)])
    on = version(random_.choice([None, LETTERS]), settings=settings)
    moods: list[RunResult] = random_.choice(
        [[SUCCEEDED], [FAILED], [THROTTLED], [SUCCEEDED, FAILED, THROTTLED, THROTTLED]]
    )
    event, now_ms, runs, delivered = QueuedEvent(an_invocation("r"), NOW), NOW, [], []
    for step in count():
        assert step < 400, "it never ends"
        if event.verdict is None:
            found = before_attempt(event, on, now_ms)
            if found is None:
                result = random_.choice(moods)
                assert now_ms <= NOW + age_s * 1000, "it runs although it is too old"
                if isinstance(result, InvokeResult):
                    runs.append((now_ms, result))
                now_ms += random_.choice([0, 10, 900_000])
                found = after_attempt(event, on, result, now_ms, base_s)
        else:
            error = random_.choice([None, None, "no route"])
            if error is None:
                delivered.append(event.deliveries[0].target)
            found = after_delivery(event, error, False, now_ms)
        if not isinstance(found, Again):
            break
        assert found.due_ms >= now_ms
        event, now_ms = found.event, found.due_ms + random_.choice([0, 0, 5000])
    succeeded = [result for _, result in runs if result is SUCCEEDED]
    assert len(runs) <= retries + 1
    assert not succeeded or (len(succeeded) == 1 and runs[-1][1] is SUCCEEDED)
    expected = [GOOD] if succeeded else [*filter(None, [on.dead_letter_arn]), BAD]
    assert delivered == (expected if "DestinationConfig" in settings else [x for x in expected if x == LETTERS])
    assert isinstance(found, Done) is bool(succeeded)


def test_every_event_has_its_one_end_whatever_happens() -> None:
    for seed in range(3000):
        live(random.Random(seed))
