"""The log on real descriptors: readers that keep up, fall behind, never read, or have gone."""

from __future__ import annotations

import asyncio
import fcntl
import functools
import os
import threading
from typing import TYPE_CHECKING

import pytest

from runtime_api.sinks.logs import BATCH_S, HELD_BYTES, LOST_BYTES, LogSink
from tests.loops import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LINE = b"x" * 99 + b"\n"
MORE_THAN_HELD = HELD_BYTES // len(LINE) + 100_000 // len(LINE)


class Pipe:
    """A pipe to log into, and its reading end."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self.came = bytearray()  # all that was read

    def widen(self) -> None:
        """Let it take much at once."""
        fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, 1 << 20)

    def close(self, *ends: int) -> None:
        """Close these ends, or both."""
        for end in ends or (self.reader, self.writer):
            os.close(end)
        if self.reader in ends:
            self.reader = os.open(os.devnull, os.O_RDONLY)

    def read_now(self) -> bytes:
        """All that has come, up to now."""
        os.set_blocking(self.reader, False)
        try:
            while piece := os.read(self.reader, 1 << 16):
                self.came += piece
        except BlockingIOError:
            pass
        return bytes(self.came)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A pipe, closed at the end."""
    made = Pipe()
    yield made
    made.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in the kernel
            await asyncio.sleep(0.002)


def grows(pipe: Pipe) -> bool:
    """Whether more has come since the last look."""
    before = len(pipe.came)
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


def test_lines_of_one_moment_leave_together(pipe: Pipe) -> None:
    async def main() -> None:
        sink = LogSink(pipe.writer)
        sink.write(b"one\n")
        assert pipe.read_now() == b""
        sink.write(b"two\n")
        await until(lambda: bool(pipe.read_now()))
        assert pipe.came == b"one\ntwo\n"
        sink.close()

    run(main())


def test_close_writes_what_waits(pipe: Pipe) -> None:
    async def main() -> None:
        sink = LogSink(pipe.writer)
        sink.write(b"last words\n")
        sink.close()
        assert pipe.read_now() == b"last words\n"

    run(main())


def test_closing_twice_or_without_a_line_is_nothing(pipe: Pipe) -> None:
    async def main() -> None:
        sink = LogSink(pipe.writer)
        sink.close()
        sink.close()
        assert pipe.read_now() == b""

    run(main())


def test_a_reader_that_never_reads_blocks_nobody_and_is_told_to_the_writers(pipe: Pipe) -> None:
    async def main() -> None:
        sink = LogSink(pipe.writer)
        told: list[bool] = []
        sink.add_throttle(told.append)
        for number in range(MORE_THAN_HELD):
            sink.write(LINE)  # would wait for ever here if it waited for the reader
            if number % 1000 == 0:
                await asyncio.sleep(BATCH_S)
        assert told == [True]
        await until(lambda: pipe.read_now() == LINE * MORE_THAN_HELD)
        assert told == [True, False]
        sink.close()

    run(main())


def test_who_comes_while_it_is_full_is_told_at_once_and_who_has_left_is_not(pipe: Pipe) -> None:
    async def main() -> None:
        pipe.widen()
        sink = LogSink(pipe.writer)
        early: list[bool] = []
        late: list[bool] = []
        sink.add_throttle(early.append)
        for _ in range(MORE_THAN_HELD):
            sink.write(LINE)
        sink.add_throttle(late.append)
        assert (early, late) == ([True], [True])
        sink.remove_throttle(early.append)
        await until(lambda: bool(pipe.read_now()) and late == [True, False])
        assert early == [True]
        sink.close()

    run(main())


def test_a_full_log_says_so_again_when_it_is_full_again(pipe: Pipe) -> None:
    async def main() -> None:
        pipe.widen()
        sink = LogSink(pipe.writer)
        told: list[bool] = []
        sink.add_throttle(told.append)
        for times in (1, 2):
            for _ in range(MORE_THAN_HELD):
                sink.write(LINE)
            assert told == [True, False] * (times - 1) + [True]
            while told != [True, False] * times:
                await until(functools.partial(grows, pipe))
        sink.close()

    run(main())


def test_lines_that_nobody_reads_are_lost_at_last_and_counted(pipe: Pipe) -> None:
    async def main() -> None:
        sink = LogSink(pipe.writer)
        sink.add_throttle(lambda _wait: None)
        written = LOST_BYTES // len(LINE) + 1000
        for _ in range(written):
            sink.write(LINE)
        await until(lambda: b"were lost" in pipe.read_now())
        kept = pipe.came.count(LINE)
        assert kept * len(LINE) <= LOST_BYTES + len(LINE)
        assert b"bootjack: %d lines of the log were lost" % (written - kept) in pipe.came
        sink.close()

    run(main())


def test_a_reader_that_has_gone_is_harmless(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime_api.sinks.logs.EXIT_S", 600)  # a close that waits does not end

    async def main() -> None:
        sink = LogSink(pipe.writer)
        told: list[bool] = []
        sink.add_throttle(told.append)
        for _ in range(MORE_THAN_HELD):
            sink.write(LINE)
        pipe.close(pipe.reader)
        await until(lambda: told == [True, False])
        sink.write(LINE)
        sink.close()

    run(main())


def test_the_end_does_not_wait_for_ever_for_a_reader_that_takes_nothing(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime_api.sinks.logs.EXIT_S", 0.02)

    async def main() -> None:
        fcntl.fcntl(pipe.writer, fcntl.F_SETPIPE_SZ, 4096)
        sink = LogSink(pipe.writer)
        sink.write(LINE * 1000)
        sink.close()
        assert 0 < len(pipe.read_now()) <= 4096

    run(main())


def test_a_slow_reader_gets_everything_at_the_end(pipe: Pipe) -> None:
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


def test_a_descriptor_that_does_not_block_is_written_whole(pipe: Pipe) -> None:
    """Others may share it, and may have set the flag."""
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
            told: list[bool] = []
            sink.add_throttle(told.append)
            for _ in range(MORE_THAN_HELD):
                sink.write(LINE)
            await until(lambda: told == [True, False])
            sink.write(b"last\n")
            sink.close()

    run(main())
    assert (tmp_path / "log").read_bytes() == LINE * MORE_THAN_HELD + b"last\n"
