"""What programs write: every byte of it, in whole lines, before their end is told."""

from __future__ import annotations

import asyncio
import os
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from runtime_api.protocol.limits import CURRENT
from runtime_api.sandbox import Output
from tests.sandbox.watch import INTERPRETER, Told, Watch, run, run_shell, watching

if TYPE_CHECKING:
    from pathlib import Path

SHORT_LINES = replace(CURRENT, log_line_bytes=1000)
PIPE_BYTES = 65_536


def of_stream(told: Told) -> bytes:
    """All that was told, after a look that it was told in whole lines."""
    for event in told.events:
        assert not isinstance(event, Output) or event.lines.endswith(b"\n")
    return told.output


@pytest.mark.parametrize("stream", [1, 2])
def test_lines_of_either_stream_are_told(tmp_path: Path, stream: int) -> None:
    told = run(run_shell(tmp_path, f"printf 'one\\ntwo\\n' >&{stream}"))
    assert of_stream(told) == b"one\ntwo\n"


def test_both_streams_come_whole(tmp_path: Path) -> None:
    script = "i=0; while [ $i -lt 500 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done"
    lines = of_stream(run(run_shell(tmp_path, script))).splitlines()
    for name in (b"out", b"err"):
        assert [line for line in lines if line.startswith(name)] == [b"%b %d" % (name, i) for i in range(500)]


def test_a_last_line_gets_its_end(tmp_path: Path) -> None:
    assert of_stream(run(run_shell(tmp_path, "printf 'whole\\nhalf'"))) == b"whole\nhalf\n"


