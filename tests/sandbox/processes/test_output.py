"""Output of processes: every byte arrives, in whole lines, before the end of the process is reported."""

from __future__ import annotations

import asyncio
import os
import random
import select
import signal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime_api.protocol.limits import CURRENT
from runtime_api.sandbox import Output
from runtime_api.sandbox.processes import managed_process
from runtime_api.sandbox.processes.outputs import Outputs
from tests.sandbox.watch import DEADLINE_S, INTERPRETER, History, Watch, gone, run, run_shell, until, watching

if TYPE_CHECKING:
    from collections.abc import Callable

SHORT_LINES = replace(CURRENT, log_line_bytes=1000)
PIPE_BYTES = 65_536
LONG_S = 3600.0  # longer than any test waits


def of_stream(history: History) -> bytes:
    """All output, after a check that it came in whole lines."""
    for event in history.events:
        assert not isinstance(event, Output) or event.lines.endswith(b"\n")
    return history.output


@pytest.mark.parametrize("stream", [1, 2])
def test_lines_of_either_stream_arrive(tmp_path: Path, stream: int) -> None:
    history = run(run_shell(tmp_path, f"printf 'one\\ntwo\\n' >&{stream}"))
    assert of_stream(history) == b"one\ntwo\n"


def test_both_streams_arrive_complete(tmp_path: Path) -> None:
    script = "i=0; while [ $i -lt 500 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done"
    lines = of_stream(run(run_shell(tmp_path, script))).splitlines()
    for name in (b"out", b"err"):
        assert [line for line in lines if line.startswith(name)] == [b"%b %d" % (name, i) for i in range(500)]


def test_a_last_line_without_a_newline_gets_one(tmp_path: Path) -> None:
    assert of_stream(run(run_shell(tmp_path, "printf 'whole\\nhalf'"))) == b"whole\nhalf\n"


