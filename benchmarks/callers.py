"""Rate of warm invocations of a 64 B event by eight callers on eight execution environments."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks import launching, load, payloads, servers
from benchmarks.launching import Server
from benchmarks.report import MEASURED, Goal, Table
from benchmarks.rounds import interleave
from benchmarks.tools import Tools

CALLERS = 8
WARM_UP = 2000
REQUESTS = 20_000
SERIAL_REQUESTS = 5000


def measure(tools: Tools, rounds: int) -> Iterator[Table]:
    payload = payloads.write(tools.scratch, "warm.json", payloads.long_string(payloads.WARM_BYTES))
    subjects: dict[str, Callable[[], load.Figures]] = {
        server.name: partial(_once, server, tools, payload, CALLERS, REQUESTS)
        for server in servers.many_callers(CALLERS)
    }
    subjects |= {
        server.name: partial(_once, server, tools, payload, 1, SERIAL_REQUESTS) for server in servers.serial()
    }
    samples = interleave("callers", subjects, rounds)
    title = f"Warm invocation, 64 B, {CALLERS} callers (RIE: one)"
    goals = {MEASURED: (Goal(0.60, 0.80, "bare", at_least=True), Goal(3.2, 4.5, "RIE", at_least=True))}
    yield Table(f"{title}: rate", "1/s", samples.figures(lambda each: each.rate), samples.missing, goals, digits=0)
    yield Table(f"{title}: p99", "µs", samples.figures(lambda each: each.p99_us), samples.missing)


def _once(server: Server, tools: Tools, payload: Path, callers: int, requests: int) -> load.Figures:
    with launching.running(server, tools) as running:
        load.send(tools, running, payload, WARM_UP, callers)
        return load.send(tools, running, payload, requests, callers)
