"""The store of logs: what was written is found by group, stream, time and words, and outlives a crash."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from runtime_api.service.logs.chunks import Chunk, StreamKey, section
from runtime_api.service.logs.patterns import parse_pattern
from runtime_api.service.logs.queries import END_OF_TIME, EventQuery, Place
from runtime_api.store.sqlite import log_changes, log_queries
from runtime_api.store.sqlite.database import StoreError
from runtime_api.store.sqlite.logs import LogStore
from tests.loops import run

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from runtime_api.service.logs.records import Page

OWNER = ("123456789012", "us-east-1")
ROOM = 1 << 30
NUMBERS = itertools.count(1)
START, LATEST = Place(0, True), Place(END_OF_TIME, False)


def chunk(stream: str, *events: tuple[int, bytes], group: str = "g") -> Chunk:
    """A chunk of one stream's lines, each with its time."""
    number = next(NUMBERS)
    times, texts = [float(at) for at, _ in events], [text for _, text in events]
    made = section(number, times, 0.0, texts)
    return Chunk(b"".join(made.parts), {number: (StreamKey(*OWNER, group, stream), made.extent)})


def lines(stream: str, first: int, count: int, group: str = "g") -> Chunk:
    """A chunk of numbered lines, one a millisecond."""
    texts = [(at, f"{stream} {at}\n".encode()) for at in range(first, first + count)]
    return chunk(stream, *texts, group=group)


def query(
    place: Place = START, start: int = 0, end: int = END_OF_TIME, limit: int = 10_000, pattern: str = ""
) -> EventQuery:
    return EventQuery(place, start, end, limit, parse_pattern(pattern))


@contextmanager
def opened(path: Path | None = None, most_bytes: int = ROOM) -> Iterator[LogStore]:
    with LogStore(path, most_bytes) as store:
        yield store


def group_id(connection: sqlite3.Connection, name: str = "g") -> int:
    found = log_queries.find_group(connection, *OWNER, name)
    assert found is not None
    return found.id


async def of_group(store: LogStore, asked: EventQuery, group: str = "g") -> Page:
    return await store.read(
        lambda connection: log_queries.page_of_group(connection, group_id(connection, group), lambda _: True, asked)
    )


async def of_stream(store: LogStore, stream: str, asked: EventQuery) -> Page:
    page = await store.read(
        lambda connection: log_queries.page_of_stream(connection, group_id(connection), stream, asked)
    )
    assert page is not None
    return page


def times(page: Page) -> list[int]:
    return [event.at_ms for event in page.events]


