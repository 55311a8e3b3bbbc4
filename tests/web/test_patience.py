"""How long each stage of a connection may last: what a sweep remembers, and when it gives up."""

from __future__ import annotations

import pytest

from runtime_api.web.http1.patience import (
    BODY,
    CLIENT_TIMEOUT_S,
    HEAD,
    IDLE,
    IDLE_LIMITS,
    LEAST_BYTES_S,
    OURS,
    UNREAD,
    Memory,
    Patience,
    Sight,
    Stage,
    compare,
)

LIMIT_S = 60.0
ENOUGH = int(LEAST_BYTES_S * LIMIT_S)
HOURS_S = 1e6


def over(*looks: tuple[float, Sight], patience: Patience | None = None) -> bool:
    """Whether the last of these looks, each at its time, ends the connection; none of the others may."""
    limits = (patience or Patience(LIMIT_S)).limits
    memory: Memory | None = None
    for now, sight in looks[:-1]:
        memory = compare(memory, sight, now, limits)
        assert memory is not None, f"given up at {now} s"
    return compare(memory, looks[-1][1], looks[-1][0], limits) is None


@pytest.mark.parametrize("stage", [HEAD, BODY, UNREAD])
def test_a_request_or_reply_that_stands_still_is_given_up(stage: Stage) -> None:
    assert not over((0, Sight(stage)), (LIMIT_S - 1, Sight(stage)))
    assert over((0, Sight(stage)), (LIMIT_S - 1, Sight(stage)), (LIMIT_S, Sight(stage)))


def test_a_head_gets_no_more_time_however_often_a_byte_of_it_comes() -> None:
    assert over(*[(second, Sight(HEAD, 1, second)) for second in range(0, 61, 10)])


def test_the_next_head_has_a_time_of_its_own() -> None:
    looks = [(second, Sight(HEAD, second // 50)) for second in range(0, 3000, 10)]
    assert not over(*looks)


@pytest.mark.parametrize("stage", [BODY, UNREAD])
def test_what_comes_slowly_and_steadily_may_take_for_ever(stage: Stage) -> None:
    looks = [(second, Sight(stage, 1, second * LEAST_BYTES_S)) for second in range(0, 40_000, 10)]
    assert not over(*looks)


@pytest.mark.parametrize("stage", [BODY, UNREAD])
def test_a_byte_now_and_then_is_no_progress(stage: Stage) -> None:
    looks = [(second, Sight(stage, 1, second // 10)) for second in range(0, 61, 10)]
    assert over(*looks)
    assert over((0, Sight(stage)), (LIMIT_S, Sight(stage, 0, ENOUGH - 1)))
    assert not over((0, Sight(stage)), (LIMIT_S, Sight(stage, 0, ENOUGH)))


def test_each_stretch_of_a_body_must_come_as_fast_as_the_first() -> None:
    assert over((0, Sight(BODY)), (60, Sight(BODY, 0, 100 * ENOUGH)), (120, Sight(BODY, 0, 100 * ENOUGH + 1)))


def test_another_reply_behind_one_that_nobody_reads_begins_the_time_again() -> None:
    assert not over((0, Sight(UNREAD, 0, -100)), (LIMIT_S, Sight(UNREAD, 0, -5000)))


def test_what_the_server_has_to_do_takes_the_time_it_takes() -> None:
    assert not over((0, Sight(OURS)), (HOURS_S, Sight(OURS)))


def test_an_idle_connection_is_closed_after_ten_times_the_limit() -> None:
    assert not over((0, Sight(IDLE)), (IDLE_LIMITS * LIMIT_S - 1, Sight(IDLE)))
    assert over((0, Sight(IDLE)), (IDLE_LIMITS * LIMIT_S, Sight(IDLE)))


def test_an_idle_connection_that_was_used_is_another_one() -> None:
    assert not over(*[(60 * minute, Sight(IDLE, minute)) for minute in range(1000)])


def test_a_port_may_keep_idle_connections_for_ever() -> None:
    assert not over((0, Sight(IDLE)), (HOURS_S, Sight(IDLE)), patience=Patience(LIMIT_S, ends_idle=False))


def test_the_limit_is_a_minute_unless_somebody_says_otherwise() -> None:
    assert Patience().limit_s == CLIENT_TIMEOUT_S == 60
