"""Tumbling windows: states that are handed on, and how windows end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from runtime_api.service.seams.positions import Position
from runtime_api.service.streams.attempts import Answer
from runtime_api.service.streams.policy import StreamPolicy
from tests.service.streams.lanes import ARN, FAILED, Lane, a_record

if TYPE_CHECKING:
    from collections.abc import Sequence

POLICY = StreamPolicy(batch_size=2, window_ms=10_000)


class Counter:
    """A function that counts the records of a window in its state."""

    def __init__(self) -> None:
        self.lane = Lane(POLICY, self.handle)

    def handle(self, numbers: Sequence[str]) -> Answer:
        state = orjson.loads(self.lane.events[-1])["state"]
        return Answer("r", orjson.dumps({"state": {"count": state.get("count", 0) + len(numbers)}}))

    def invocations(self) -> list[tuple[int, int, int, bool]]:
        """Of each: the second at which its window begins, the count before it, its records, and if it is the last."""
        events: list[dict[str, Any]] = [orjson.loads(event) for event in self.lane.events]
        return [
            (
                int(each["window"]["start"][17:19]),
                each["state"].get("count", 0),
                len(each["Records"]),
                each["isFinalInvokeForWindow"],
            )
            for each in events
        ]


def test_the_state_is_handed_on_until_the_window_is_over() -> None:
    counter = Counter()
    shard = counter.lane.shard
    shard.add([a_record(number, arrived_ms=number * 1500) for number in range(9)], 0)  # to 12 s
    counter.lane.run()
    expected = [(0, 0, 2, False), (0, 2, 2, False), (0, 4, 2, False), (0, 6, 1, False), (0, 7, 0, True)]
    assert counter.invocations() == [*expected, (10, 0, 2, False)]
    shard.saw_tip(20_500)
    counter.lane.run()
    assert len(counter.lane.events) == 6  # records may still be on their way
    shard.saw_tip(21_000)
    counter.lane.run()
    assert counter.invocations()[6:] == [(10, 2, 0, True)]


def test_events_tell_of_their_window() -> None:
    counter = Counter()
    counter.lane.shard.add([a_record(7, arrived_ms=1_600_000_001_000)], 0)
    counter.lane.run()
    assert orjson.loads(counter.lane.events[0]) == {
        "Records": [7],
        "window": {"start": "2020-09-13T12:26:40Z", "end": "2020-09-13T12:26:50Z"},
        "state": {},
        "shardId": "shard-1",
        "eventSourceARN": ARN,
        "isFinalInvokeForWindow": False,
        "isWindowTerminatedEarly": False,
    }


def test_a_shard_that_ends_ends_its_window() -> None:
    counter = Counter()
    counter.lane.shard.add([a_record(1)], 0)
    counter.lane.shard.end()
    counter.lane.run()
    assert [is_final for *_, is_final in counter.invocations()] == [False, True]
    assert counter.lane.shard.is_finished


def test_a_state_that_is_too_large_ends_its_window_early() -> None:
    answers = [Answer("r", orjson.dumps({"state": size * "x"})) for size in (3, 1_048_576, 0, 3)]
    lane = Lane(POLICY, lambda _numbers: answers.pop(0))
    lane.shard.add([a_record(number) for number in range(5)], 0)
    lane.run()
    events = [orjson.loads(event) for event in lane.events]
    assert [(each["Records"], each["state"], each["isWindowTerminatedEarly"]) for each in events] == [
        ([0, 1], {}, False),
        ([2, 3], "xxx", False),
        ([], "xxx", True),
        ([4], {}, False),
    ]


def test_a_final_invocation_that_fails_is_tried_again_and_given_up() -> None:
    def handle(numbers: Sequence[str]) -> Answer:
        return Answer("r", b'{"state":{"a":1}}') if numbers else FAILED

    policy = StreamPolicy(window_ms=10_000, most_retries=1)
    lane = Lane(policy, handle)
    lane.shard.add([a_record(1)], 0)
    lane.shard.saw_tip(11_000)
    lane.run()
    assert (lane.batches, lane.reports) == ([["1"], [], []], [])
    assert lane.shard.position.window_start_ms is None


def test_the_next_server_goes_on_with_the_state_of_an_open_window() -> None:
    counter = Counter()
    counter.lane.shard.add([a_record(1, arrived_ms=3000), a_record(2, arrived_ms=4000)], 0)
    counter.lane.run()
    position = counter.lane.shard.position
    assert position == Position("2", None, 0, b'{"count":2}')
    following = Counter()
    following.lane = Lane(POLICY, following.handle, position)
    following.lane.shard.add([a_record(3, arrived_ms=5000)], 0)
    following.lane.run()
    assert following.invocations() == [(0, 2, 1, False)]
