"""The log on real descriptors: readers that keep up, fall behind, never read, or have gone."""

from __future__ import annotations

import asyncio
import fcntl
import functools
import os
import threading
from typing import TYPE_CHECKING

import pytest

from runtime_api.protocol.journal import Entry
from runtime_api.protocol.platform_events import End, Lines, RuntimeDone, Start, log_bytes
from runtime_api.sinks import logs
from runtime_api.sinks.logs import BATCH_S, HELD_BYTES, LOST_BYTES, RECORD_BYTES, LabelledLog, LogSink
from tests.loops import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from runtime_api.protocol.platform_events import Record

LINE = b"x" * 99 + b"\n"
PAUSE, RESUME = "pause", "resume"
MORE_THAN_HELD = HELD_BYTES // len(LINE) + 100_000 // len(LINE)


class Pipe:
    """A pipe to log into, and its reading end."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self.arrived = bytearray()  # all that was read

    def widen(self) -> None:
        """Enlarge it to a megabyte."""
        fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, 1 << 20)

    def close(self, *ends: int) -> None:
        """Close these ends, or both."""
        for end in ends or (self.reader, self.writer):
            os.close(end)
        if self.reader in ends:
            self.reader = os.open(os.devnull, os.O_RDONLY)

    def read_now(self) -> bytearray:
        """All that has arrived up to now."""
        os.set_blocking(self.reader, False)
        try:
            while piece := os.read(self.reader, 1 << 16):
                self.arrived += piece
        except BlockingIOError:
            pass
        return self.arrived


class Source:
    """Something that writes to the log, and what the log has asked of it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pause_output(self) -> None:
        self.calls.append(PAUSE)

    def resume_output(self) -> None:
        self.calls.append(RESUME)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A pipe, closed at the end."""
    made = Pipe()
    yield made
    made.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition on what the kernel does, which sends no event."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


def grows(pipe: Pipe) -> bool:
    """Whether more has arrived since the last call."""
    before = len(pipe.arrived)
    return len(pipe.read_now()) > before


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


# -- entries of a journal

START = Start("id-1", "$LATEST", "Root=1", None)
DONE = RuntimeDone("id-1", "success", None, 1.0, None, 2, "Root=1", None)  # not shown in the text log
END = End("id-1")
START_LINE = b"START RequestId: id-1 Version: $LATEST\n"
END_LINE = b"END RequestId: id-1\n"


def entry(*records: Record) -> Entry:
    return Entry(0.0, records)


def output(lines: bytes) -> Entry:
    return entry(Lines("runtime", lines))


@pytest.fixture
def formatted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many records were turned into text, call by call."""
    calls: list[int] = []

    def count(records: tuple[Record, ...]) -> bytes:
        calls.append(len(records))
        return log_bytes(records)

    monkeypatch.setattr("runtime_api.sinks.logs.log_bytes", count)
    return calls


def test_records_become_text_when_they_are_written_and_keep_their_place(pipe: Pipe, formatted: list[int]) -> None:
    async def main() -> None:
        sink = LogSink(pipe.writer)
        sink.consume(entry(START))
        sink.consume(output(b"output\n"))
        sink.write(b"bootjack: a word of our own\n")
        sink.consume(entry(DONE, END))
        assert formatted == []
        await until(lambda: bool(pipe.read_now()))
        assert pipe.arrived == START_LINE + b"output\nbootjack: a word of our own\n" + END_LINE
        sink.close()

    run(main())


def test_close_writes_records_that_are_held(pipe: Pipe, formatted: list[int]) -> None:
    async def main() -> None:
        sink = LogSink(pipe.writer)
        sink.consume(entry(START))
        sink.consume(output(b"output\n"))
        assert formatted == []
        sink.close()
        assert pipe.read_now() == START_LINE + b"output\n"

    run(main())


def test_records_that_only_telemetry_shows_leave_no_line(pipe: Pipe) -> None:
    async def main() -> None:
        sink = LogSink(pipe.writer)
        LabelledLog(sink, "f").consume(entry(DONE))
        sink.consume(entry(DONE))
        sink.consume(entry())
        sink.close()
        assert pipe.read_now() == b""

    run(main())


def test_output_that_is_no_text_arrives_unchanged(pipe: Pipe) -> None:
    async def main() -> None:
        sink = LogSink(pipe.writer)
        sink.consume(output(bytes(range(256)) + b"\n"))
        sink.close()
        assert pipe.read_now() == bytes(range(256)) + b"\n"

    run(main())


def test_every_line_of_a_labelled_log_has_its_label(pipe: Pipe, formatted: list[int]) -> None:
    async def main() -> None:
        sink = LogSink(pipe.writer)
        one, other = LabelledLog(sink, "one"), LabelledLog(sink, "other")
        one.consume(entry(START, END))
        other.consume(output(b"a\n\nb\n"))
        one.consume(output(b"c\n"))
        assert formatted == []
        sink.close()
        others = b"other | a\nother | \nother | b\n"
        assert pipe.read_now() == b"one | " + START_LINE + b"one | " + END_LINE + others + b"one | c\n"

    run(main())


def test_a_labelled_log_pauses_its_sources(pipe: Pipe) -> None:
    async def main() -> None:
        sink = LogSink(pipe.writer)
        log, source, detached = LabelledLog(sink, "f"), Source(), Source()
        log.attach(source)
        log.attach(detached)
        log.detach(detached)
        log.consume(output(LINE * MORE_THAN_HELD))
        assert (source.calls, detached.calls) == ([PAUSE], [])
        pipe.close(pipe.reader)
        sink.close()

    run(main())


def test_records_count_for_back_pressure_before_they_are_text(pipe: Pipe, formatted: list[int]) -> None:
    async def main() -> None:
        sink = LogSink(pipe.writer)
        source = Source()
        sink.attach(source)
        for _ in range(HELD_BYTES // RECORD_BYTES + 1):
            sink.consume(entry(END))
        assert source.calls == [PAUSE]
        assert formatted == []
        await until(lambda: pipe.read_now() == END_LINE * (HELD_BYTES // RECORD_BYTES + 1))
        await until(lambda: source.calls == [PAUSE, RESUME])
        sink.close()

    run(main())


def test_records_beyond_the_last_limit_are_lost_and_counted(pipe: Pipe) -> None:
    async def main() -> None:
        sink = LogSink(pipe.writer)
        sink.consume(output(b"x" * LOST_BYTES + b"\n"))
        sink.consume(entry(START, END))
        sink.consume(output(LINE))
        sink.consume(entry(END))
        await until(lambda: pipe.read_now().endswith(b"nothing read it\n"))
        report = b"bootjack: 1 line and 3 platform records of the log were lost because nothing read it\n"
        assert pipe.arrived == b"x" * LOST_BYTES + b"\n" + report
        sink.close()

    run(main())
