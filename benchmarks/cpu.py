"""The server's CPU time for one warm invocation of a 64 B event."""

import contextlib
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks import launching, load, payloads, servers
from benchmarks.launching import Server
from benchmarks.report import MEASURED, Goal, Table
from benchmarks.rounds import interleave
from benchmarks.tools import Tools

WARM_UP = 500
# CPU time is counted in ticks of 10 ms, so even `bare` must use many of them.
REQUESTS = 10_000


def measure(tools: Tools, rounds: int) -> Iterator[Table]:
    payload = payloads.write(tools.scratch, "warm.json", payloads.long_string(payloads.WARM_BYTES))
    title = "Server CPU per warm invocation, 64 B"
    yield _table(title, tools, payload, rounds, (Goal(0.65, 0.50, "cargo-lambda"), Goal(1.6, 1.4, "bare")))
    # Waking another core costs kernel time, much of it in a virtual machine, and depends on where the scheduler puts
    # the three processes. On one core the servers' own work shows more clearly.
    with _on_one_core():
        title = f"{title}, server, bootstrap and caller on one core"
        yield _table(title, tools, payload, rounds, (Goal(2.9, 2.2, "bare"),))


def _table(title: str, tools: Tools, payload: Path, rounds: int, goals: tuple[Goal, ...]) -> Table:
    subjects = {server.name: partial(_once, server, tools, payload) for server in servers.everyone()}
    samples = interleave(title, subjects, rounds)
    return Table(title, "µs", samples.figures(float), samples.missing, {MEASURED: goals})


def _once(server: Server, tools: Tools, payload: Path) -> float:
    with launching.running(server, tools) as running:
        load.send(tools, running, payload, WARM_UP)
        before = running.cpu_seconds()
        load.send(tools, running, payload, REQUESTS)
        return (running.cpu_seconds() - before) / REQUESTS * 1e6


@contextlib.contextmanager
def _on_one_core() -> Iterator[None]:
    """Pin this process, and the processes that it starts meanwhile, to one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
