"""Streamed responses: how soon a first byte is at the caller, how fast 100 MB pass, and what they leave in memory."""

import json
import re
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks import launching, processes, servers
from benchmarks.errors import Unmeasured
from benchmarks.launching import Launch, Running, Server
from benchmarks.report import Goal, Table
from benchmarks.rounds import interleave
from benchmarks.tools import Tools

BYTES = 100_000_000
TIMES = 5
FIRST_BYTES = 300
LIMIT_SECONDS = 60
STAMP = re.compile(rb"sent at ([0-9]{20})\.")
INVOKE, URL, RELAY = "InvokeWithResponseStream", "function URL", "bare relay"
REQUEST = "POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"
STREAMER = Path(__file__).with_name("streamer.py")


@dataclass(frozen=True)
class Sample:
    """What was measured of one server: milliseconds, megabytes a second, megabytes."""

    first_byte_ms: float
    rate: float
    growth_mb: float


def measure(_tools: Tools, rounds: int) -> Iterator[Table]:
    paths = {
        INVOKE: "/2021-11-15/functions/streamer/response-streaming-invocations",
        URL: "/lambda-url/streamer/",
        RELAY: "/",
    }
    subjects = {name: partial(_once, _server(name), path, _tools) for name, path in paths.items()}
    samples = interleave("streamed responses", subjects, rounds)
    soon = {name: Goal(1.0, 0.5) for name in (INVOKE, URL)}
    fast = {name: Goal(0.5, 0.7, RELAY, at_least=True) for name in (INVOKE, URL)}
    small = {name: Goal(16.0, 8.0) for name in (INVOKE, URL)}
    missing = samples.missing
    first = samples.figures(lambda sample: sample.first_byte_ms)
    yield Table("First streamed byte at the caller after the runtime has sent it", "ms", first, missing, soon, 3)
    rate = samples.figures(lambda sample: sample.rate)
    yield Table("100 MB streamed: rate", "MB/s", rate, missing, fast)
    growth = samples.figures(lambda sample: sample.growth_mb)
    yield Table("100 MB streamed: growth of the server's peak memory", "MB", growth, missing, small)


def _server(name: str) -> Server:
    return Server(name.replace(" ", "-"), _relay if name == RELAY else _serve)


def _serve(tools: Tools, port: int, _runtime_port: int) -> Launch:
    command = [servers.bootjack_command(), "serve", "--sandbox", "process", "--port", str(port), "--name", "streamer"]
    command += ["--function-url", "--invoke-mode", "RESPONSE_STREAM", "--timeout", str(LIMIT_SECONDS)]
    return Launch([*command, "--", sys.executable, str(STREAMER)], tools.scratch, "streamer")


def _relay(_tools: Tools, port: int, runtime_port: int) -> Launch:
    command = [sys.executable, "-m", "benchmarks.relay", f"127.0.0.1:{port}", f"127.0.0.1:{runtime_port}"]
    return Launch([*command, sys.executable, str(STREAMER)], Path(__file__).parents[1])


def _once(server: Server, path: str, tools: Tools) -> Sample:
    with launching.running(server, tools) as running:
        for _ in range(20):
            _stream(running, path, 0)
        first_bytes = [_stream(running, path, 0)[0] for _ in range(FIRST_BYTES)]
        _stream(running, path, 1_000_000)
        before = processes.peak_bytes(running.process)
        seconds = median(_stream(running, path, BYTES)[1] for _ in range(TIMES))
        growth = processes.peak_bytes(running.process) - before
        return Sample(median(first_bytes), BYTES / seconds / 1e6, growth / 1e6)


def _stream(running: Running, path: str, size: int) -> tuple[float, float]:
    """Ask for a stream; return when its first byte was here after it was sent, in ms, and how long all took, in s."""
    event = json.dumps({"bytes": size}).encode()
    with socket.create_connection(("127.0.0.1", running.port), LIMIT_SECONDS) as caller:
        caller.sendall(REQUEST.format(path, len(event)).encode() + event)
        data = bytearray()
        while (stamp := STAMP.search(data)) is None:
            data += _received(caller, data)
        here = time.monotonic_ns()
        sent = int(stamp[1])
        end = bytes(data[-8:])
        while not end.endswith(b"0\r\n\r\n"):
            end = (end + _received(caller, data))[-8:]
        return (here - sent) / 1e6, (time.monotonic_ns() - sent) / 1e9


def _received(caller: socket.socket, begun: bytearray) -> bytes:
    data = caller.recv(1 << 20)
    if not data:
        raise Unmeasured(f"the server has ended a stream too early, which began with {bytes(begun[:200])!r}")
    return data
