"""The rules of a pool, one example each; the simulation holds them against each other."""

from __future__ import annotations

from dataclasses import dataclass

from runtime_api.protocol.concurrency import Fleet
from runtime_api.protocol.fleet_actions import Assign, Close, Fail, Readiness, Start, Throttle, WakeAt


@dataclass(eq=False)
class Environment:
    """As much of an execution environment as a fleet sees."""

    name: str
    readiness: Readiness = Readiness.WARM


Made = Fleet[str, Environment]
A, B = "invocation a", "invocation b"


def with_free(fleet: Made, *environments: Environment) -> Made:
    """The fleet, once these have become free in this order."""
    for _ in environments:
        fleet.start_ahead()
    for environment in environments:
        fleet.started(environment)
    for environment in environments:
        fleet.available(environment, 0)
    return fleet


def test_the_first_invocation_starts_an_environment_and_gets_it() -> None:
    fleet: Made = Fleet(most=2)
    one = Environment("one")
    assert fleet.take() is None
    assert fleet.submit(A, max_queued=0) == [Start()]
    fleet.started(one)
    assert fleet.available(one, now=0) == [Assign(A, one)]


def test_a_warm_environment_is_used_again() -> None:
    one = Environment("one")
    fleet = with_free(Fleet(most=2), one)
    assert fleet.take() is one
    assert fleet.take() is None


def test_the_one_used_last_is_used_first() -> None:
    one, two = Environment("one"), Environment("two")
    assert with_free(Fleet(most=2), one, two).take() is two


def test_warm_comes_before_finishing_and_that_before_cold_and_that_before_a_start() -> None:
    warm, cold = Environment("warm"), Environment("cold", Readiness.COLD)
    finishing = Environment("finishing", Readiness.FINISHING)
    fleet = with_free(Fleet(most=4), warm, finishing, cold)
    assert fleet.take() is warm
    assert fleet.take() is finishing
    assert fleet.take() is None
    assert fleet.submit(A, max_queued=0) == [Assign(A, cold)]
    assert fleet.submit(B, max_queued=0) == [Start()]


def test_a_cold_environment_is_left_alone_while_a_start_is_on_its_way() -> None:
    fleet: Made = Fleet(most=2)
    fleet.submit(A, max_queued=0)
    coming, cold = Environment("coming"), Environment("cold", Readiness.COLD)
    fleet.started(coming)
    fleet.start_ahead()
    fleet.started(cold)
    assert fleet.available(cold, now=0) == []
    assert fleet.available(coming, now=1) == [Assign(A, coming)]


def test_the_first_free_environment_takes_the_invocation_that_has_waited_longest() -> None:
    fleet: Made = Fleet(most=2)
    one, two = Environment("one"), Environment("two")
    fleet.submit(A, max_queued=0)
    fleet.started(one)
    fleet.submit(B, max_queued=0)
    fleet.started(two)
    assert fleet.available(two, now=0) == [Assign(A, two)]
    assert fleet.available(two, now=1) == [Assign(B, two)]
    assert fleet.available(one, now=2) == []


def test_one_too_many_is_throttled_unless_it_may_wait() -> None:
    fleet: Made = Fleet(most=1)
    assert fleet.submit(A, max_queued=0) == [Start()]
    assert fleet.submit(B, max_queued=0) == [Throttle(B)]
    assert fleet.submit("event", max_queued=1) == []
    assert fleet.submit("second event", max_queued=1) == [Throttle("second event")]


def test_who_waits_is_failed_by_an_environment_that_cannot_be_opened_and_the_next_one_is_tried_for() -> None:
    fleet: Made = Fleet(most=1)
    one = Environment("one")
    fleet.submit(A, max_queued=0)
    fleet.started(one)
    fleet.submit(B, max_queued=1)
    assert fleet.failed(one) == [Fail(A), Start()]


def test_what_nobody_uses_is_ended_the_longest_free_first() -> None:
    one, two = Environment("one"), Environment("two")
    fleet: Made = Fleet(most=2, idle_ms=100)
    fleet.submit(A, max_queued=0)
    fleet.started(one)
    fleet.submit(B, max_queued=0)
    fleet.started(two)
    for environment in (one, two):
        fleet.available(environment, now=0)
    assert fleet.available(one, now=10) == [WakeAt(110)]
    assert fleet.available(two, now=50) == []
    assert fleet.expire(now=110) == [Close(one), WakeAt(150)]
    assert fleet.expire(now=150) == [Close(two)]
    assert len(fleet) == 0


