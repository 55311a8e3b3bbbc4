"""Pollers of streams against a server that misbehaves: what is lost, repeated, asked for and told."""

from __future__ import annotations

import asyncio
import time

import pytest

from runtime_api.engine.sources import streams
from runtime_api.service.seams.dispatch import Throttled, Unavailable
from runtime_api.service.seams.positions import LEASE_S, Position
from runtime_api.store.memory_positions import MemoryPositions
from tests.engine.sources.faulty_server import Fault, refusal
from tests.engine.sources.stream_server import PREFIX, Shard, StreamServer
from tests.engine.sources.stream_world import (
    CONSUMER,
    FAILED,
    SHARD,
    STREAM,
    TABLE,
    TIMEOUT_S,
    TO_QUEUE,
    World,
    with_server,
)
from tests.loops import run

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("arn", "fault", "told"),
    [
        (STREAM, refusal("InternalFailure", 500), "InternalFailure"),
        (STREAM, refusal("ProvisionedThroughputExceededException"), "ProvisionedThroughputExceededException"),
        (STREAM, Fault(), "http://127.0.0.1"),
        (STREAM, Fault(200, b"<html>"), "GetRecords was answered without Records"),
        (STREAM, Fault(200, b'{"Records":7}'), "GetRecords was answered with something else"),
        (TABLE, refusal("InternalFailure", 500), "InternalFailure"),
        (TABLE, Fault(200, b'{"Records":[{}]}'), "GetRecords was answered without dynamodb"),
    ],
)
def test_a_read_that_fails_is_made_again_and_nothing_is_lost(arn: str, fault: Fault, told: str) -> None:
    server = StreamServer(s=Shard("a", "b"))
    server.faults["GetRecords"] = [fault]

    async def test(world: World) -> None:
        async with world.polling(arn):
            await world.handled("a", "b")
            await world.told("OK")
        assert world.results[0].startswith("PROBLEM: ")
        assert told in world.results[0]
        assert len([line for line in world.notes if f"shard {SHARD}: goes on" in line]) == 1
        assert len(server.called("GetRecords")) < 10

    with_server(server, test)


@pytest.mark.parametrize("arn", [STREAM, TABLE])
def test_an_iterator_that_has_expired_is_renewed_where_reading_stood(arn: str) -> None:
    server = StreamServer(s=Shard("a", "b"))

    async def test(world: World) -> None:
        async with world.polling(arn):
            await world.handled("a", "b")
            server.faults["GetRecords"] = [refusal("ExpiredIteratorException")]
            server.shards["s"].put("c")
            await world.handled("a", "b", "c")
        renewed = server.called("GetShardIterator")[1]
        assert renewed["ShardIteratorType"] == "AFTER_SEQUENCE_NUMBER"
        assert any(value.endswith("102") for value in renewed.values())
        assert not [result for result in world.results if "PROBLEM" in result]

    with_server(server, test)


def test_iterators_that_always_expire_are_not_asked_for_without_end() -> None:
    server = StreamServer(s=Shard("a"))
    server.faults["GetRecords"] = [refusal("ExpiredIteratorException")] * 3

    async def test(world: World) -> None:
        async with world.polling():
            await world.told("PROBLEM: GetRecords: ExpiredIteratorException")
            await world.handled("a")

    with_server(server, test)


def test_a_table_that_has_nothing_to_show_yet_has_not_ended() -> None:
    server = StreamServer(s=Shard("a", is_closed=True))
    server.faults["GetRecords"] = [Fault(200, b'{"Records":[],"NextShardIterator":"s/0"}')]

    async def test(world: World) -> None:
        async with world.polling(TABLE):
            await world.handled("a")

    with_server(server, test)


def test_records_that_a_table_has_dropped_are_passed_over() -> None:
    server = StreamServer(s=Shard("a"))

    async def test(world: World) -> None:
        held = await world.positions.take("m", SHARD)
        assert held is not None
        await world.positions.save(held, Position("50".zfill(21)))
        await world.positions.give_back(held)
        server.faults["GetShardIterator"] = [refusal("TrimmedDataAccessException")]
        async with world.polling(TABLE):
            await world.handled("a")
        kinds = [call["ShardIteratorType"] for call in server.called("GetShardIterator")]
        assert kinds == ["AFTER_SEQUENCE_NUMBER", "TRIM_HORIZON"]

    with_server(server, test)


