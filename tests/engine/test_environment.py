"""An execution environment alive, with a scripted runtime: what cannot be seen, or not be timed, from outside."""

from __future__ import annotations

import asyncio
import json
import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from runtime_api.protocol.limits import CURRENT
from runtime_api.service.errors import ServiceException, TooManyRequestsException
from runtime_api.sinks.logs import HELD_BYTES
from tests.engine.scripted import ECHO, Log, running
from tests.loops import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.both_sandboxes

PIPE_BYTES = 65_536


@pytest.fixture
def log() -> Iterator[Log]:
    """A log that is read."""
    made = Log()
    yield made
    made.close()


@pytest.fixture
def silent() -> Iterator[int]:
    """A log that leads nowhere."""
    descriptor = os.open(os.devnull, os.O_WRONLY)
    yield descriptor
    os.close(descriptor)


def error(payload: bytes) -> tuple[str, str]:
    """Type and message of an error document, without the request id."""
    document = json.loads(payload)
    return document["errorType"], re.sub(r"^RequestId: \S+ Error: ", "", document["errorMessage"])


def test_a_response_posted_with_the_last_breath_stands(tmp_path: Path, silent: int) -> None:
    script = """
request_id, event = next_event()
tell('POST', f'invocation/{request_id}/response', event)
os._exit(3)
"""

    async def main() -> None:
        async with running(tmp_path, script, silent) as function:
            for number in range(20):
                assert await function.invoke(b"%d" % number) == (None, b"%d" % number, b"")

    run(main())


def test_a_large_response_posted_with_the_last_breath_stands(tmp_path: Path, silent: int) -> None:
    script = """
request_id, event = next_event()
tell('POST', f'invocation/{request_id}/response', event)
os.kill(os.getpid(), 9)
"""
    payload = b'"' + b"x" * 6_000_000 + b'"'

    async def main() -> None:
        async with running(tmp_path, script, silent) as function:
            assert await function.invoke(payload) == (None, payload, b"")

    run(main())


def test_half_a_response_is_none(tmp_path: Path, silent: int) -> None:
    script = """
request_id, event = next_event()
head = f'POST {BASE}invocation/{request_id}/response HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 9\\r\\n\\r\\n'
connection.sendall(head.encode() + b'half')
os._exit(0)
"""

    async def main() -> None:
        async with running(tmp_path, script, silent) as function:
            kind, payload, _ = await function.invoke()
            assert (kind, error(payload)[0]) == ("Unhandled", "Runtime.TruncatedResponse")

    run(main())


def test_what_was_written_before_the_answer_stands_before_end(tmp_path: Path) -> None:
    script = """
while True:
    request_id, event = next_event()
    for number in range(50):
        say(f'line {number}')
    os.write(2, b'to stderr\\n')
    respond(request_id, event)
"""
    log = Log()

    async def main() -> None:
        async with running(tmp_path, script, log.writer) as function:
            for _ in range(20):
                await function.invoke()

    try:
        run(main())
    finally:
        lines = log.close()
    text = "\n".join(line.split()[0] for line in lines if line.split()[0] in ("START", "END", "line", "to"))
    assert len(re.findall(r"START(\nline|\nto){51}\nEND", text)) == 20


def test_the_tail_is_the_invocations_own(tmp_path: Path, silent: int) -> None:
    script = """
while True:
    request_id, event = next_event()
    say('x' * int(event))
    respond(request_id, event)
"""

    async def main() -> None:
        async with running(tmp_path, script, silent) as function:
            _, _, tail = await function.invoke(b"10", "Tail")
            words = [line.split()[0] for line in tail.decode().splitlines()]
            assert words[-4:] == ["START", "xxxxxxxxxx", "END", "REPORT"]
            _, _, tail = await function.invoke(b"9000", "Tail")
            assert len(tail) == CURRENT.log_tail_bytes
            assert await function.invoke(b"1") == (None, b"1", b"")

    run(main())


