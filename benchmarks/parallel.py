"""Rate of asynchronous handlers that sleep 10 ms, one at a time and 64 at once."""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import cast

import uvloop

from benchmarks.errors import Unmeasured
from benchmarks.report import Goal, Table
from benchmarks.rounds import interleave

MANY = 64
WARM_UP = 20
INVOCATIONS = {1: 150, MANY: 8000}
LIMIT_SECONDS = 60
ONE_AT_ONCE, MANY_AT_ONCE = "one at a time", f"{MANY} at once"
HANDLER = "import asyncio\n\nasync def handler(event, context):\n    await asyncio.sleep(0.01)\n    return event\n"
EVENT = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: %d\r\n"
    b"Lambda-Runtime-Deadline-Ms: 4102444800000\r\nContent-Length: 7\r\n\r\n"
    b'{"a":1}'
)
ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"


def measure(scratch: Path, command: list[str], rounds: int) -> Iterator[Table]:
    (scratch / "sleeper.py").write_text(HANDLER)
    subjects = {
        ONE_AT_ONCE: partial(_rate, scratch, command, 1),
        MANY_AT_ONCE: partial(_rate, scratch, command, MANY),
    }
    samples = interleave("bootstraps, in parallel", subjects, rounds)
    title = f"Bootstrap: asynchronous handlers that sleep 10 ms, AWS_LAMBDA_MAX_CONCURRENCY={MANY}"
    goal = Goal(10, 40, ONE_AT_ONCE, at_least=True)
    yield Table(title, "1/s", samples.figures(float), samples.missing, {MANY_AT_ONCE: goal}, digits=0)


def _rate(scratch: Path, command: list[str], concurrency: int) -> float:
    return uvloop.run(_measured(scratch, command, concurrency))


async def _measured(scratch: Path, command: list[str], concurrency: int) -> float:
    counter = _Counter(INVOCATIONS[concurrency] + WARM_UP)
    server = await asyncio.get_running_loop().create_server(lambda: _Feeder(counter), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "AWS_LAMBDA_MAX_CONCURRENCY": str(concurrency),
    }
    process = subprocess.Popen([*command, "sleeper.handler"], cwd=scratch, env=environment)  # noqa: ASYNC220
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            await counter.done.wait()
    except TimeoutError:
        raise Unmeasured(f"only {counter.answered} responses in {LIMIT_SECONDS} s") from None
    finally:
        process.kill()
        process.wait()
        server.close()
    return (counter.answered - WARM_UP) / (counter.ended - counter.began)


class _Counter:
    """Counts the responses and times them."""

    def __init__(self, wanted: int) -> None:
        self.answered = 0
        self.began = self.ended = 0.0
        self.done = asyncio.Event()
        self._wanted = wanted

    def answer(self) -> None:
        self.answered += 1
        if self.answered == WARM_UP:
            self.began = time.perf_counter()
        if self.answered == self._wanted:
            self.ended = time.perf_counter()
            self.done.set()


class _Feeder(asyncio.Protocol):
    """A minimal Runtime API: answers a GET with an event and a POST with 202. Requests are small."""

    def __init__(self, counter: _Counter) -> None:
        self._counter = counter
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        if self._data.startswith(b"GET ") and self._data.endswith(b"\r\n\r\n"):
            self._transport.write(EVENT % self._counter.answered)
            self._data = b""
        elif self._data.startswith(b"POST ") and self._data.endswith(b'{"a": 1}'):
            self._counter.answer()
            self._transport.write(ACCEPTED)
            self._data = b""
