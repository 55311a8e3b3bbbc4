"""Positions of shards: leased once at a time, and kept for the next server where there is a disk."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from runtime_api.service.seams.positions import LEASE_S, HeldShard, Position
from runtime_api.store.memory_positions import MemoryPositions
from runtime_api.store.sqlite.database import Database
from runtime_api.store.sqlite.event_queue import MIGRATIONS
from runtime_api.store.sqlite.positions import SqlitePositions
from tests.loops import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtime_api.service.seams.positions import Positions

SOME = Position("42", 1000.5, 60_000, b'{"count":1}')


@contextmanager
def stored(path: Path, notes: list[str] | None = None) -> Iterator[SqlitePositions]:
    database = Database(path / "events.sqlite", MIGRATIONS)
    try:
        yield SqlitePositions(database, (notes if notes is not None else []).append)
    finally:
        database.close()


@pytest.fixture(params=["memory", "sqlite"])
def positions(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Positions]:
    if request.param == "memory":
        yield MemoryPositions()
    else:
        with stored(tmp_path) as made:
            yield made


async def take(positions: Positions, shard: str = "s") -> HeldShard:
    held = await positions.take("m", shard)
    assert held is not None
    return held


def test_a_shard_is_read_by_one_at_a_time(positions: Positions) -> None:
    async def test() -> None:
        held = await take(positions)
        assert await positions.take("m", "s") is None
        assert (await take(positions, "another")).position is None
        await positions.save(held, SOME)
        await positions.give_back(held)
        assert (await take(positions)).position == SOME

    run(test())


def test_who_has_lost_a_shard_changes_nothing(positions: Positions) -> None:
    async def test() -> None:
        late = await take(positions)
        await positions.give_back(late)
        held = await take(positions)
        assert await positions.save(held, SOME)
        assert not await positions.save(late, Position("1"))
        await positions.give_back(late)
        assert await positions.take("m", "s") is None
        assert await positions.all("m") == {"s": SOME}

    run(test())


def test_a_mapping_that_is_gone_leaves_nothing(positions: Positions) -> None:
    async def test() -> None:
        held = await take(positions)
        await positions.save(held, SOME)
        await positions.forget("m")
        assert not await positions.save(held, SOME)
        assert await positions.all("m") == {}

    run(test())


def test_positions_of_shards_and_mappings_that_are_gone_are_forgotten(positions: Positions) -> None:
    async def test() -> None:
        for mapping in ("m", "n"):
            for shard in ("s", "gone"):
                held = await positions.take(mapping, shard)
                assert held is not None
                await positions.save(held, SOME)
        await positions.drop("m", {"gone", "never there"})
        assert await positions.all("m") == {"s": SOME}
        await positions.keep_only({"m", "new"})
        assert await positions.all("m") == {"s": SOME}
        assert await positions.all("n") == {}

    run(test())


def test_a_lease_ends_unless_it_is_kept() -> None:
    now = [0.0]
    positions = MemoryPositions(lambda: now[0])

    async def test() -> None:
        gone = await take(positions)
        now[0] += LEASE_S / 2
        assert await positions.renew(gone)
        now[0] += LEASE_S - 1
        assert await positions.take("m", "s") is None
        now[0] += 1
        held = await take(positions)
        assert not await positions.renew(gone)
        assert not await positions.save(gone, Position("1"))
        assert await positions.save(held, SOME)

    run(test())


def test_a_lease_that_has_run_out_is_kept_where_nobody_else_has_taken_the_shard() -> None:
    now = [0.0]
    positions = MemoryPositions(lambda: now[0])

    async def test() -> None:
        slow = await take(positions)
        now[0] += LEASE_S + 1
        assert await positions.save(slow, SOME)
        assert await positions.take("m", "s") is None

    run(test())


def test_what_was_forgotten_is_not_there_for_the_next_server(tmp_path: Path) -> None:
    async def save() -> None:
        with stored(tmp_path) as positions:
            for shard in ("s", "gone"):
                await positions.save(await take(positions, shard), SOME)
            await positions.drop("m", ["gone"])
            other = await positions.take("n", "s")
            assert other is not None
            await positions.save(other, SOME)
            await positions.keep_only(["m"])

    async def find() -> None:
        with stored(tmp_path) as positions:
            assert (await positions.all("m"), await positions.all("n")) == ({"s": SOME}, {})

    run(save())
    run(find())


def test_the_next_server_finds_every_position_and_no_lease(tmp_path: Path) -> None:
    async def save() -> None:
        with stored(tmp_path) as positions:
            for shard in ("s", "finished"):
                await positions.save(await take(positions, shard), Position("1", is_finished=shard == "finished"))
            await positions.save(HeldShard("m", "s", None, 1), SOME)

    async def find() -> None:
        with stored(tmp_path) as positions:
            assert await positions.all("m") == {"s": SOME, "finished": Position("1", is_finished=True)}
            assert (await take(positions)).position == SOME

    run(save())
    run(find())


def test_a_position_that_cannot_be_read_is_told_of(tmp_path: Path) -> None:
    with stored(tmp_path):
        pass
    connection = sqlite3.connect(tmp_path / "events.sqlite")
    connection.execute("INSERT INTO positions VALUES ('m', 's', 'nonsense')")
    connection.commit()
    connection.close()
    notes: list[str] = []
    with stored(tmp_path, notes):
        pass
    assert ["shard s of mapping m stands cannot be read" in note for note in notes] == [True]
