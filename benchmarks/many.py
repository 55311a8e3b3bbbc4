"""Latency of warm invocations of one function among 1,000: the others must not slow it down."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks import launching, load, payloads, servers
from benchmarks.launching import Server
from benchmarks.report import Goal, Table
from benchmarks.rounds import interleave
from benchmarks.tools import Tools

WARM_UP = 1000
REQUESTS = 8000


def measure(tools: Tools, rounds: int) -> Iterator[Table]:
    payload = payloads.write(tools.scratch, "warm.json", payloads.long_string(payloads.WARM_BYTES))
    one, many = servers.many_functions(1, 1000)
    subjects = {server.name: partial(_once, server, tools, payload) for server in (one, many)}
    samples = interleave("many", subjects, rounds)
    goals = {many.name: Goal(1.1, 1.02, one.name)}
    title = "Warm invocation, 64 B, one caller of one function among others: p50"
    yield Table(title, "µs", samples.figures(float), samples.missing, goals)


def _once(server: Server, tools: Tools, payload: Path) -> float:
    with launching.running(server, tools) as running:
        load.send(tools, running, payload, WARM_UP)
        return load.send(tools, running, payload, REQUESTS).p50_us
