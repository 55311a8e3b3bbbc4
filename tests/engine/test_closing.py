"""Every part is closed whatever the others do, and the first error is raised."""

from __future__ import annotations

import asyncio

import pytest

from runtime_api.engine.closing import close_in_turn, close_together


class Parts:
    """Things to close, some of which fail; `closed` lists the calls in order."""

    def __init__(self) -> None:
        self.closed: list[str] = []

    def sync(self, name: str, error: BaseException | None = None) -> None:
        self.closed.append(name)
        if error is not None:
            raise error

    async def slow(self, name: str, error: BaseException | None = None) -> None:
        await asyncio.sleep(0)
        self.sync(name, error)


def test_steps_run_in_order_whether_they_wait_or_not() -> None:
    parts = Parts()
    asyncio.run(close_in_turn(lambda: parts.sync("a"), lambda: parts.slow("b"), lambda: parts.sync("c")))
    assert parts.closed == ["a", "b", "c"]


def test_a_failing_step_stops_no_other_and_the_first_error_is_raised() -> None:
    parts = Parts()
    first, second = TimeoutError("first"), OSError("second")
    steps = (
        lambda: parts.sync("a"),
        lambda: parts.slow("b", first),
        lambda: parts.sync("c", second),
        lambda: parts.slow("d"),
    )
    with pytest.raises(TimeoutError) as raised:
        asyncio.run(close_in_turn(*steps))
    assert raised.value is first
    assert parts.closed == ["a", "b", "c", "d"]
    assert "second" in "".join(first.__notes__)


def test_a_cancelled_step_stops_no_other() -> None:
    parts = Parts()

    async def main() -> None:
        waiting = asyncio.Event()

        async def never() -> None:
            waiting.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(close_in_turn(never, lambda: parts.slow("b")))
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert parts.closed == ["b"]


def test_closing_together_waits_for_everything() -> None:
    parts = Parts()
    first = TimeoutError("first")
    with pytest.raises(TimeoutError) as raised:
        asyncio.run(close_together([parts.slow("a", first), parts.slow("b", OSError("second")), parts.slow("c")]))
    assert raised.value is first
    assert parts.closed == ["a", "b", "c"]
    assert "second" in "".join(first.__notes__)