def test_without_an_idle_timeout_nothing_is_ended() -> None:
    one = Environment("one")
    fleet = with_free(Fleet(most=1), one)
    assert fleet.expire(now=1e12) == []
    assert fleet.take() is one


def test_new_code_ends_what_is_free_and_lets_finish_what_is_busy() -> None:
    busy, free, new = Environment("busy"), Environment("free"), Environment("new")
    fleet = with_free(Fleet(most=2), free, busy)
    assert fleet.take() is busy
    assert fleet.replace(most=1) == [Close(free)]
    assert fleet.submit(A, max_queued=0) == [Start()]  # what finishes on the old code does not count
    fleet.started(new)
    assert fleet.available(busy, now=0) == [Close(busy)]
    assert fleet.available(new, now=0) == [Assign(A, new)]


def test_who_waits_gets_new_code() -> None:
    old, new = Environment("old"), Environment("new")
    fleet: Made = Fleet(most=1)
    fleet.submit(A, max_queued=0)
    fleet.started(old)
    assert fleet.replace(most=1) == [Close(old), Start()]
    fleet.started(new)
    assert fleet.available(old, now=0) == []
    assert fleet.available(new, now=0) == [Assign(A, new)]


def test_the_end_fails_who_waits_and_ends_everything() -> None:
    busy, free = Environment("busy"), Environment("free", Readiness.COLD)
    fleet = with_free(Fleet(most=3), free, busy)
    assert fleet.take() is busy
    coming = Environment("coming")
    fleet.start_ahead()
    fleet.started(coming)
    assert fleet.submit(A, max_queued=0) == []
    assert fleet.shut() == [Fail(A), Close(free), Close(coming), Close(busy)]
    assert (fleet.waiting, fleet.running, len(fleet)) == (0, 0, 0)


def test_an_environment_that_could_not_be_made_takes_no_place_and_fails_who_waits_for_it() -> None:
    fleet: Made = Fleet(most=1)
    assert fleet.submit(A, max_queued=1) == [Start()]
    assert fleet.submit(B, max_queued=1) == []
    assert fleet.never_started() == [Fail(A), Start()]
    one = Environment("one")
    fleet.started(one)
    assert fleet.available(one, now=0) == [Assign(B, one)]


def test_free_slots_are_filled_before_another_environment_is_started() -> None:
    one = Environment("one")
    fleet = with_free(Fleet(most=2, slots=2), one)
    assert [fleet.take(), fleet.take(), fleet.take()] == [one, one, None]
    assert fleet.submit(A, max_queued=0) == [Start()]
    assert fleet.available(one, now=1) == [Assign(A, one)]


def test_one_coming_environment_is_enough_for_as_many_as_it_has_slots() -> None:
    fleet: Made = Fleet(most=5, slots=2)
    assert [fleet.submit(each, max_queued=0) for each in (A, B, "c")] == [[Start()], [], [Start()]]


def test_an_environment_serves_the_tenant_that_it_has_served_first() -> None:
    one, two = Environment("one"), Environment("two")
    fleet = with_free(Fleet(most=2), one)
    assert fleet.submit(A, max_queued=0, tenant="a") == [Start()], "the free one may have served who names no tenant"
    fleet.started(two)
    assert fleet.available(two, now=1) == [Assign(A, two)]
    assert fleet.available(two, now=2) == []
    assert fleet.submit(A, max_queued=0, tenant="a") == [Assign(A, two)]
    assert fleet.take() is one


def test_an_idle_environment_makes_room_for_another_tenant() -> None:
    one = Environment("one")
    fleet = with_free(Fleet(most=1), one)
    assert fleet.submit(A, max_queued=0, tenant="a") == [Close(one), Start()]


def test_a_tenant_waits_for_an_environment_and_holds_up_no_other() -> None:
    one = Environment("one")
    fleet: Made = Fleet(most=1)
    fleet.submit(A, max_queued=0, tenant="a")
    fleet.started(one)
    fleet.available(one, now=0)
    assert fleet.submit(B, max_queued=1, tenant="b") == []
    assert fleet.submit("a2", max_queued=1, tenant="a") == [Throttle("a2")]
    assert fleet.available(one, now=1) == [Close(one), Start()]
