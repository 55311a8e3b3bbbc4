"""The log on real descriptors: readers that keep up, fall behind, never read, or have gone."""

from __future__ import annotations

import asyncio
import fcntl
import functools
import os
import threading
from typing import TYPE_CHECKING

from runtime_api.sinks import logs
from runtime_api.sinks.logs import BATCH_S, LOST_BYTES, LogSink
from tests.loops import run
from tests.sinks.pipes import LINE, MORE_THAN_HELD, PAUSE, RESUME, Pipe, Source, grows, until

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_lines_are_written_in_order_and_soon(pipe: Pipe) -> None:
    async def main() -> None:
        sink = LogSink(pipe.writer)
        lines = [b"%d\n" % number for number in range(5000)]
        for line in lines:
            sink.write(line)
        await until(lambda: pipe.read_now() == b"".join(lines))
        sink.close()

    run(main())


def test_lines_written_together_arrive_together(pipe: Pipe) -> None:
    async def main() -> None:
        sink = LogSink(pipe.writer)
        sink.write(b"one\n")
        assert pipe.read_now() == b""
        sink.write(b"two\n")
        await until(lambda: bool(pipe.read_now()))
        assert pipe.arrived == b"one\ntwo\n"
        sink.close()

    run(main())


def test_close_writes_what_is_held(pipe: Pipe) -> None:
    async def main() -> None:
        sink = LogSink(pipe.writer)
        sink.write(b"last words\n")
        sink.close()
        assert pipe.read_now() == b"last words\n"

    run(main())


def test_closing_twice_or_without_a_line_does_nothing(pipe: Pipe) -> None:
    async def main() -> None:
        sink = LogSink(pipe.writer)
        sink.close()
        sink.close()
        assert pipe.read_now() == b""

    run(main())


def test_a_reader_that_never_reads_blocks_nothing_and_pauses_the_sources(pipe: Pipe) -> None:
    async def main() -> None:
        sink = LogSink(pipe.writer)
        source = Source()
        sink.attach(source)
        for number in range(MORE_THAN_HELD):
            sink.write(LINE)
            if number % 1000 == 0:
                await asyncio.sleep(BATCH_S)  # a flush that blocks would never come back
        assert source.calls == [PAUSE]
        await until(lambda: pipe.read_now() == LINE * MORE_THAN_HELD)
        assert source.calls == [PAUSE, RESUME]
        sink.close()

    run(main())


def test_a_source_is_paused_when_it_is_attached_to_a_full_log_and_left_alone_once_detached(pipe: Pipe) -> None:
    async def main() -> None:
        pipe.widen()
        sink = LogSink(pipe.writer)
        early, late = Source(), Source()
        sink.attach(early)
        for _ in range(MORE_THAN_HELD):
            sink.write(LINE)
        sink.attach(late)
        assert (early.calls, late.calls) == ([PAUSE], [PAUSE])
        sink.detach(early)
        await until(lambda: bool(pipe.read_now()) and late.calls == [PAUSE, RESUME])
        assert early.calls == [PAUSE]
        sink.close()

    run(main())


def test_a_log_that_is_full_again_pauses_its_sources_again(pipe: Pipe) -> None:
    async def main() -> None:
        pipe.widen()
        sink = LogSink(pipe.writer)
        source = Source()
        sink.attach(source)
        for times in (1, 2):
            for _ in range(MORE_THAN_HELD):
                sink.write(LINE)
            assert source.calls == [PAUSE, RESUME] * (times - 1) + [PAUSE]
            while source.calls != [PAUSE, RESUME] * times:
                await until(functools.partial(grows, pipe))
        sink.close()

    run(main())


def test_lines_beyond_the_last_limit_are_lost_and_counted(pipe: Pipe) -> None:
    async def main() -> None:
        sink = LogSink(pipe.writer)
        sink.attach(Source())
        written = LOST_BYTES // len(LINE) + 1000
        for _ in range(written):
            sink.write(LINE)
        await until(lambda: b"were lost" in pipe.read_now()[-100:])
        kept = pipe.arrived.count(LINE)
        assert kept * len(LINE) <= LOST_BYTES + len(LINE)
        assert b"bootjack: %d lines of the log were lost" % (written - kept) in pipe.arrived
        sink.close()

    run(main())


def test_a_reader_that_has_gone_does_no_harm(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "EXIT_S", 3600.0)  # longer than the test may take

    async def main() -> None:
        sink = LogSink(pipe.writer)
        source = Source()
        sink.attach(source)
        for _ in range(MORE_THAN_HELD):
            sink.write(LINE)
        pipe.close(pipe.reader)
        await until(lambda: source.calls == [PAUSE, RESUME])
        sink.write(LINE)
        sink.close()

    run(main())


def test_close_gives_up_on_a_reader_that_takes_nothing(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "EXIT_S", 0.05)

    async def main() -> None:
        fcntl.fcntl(pipe.writer, fcntl.F_SETPIPE_SZ, 4096)
        sink = LogSink(pipe.writer)
        sink.write(LINE * 1000)
        sink.close()

    run(main())


def test_close_waits_for_a_slow_reader(pipe: Pipe) -> None:
    got = bytearray()

    def read() -> None:
        while len(got) < 1000 * len(LINE):
            got.extend(os.read(pipe.reader, 3000))

    async def main() -> None:
        sink = LogSink(pipe.writer)
        sink.write(LINE * 1000)
        reader = threading.Thread(target=read)
        reader.start()
        sink.close()
        reader.join(5)
        assert got == LINE * 1000

    run(main())


def test_a_descriptor_that_does_not_block_gets_everything(pipe: Pipe) -> None:
    """Other programs may share it, and one of them may have set the flag."""
    os.set_blocking(pipe.writer, False)

    async def main() -> None:
        sink = LogSink(pipe.writer)
        for _ in range(3000):
            sink.write(LINE)
        await until(lambda: pipe.read_now() == LINE * 3000)
        sink.close()

    run(main())
    assert not os.get_blocking(pipe.writer)


def test_a_regular_file_gets_everything(tmp_path: Path) -> None:
    async def main() -> None:
        with (tmp_path / "log").open("wb") as file:
            sink = LogSink(file.fileno())
            source = Source()
            sink.attach(source)
            for _ in range(MORE_THAN_HELD):
                sink.write(LINE)
            await until(lambda: source.calls == [PAUSE, RESUME])
            sink.write(b"last\n")
            sink.close()

    run(main())
    assert (tmp_path / "log").read_bytes() == LINE * MORE_THAN_HELD + b"last\n"