def test_lines_come_as_they_are_written(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.shell("echo first; exec sleep 60")
            assert (await watch.says(b"first")).output == b"first\n"

    run(main())


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            os.mkfifo(tmp_path / "go")
            watch.shell("printf half; echo up >&2; read _ < go; echo ' more'")
            await watch.says(b"up")
            assert watch.told().output == b"up\n"
            (tmp_path / "go").write_text("\n")
            assert (await watch.ended()).output == b"up\nhalf more\n"

    run(main())


def test_half_a_line_waits_no_longer_than_the_end_of_an_invocation(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            os.mkfifo(tmp_path / "go")
            watch.shell("printf half; echo up >&2; read _ < go; echo ' more'")
            await watch.says(b"up")
            watch.sandbox.drain()
            assert watch.told().output == b"up\nhalf\n"
            (tmp_path / "go").write_text("\n")
            assert (await watch.ended()).output == b"up\nhalf\n more\n"

    run(main())


def test_ten_megabytes_written_right_before_the_end_are_told_before_it(tmp_path: Path) -> None:
    line = b"x" * 99 + b"\n"
    (tmp_path / "data").write_bytes(line * 100_000)
    told = run(run_shell(tmp_path, "cat data; echo last; kill -9 $$"))
    assert of_stream(told) == line * 100_000 + b"last\n"
    assert told.end.status.signal == 9


def test_output_of_any_bytes_comes_unchanged(tmp_path: Path) -> None:
    data = random.Random(1).randbytes(300_000) + b"\n"
    (tmp_path / "data").write_bytes(data)
    assert of_stream(run(run_shell(tmp_path, "exec cat data"))) == data


@pytest.mark.parametrize("ending", [b"", b"\n", b"\nmore\n"])
@pytest.mark.parametrize("length", [999, 1000, 1001, 2000, 2500, 70_000, 131_072])
def test_no_line_is_longer_than_the_limit(tmp_path: Path, length: int, ending: bytes) -> None:
    (tmp_path / "data").write_bytes(b"x" * length + ending)
    lines = of_stream(run(run_shell(tmp_path, "exec cat data", SHORT_LINES))).split(b"\n")
    assert lines.pop() == b""
    if ending == b"\nmore\n":
        assert lines.pop() == b"more"
    assert all(0 < len(line) <= 1000 for line in lines)
    assert b"".join(lines) == b"x" * length


def test_a_line_of_exactly_the_limit_stays_one_line_however_it_comes(tmp_path: Path) -> None:
    size = CURRENT.log_line_bytes
    told = run(run_shell(tmp_path, f"head -c {size} /dev/zero | tr '\\0' x; printf '\\n'; echo last"))
    assert of_stream(told).split(b"\n") == [b"x" * size, b"last", b""]


# -- pipes that stay open


@pytest.mark.only("process")  # in bubblewrap all of them end with the last one that was started
def test_what_a_descendant_outside_the_group_writes_meanwhile_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            os.mkfifo(tmp_path / "go")
            watch.shell("setsid sh -c 'read _ < go; echo late' & exit 0")
            with (tmp_path / "go").open("w") as go:  # once the descendant has opened it too
                os.write(go.fileno(), b"\n")
            assert (await watch.ended()).output == b"late\n"

    run(main())


def test_a_descendant_that_writes_without_end_does_not_hold_up_the_end(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.shell("setsid sh -c 'exec yes' & exit 0")
            await watch.ended()  # its next write ends the descendant, because the pipe has no reader any more

    run(main())


# -- drain and throttle


def test_drain_tells_what_has_been_written(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            os.mkfifo(tmp_path / "written")
            watch.shell("echo one; echo two >&2; echo > written; exec sleep 60")
            (tmp_path / "written").read_bytes()  # the loop stands still until then
            assert not watch.told().events
            watch.sandbox.drain()
            assert sorted(watch.told().output.splitlines()) == [b"one", b"two"]

    run(main())


async def stalled(directory: Path) -> int:
    """How much the writer has written once it writes no more, as it notes itself; it waits with a full pipe."""
    seen = -1
    path = directory / "count"
    loop = asyncio.get_running_loop()
    deadline, quiet_since = loop.time() + 10, loop.time()
    while loop.time() - quiet_since < 0.2:
        assert loop.time() < deadline, "the writer goes on and on"
        count = path.stat().st_size if path.exists() else 0
        if count != seen:
            seen, quiet_since = count, loop.time()
        await asyncio.sleep(0.01)
    return seen


# Notes each kilobyte that it has written as a byte in a file.
WRITER = """
import os, sys
count = os.open('count', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.write(2, b'up\\n')
for number in range(int(sys.argv[1])):
    os.write(1, b'%1023d\\n' % number)
    os.write(count, b'.')
"""
WHOLE = b"".join(b"%1023d\n" % number for number in range(1000))


def write_much(watch: Watch, name: str = "p") -> None:
    """Start a program that writes a megabyte."""
    watch.start(INTERPRETER, "-I", "-S", "-c", WRITER, "1000", name=name)


def without_up(told: Told) -> bytes:
    """The megabyte."""
    return told.output.replace(b"up\n", b"")


@pytest.mark.only("process")  # whose writer can note its progress where it is seen
def test_throttle_makes_the_writer_wait_and_nothing_is_lost(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            write_much(watch)
            watch.sandbox.throttle(True)
            watch.sandbox.throttle(True)
            assert await stalled(tmp_path) * 1024 <= PIPE_BYTES
            assert not watch.told().events
            watch.sandbox.throttle(False)
            assert without_up(await watch.ended()) == WHOLE

    run(main())


@pytest.mark.only("process")  # whose writer can note its progress where it is seen
def test_a_process_started_while_throttled_waits_too(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.sandbox.throttle(True)
            write_much(watch)
            assert await stalled(tmp_path) * 1024 <= PIPE_BYTES
            watch.sandbox.throttle(False)
            assert without_up(await watch.ended()) == WHOLE

    run(main())


@pytest.mark.only("process")  # whose writer can note its progress where it is seen
def test_drain_of_a_throttled_process_takes_no_more_than_its_pipe_holds(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            write_much(watch)
            watch.sandbox.throttle(True)
            for _ in range(5):
                await stalled(tmp_path)
                watch.sandbox.drain()
            assert len(watch.told().output) <= 2 * PIPE_BYTES
            watch.sandbox.throttle(False)
            assert without_up(await watch.ended()) == WHOLE

    run(main())


def test_a_throttled_process_that_ends_loses_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.shell("echo one; sleep 0.01; echo two >&2; printf three")
            watch.sandbox.throttle(True)
            told = await watch.ended()
            assert sorted(told.output.splitlines()) == [b"one", b"three", b"two"]

    run(main())
