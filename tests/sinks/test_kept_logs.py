"""What is kept of a log: every line once and in order, without waiting for the store; losses are counted and said."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from runtime_api.protocol.journal import Entry
from runtime_api.protocol.platform_events import End, FaultLine, Lines, RuntimeDone, Start
from runtime_api.service.logs.chunks import Chunk, StreamKey, events_in
from runtime_api.sinks import kept_logs
from runtime_api.sinks.kept_logs import KeptLogs, KeptStream
from tests.loops import run
from tests.sinks.pipes import until

KEY = StreamKey("123456789012", "us-east-1", "/aws/lambda/f", "2026/01/31/[$LATEST]0")
OTHER = KEY._replace(stream="other")
DONE = RuntimeDone("r1", "success", None, 1.0, 0.0, 1.0, 2, "trace", None)


class Store:
    """Takes chunks; writes them when it is told to, or refuses them."""

    def __init__(self, refusal: Exception | None = None, *, at_once: bool = True) -> None:
        self.refusal = refusal
        self.at_once = at_once
        self.chunks: list[Chunk] = []
        self.futures: list[asyncio.Future[None]] = []
        self.notes: list[bytes] = []

    def append(self, chunk: Chunk) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.chunks.append(chunk)
        self.futures.append(future)
        if self.at_once:
            self.answer(future)
        return future

    def answer(self, future: asyncio.Future[None]) -> None:
        if self.refusal is None:
            future.set_result(None)
        else:
            future.set_exception(self.refusal)

    def messages(self) -> list[bytes]:
        found = [events_in(number, chunk.data) for number, chunk in enumerate(self.chunks, 1)]
        return [event.message for events in found for event in events]


def entry(*records: Any, at: float | None = None) -> Entry:
    return Entry(time.monotonic() * 1000 if at is None else at, records)


def keep(stream: KeptStream, made: Entry) -> None:
    """As the log of the server does."""
    stream.keep(made.at, made.text())


def kept(store: Store) -> KeptLogs:
    return KeptLogs(store.append, store.notes.append)


def test_entries_are_kept_soon_by_themselves() -> None:
    async def main() -> None:
        store = Store()
        logs = kept(store)
        stream = logs.stream(KEY)
        before = time.time() * 1000
        keep(stream, entry(Start("r1", "1", "trace", None)))
        keep(stream, entry(Lines("runtime", b"one\ntwo\n")))
        keep(stream, entry(DONE, End("r1")))
        assert not store.chunks
        await until(lambda: bool(store.chunks))
        assert store.messages() == [b"START RequestId: r1 Version: 1\n", b"one\n", b"two\n", b"END RequestId: r1\n"]
        ((key, extent),) = store.chunks[0].extents.values()
        assert key == KEY
        assert int(before) <= extent.first_ms <= extent.last_ms <= time.time() * 1000
        keep(stream, entry(End("r2")))
        await until(lambda: len(store.chunks) == 2)
        await logs.close()

    run(main())


def test_flush_writes_what_has_come_and_waits_for_it() -> None:
    async def main() -> None:
        store = Store(at_once=False)
        logs = kept(store)
        for number, key in ((1, KEY), (2, OTHER)):
            keep(logs.stream(key), entry(End(f"r{number}")))
        flushing = asyncio.ensure_future(logs.flush())
        await until(lambda: bool(store.chunks))
        assert not flushing.done()
        store.answer(store.futures[0])
        await flushing
        assert [key for key, _ in store.chunks[0].extents.values()] == [KEY, OTHER]
        await logs.flush()
        await logs.close()
        assert len(store.chunks) == 1

    run(main())


def test_the_lines_of_a_fault_are_one_event_and_others_are_one_each() -> None:
    async def main() -> None:
        store = Store()
        logs = kept(store)
        stream = logs.stream(KEY)
        keep(stream, entry(FaultLine("r1", "Runtime.ExitError", "RequestId: r1 Error: Runtime exited")))
        keep(stream, entry(Lines("runtime", b"a\nb\n")))
        await logs.close()
        assert store.messages() == [b"RequestId: r1 Error: Runtime exited\nRuntime.ExitError\n", b"a\n", b"b\n"]

    run(main())


def test_what_has_no_text_makes_no_stream() -> None:
    async def main() -> None:
        store = Store()
        logs = kept(store)
        keep(logs.stream(KEY), entry(DONE))
        await logs.close()
        assert not store.chunks

    run(main())


def test_a_store_that_refuses_costs_lines_and_both_ends_of_it_are_said() -> None:
    async def main() -> None:
        store = Store(OSError("the disk is full"))
        logs = kept(store)
        stream = logs.stream(KEY)
        for _ in range(2):
            keep(stream, entry(Lines("runtime", b"a\nb\n")))
            await logs.flush()
        await until(lambda: bool(store.notes))
        store.refusal = None
        keep(stream, entry(Lines("runtime", b"c\n")))
        await logs.close()
        assert store.notes == [
            b"bootjack: logs are not kept: the disk is full\n",
            b"bootjack: logs are kept again; 4 lines were not\n",
        ]

    run(main())


def test_lost_lines_are_counted_whatever_the_figures_beside_them_look_like() -> None:
    async def main() -> None:
        store = Store(OSError("the disk is full"))
        logs = kept(store)
        stream = logs.stream(KEY)
        for _ in range(10):  # ten entries of ten bytes: 10 is a line feed
            keep(stream, entry(Lines("runtime", b"123456789\n")))
        await logs.flush()
        store.refusal = None
        keep(stream, entry(Lines("runtime", b"c\n")))
        await logs.close()
        assert store.notes[1] == b"bootjack: logs are kept again; 10 lines were not\n"

    run(main())


def test_a_store_that_hangs_takes_bounded_memory_and_holds_nobody_up(monkeypatch: Any) -> None:
    monkeypatch.setattr(kept_logs, "WAITING_BYTES", 1000)
    monkeypatch.setattr(kept_logs, "COLLECT_S", 0.0)
    monkeypatch.setattr(kept_logs, "COLLECTIONS", 1)

    async def main() -> None:
        store = Store(at_once=False)
        logs = kept(store)
        stream = logs.stream(KEY)

        def write_more() -> bool:
            keep(stream, entry(Lines("runtime", b"x" * 99 + b"\n")))
            return bool(store.notes)

        await until(write_more)
        assert store.notes == [b"bootjack: logs are not kept: the disk does not keep up\n"]
        assert sum(len(chunk.data) for chunk in store.chunks) < 2000
        store.at_once = True
        for future in store.futures:
            store.answer(future)
        await logs.close()

    run(main())
