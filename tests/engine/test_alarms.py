"""The timers of an environment, on a real event loop."""

from __future__ import annotations

import asyncio

import pytest

from runtime_api.engine.alarms import Alarms, now_ms
from runtime_api.protocol.effects import SetTimer
from runtime_api.protocol.timers import Timer
from tests.loops import run


def alarm(key: str, at: float) -> SetTimer:
    return SetTimer(Timer.DEADLINE, key, at)


def test_an_alarm_that_sets_itself_anew_rings_at_its_new_time_only() -> None:
    rung: list[tuple[str, float]] = []

    async def main() -> None:
        done = asyncio.Event()
        begin = now_ms()

        def ring(rings: SetTimer) -> None:
            rung.append((rings.key, rings.at - begin))
            if len(rung) == 1:
                alarms.set(alarm("b", begin + 50))  # due already, like the one that rings now
            else:
                done.set()

        alarms = Alarms(ring)
        alarms.set(alarm("a", begin))
        alarms.set(alarm("b", begin))
        async with asyncio.timeout(10):
            await done.wait()
        alarms.close()

    run(main())
    assert rung == [("a", 0), ("b", 50)]


def test_an_alarm_that_is_dropped_while_others_ring_stays_silent() -> None:
    rung: list[str] = []

    async def main() -> None:
        done = asyncio.Event()
        begin = now_ms()

        def ring(rings: SetTimer) -> None:
            rung.append(rings.key)
            alarms.drop("b")
            if rings.key == "c":
                done.set()

        alarms = Alarms(ring)
        for key in ("a", "b", "c"):
            alarms.set(alarm(key, begin))
        async with asyncio.timeout(10):
            await done.wait()
        alarms.close()

    run(main())
    assert rung == ["a", "c"]


@pytest.mark.parametrize("ago", [False, True])
def test_the_earliest_alarm_rings_first_in_whatever_order_they_were_set(ago: bool) -> None:
    """On a busy machine the time of both may have come before the loop looks."""
    rung: list[str] = []

    async def main() -> None:
        done = asyncio.Event()
        begin = now_ms() - 1000 * ago

        def ring(rings: SetTimer) -> None:
            rung.append(rings.key)
            if len(rung) == 2:
                done.set()

        alarms = Alarms(ring)
        alarms.set(alarm("late", begin + 30))
        alarms.set(alarm("early", begin + 1))
        async with asyncio.timeout(10):
            await done.wait()
        alarms.close()

    run(main())
    assert rung == ["early", "late"]
