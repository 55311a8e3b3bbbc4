"""The bootstrap for Node.js compared with AWS's: start, and warm cycles from event to answer.

AWS's polls on several connections, which the feeder of the Python bootstraps does not serve; so the Runtime API here
is a small asyncio server, on a core of its own, whose own time counts in both.
"""

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks import payloads
from benchmarks.errors import Unmeasured
from benchmarks.report import Goal, Table
from benchmarks.rounds import Samples, interleave
from benchmarks.tools import Tools
from tests import peers

OURS, AWS = "bootjack", "aws-lambda-ric"
SCRIPT = Path(__file__).parents[1] / "bootstrap" / "bootjack_bootstrap" / "node" / "bootstrap.cjs"
HANDLER = "exports.handler = async (event) => event;\n"
LIMIT_S = 60
SETTINGS = {  # AWS's does not start without them
    "AWS_LAMBDA_FUNCTION_NAME": "f",
    "AWS_LAMBDA_FUNCTION_VERSION": "1",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
    "AWS_LAMBDA_LOG_STREAM_NAME": "s",
}
EVENT_HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    "Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n"
    "Lambda-Runtime-Deadline-Ms: 99999999999999\r\n"
    "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:f\r\n"
    "Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1\r\n"
)
ACCEPTED = (
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n" + b'{"status":"OK"}\n'
)


class Event(NamedTuple):
    """An event to echo, and how often; the first tenth of the cycles does not count."""

    title: str
    payload: bytes
    cycles: int


class Run(NamedTuple):
    """The figures of one process."""

    ready_ms: float
    cycle_us: float


EVENTS = (
    Event("64 B", payloads.long_string(payloads.WARM_BYTES), 5000),
    Event("100 KB, a nested document", payloads.nested(100_000), 500),
)


def measure(tools: Tools, rounds: int) -> Iterator[Table]:
    node = shutil.which("node")
    if node is None:
        raise Unmeasured("there is no `node` on PATH")
    (tools.scratch / "app.js").write_text(HANDLER)
    commands = {OURS: (node, str(SCRIPT)), AWS: (node, str(peers.lambda_ric()))}
    for event in EVENTS:
        subjects = {name: partial(_once, tools.scratch, command, event) for name, command in commands.items()}
        samples = interleave(f"Node.js bootstraps, {event.title}", subjects, rounds)
        if event is EVENTS[0]:
            title = "Node.js bootstrap: process start to first /next"
            yield _table(title, "ms", samples, lambda run: run.ready_ms)
        title = f"Node.js bootstrap: warm cycle, {event.title}"
        yield _table(title, "µs", samples, lambda run: run.cycle_us)


def _table(title: str, unit: str, samples: Samples[Run], figure: Callable[[Run], float]) -> Table:
    return Table(title, unit, samples.figures(figure), samples.missing, {OURS: Goal(1.0, 0.9, AWS)})


def _once(scratch: Path, command: tuple[str, ...], event: Event) -> Run:
    return asyncio.run(_run(scratch, command, event))


async def _run(scratch: Path, command: tuple[str, ...], event: Event) -> Run:
    feeder = _Feeder(event)
    server = await asyncio.start_server(feeder.serve, "127.0.0.1", 0, limit=2**20)
    port = server.sockets[0].getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "LAMBDA_TASK_ROOT": str(scratch),
        "_HANDLER": "app.handler",
        **SETTINGS,
    }
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(*command, "app.handler", cwd=scratch, env=environment)
    try:
        async with asyncio.timeout(LIMIT_S):
            await feeder.done.wait()
    except TimeoutError:
        raise Unmeasured(f"{command[1]} did not answer {event.cycles} events within {LIMIT_S} s") from None
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        server.close()
        await feeder.closed()
    counted = feeder.cycles[event.cycles // 10 :]
    return Run((feeder.first - began) * 1e3, median(counted) * 1e6)


class _Feeder:
    """A Runtime API that hands out one event after the other."""

    def __init__(self, event: Event) -> None:
        self.done = asyncio.Event()
        self.first = 0.0
        self.cycles: list[float] = []
        self._left = event.cycles
        self._began = 0.0
        self._connections = 0
        self._ended = asyncio.Event()
        self._answer = f"{EVENT_HEAD}Content-Length: {len(event.payload)}\r\n\r\n".encode() + event.payload

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            while True:
                await self._serve_one(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
        self._connections -= 1
        self._ended.set()

    async def closed(self) -> None:
        """Wait until every connection has ended."""
        while self._connections:
            self._ended.clear()
            await self._ended.wait()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        _, _, length = head.partition(b"content-length:")
        await reader.readexactly(int(length.partition(b"\r\n")[0] or 0))
        if head.startswith(b"post"):
            self.cycles.append(time.perf_counter() - self._began)
            writer.write(ACCEPTED)
            if not self._left:
                self.done.set()
            return
        self.first = self.first or time.perf_counter()
        if self._left:
            self._left -= 1
            self._began = time.perf_counter()
            writer.write(self._answer)