def test_a_stream_that_is_gone_is_told_of_until_it_is_back() -> None:
    server = StreamServer(s=Shard("a"))
    server.faults["ListShards"] = [refusal("ResourceNotFoundException")] * 2

    async def test(world: World) -> None:
        async with world.polling():
            await world.told("PROBLEM: ListShards: ResourceNotFoundException: no")
            await world.handled("a")
            await world.told("OK")

    with_server(server, test)


@pytest.mark.parametrize(("arn", "says_end"), [(STREAM, True), (STREAM, False), (TABLE, True)])
def test_children_wait_for_their_parents(arn: str, says_end: bool) -> None:
    server = StreamServer(
        child=Shard("c", parent="parent"), parent=Shard("a", "b", is_closed=True), orphan=Shard(parent="expired")
    )
    server.says_end = says_end

    async def test(world: World) -> None:
        world.function.results = [FAILED]  # the parent is tried again first
        async with world.polling(arn):
            await world.handled("a", "b", "a", "b", "c")
        positions = await world.positions.all("m")
        assert {shard.removeprefix(PREFIX): each.is_finished for shard, each in positions.items()} == {
            "child": False,
            "parent": True,
            "orphan": False,
        }

    with_server(server, test)


@pytest.mark.parametrize("arn", [STREAM, TABLE])
def test_a_mapping_that_begins_at_the_latest_record_misses_none_while_no_server_runs(arn: str) -> None:
    server = StreamServer(old=Shard("x", is_closed=True), s=Shard())
    server.shards["s"].put("before", at=time.time() - 10)  # records of a table tell the second only

    async def test(world: World) -> None:
        async with world.polling(arn, starting_position="LATEST"):
            async with asyncio.timeout(TIMEOUT_S):
                while not any(each["ShardIterator"].startswith("s/") for each in server.called("GetRecords")):
                    await server.until_called_again()
        server.shards["s"].put("meanwhile", at=time.time() + 1)
        server.shards["new"] = Shard("first")
        async with world.polling(arn, starting_position="LATEST"):
            async with asyncio.timeout(TIMEOUT_S):
                while len(world.function.batches) < 2:
                    world.function.news.clear()
                    await world.function.news.wait()
        assert sorted(world.function.batches) == [["first"], ["meanwhile"]]

    with_server(server, test)


def test_a_function_that_is_throttled_or_gone_gets_its_batch_later() -> None:
    server = StreamServer(s=Shard("a"))

    async def test(world: World) -> None:
        world.function.results = [Throttled(1, 1, 0), Unavailable("Function not found: f")]
        async with world.polling(maximum_retry_attempts=0):
            await world.handled("a", "a", "a")
            await world.told("OK")
        assert world.results == ["PROBLEM: Function not found: f", "OK"]
        assert (await world.positions.all("m"))[SHARD].sequence_number == "101"

    with_server(server, test)


def test_the_destination_is_told_once_it_can_be_and_the_shard_waits_for_that() -> None:
    server = StreamServer(s=Shard("a", "b"))
    server.faults["SendMessage"] = [refusal("InternalError", 500)]

    async def test(world: World) -> None:
        world.function.results = [FAILED]
        async with world.polling(batch_size=1, maximum_retry_attempts=0, destination_config=TO_QUEUE):
            await world.handled("a", "b")
            assert [each["KinesisBatchInfo"]["startSequenceNumber"] for each in server.messages] == ["101"]
        assert server.messages[0]["responseContext"]["executedVersion"] == "7"
        assert any("record 101 given up: RetryAttemptsExhausted" in note for note in world.notes)

    with_server(server, test)


