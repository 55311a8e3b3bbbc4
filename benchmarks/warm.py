"""Latency and rate of warm invocations of a 64 B event by one caller."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks import launching, load, payloads, servers
from benchmarks.launching import Server
from benchmarks.report import MEASURED, Goal, Table
from benchmarks.rounds import interleave
from benchmarks.tools import Tools

WARM_UP = 500
REQUESTS = 4000


def measure(tools: Tools, rounds: int) -> Iterator[Table]:
    payload = payloads.write(tools.scratch, "warm.json", payloads.long_string(payloads.WARM_BYTES))
    subjects = {server.name: partial(_once, server, tools, payload) for server in servers.everyone()}
    samples = interleave("warm", subjects, rounds)
    title = "Warm invocation, 64 B, one caller"
    goals = {MEASURED: (Goal(0.75, 0.60, "cargo-lambda"), Goal(0.50, 0.40, "RIE"))}
    yield Table(f"{title}: p50", "µs", samples.figures(lambda figures: figures.p50_us), samples.missing, goals)
    yield Table(f"{title}: p99", "µs", samples.figures(lambda figures: figures.p99_us), samples.missing)
    yield Table(f"{title}: rate", "1/s", samples.figures(lambda figures: figures.rate), samples.missing, digits=0)


def _once(server: Server, tools: Tools, payload: Path) -> load.Figures:
    with launching.running(server, tools) as running:
        load.send(tools, running, payload, WARM_UP)
        return load.send(tools, running, payload, REQUESTS)