def test_lines_arrive_while_the_process_runs(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.shell("echo first; exec sleep 60")
            assert (await watch.says(b"first")).output == b"first\n"

    run(main())


def test_an_unfinished_line_waits_for_its_other_half(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            os.mkfifo(tmp_path / "go")
            watch.shell("printf half; echo up >&2; read _ < go; echo ' more'")
            await watch.says(b"up")
            assert watch.history().output == b"up\n"
            (tmp_path / "go").write_text("\n")
            assert (await watch.ended()).output == b"up\nhalf more\n"

    run(main())


def test_drain_passes_an_unfinished_line_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            os.mkfifo(tmp_path / "go")
            watch.shell("printf half; echo up >&2; read _ < go; echo ' more'")
            await watch.says(b"up")
            watch.sandbox.drain()
            assert watch.history().output == b"up\nhalf\n"
            (tmp_path / "go").write_text("\n")
            assert (await watch.ended()).output == b"up\nhalf\n more\n"

    run(main())


def test_ten_megabytes_written_right_before_the_end_arrive_before_it(tmp_path: Path) -> None:
    line = b"x" * 99 + b"\n"
    (tmp_path / "data").write_bytes(line * 100_000)
    history = run(run_shell(tmp_path, "cat data; echo last; kill -9 $$"))
    assert of_stream(history) == line * 100_000 + b"last\n"
    assert history.end.status.signal == 9


def test_arbitrary_bytes_arrive_unchanged(tmp_path: Path) -> None:
    data = random.Random(1).randbytes(300_000) + b"\n"
    (tmp_path / "data").write_bytes(data)
    assert of_stream(run(run_shell(tmp_path, "exec cat data"))) == data


@pytest.mark.parametrize("ending", [b"", b"\n", b"\nmore\n"])
@pytest.mark.parametrize("length", [999, 1000, 1001, 2000, 2500, 70_000, 131_072])
def test_a_line_over_the_limit_is_split(tmp_path: Path, length: int, ending: bytes) -> None:
    (tmp_path / "data").write_bytes(b"x" * length + ending)
    lines = of_stream(run(run_shell(tmp_path, "exec cat data", SHORT_LINES))).split(b"\n")
    assert lines.pop() == b""
    if ending == b"\nmore\n":
        assert lines.pop() == b"more"
    assert all(0 < len(line) <= 1000 for line in lines)
    assert b"".join(lines) == b"x" * length


def test_a_line_of_exactly_the_limit_stays_one_line(tmp_path: Path) -> None:
    size = CURRENT.log_line_bytes
    history = run(run_shell(tmp_path, f"head -c {size} /dev/zero | tr '\\0' x; printf '\\n'; echo last"))
    assert of_stream(history).split(b"\n") == [b"x" * size, b"last", b""]


# -- pipes that stay open


@pytest.mark.only("process")  # in bubblewrap all processes end with the last one that was started
def test_output_of_a_descendant_outside_the_group_arrives_before_the_end(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            os.mkfifo(tmp_path / "go")
            watch.shell("setsid sh -c 'read _ < go; echo late' & exit 0")
            with (tmp_path / "go").open("w") as go:  # once the descendant has opened it too
                os.write(go.fileno(), b"\n")
            assert (await watch.ended()).output == b"late\n"

    run(main())


def test_a_descendant_that_writes_for_ever_does_not_delay_the_end(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.shell("setsid sh -c 'exec yes' & exit 0")
            await watch.ended()  # the next write kills `yes`: its pipe has no reader any more

    run(main())


@pytest.mark.only("process")  # in bubblewrap the pids inside mean nothing here
def test_an_end_of_file_that_drain_finds_ends_the_wait_for_the_pipes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process has been reaped; a descendant in another session holds its pipes, and then ends."""
    monkeypatch.setattr(managed_process, "LINGER_S", LONG_S)

    async def main() -> None:
        async with watching(tmp_path) as watch:
            os.mkfifo(tmp_path / "go")
            watch.shell("echo $$; setsid sh -c 'echo $$; read _ < go' & sleep 60")
            history = await watch.until(lambda history: history.output.count(b"\n") == 2)
            leader, descendant = map(int, history.output.split())
            watch.sandbox.signal("p", signal.SIGKILL)
            assert await gone(leader)
            await until(lambda: not Path(f"/proc/{leader}").exists())  # the loop has reaped it
            (tmp_path / "go").write_text("\n")
            block_until_ended(descendant)
            watch.sandbox.drain()  # before the loop itself could find the end of file
            await watch.ended()

    run(main())


def block_until_ended(pid: int) -> None:
    """Wait for the end of a process while the loop is blocked."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], DEADLINE_S)[0]
    finally:
        os.close(descriptor)


@pytest.mark.only("process")
@pytest.mark.parametrize("read", [Outputs.drain, Outputs.read_available])
def test_an_end_of_file_is_reported_soon_but_not_while_the_caller_reads(read: Callable[[Outputs], None]) -> None:
    async def main() -> None:
        ended = asyncio.Event()
        lines: list[bytes] = []
        outputs = Outputs(1000, lines.append, ended.set)
        os.write(outputs.written[0], b"last words")
        outputs.give_away()
        read(outputs)
        assert outputs.at_end
        assert lines == [b"last words\n"]
        assert not ended.is_set()
        await asyncio.wait_for(ended.wait(), DEADLINE_S)

    run(main())


# -- drain and pause


def test_drain_passes_on_what_has_been_written(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            os.mkfifo(tmp_path / "written")
            watch.shell("echo one; echo two >&2; echo > written; exec sleep 60")
            (tmp_path / "written").read_bytes()  # blocks the loop until then
            assert not watch.history().events
            watch.sandbox.drain()
            assert sorted(watch.history().output.splitlines()) == [b"one", b"two"]

    run(main())


async def stalled(directory: Path) -> int:
    """How much the writer says it has written once it writes no more, because its pipe is full."""
    seen = -1
    path = directory / "count"
    loop = asyncio.get_running_loop()
    deadline, quiet_since = loop.time() + 10, loop.time()
    while loop.time() - quiet_since < 0.2:
        assert loop.time() < deadline, "the writer does not stop"
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


def without_up(history: History) -> bytes:
    """The megabyte."""
    return history.output.replace(b"up\n", b"")


@pytest.mark.only("process")  # here the writer can write a file that the test sees
def test_paused_output_makes_the_writer_wait_and_loses_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            write_much(watch)
            watch.sandbox.pause_output()
            watch.sandbox.pause_output()
            assert await stalled(tmp_path) * 1024 <= PIPE_BYTES
            assert not watch.history().events
            watch.sandbox.resume_output()
            watch.sandbox.resume_output()
            assert without_up(await watch.ended()) == WHOLE

    run(main())


@pytest.mark.only("process")  # here the writer can write a file that the test sees
def test_a_process_that_starts_while_output_is_paused_waits_too(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.sandbox.pause_output()
            write_much(watch)
            assert await stalled(tmp_path) * 1024 <= PIPE_BYTES
            watch.sandbox.resume_output()
            assert without_up(await watch.ended()) == WHOLE

    run(main())


@pytest.mark.only("process")  # here the writer can write a file that the test sees
def test_drain_reads_nothing_while_output_is_paused(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            write_much(watch)
            watch.sandbox.pause_output()
            for _ in range(5):
                await stalled(tmp_path)
                watch.sandbox.drain()
            assert len(watch.history().output) <= 2 * PIPE_BYTES
            watch.sandbox.resume_output()
            assert without_up(await watch.ended()) == WHOLE

    run(main())


def test_a_process_that_ends_while_output_is_paused_loses_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with watching(tmp_path) as watch:
            watch.shell("echo one; sleep 0.01; echo two >&2; printf three")
            watch.sandbox.pause_output()
            history = await watch.ended()
            assert sorted(history.output.splitlines()) == [b"one", b"three", b"two"]

    run(main())