def test_a_timeout_ends_the_runtime_with_all_its_children_and_the_next_begins_anew(
    tmp_path: Path, silent: int
) -> None:
    script = """
request_id, event = next_event()
if event == b'1':
    respond(request_id, b'started anew')
    next_event()
if not os.fork():
    time.sleep(60)
time.sleep(60)
"""

    async def main() -> None:
        async with running(tmp_path, script, silent, timeout_ms=1000) as function:
            timed_out = await function.invoke(b"0")
            assert timed_out[0] == "Unhandled"
            assert error(timed_out[1]) == ("Sandbox.Timedout", "Task timed out after 1.00 seconds")
            answers = [await function.invoke(b"1")]
            while answers[-1] == timed_out and len(answers) < 10:  # a busy machine may take longer to start a runtime
                answers.append(await function.invoke(b"1"))
            assert answers[-1] == (None, b"started anew", b"")

    run(main())


@pytest.mark.parametrize(
    ("ending", "message"),
    [
        ("os._exit(7)", "Runtime exited with error: exit status 7"),
        ("os._exit(0)", "Runtime exited without providing a reason"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
    ],
)
@pytest.mark.parametrize("when", ["request_id, event = next_event()", "pass"])
def test_an_exit_without_an_answer_is_the_answer(
    tmp_path: Path, silent: int, ending: str, message: str, when: str
) -> None:
    async def main() -> None:
        async with running(tmp_path, f"{when}\n{ending}\n", silent) as function:
            for _ in range(2):
                kind, payload, _ = await function.invoke()
                assert (kind, error(payload)) == ("Unhandled", ("Runtime.ExitError", message))

    run(main())


def test_an_error_of_init_is_the_answer_of_the_attempt_inside_the_invocation(tmp_path: Path, silent: int) -> None:
    script = """
with open('attempts', 'a') as file:
    file.write('.')
attempt = os.path.getsize('attempts')
ask('POST', 'init/error', b'{"errorType":"Function.NoGood","errorMessage":"attempt %d"}' % attempt)
os._exit(1)
"""

    async def main() -> None:
        async with running(tmp_path, script, silent) as function:
            kind, payload, _ = await function.invoke()
            assert (kind, error(payload)) == ("Unhandled", ("Function.NoGood", "attempt 2"))

    run(main())


def test_an_init_that_takes_too_long_is_begun_again_in_the_invocation(tmp_path: Path, silent: int) -> None:
    script = (
        """
if not os.path.exists('tried'):
    open('tried', 'w').close()
    time.sleep(60)
"""
        + ECHO
    )

    async def main() -> None:
        async with running(tmp_path, script, silent, init_ms=1000) as function:
            assert await function.invoke(b"1") == (None, b"1", b"")

    run(main())


# -- streams


def test_a_stream_ends_with_the_environment(tmp_path: Path, silent: int) -> None:
    script = "request_id, _ = next_event()\nbegin_stream(request_id)\nsend_piece(b'half')\ntime.sleep(60)\n"

    async def main() -> None:
        async with running(tmp_path, script, silent) as function:
            stream = await function.open()
            assert await stream.read() == b"half"
        assert await stream.read() == b""
        assert stream.result is not None
        assert error(stream.result.payload)[0] == "Sandbox.Failure"

    run(main())


def test_a_stream_that_was_sent_with_the_last_breath_is_read_to_its_end(tmp_path: Path, silent: int) -> None:
    script = """
request_id, event = next_event()
begin_stream(request_id)
send_piece(b'x' * 600_000)
connection.sendall(b'0\\r\\n\\r\\n')
os._exit(3)
"""

    async def main() -> None:
        async with running(tmp_path, script, silent) as function:
            for _ in range(3):
                stream, size = await function.open(), 0
                await asyncio.sleep(0.05)  # nobody reads while the runtime exits
                while data := await stream.read():
                    size += len(data)
                assert size == 600_000
                assert stream.result is not None
                assert stream.result.function_error is None

    run(main())


def test_a_caller_who_has_gone_before_the_stream_begins_holds_up_nobody(tmp_path: Path, silent: int) -> None:
    script = """
while True:
    request_id, event = next_event()
    begin_stream(request_id)
    for _ in range(40):
        send_piece(b'x' * 100_000)
    end_stream()
    say('sent')
"""

    async def main() -> None:
        async with running(tmp_path, script, silent, timeout_ms=20_000) as function:
            stream = await function.open()
            stream.leave()
            assert len((await function.invoke())[1]) == 4_000_000

    run(main())


# -- the pool


def test_invocations_that_come_together_are_run_in_the_order_they_came(tmp_path: Path, silent: int) -> None:
    script = """
seen = []
while True:
    request_id, event = next_event()
    seen.append(event)
    respond(request_id, b'[%s]' % b','.join(seen))
"""

    async def main() -> None:
        async with running(tmp_path, script, silent) as function:
            results = await asyncio.gather(*[function.invoke(b"%d" % number) for number in range(200)])
        assert [json.loads(payload) for _, payload, _ in results] == [list(range(n + 1)) for n in range(200)]

    run(main())


def test_more_than_the_limit_do_not_wait(tmp_path: Path, silent: int) -> None:
    async def main() -> None:
        limits = replace(CURRENT, waiting_invocations=3)
        async with running(tmp_path, ECHO, silent, limits=limits) as function:
            calls = [asyncio.ensure_future(function.invoke()) for _ in range(6)]
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert [isinstance(result, TooManyRequestsException) for result in results] == [False] * 4 + [True] * 2
            assert await function.invoke(b"7") == (None, b"7", b"")

    run(main())


def test_an_invocation_whose_caller_has_gone_is_run_and_the_next_waits_for_it(tmp_path: Path, silent: int) -> None:
    script = """
seen = b''
while True:
    request_id, event = next_event()
    if event == b'1':
        open(os.environ['LAMBDA_TASK_ROOT'] + '/go').read()
    seen += event
    respond(request_id, seen)
"""
    os.mkfifo(tmp_path / "go")

    async def main() -> None:
        async with running(tmp_path, script, silent) as function:
            first = asyncio.ensure_future(function.invoke(b"1"))
            await asyncio.to_thread((tmp_path / "go").write_text, "")
            second = asyncio.ensure_future(function.invoke(b"2"))
            first.cancel()
            assert await second == (None, b"12", b"")

    run(main())


# -- the end


def test_closing_answers_the_one_in_hand_and_refuses_those_that_wait(tmp_path: Path, silent: int) -> None:
    script = "next_event()\nopen(os.environ['LAMBDA_TASK_ROOT'] + '/up', 'w').close()\ntime.sleep(60)\n"
    os.mkfifo(tmp_path / "up")

    async def main() -> None:
        async with running(tmp_path, script, silent) as function:
            calls = [asyncio.ensure_future(function.invoke()) for _ in range(3)]
            await asyncio.to_thread((tmp_path / "up").read_text)
        first, *others = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(first, tuple)
        assert error(first[1])[0] == "Sandbox.Failure"
        assert all(isinstance(other, ServiceException) for other in others)

    run(main())


def test_closing_before_anything_was_started(tmp_path: Path, silent: int) -> None:
    async def main() -> None:
        async with running(tmp_path, ECHO, silent):
            pass

    run(main())


async def waiting_in(reader: int) -> int:
    """How much comes until nothing more has come for a while."""
    os.set_blocking(reader, False)
    held = quiet = 0
    while quiet < 20:
        await asyncio.sleep(0.01)
        try:
            held += len(os.read(reader, 1 << 20))
            quiet = 0
        except BlockingIOError:
            quiet += 1
    return held


def test_a_log_that_nobody_reads_does_not_grow_with_every_invocation(tmp_path: Path) -> None:
    script = """
while True:
    request_id, event = next_event()
    say('x' * 60_000)
    respond(request_id, event)
"""
    reader, writer = os.pipe()

    async def main() -> None:
        async with running(tmp_path, script, writer, timeout_ms=200) as function:
            for _ in range(100):
                if b"Timedout" in (await function.invoke())[1]:
                    break  # the function, and nobody else, has had to wait for the reader
            held = await waiting_in(reader)
            assert held < HELD_BYTES + 8 * PIPE_BYTES

    try:
        run(main())
    finally:
        os.close(reader)
        os.close(writer)