def test_a_destination_that_is_not_there_holds_nothing_up() -> None:
    server = StreamServer(s=Shard("a", "b"))
    server.faults["GetQueueUrl"] = [refusal("QueueDoesNotExist")]

    async def test(world: World) -> None:
        world.function.results = [FAILED]
        async with world.polling(batch_size=1, maximum_retry_attempts=0, destination_config=TO_QUEUE):
            await world.handled("a", "b")
        assert any("the on-failure destination was not told: GetQueueUrl" in note for note in world.notes)

    with_server(server, test)


def test_a_poller_that_is_stopped_waits_for_its_batch() -> None:
    server = StreamServer(s=Shard("a"))

    async def test(world: World) -> None:
        world.function.may_end.clear()
        async with world.polling():
            await world.handled("a")
            asyncio.get_running_loop().call_later(0.05, world.function.may_end.set)
        assert (await world.positions.all("m"))[SHARD].sequence_number == "101"

    with_server(server, test)


def test_a_shard_that_another_server_reads_is_left_alone() -> None:
    server = StreamServer(s=Shard("a"))

    async def test(world: World) -> None:
        assert await world.positions.take("m", SHARD) is not None
        async with world.polling():
            await asyncio.wait_for(server.until_called("ListShards"), TIMEOUT_S)
        assert server.called("GetRecords") == []
        assert world.function.batches == []

    with_server(server, test)


def test_a_server_takes_over_when_the_lease_of_another_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "DISCOVERY_S", 0.05)
    server = StreamServer(s=Shard("a"))
    now = [0.0]

    async def test(one: World) -> None:
        other = World(server, one.positions)
        one.function.may_end.clear()
        async with one.polling():
            await one.handled("a")  # it hangs
            async with other.polling():
                now[0] = LEASE_S
                await other.handled("a")
                one.function.may_end.set()
                server.shards["s"].put("b")
                await other.handled("a", "b")
        assert one.function.batches == [["a"]]
        assert (await one.positions.all("m"))[SHARD].sequence_number == "102"

    async def inside() -> None:
        async with server.running():
            await test(World(server, MemoryPositions(lambda: now[0])))

    run(inside())


@pytest.mark.parametrize(("arn", "hours"), [(STREAM, 48), (TABLE, 24)])
def test_retries_without_a_limit_end_when_the_stream_drops_the_record(arn: str, hours: int) -> None:
    server = StreamServer(s=Shard("a"))
    server.hours = 48  # of a table nobody is asked

    async def test(world: World) -> None:
        world.function.results = [FAILED, FAILED]
        async with world.polling(arn, batch_size=1):
            await world.handled("a")
            world.clock.advance(hours * 3600 - 60)
            await world.handled("a", "a")
            world.clock.advance(120)
            await world.told("given up: RecordAgeExceeded")
            server.shards["s"].put("b")
            await world.handled("a", "a", "b")

    with_server(server, test)


def test_a_batching_window_ends_when_a_test_moves_the_clock() -> None:
    server = StreamServer(s=Shard("a"))

    async def test(world: World) -> None:
        async with world.polling(maximum_batching_window_in_seconds=300):
            await server.until_called("GetRecords")
            assert world.function.batches == []
            while not world.function.batches:  # the clock may be moved before the record is there
                world.clock.advance(300)
                await asyncio.sleep(0.01)
            await world.handled("a")

    with_server(server, test)


def test_finished_shards_that_a_stream_has_no_more_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "DISCOVERY_S", 0.05)
    server = StreamServer(s=Shard("a", is_closed=True), t=Shard("b"))

    async def test(world: World) -> None:
        async with world.polling():
            await world.stands(lambda positions: positions.get(SHARD, Position()).is_finished)
            del server.shards["s"]
            await world.stands(lambda positions: SHARD not in positions)
        assert list(await world.positions.all("m")) == [f"{PREFIX}t"]

    with_server(server, test)


def test_the_stream_of_a_consumer_is_read() -> None:
    server = StreamServer(s=Shard("a"))

    async def test(world: World) -> None:
        async with world.polling(CONSUMER):
            await world.handled("a")
        assert [note for note in world.notes if "consumers" in note] == [
            "consumers are not subscribed to here: their stream is read with GetRecords"
        ]
        assert server.called("ListShards")[0]["StreamARN"] == STREAM

    with_server(server, test)
