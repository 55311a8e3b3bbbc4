"""A promise tells its result once, at once or in the loop's next turn, whoever waits for it in whatever way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from runtime_api.engine.promise import Promise


def test_who_is_told_at_once_has_the_result_before_tell_returns() -> None:
    promise: Promise[int] = Promise()
    told: list[int] = []
    promise.add_done_callback(lambda done: told.append(done.result()))
    promise.tell(7)
    assert (told, promise.done(), promise.result()) == ([7], True, 7)


def test_a_result_that_is_set_is_told_in_the_next_turn_to_early_and_to_late_callbacks() -> None:
    async def main() -> None:
        promise: Promise[int] = Promise()
        told: list[int] = []
        promise.add_done_callback(lambda done: told.append(done.result()))
        promise.set_result(7)
        promise.add_done_callback(lambda done: told.append(done.result() + 1))
        assert told == []
        await asyncio.sleep(0)
        assert told == [7, 8]

    asyncio.run(main())


def test_cancelling_one_who_awaits_it_takes_nothing_from_the_others() -> None:
    async def main() -> None:
        promise: Promise[int] = Promise()
        cancelled, other = (asyncio.ensure_future(_awaited(promise)) for _ in range(2))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.sleep(0)
        promise.tell(7)
        assert (await other, await promise, cancelled.cancelled()) == (7, 7, True)

    asyncio.run(main())


def test_a_callback_that_fails_is_reported_and_the_next_one_is_told() -> None:
    async def main() -> None:
        reported: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: reported.append(context))
        promise: Promise[int] = Promise()
        told: list[int] = []
        promise.add_done_callback(lambda _: 1 // 0)
        promise.add_done_callback(lambda done: told.append(done.result()))
        promise.tell(7)
        assert told == [7]
        assert [type(context["exception"]) for context in reported] == [ZeroDivisionError]

    asyncio.run(main())


def test_there_is_one_result() -> None:
    promise: Promise[int] = Promise()
    with pytest.raises(asyncio.InvalidStateError):
        promise.result()
    promise.tell(7)
    with pytest.raises(asyncio.InvalidStateError):
        promise.tell(8)


async def _awaited(promise: Promise[int]) -> int:
    return await promise