@pytest.fixture(params=["file", "memory"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "logs.sqlite" if request.param == "file" else None


def test_groups_and_streams_are_made_by_what_is_written(path: Path | None) -> None:
    async def main() -> None:
        with opened(path) as store:
            assert await store.read(lambda connection: log_queries.groups(connection, *OWNER)) == []
            await store.append(lines("a", 10, 3))
            await store.append(lines("b", 20, 2))
            await store.append(lines("a", 30, 1, group="h"))
            groups = await store.read(lambda connection: log_queries.groups(connection, *OWNER))
            assert [(group.name, group.size) for group in groups] == [("g", 25), ("h", 5)]
            assert await store.read(lambda connection: log_queries.groups(connection, OWNER[0], "eu-west-1")) == []
            streams = await store.read(lambda connection: log_queries.streams(connection, group_id(connection)))
            assert [(each.name, each.first_ms, each.last_ms) for each in streams] == [("a", 10, 12), ("b", 20, 21)]

    run(main())


def test_events_are_found_by_time_words_and_stream(path: Path | None) -> None:
    async def main() -> None:
        with opened(path) as store:
            for first in range(0, 100, 10):
                await store.append(lines("b" if first % 20 else "a", first, 10))
            await store.append(lines("other", 0, 100, group="h"))
            assert times(await of_group(store, query())) == list(range(100))
            assert times(await of_group(store, query(start=25, end=45))) == list(range(25, 46))
            assert times(await of_group(store, query(pattern="-a"))) == [at for at in range(100) if at // 10 % 2]
            assert times(await of_stream(store, "b", query(start=35, end=52))) == [35, 36, 37, 38, 39, 50, 51, 52]
            assert times(await of_group(store, query(start=1000))) == []

    run(main())


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
@pytest.mark.parametrize("forward", [True, False])
def test_pages_have_every_event_once_in_either_direction(limit: int, forward: bool) -> None:
    async def main() -> None:
        with opened() as store:
            for first in range(0, 40, 4):
                await store.append(lines("b" if first % 8 else "a", first, 4))
            for stream, expected in (("", range(40)), ("a", [at for at in range(40) if at // 4 % 2 == 0])):
                place, found = START if forward else LATEST, list[int]()
                while True:
                    asked = query(place, limit=limit)
                    page = await (of_stream(store, stream, asked) if stream else of_group(store, asked))
                    assert times(page) == sorted(times(page))
                    found = found + times(page) if forward else times(page) + found
                    place = page.behind if forward else page.before
                    if page.at_end:
                        break
                assert found == list(expected)

    run(main())


def test_the_end_of_a_stream_is_a_place_to_ask_again_from() -> None:
    async def main() -> None:
        with opened() as store:
            await store.append(lines("a", 0, 3))
            page = await of_stream(store, "a", query(LATEST, limit=2))
            assert times(page) == [1, 2]
            again = await of_stream(store, "a", query(page.behind))
            assert (times(again), again.behind) == ([], page.behind)
            await store.append(lines("a", 5, 2))
            assert times(await of_stream(store, "a", query(page.behind))) == [5, 6]
            before = await of_stream(store, "a", query(page.before))
            assert times(before) == [0]
            first = await of_stream(store, "a", query(before.before))
            assert (times(first), first.before) == ([], before.before)
            assert times(await of_stream(store, "a", query(first.behind, limit=1))) == [0]

    run(main())


def test_a_place_in_a_stream_without_events_finds_the_first_ones() -> None:
    async def main() -> None:
        with opened() as store:
            await store.append(lines("b", 0, 3))
            await store.change(lambda connection: log_changes.create_stream(connection, group_id(connection), "a", 0))
            page = await of_stream(store, "a", query(LATEST))
            assert page.events == []
            await store.append(lines("a", 5, 2))
            assert times(await of_stream(store, "a", query(page.behind))) == [5, 6]

    run(main())


def test_a_page_has_a_megabyte_and_a_longer_event_is_a_page() -> None:
    async def main() -> None:
        with opened() as store:
            await store.append(chunk("a", *((at, b"x" * 299_999 + b"\n") for at in range(8))))
            await store.append(chunk("a", (8, b"y" * 2_000_000)))
            place, sizes = START, list[int]()
            while True:
                page = await of_group(store, query(place))
                sizes.append(len(page.events))
                place = page.behind
                if page.at_end:
                    break
            assert sizes == [3, 3, 2, 1]

    run(main())


def test_a_search_that_finds_nothing_comes_back_with_a_place_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_queries, "SCANNED_BYTES", 200)

    async def main() -> None:
        with opened() as store:
            for first in range(0, 100, 10):
                await store.append(lines("a", first, 10))
            await store.append(chunk("a", (100, b"needle\n")))
            for forward in (True, False):
                place, pages, found = (START if forward else LATEST), 0, list[int]()
                while True:
                    page = await of_group(store, query(place, pattern="needle"))
                    pages, found = pages + 1, found + times(page)
                    place = page.behind if forward else page.before
                    if page.at_end:
                        break
                assert found == [100]
                assert pages > 3

    run(main())


def test_the_oldest_goes_when_there_is_too_much(path: Path | None) -> None:
    async def main() -> None:
        most_bytes = 2_000_000
        with opened(path, most_bytes) as store:
            for number in range(100):
                stream = "old" if number < 20 else "new"
                await store.append(chunk(stream, (number, b"x" * 99_999 + b"\n")))
            page = await of_group(store, query(limit=100))
            kept = [at for at in range(100) if at in times(page)] if page.at_end else times(page)
            assert kept
            last = await of_stream(store, "new", query(LATEST, limit=1))
            assert times(last) == [99]
            assert times(page)[0] > 60
            streams = await store.read(lambda connection: log_queries.streams(connection, group_id(connection)))
            assert [stream.name for stream in streams] == ["new"]

    run(main())
    assert path is None or path.stat().st_size < 2 * 2_000_000


def test_what_was_deleted_is_gone_and_others_in_its_chunks_are_not() -> None:
    async def main() -> None:
        with opened() as store:
            one, other = lines("a", 0, 3), lines("b", 0, 3, group="h")
            await store.append(Chunk(one.data + other.data, one.extents | other.extents))
            await store.append(lines("a", 5, 3))
            await store.append(lines("c", 9, 1))
            assert await store.change(
                lambda connection: log_changes.delete_stream(connection, group_id(connection), "a")
            )
            assert not await store.change(
                lambda connection: log_changes.delete_stream(connection, group_id(connection), "a")
            )
            assert times(await of_group(store, query())) == [9]
            assert times(await of_group(store, query(), "h")) == [0, 1, 2]
            await store.change(lambda connection: log_changes.delete_group(connection, group_id(connection)))
            assert await store.read(lambda connection: log_queries.find_group(connection, *OWNER, "g")) is None
            # An environment that still runs goes on in a group that is made again.
            await store.append(lines("c", 10, 1))
            assert times(await of_group(store, query())) == [10]
            assert times(await of_group(store, query(), "h")) == [0, 1, 2]

    run(main())


def test_everything_is_there_again_after_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        place = START
        for number in range(3):
            with opened(tmp_path / "logs.sqlite") as store:
                await store.append(lines("a", number * 10, 10))
                page = await of_group(store, query(place))
                assert times(page) == list(range(number * 10, number * 10 + 10))
                place = page.behind
        with opened(tmp_path / "logs.sqlite") as store:
            assert times(await of_group(store, query())) == list(range(30))

    run(main())


WRITER = """
import asyncio, itertools, sys
from pathlib import Path
from runtime_api.store.sqlite.logs import LogStore
from tests.store.test_logs import lines

async def main():
    store = LogStore(Path(sys.argv[1]), 1 << 30)
    for number in itertools.count():
        await store.append(lines("a", number * 7, 7))
        print(number, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("chunks", [1, 2, 30, 111])
def test_a_killed_writer_loses_nothing_that_was_written(tmp_path: Path, chunks: int) -> None:
    path = tmp_path / "logs.sqlite"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    said = 0
    for line in writer.stdout:
        said = int(line) + 1
        if said == chunks:
            writer.send_signal(signal.SIGKILL)  # it is somewhere in the next ones
    writer.wait(30)
    writer.stdout.close()

    async def main() -> None:
        with opened(path) as store:
            found = times(await of_group(store, query()))
            assert found == list(range(len(found)))
            assert len(found) >= said * 7
            assert len(found) % 7 == 0
            await store.append(lines("a", len(found), 7))
            assert times(await of_group(store, query())) == list(range(len(found) + 7))

    run(main())


def test_a_journal_that_was_cut_off_damages_nothing(tmp_path: Path) -> None:
    path = tmp_path / "logs.sqlite"

    async def main() -> None:
        with opened(path) as store:
            for number in range(5):
                await store.append(lines("a", number * 7, 7))
            copies = {name: (tmp_path / name).read_bytes() for name in ("logs.sqlite", "logs.sqlite-wal")}
        whole = len(copies["logs.sqlite-wal"])
        counts = []
        for cut in range(0, whole, max(whole // 40, 1)):
            torn = tmp_path / f"torn-{cut}"
            torn.mkdir()
            for name, content in copies.items():
                (torn / name).write_bytes(content[: whole - cut] if name.endswith("-wal") else content)
            with opened(torn / "logs.sqlite") as store:
                if await store.read(lambda connection: log_queries.find_group(connection, *OWNER, "g")) is None:
                    counts.append(0)
                    continue
                found = times(await of_group(store, query()))
                assert found == list(range(len(found)))
                assert len(found) % 7 == 0
                counts.append(len(found))
        assert counts[0] == 35
        assert counts == sorted(counts, reverse=True)

    run(main())


def test_a_full_disk_costs_what_is_written_then_and_nothing_else(tmp_path: Path) -> None:
    async def main() -> None:
        with opened(tmp_path / "logs.sqlite") as store:
            await store.append(lines("a", 0, 3))

            def limit(pages: int) -> Any:
                return lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()

            (pages,) = await store.read(lambda connection: connection.execute("PRAGMA page_count").fetchone())
            await store.read(limit(pages))
            with pytest.raises(StoreError, match="full"):
                await store.append(chunk("new", (5, b"x" * 1_000_000)))
            assert times(await of_group(store, query())) == [0, 1, 2]
            await store.read(limit(pages + 10_000))
            await store.append(lines("new", 7, 2))
            assert times(await of_group(store, query())) == [0, 1, 2, 7, 8]

    run(main())


def test_what_is_no_store_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "logs.sqlite"
    path.write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with pytest.raises(StoreError, match=r"logs\.sqlite"):
        LogStore(path, ROOM)
    assert [each.name for each in tmp_path.iterdir()] == ["logs.sqlite"]


def test_a_store_without_a_path_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))

    async def main() -> None:
        with opened() as store:
            for number in range(50):
                await store.append(chunk("a", (number, b"x" * 200_000)))
            assert not os.listdir(tmp_path)  # noqa: PTH208
            assert len((await of_group(store, query(limit=3))).events) == 3

    run(main())
