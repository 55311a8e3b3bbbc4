"""A shard in virtual time: single lives, and properties of many."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from runtime_api.service.streams.attempts import Condition
from runtime_api.service.streams.policy import StreamPolicy
from runtime_api.service.streams.records import BATCH_BYTES, StreamRecord
from tests.service.streams.lanes import FAILED, OK, Lane, a_record, failures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime_api.service.streams.attempts import Answer

MANY = settings(max_examples=150, deadline=None)


def succeeds(_numbers: Sequence[str]) -> Answer:
    return OK


def lane(numbers: Sequence[int] = (), handle: Any = succeeds, **policy: Any) -> Lane:
    made = Lane(StreamPolicy(**policy), handle)
    made.shard.add([a_record(number) for number in numbers], 0)
    return made


def test_full_batches_begin_at_once_and_the_rest_when_its_time_is_up() -> None:
    one = lane(range(25), batch_size=10, gather_ms=3000)
    one.run()
    assert [len(each) for each in one.batches] == [10, 10, 5]
    assert one.begun_ms == [0, 0, 3000]


def test_a_batch_is_split_where_its_event_would_be_too_large() -> None:
    one = lane(batch_size=10)
    big = b"1" * (BATCH_BYTES // 2 - 100)
    one.shard.add([StreamRecord(str(number), "k", 0, big) for number in range(3)], 0)
    one.run()
    assert one.batches == [["0", "1"], ["2"]]
    assert max(len(event) for event in one.events) <= BATCH_BYTES


def test_a_record_that_nobody_wants_is_passed_over_and_the_position_moves() -> None:
    one = lane(batch_size=10)
    one.shard.add([a_record(number, is_wanted=number == 2) for number in range(1, 5)], 0)
    assert one.shard.position.sequence_number == "1"
    one.run()
    assert one.batches == [["2"]]
    assert one.shard.position.sequence_number == "4"


def test_a_failed_batch_blocks_its_shard_until_it_is_given_up() -> None:
    one = lane([1, 2, 3], lambda numbers: FAILED if "1" in numbers else OK, batch_size=1, most_retries=2)
    one.run()
    assert one.batches == [["1"], ["1"], ["1"], ["2"], ["3"]]
    assert one.begun_ms[:4] == [0, 500, 1500, 1500]
    (report,) = one.reports
    assert report.given_up.batch.attempts == 3


def test_throttled_batches_wait_longer_and_longer_and_use_up_nothing() -> None:
    left = [None] * 5
    one = lane([1], lambda _numbers: left.pop() if left else OK, most_retries=0)
    one.run()
    assert (one.done, one.reports) == (["1"], [])
    assert one.begun_ms == [0, 500, 1500, 3500, 7500, 15_500]


def test_a_record_grows_too_old_while_it_is_tried() -> None:
    one = lane([1], lambda _numbers: FAILED, most_age_ms=60_000)
    one.run()
    (report,) = one.reports
    assert report.given_up.condition is Condition.AGE_EXCEEDED
    assert (len(one.batches), report.given_up.batch.attempts) == (7, 8)  # as recorded
    assert one.shard.position.sequence_number == "1"


def test_records_before_the_first_failure_are_done() -> None:
    one = lane(
        range(6),
        lambda numbers: failures("4") if "4" in numbers else OK,
        batch_size=3,
        reports_items=True,
        most_retries=2,
    )
    one.run()
    assert one.batches == [["0", "1", "2"], ["3", "4", "5"], ["4", "5"], ["4", "5"]]
    assert one.reports[0].given_up.batch.attempts == 3


def test_keys_of_another_slot_overtake_a_batch_that_fails() -> None:
    one = Lane(StreamPolicy(batch_size=1, slots=10), lambda numbers: FAILED if numbers == ["0"] else OK)
    one.shard.add([a_record(number, f"key {number}") for number in range(40)], 0)
    for _ in range(200):
        one.step()
    assert len(one.done) >= 30
    assert one.shard.position.sequence_number is None  # a server that begins anew must see the first record again
    assert one.shard.wants_records


def test_a_shard_is_read_no_further_while_its_only_slot_has_enough() -> None:
    one = lane(range(200), batch_size=100)
    assert not one.shard.wants_records
    one.run()
    assert one.shard.wants_records


def test_a_shard_is_finished_once_it_has_ended_and_all_is_done() -> None:
    one = lane([1], batch_size=10, gather_ms=300_000)
    one.shard.end()
    assert not one.shard.position.is_finished
    one.run()
    assert one.begun_ms == [0]  # nothing more can come, so nothing is waited for
    assert one.shard.position.is_finished


@MANY
@given(count=st.integers(1, 80), poison=st.sets(st.integers(0, 79)), size=st.integers(1, 40))
def test_splitting_finds_every_poison_record_and_delivers_all_others(count: int, poison: set[int], size: int) -> None:
    poison_numbers = {str(each) for each in poison if each < count}
    one = lane(
        range(count),
        lambda numbers: FAILED if poison_numbers.intersection(numbers) else OK,
        batch_size=size,
        bisects=True,
        most_retries=1,
    )
    one.run()
    found = [record.sequence_number for report in one.reports for record in report.given_up.batch.records]
    assert found == sorted(poison_numbers, key=int)
    assert one.done == [str(each) for each in range(count) if str(each) not in poison_numbers]
    assert one.shard.position.sequence_number == str(count - 1)


@MANY
@given(
    keys=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60),
    slots=st.integers(1, 10),
    size=st.integers(1, 10),
    seed=st.integers(0, 1000),
    misses=st.lists(st.sampled_from(["ok", "ok", "fail", "throttle"]), max_size=30),
)
def test_records_of_a_key_stay_in_order(keys: list[str], slots: int, size: int, seed: int, misses: list[str]) -> None:
    left = [*misses]

    def handle(_numbers: Sequence[str]) -> Answer | None:
        return {"ok": OK, "fail": FAILED, "throttle": None}[left.pop() if left else "ok"]

    one = Lane(StreamPolicy(batch_size=size, slots=slots, bisects=bool(seed % 2)), handle, seed=seed, longest_ms=5000)
    one.shard.add([a_record(number, key) for number, key in enumerate(keys)], 0)
    one.run()
    for key in set(keys):
        of_key = [int(number) for number in one.done if keys[int(number)] == key]
        assert of_key == [number for number, each in enumerate(keys) if each == key]


@MANY
@given(
    keys=st.lists(st.sampled_from("abcd"), min_size=1, max_size=40),
    wanted=st.sets(st.integers(0, 39)),
    slots=st.integers(1, 4),
    lives=st.lists(st.integers(0, 12), max_size=6),
    seed=st.integers(0, 1000),
)
def test_no_record_is_lost_by_servers_that_go_at_any_moment(
    keys: list[str], wanted: set[int], slots: int, lives: list[int], seed: int
) -> None:
    records = [a_record(number, key, is_wanted=number in wanted) for number, key in enumerate(keys)]
    policy = StreamPolicy(batch_size=3, slots=slots)
    position, handled, checkpoints = None, set(), [-1]
    for life, steps in enumerate([*lives, 10_000]):
        one = Lane(policy, succeeds, position, seed + life, longest_ms=5000)
        read = -1 if position is None or position.sequence_number is None else int(position.sequence_number)
        one.shard.add(records[read + 1 :], 0)
        for _ in range(steps):
            if not one.step():
                break
        position = one.shard.position
        handled.update(one.done)
        checkpoints.append(-1 if position.sequence_number is None else int(position.sequence_number))
    assert handled == {str(number) for number in wanted if number < len(keys)}
    assert all(before <= after for before, after in pairwise(checkpoints))
    assert checkpoints[-1] == len(keys) - 1
