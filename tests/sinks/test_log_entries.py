"""Entries of a journal in the log: when records become text, and how they count for back-pressure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runtime_api.protocol.journal import Entry
from runtime_api.protocol.platform_events import End, Lines, RuntimeDone, Start, log_bytes
from runtime_api.sinks.logs import HELD_BYTES, LOST_BYTES, RECORD_BYTES, FunctionLog, LogSink
from tests.loops import run
from tests.sinks.pipes import LINE, MORE_THAN_HELD, PAUSE, RESUME, Pipe, Source, until

if TYPE_CHECKING:
    from runtime_api.protocol.platform_events import Record

START = Start("id-1", "$LATEST", "Root=1", None)
DONE = RuntimeDone("id-1", "success", None, 1.0, 0.0, None, 2, "Root=1", None)  # not shown in the text log
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

    monkeypatch.setattr("runtime_api.protocol.journal.log_bytes", count)
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
        FunctionLog(sink, "f").consume(entry(DONE))
        sink.consume(entry(DONE))
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


def test_a_traceback_kept_together_by_carriage_returns_has_lines_and_each_its_label(pipe: Pipe) -> None:
    async def main() -> None:
        sink = LogSink(pipe.writer)
        FunctionLog(sink, "f").consume(output(b"Traceback:\r  File\rError: \xc3\xa9\r\n"))
        sink.close()
        assert pipe.read_now() == "f | Traceback:\nf |   File\nf | Error: é\n".encode()

    run(main())


def test_every_line_of_a_labelled_log_has_its_label(pipe: Pipe, formatted: list[int]) -> None:
    async def main() -> None:
        sink = LogSink(pipe.writer)
        one, other = FunctionLog(sink, "one"), FunctionLog(sink, "other")
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
        log, source, detached = FunctionLog(sink, "f"), Source(), Source()
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


def test_what_is_kept_is_the_text_without_label_also_when_nothing_reads_the_log(pipe: Pipe) -> None:
    async def main() -> None:
        sink = LogSink(pipe.writer)
        kept: list[tuple[float, bytes]] = []
        log = FunctionLog(sink, "f", lambda at, text: kept.append((at, text)))
        log.consume(Entry(1.0, (START,)))
        log.write(b"bootjack: a word of our own\n")
        log.consume(Entry(2.0, (DONE, END)))
        sink.make_text()
        assert kept == [(1.0, START_LINE), (2.0, END_LINE)]
        sink.consume(output(b"x" * LOST_BYTES + b"\n"))
        log.consume(Entry(3.0, (START,)))
        log.consume(Entry(4.0, (END,)))  # lost to the pipe, which is full
        assert kept[2:] == [(3.0, START_LINE), (4.0, END_LINE)]
        pipe.close(pipe.reader)
        sink.close()

    run(main())
